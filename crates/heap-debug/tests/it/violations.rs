//! Each misuse is found, named and told with exactly the message in `violations/NAME.txt`, and ends the process.
//!
//! The numbers are those of the rows of the table of wrong uses in the project's specification.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::NonNull;

use heap_core::{Allocator, UsableSize};
use heap_debug::{DebugAllocator, DebugConfig, Format, Guard};

use crate::child;

/// A case: does wrong with the allocator that it is given, and should not come back.
type Case = unsafe fn(&DebugAllocator);

/// Runs the case in a child, and there the case itself.
fn expect(name: &str, config: DebugConfig, case: Case) {
    if child::is_child(name) {
        let debug = DebugAllocator::with_config(config.stack_trace_frames(24));
        // SAFETY: on the contrary. Every case is meant to be found before it does harm.
        unsafe { case(&debug) };
        drop(debug);
        std::process::exit(7);
    }
    let output = child::run(&format!("violations::{name}"), name);
    child::assert_message(name, &child::message(&output));
    assert!(!output.status.success() && output.status.code().is_none(), "aborts: {:?}", output.status);
}

/// One test a case, named as it is.
macro_rules! cases {
    ($($(#[$doc:meta])* $name:ident $(with $config:expr)? => |$debug:ident| $body:block;)+) => { $(
        $(#[$doc])*
        #[test]
        fn $name() {
            #[allow(unused_mut, unused_assignments, reason = "most cases need no settings of their own")]
            let mut config = DebugConfig::new();
            $(config = $config;)?
            // SAFETY: on the contrary. Each case is wrong in one way, which is found before it does harm.
            expect(stringify!($name), config, |$debug| unsafe { $body });
        }
    )+ };
}

/// Aligned to 8 where a `u64` is to 4, too.
#[repr(align(8))]
struct Aligned<const WORDS: usize> {
    _words: [u64; WORDS],
}

const SMALL: Layout = Layout::new::<Aligned<5>>();
const LARGE: Layout = Layout::new::<Aligned<20_000>>();

#[inline(never)]
fn make(debug: &DebugAllocator, layout: Layout) -> NonNull<u8> {
    Allocator::alloc(debug, layout).expect("there is memory").cast()
}

#[inline(never)]
unsafe fn drop_block(debug: &DebugAllocator, block: NonNull<u8>, layout: Layout) {
    // SAFETY: the caller's affair.
    unsafe { Allocator::free(debug, block, layout) }
}

/// Frees a block twice.
unsafe fn free_twice(debug: &DebugAllocator, layout: Layout) {
    let block = make(debug, layout);
    // SAFETY: the second call is the misuse.
    unsafe {
        drop_block(debug, block, layout);
        drop_block(debug, block, layout);
    }
}

/// Writes a byte at `offset` from a block's start, and frees it.
unsafe fn write_at(debug: &DebugAllocator, layout: Layout, offset: isize) {
    let block = make(debug, layout);
    // SAFETY: the write is the misuse.
    unsafe {
        block.offset(offset).write(1);
        drop_block(debug, block, layout);
    }
}

static STATIC: [u64; 5] = [0; 5];

cases! {
    /// 1, D-DB-04: the only block of its slab.
    double_free_small => |debug| { free_twice(debug, SMALL) };
    /// 1, D-DB-05
    double_free_large => |debug| { free_twice(debug, LARGE) };
    /// 1: the slab's memory is gone.
    double_free_of_a_slab_that_is_gone with DebugConfig::new().quarantine(0).slab_size(4096) => |debug| {
        let blocks: Vec<_> = (0..100).map(|_| make(debug, SMALL)).collect();
        blocks.iter().rev().for_each(|&block| drop_block(debug, block, SMALL));
        drop_block(debug, blocks[0], SMALL);
    };
    /// 1: the block's memory is gone.
    double_free_of_a_large_block_that_is_gone with DebugConfig::new().quarantine_large(0) => |debug| {
        free_twice(debug, LARGE);
    };
    /// 2
    double_free_with_another_between => |debug| {
        let (a, b) = (make(debug, SMALL), make(debug, SMALL));
        drop_block(debug, a, SMALL);
        drop_block(debug, b, SMALL);
        drop_block(debug, a, SMALL);
    };
    /// 3
    double_free_by_another_thread => |debug| {
        let block = make(debug, SMALL);
        drop_block(debug, block, SMALL);
        let addr = block.expose_provenance();
        std::thread::scope(|scope| {
            scope.spawn(move || drop_block(debug, NonNull::with_exposed_provenance(addr), SMALL));
        });
    };
    /// 4: many blocks came after it, none got its address.
    double_free_by_a_stale_owner => |debug| {
        let stale = make(debug, SMALL);
        drop_block(debug, stale, SMALL);
        for _ in 0..1000 {
            let block = make(debug, SMALL);
            assert_ne!(block, stale);
            drop_block(debug, block, SMALL);
        }
        drop_block(debug, stale, SMALL);
    };
    /// 5, D-DB-07
    wrong_size_of_another_class => |debug| {
        drop_block(debug, make(debug, SMALL), Layout::new::<Aligned<50>>());
    };
    /// 6, D-DB-06
    wrong_size_of_the_same_class => |debug| {
        drop_block(debug, make(debug, Layout::new::<[u8; 39]>()), Layout::new::<[u8; 40]>());
    };
    /// 5: as if it had none.
    wrong_size_of_no_bytes => |debug| {
        drop_block(debug, make(debug, SMALL), Layout::new::<Aligned<0>>());
    };
    /// 5
    wrong_size_of_a_large_block => |debug| {
        drop_block(debug, make(debug, LARGE), SMALL);
    };
    /// 7, D-DB-08
    wrong_alignment => |debug| {
        drop_block(debug, make(debug, SMALL), Layout::new::<[u8; 40]>());
    };
    /// 8
    realloc_with_another_layout => |debug| {
        let block = make(debug, SMALL);
        let _ = Allocator::realloc(debug, block, Layout::new::<Aligned<6>>(), LARGE);
    };
    /// 9, D-DB-13
    realloc_of_a_freed_block => |debug| {
        let block = make(debug, SMALL);
        drop_block(debug, block, SMALL);
        let _ = Allocator::realloc(debug, block, SMALL, LARGE);
    };
    /// 9, D-DB-13
    resize_of_a_freed_block => |debug| {
        let block = make(debug, SMALL);
        drop_block(debug, block, SMALL);
        debug.resize(block, SMALL, 38);
    };
    /// 9, D-DB-13
    remap_of_a_freed_large_block => |debug| {
        let block = make(debug, LARGE);
        drop_block(debug, block, LARGE);
        debug.remap(block, LARGE, 200_000);
    };
    /// 10
    usable_size_of_a_freed_block => |debug| {
        let block = make(debug, SMALL);
        drop_block(debug, block, SMALL);
        debug.usable_size(block, SMALL);
    };
    /// 11, D-DB-09
    interior_pointer => |debug| { drop_block(debug, make(debug, SMALL).add(16), SMALL) };
    /// 12
    interior_pointer_by_one_byte => |debug| { drop_block(debug, make(debug, SMALL).add(1), SMALL) };
    /// 11
    interior_pointer_of_a_large_block => |debug| {
        drop_block(debug, make(debug, LARGE).add(65536), LARGE);
    };
    /// 11
    pointer_before_a_block => |debug| { drop_block(debug, make(debug, SMALL).sub(8), SMALL) };
    /// 11
    pointer_to_where_no_block_has_been => |debug| {
        drop_block(debug, make(debug, SMALL).add(1024), SMALL);
    };
    /// 13, D-DB-09
    foreign_pointer_to_the_stack => |debug| {
        make(debug, SMALL);
        let local = [0_u64; 5];
        drop_block(debug, NonNull::from(&local).cast(), SMALL);
    };
    /// 14
    foreign_pointer_to_a_static => |debug| {
        drop_block(debug, NonNull::from(&STATIC).cast(), SMALL);
    };
    /// 15
    foreign_pointer_to_pages => |debug| {
        make(debug, SMALL);
        let pages = heap_os::pages::map(1 << 16).expect("there are pages");
        drop_block(debug, pages, SMALL);
    };
    /// 16, D-DB-18, D-SA-04
    pointer_of_another_instance => |debug| {
        let other = DebugAllocator::with_config(DebugConfig::new().canary(0xABCD));
        drop_block(debug, make(&other, SMALL), SMALL);
    };
    /// 17
    null_pointer_freed => |debug| { debug.dealloc(core::ptr::null_mut(), SMALL) };
    /// 17
    null_pointer_reallocated => |debug| {
        GlobalAlloc::realloc(debug, core::ptr::null_mut(), SMALL, 80);
    };
    /// 18, D-DB-10
    write_past_the_end_inside_of_the_slack => |debug| {
        write_at(debug, Layout::new::<[u8; 37]>(), 37);
    };
    /// 18
    write_past_the_end_found_by_a_check => |debug| {
        let block = make(debug, SMALL);
        block.add(40).write_bytes(0, 3);
        debug.check_all();
    };
    /// 18
    write_past_the_end_found_by_a_resize => |debug| {
        let block = make(debug, SMALL);
        block.add(40).write(0);
        debug.resize(block, SMALL, 39);
    };
    /// 19: the block fills its class.
    write_past_the_end_of_the_class => |debug| { write_at(debug, Layout::new::<[u8; 40]>(), 40) };
    /// 20: 16 bytes away, in the next slot; found when the program ends.
    write_far_past_the_end => |debug| {
        let (a, b) = (make(debug, SMALL), make(debug, SMALL));
        a.add(40 + 16).write(1);
        drop_block(debug, a, SMALL);
        drop_block(debug, b, SMALL);
    };
    /// 22: without guard pages, found when freed.
    write_past_the_end_of_a_large_block => |debug| { write_at(debug, LARGE, 160_000) };
    /// 21
    write_before_the_start => |debug| { write_at(debug, SMALL, -1) };
    /// 21
    write_before_the_start_of_a_large_block => |debug| { write_at(debug, LARGE, -16) };
    /// 23, D-DB-11
    write_after_free_found_by_a_check => |debug| {
        let block = make(debug, SMALL);
        drop_block(debug, block, SMALL);
        block.add(8).cast::<u64>().write(7);
        debug.check_all();
    };
    /// 23: the slot's turn comes again.
    write_after_free_found_by_reuse with DebugConfig::new().quarantine(0).slab_size(4096) => |debug| {
        let block = make(debug, SMALL);
        drop_block(debug, block, SMALL);
        block.write(7);
        for _ in 0..200 {
            make(debug, SMALL);
        }
    };
    /// 23: behind the block, where its canary still is.
    write_past_the_end_of_a_freed_block => |debug| {
        let block = make(debug, SMALL);
        drop_block(debug, block, SMALL);
        block.add(41).write(7);
        debug.check_all();
    };
    /// 23: the allocator ends.
    write_after_free_found_at_the_end => |debug| {
        let block = make(debug, LARGE);
        drop_block(debug, block, LARGE);
        block.add(100).write(7);
    };
    /// 27
    allocation_of_no_bytes => |debug| {
        GlobalAlloc::alloc(debug, Layout::new::<()>());
    };
    /// 27
    reallocation_to_no_bytes => |debug| {
        let block = make(debug, SMALL);
        GlobalAlloc::realloc(debug, block.as_ptr(), SMALL, 0);
    };
    /// 22: at once, by the instruction that reads.
    read_past_the_end_of_a_guarded_block with DebugConfig::new().guard(Guard::Large) => |debug| {
        let block = make(debug, LARGE);
        std::hint::black_box(block.add(160_000).read_volatile());
    };
    /// 22
    write_before_a_guarded_block with DebugConfig::new().guard(Guard::All) => |debug| {
        make(debug, SMALL).sub(4096).write_volatile(1);
    };
    /// 23, 24: at once, whatever the block was.
    read_of_a_freed_guarded_block with DebugConfig::new().guard(Guard::Sampled(1)) => |debug| {
        let block = make(debug, SMALL);
        drop_block(debug, block, SMALL);
        std::hint::black_box(block.add(3).read_volatile());
    };
    /// 44: a signal handler interrupts the allocator, and calls it.
    call_from_inside with DebugConfig::new() => |debug| {
        inside::call(debug);
    };
}

/// The same facts for programs: one object, on a line of its own.
#[test]
fn a_violation_is_told_as_json() {
    const NAME: &str = "a_violation_is_told_as_json";
    if child::is_child(NAME) {
        let debug =
            DebugAllocator::with_config(DebugConfig::new().stack_trace_frames(24).format(Format::Json));
        // SAFETY: the write is the misuse.
        return unsafe { write_at(&debug, SMALL, 41) };
    }
    let output = child::run(&format!("violations::{NAME}"), NAME);
    assert!(output.status.code().is_none(), "aborts: {:?}", output.status);
    let found: serde_json::Value = serde_json::from_slice(&output.stderr).expect("one JSON object");
    assert_eq!((&found["violation"], &found["operation"]), (&"write-past-end".into(), &"free".into()));
    assert_eq!((&found["distance"], &found["damaged"]), (&1.into(), &1.into()));
    let block = &found["block"];
    assert_eq!((&block["size"], &block["align"], &block["live"]), (&40.into(), &8.into(), &true.into()));
    assert_eq!(block["address"], found["pointer"]);
    for trace in ["allocated", "found"] {
        let frames = found[trace].as_array().expect("frames");
        let users = frames.iter().find(|frame| frame["user"] == true).expect("a frame of the user");
        assert!(users["function"].as_str().is_some_and(|name| name.contains("violations::")), "{users}");
        assert!(users["line"].as_u64().is_some_and(|line| line > 0), "{users}");
    }
}

/// A backing allocator cannot call its front: the records are locked. The same is true of a signal handler.
mod inside {
    use super::*;
    use core::alloc::Layout;
    use heap_core::AllocError;
    use std::sync::OnceLock;

    struct Caller;

    static FRONT: OnceLock<DebugAllocator<Caller>> = OnceLock::new();

    // SAFETY: hands nothing out.
    unsafe impl Allocator for Caller {
        fn alloc(&self, _: Layout) -> Result<NonNull<[u8]>, AllocError> {
            FRONT.get().map_or(Err(AllocError), |front| Allocator::alloc(front, SMALL))
        }
        unsafe fn resize(&self, _: NonNull<u8>, _: Layout, _: usize) -> bool {
            false
        }
        unsafe fn free(&self, _: NonNull<u8>, _: Layout) {}
    }

    /// Never really unsafe, but a case is.
    pub(super) unsafe fn call(debug: &DebugAllocator) {
        let front = FRONT.get_or_init(|| DebugAllocator::new_in(Caller, *debug.config()));
        let _ = Allocator::alloc(front, SMALL);
    }
}
