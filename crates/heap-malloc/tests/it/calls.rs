//! Each function by its contract: sizes, alignments, contents, `errno`.

use std::ffi::c_void;
use std::hint::black_box;
use std::ptr;

use heap_malloc as c;
use heap_os::thread::{errno, set_errno};

const ENOMEM: i32 = 12;
const EINVAL: i32 = 22;
/// What `errno` is before a call that must not change it.
const MARK: i32 = 77;

/// Requests that no memory can serve.
const ABSURD: [usize; 4] = [usize::MAX, usize::MAX - 4095, isize::MAX as usize + 1, isize::MAX as usize];

fn free(block: *mut c_void) {
    // SAFETY: the tests free their own live blocks.
    unsafe { c::free(block) }
}

fn usable(block: *mut c_void) -> usize {
    // SAFETY: the tests ask for live blocks and null only.
    unsafe { c::malloc_usable_size(block) }
}

fn realloc(block: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: the tests pass live blocks and null only.
    unsafe { c::realloc(block, size) }
}

fn bytes<'a>(block: *mut c_void, len: usize) -> &'a mut [u8] {
    // SAFETY: the tests look at live blocks of that length, one slice at a time.
    unsafe { std::slice::from_raw_parts_mut(block.cast(), len) }
}

fn is_aligned(block: *mut c_void, align: usize) -> bool {
    !block.is_null() && block.addr().is_multiple_of(align)
}

/// Runs `call`, which must fail with `code`.
fn fails(code: i32, call: impl FnOnce() -> *mut c_void) {
    set_errno(MARK);
    assert!(black_box(call()).is_null());
    assert_eq!(errno(), code);
}

/// Runs `call`, which must succeed and leave `errno` alone, and frees its block, which must too.
fn succeeds(align: usize, size: usize, call: impl FnOnce() -> *mut c_void) {
    set_errno(MARK);
    let block = call();
    assert!(is_aligned(block, align.max(16)), "{size} at {align}");
    assert!(usable(block) >= size);
    free(block);
    assert_eq!(errno(), MARK);
}

#[test]
fn small_and_large_blocks_are_aligned_to_16() {
    for size in (0..2000).chain([4095, 32 << 10, 40_000, 1 << 20, 40 << 20]) {
        succeeds(16, size, || c::malloc(size));
        succeeds(16, size, || c::calloc(1, size));
        succeeds(16, size, || realloc(ptr::null_mut(), size));
    }
}

#[test]
fn blocks_of_size_zero_are_different_and_can_be_freed() {
    let blocks = [c::malloc(0), c::malloc(0), c::calloc(0, 5), c::calloc(5, 0)];
    for (n, block) in blocks.iter().enumerate() {
        assert!(!block.is_null() && blocks.iter().skip(n + 1).all(|other| other != block));
    }
    blocks.into_iter().for_each(free);
}

#[test]
fn absurd_sizes_are_refused_with_enomem() {
    for size in ABSURD {
        fails(ENOMEM, || c::malloc(size));
        fails(ENOMEM, || c::calloc(1, size));
        fails(ENOMEM, || c::aligned_alloc(64, size));
        fails(ENOMEM, || c::valloc(size));
        fails(ENOMEM, || c::pvalloc(size));
        fails(ENOMEM, || c::new_nothrow(size, ptr::null()));
    }
}

#[test]
fn products_that_are_no_size_are_refused_and_the_old_block_stays() {
    let half = 1 << (usize::BITS / 2);
    fails(ENOMEM, || c::calloc(half, half));
    fails(ENOMEM, || c::calloc(usize::MAX, 2));
    let block = c::malloc(100);
    bytes(block, 100).fill(7);
    // SAFETY: the block is live, and stays, because the call fails.
    fails(ENOMEM, || unsafe { c::reallocarray(block, half, half) });
    fails(ENOMEM, || realloc(block, isize::MAX as usize));
    assert!(bytes(block, 100).iter().all(|byte| *byte == 7));
    // SAFETY: the block is live, and given up for the new one.
    let block = unsafe { c::reallocarray(block, 50, 40) };
    assert!(bytes(block, 100).iter().all(|byte| *byte == 7) && usable(block) >= 2000);
    free(block);
}

#[test]
fn calloc_clears_what_was_used_before() {
    for size in [1, 16, 100, 1000, 5000, 32 << 10, 100_000, 1 << 20, 20 << 20] {
        for _ in 0..3 {
            let block = c::malloc(size);
            bytes(block, usable(block)).fill(255);
            free(block);
            let block = c::calloc(size, 1);
            assert!(bytes(block, size).iter().all(|byte| *byte == 0), "{size}");
            bytes(block, size).fill(255);
            free(block);
        }
    }
}

#[test]
fn realloc_keeps_the_contents_up_and_down() {
    let sizes =
        [1, 17, 100, 90, 33_000, 40_000, 39_999, 3 << 20, 20 << 20, 50 << 20, 18 << 20, 70_000, 500, 20];
    let mut block = c::malloc(10);
    let mut len = 10;
    bytes(block, len).fill(3);
    for size in sizes {
        set_errno(MARK);
        block = realloc(block, size);
        assert!(is_aligned(block, 16) && usable(block) >= size, "{size}");
        assert!(bytes(block, len.min(size)).iter().all(|byte| *byte == 3), "{size}");
        bytes(block, size).fill(3);
        len = size;
        assert_eq!(errno(), MARK);
    }
    free(block);
}

#[test]
fn realloc_to_zero_frees_and_returns_null() {
    set_errno(MARK);
    assert!(realloc(c::malloc(100), 0).is_null());
    assert_eq!(errno(), MARK);
}

#[test]
fn nothing_happens_to_null() {
    set_errno(MARK);
    free(ptr::null_mut());
    // SAFETY: null may be freed.
    unsafe {
        c::free_sized(ptr::null_mut(), 10);
        c::free_aligned_sized(ptr::null_mut(), 64, 10);
        c::delete(ptr::null_mut());
    }
    assert_eq!(usable(ptr::null_mut()), 0);
    assert_eq!(errno(), MARK);
}

#[test]
fn posix_memalign_touches_nothing_when_it_fails() {
    let mark: *mut c_void = ptr::without_provenance_mut(0x55);
    for (align, size, code) in [
        (0, 8, EINVAL),
        (4, 8, EINVAL),
        (24, 8, EINVAL),
        (1, 8, EINVAL),
        (64, isize::MAX as usize, ENOMEM),
        (64, usize::MAX, ENOMEM),
    ] {
        let mut out = mark;
        set_errno(MARK);
        // SAFETY: `out` may be written.
        assert_eq!(unsafe { c::posix_memalign(&mut out, align, size) }, code, "{size} at {align}");
        assert_eq!((out, errno()), (mark, MARK), "{size} at {align}");
    }
}

#[test]
fn every_alignment_is_kept_or_refused() {
    for align in (3..=30).map(|log2| 1_usize << log2) {
        for size in [0, 1, 24, 1000, 5000, 40_000, 3 << 20] {
            let mut out = ptr::null_mut();
            set_errno(MARK);
            // SAFETY: `out` may be written.
            match unsafe { c::posix_memalign(&mut out, align, size) } {
                0 => assert!(is_aligned(out, align.max(16)) && usable(out) >= size, "{size} at {align}"),
                code => assert_eq!((code, out), (ENOMEM, ptr::null_mut())),
            }
            free(out);
            assert_eq!(errno(), MARK);
        }
    }
}

#[test]
fn aligned_alloc_wants_a_power_of_two_only() {
    fails(EINVAL, || c::aligned_alloc(0, 8));
    fails(EINVAL, || c::aligned_alloc(24, 8));
    succeeds(64, 100, || c::aligned_alloc(64, 100));
    succeeds(1, 100, || c::aligned_alloc(1, 100));
    succeeds(32, 100, || c::memalign(24, 100));
    succeeds(1, 100, || c::memalign(0, 100));
    fails(EINVAL, || c::memalign(usize::MAX, 8));
}

#[test]
fn pages_are_whole() {
    let page = heap_os::page_size();
    succeeds(page, 10, || c::valloc(10));
    succeeds(page, page, || c::pvalloc(0));
    succeeds(page, 2 * page, || c::pvalloc(page + 1));
}

#[test]
fn sizes_given_back_are_accepted_for_every_block() {
    for size in (0..3000).chain([33_000, 100_000, 20 << 20]) {
        for align in [1, 16, 64, 4096] {
            let block = c::aligned_alloc(align, size);
            // SAFETY: the block is live, of that size and alignment.
            unsafe { c::free_aligned_sized(block, align, size) };
        }
        // SAFETY: the block is live, and of that size.
        unsafe { c::free_sized(c::malloc(size), size) };
    }
    let shrunk = realloc(c::malloc(1000), 600);
    // SAFETY: the block is live, and of that size.
    unsafe { c::free_sized(shrunk, 600) };
}

#[test]
fn every_form_of_new_goes_with_every_form_of_delete() {
    let none = ptr::null();
    for size in [0, 1, 100, 5000, 100_000] {
        let plain =
            [c::new(size), c::new_array(size), c::new_nothrow(size, none), c::new_array_nothrow(size, none)];
        let aligned = [
            c::new_aligned(size, 128),
            c::new_array_aligned(size, 128),
            c::new_aligned_nothrow(size, 128, none),
            c::new_array_aligned_nothrow(size, 128, none),
        ];
        assert!(plain.iter().all(|&block| is_aligned(block, 16)));
        assert!(aligned.iter().all(|&block| is_aligned(block, 128)));
        // SAFETY: each block is live, and freed once.
        unsafe {
            c::delete(plain[0]);
            c::delete_array_sized(plain[1], size);
            c::delete_nothrow(plain[2], none);
            c::delete_array_nothrow(plain[3], none);
            c::delete_sized_aligned(aligned[0], size, 128);
            c::delete_array_aligned(aligned[1], 128);
            c::delete_aligned_nothrow(aligned[2], 128, none);
            c::delete_array_sized_aligned(aligned[3], size, 128);
        }
    }
}

#[test]
fn trimming_keeps_live_blocks_and_errno() {
    let live = c::malloc(100_000);
    bytes(live, 100_000).fill(9);
    free(c::malloc(8 << 20));
    set_errno(MARK);
    assert!([0, 1].contains(&c::malloc_trim(0)));
    assert_eq!(errno(), MARK);
    assert!(bytes(live, 100_000).iter().all(|byte| *byte == 9));
    free(live);
}
