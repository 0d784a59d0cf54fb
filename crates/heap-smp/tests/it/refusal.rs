//! The system refuses: the k-th call, every call from it on, every n-th. Nothing is lost, later calls work.

use std::alloc::Layout;
use std::ptr::NonNull;

use heap_core::Allocator;
use heap_os::fault::{Calls, Plan};
use heap_smp::{Heap, SmpAllocator};

use crate::child;

const SMP: SmpAllocator = SmpAllocator::new();
const SIZES: [usize; 8] = [16, 100, 1000, 5000, 30_000, 300_000, 3 << 20, 20 << 20];

/// Takes blocks of all sizes, grows and frees them, and says how many requests were refused. Calls nothing else that
/// allocates.
fn program() -> usize {
    let mut held = [None::<(NonNull<u8>, Layout)>; 64];
    let mut refused = 0;
    for (index, place) in held.iter_mut().enumerate() {
        let layout = Layout::from_size_align(SIZES[index % SIZES.len()], 8).unwrap();
        match SMP.alloc(layout) {
            Ok(block) => {
                let block = block.cast::<u8>();
                // SAFETY: the block is ours and that long.
                unsafe { block.write(index as u8) };
                *place = Some((block, layout));
            }
            Err(_) => refused += 1,
        }
    }
    for (index, (block, layout)) in
        held.iter_mut().enumerate().filter_map(|(n, held)| Some((n, held.as_mut()?)))
    {
        let larger = Layout::from_size_align(layout.size() * 2, 8).unwrap();
        // SAFETY: the block is live; on failure it stays ours with its old layout.
        unsafe {
            match SMP.realloc(*block, *layout, larger) {
                Ok(moved) => (*block, *layout) = (moved.cast(), larger),
                Err(_) => refused += 1,
            }
            assert_eq!(block.read(), index as u8);
        }
    }
    for (block, layout) in held.into_iter().flatten() {
        // SAFETY: live, and given up.
        unsafe { SMP.free(block, layout) };
    }
    refused + changes()
}

/// Bytes that large blocks go through: within a run, to a longer one, to a mapping of its own, and back. The first is also
/// aligned to more than a segment.
const JOURNEY: [usize; 9] =
    [40_000, 100_000, 2 << 20, 5 << 20, 12 << 20, 20 << 20, 70 << 20, 3 << 20, 50_000];

/// Zeroed blocks, wide alignments, and large blocks that grow and shrink in place and by moving; says how many requests were
/// refused.
fn changes() -> usize {
    let mut refused = 0;
    // What was mapped too much for an alignment is lost when it is refused to unmap it: 32 bits have less to lose.
    for align in [8, 4096, 1 << 20, if usize::BITS < 64 { 8 << 20 } else { 64 << 20 }] {
        let Ok(mut layout) = Layout::from_size_align(JOURNEY[0], align) else { continue };
        let Ok(fresh) = SMP.alloc_zeroed(layout) else {
            refused += 1;
            continue;
        };
        let mut block = fresh.cast::<u8>();
        // SAFETY: the block is live all the way, its last byte belongs to it, and a refusal leaves it as it was.
        unsafe {
            assert_eq!((block.read(), block.add(layout.size() - 1).read()), (0, 0));
            block.write(42);
            for size in JOURNEY {
                let new = Layout::from_size_align(size, align).unwrap();
                if SMP.resize(block, layout, size) {
                    layout = new;
                } else {
                    match SMP.realloc(block, layout, new) {
                        Ok(moved) => (block, layout) = (moved.cast(), new),
                        Err(_) => refused += 1,
                    }
                }
                assert_eq!((block.read(), block.addr().get() % align), (42, 0));
                block.add(layout.size() - 1).write(1);
            }
            SMP.free(block, layout);
        }
    }
    refused
}

/// Runs the program under a plan; afterwards all must work, and the books must balance.
fn survive(plan: Plan) -> u64 {
    let guard = plan.on_this_thread();
    let refused = program();
    let hits = guard.refused();
    drop(guard);
    assert!(hits > 0 || refused == 0, "refused without a reason");
    assert_eq!(program(), 0, "later calls work");
    let stats = SMP.stats();
    assert_eq!((stats.run_bytes, stats.huge_bytes), (0, 0), "nothing is lost");
    assert_eq!(SMP.validate(), Ok(()));
    hits
}

/// D-SM-12
#[test]
fn each_refused_call_is_survived() {
    child::passes("refusal::each_refused_call_is_survived", || {
        for calls in [Calls::ALL, Calls::MAP, Calls::UNMAP, Calls::DECOMMIT, Calls::MOVE, Calls::ADVISE] {
            let mut k = 0;
            while survive(Plan::nth(k).of(calls)) > 0 {
                SMP.purge();
                k += 1;
            }
        }
    });
}

#[test]
fn refusals_that_last_are_survived() {
    child::passes("refusal::refusals_that_last_are_survived", || {
        // Each loses the addresses that it is refused to unmap, up to 200 MiB.
        for k in (0..40).step_by(if usize::BITS < 64 { 6 } else { 1 }) {
            survive(Plan::from(k));
            SMP.purge();
        }
        for n in [1, 2, 3, 7] {
            survive(Plan::every(n));
            SMP.purge();
        }
    });
}

/// A limit on the address space that the program runs into, and recovers from.
#[cfg(unix)]
#[test]
fn exhausted_address_space_is_null_and_not_the_end() {
    child::passes("refusal::exhausted_address_space_is_null_and_not_the_end", || {
        limit_address_space(512 << 20);
        // On 32 bits longer blocks are no runs, and what segments have of the addresses stays theirs.
        let long = if usize::BITS < 64 { 2 << 20 } else { 5 << 20 };
        for size in [100_000, long, 1000] {
            let layout = Layout::from_size_align(size, 8).unwrap();
            // The blocks are a list through themselves: the test must not allocate when there is nothing left.
            let mut list: *mut *mut u8 = std::ptr::null_mut();
            let mut count = 0;
            while let Ok(block) = SMP.alloc(layout) {
                let block = block.cast::<*mut u8>().as_ptr();
                // SAFETY: the block is ours and longer than a pointer.
                unsafe { block.write(list.cast()) };
                list = block;
                count += 1;
            }
            assert!(count * size >= 128 << 20, "{count} blocks of {size}");
            while !list.is_null() {
                let block = list;
                // SAFETY: the list's blocks are ours; each is freed once.
                unsafe {
                    list = block.read().cast();
                    SMP.free(NonNull::new(block.cast()).unwrap(), layout);
                }
            }
            let mebibyte = Layout::from_size_align(1 << 20, 8).unwrap();
            let block = SMP.alloc(mebibyte).expect("memory is there again");
            // SAFETY: just allocated.
            unsafe { SMP.free(block.cast(), mebibyte) };
        }
    });
}

/// Takes blocks of 64 bytes until there are no more, gives all back, and says how many there were.
#[cfg(unix)]
fn fill_and_empty(heap: &impl Allocator) -> usize {
    let layout = Layout::from_size_align(64, 8).unwrap();
    let mut list: *mut *mut u8 = std::ptr::null_mut();
    let mut count = 0;
    while let Ok(block) = heap.alloc(layout) {
        let block = block.cast::<*mut u8>().as_ptr();
        // SAFETY: the block is ours and longer than a pointer.
        unsafe { block.write(list.cast()) };
        list = block;
        count += 1;
    }
    while let Some(block) = NonNull::new(list) {
        // SAFETY: the list's blocks are ours; each is freed once.
        unsafe {
            list = block.read().cast();
            heap.free(block.cast(), layout);
        }
    }
    count
}

#[cfg(unix)]
#[test]
fn what_was_freed_serves_a_private_heap_where_the_system_gives_no_more() {
    child::passes("refusal::what_was_freed_serves_a_private_heap_where_the_system_gives_no_more", || {
        limit_address_space(192 << 20);
        let outside = fill_and_empty(&SMP);
        let inside = fill_and_empty(&Heap::new());
        assert!(inside >= outside / 10 * 9, "{outside} blocks outside, {inside} inside");
    });
}

/// What is refused takes nothing: no pieces that are too small for it.
#[cfg(unix)]
#[test]
fn a_refused_request_leaves_the_address_space_to_others() {
    child::passes("refusal::a_refused_request_leaves_the_address_space_to_others", || {
        limit_address_space(512 << 20);
        let layout = Layout::from_size_align(10 << 20, 8).unwrap();
        while SMP.alloc(layout).is_ok() {}
        let before = SMP.stats().reserved_bytes;
        for _ in 0..10 {
            assert!(SMP.alloc(layout).is_err());
        }
        assert_eq!(SMP.stats().reserved_bytes, before);
    });
}

/// As where `vm.overcommit_memory` is 2: not so much as a segment can be had, but less can.
#[cfg(target_os = "linux")]
#[test]
fn where_a_segment_is_too_much_smaller_pieces_serve() {
    child::passes("refusal::where_a_segment_is_too_much_smaller_pieces_serve", || {
        // What is charged against the limit is what that mode charges: private memory that can be written to.
        let room = 24 << 20;
        limit_data(charged() + room);
        let mut held = 0;
        let mut list: *mut *mut u8 = std::ptr::null_mut();
        let sizes = [64, 1000, 30_000, 100_000];
        let layout = |held: usize| Layout::from_size_align(sizes[held % sizes.len()], 8).unwrap();
        let (mut bytes, mut refused) = (0, 0);
        while refused < 8 {
            let Ok(block) = SMP.alloc(layout(held)) else {
                refused += 1;
                continue;
            };
            let block = block.cast::<*mut u8>().as_ptr();
            // SAFETY: the block is ours and longer than a pointer.
            unsafe { block.write(list.cast()) };
            list = block;
            bytes += layout(held).size();
            held += 1;
        }
        for at in (0..held).rev() {
            // SAFETY: the list's blocks are ours; each is freed once, with the layout of its turn.
            unsafe {
                let next = list.read();
                SMP.free(NonNull::new(list.cast()).unwrap(), layout(at));
                list = next.cast();
            }
        }
        // Before anything is asserted: a message takes memory, too.
        limit_data(libc::RLIM_INFINITY);
        // What was there when the limit came may have served a part; most came in pieces. Guards and states take of it.
        let least = if cfg!(feature = "checked") { room / 8 } else { room / 2 };
        assert!(bytes as libc::rlim_t >= least, "{bytes} bytes in {held} blocks");
        assert_eq!(SMP.validate(), Ok(()));
        // A run that is kept because the system would not open its guard again is no loss.
        assert!(SMP.stats().run_bytes == 0 || cfg!(feature = "checked"));
    });
}

/// Bytes of private memory that can be written to, as the system counts them.
#[cfg(target_os = "linux")]
fn charged() -> libc::rlim_t {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmData")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<libc::rlim_t>().unwrap() << 10
}

/// No memory for the helper's stack: the calls give memory back in its stead.
#[cfg(target_os = "linux")]
#[test]
fn where_no_thread_can_be_started_memory_goes_back_all_the_same() {
    child::passes("refusal::where_no_thread_can_be_started_memory_goes_back_all_the_same", || {
        let layout = Layout::from_size_align(8 << 20, 8).unwrap();
        let warm = SMP.alloc(layout).unwrap();
        limit_data(charged());
        let before = std::fs::read_dir("/proc/self/task").unwrap().count();
        // SAFETY: just allocated. From here on a helper would be worth its start.
        unsafe { SMP.free(warm.cast(), layout) };
        let start = std::time::Instant::now();
        let small = Layout::from_size_align(20_000, 8).unwrap();
        while SMP.stats().free_resident_bytes > 2 << 20 {
            assert!(start.elapsed().as_secs() < 60, "{} are still there", SMP.stats().free_resident_bytes);
            for _ in 0..1000 {
                let blocks = [(); 8].map(|()| SMP.alloc(small));
                for block in blocks.into_iter().flatten() {
                    // SAFETY: just allocated.
                    unsafe { SMP.free(block.cast(), small) };
                }
            }
        }
        assert_eq!(std::fs::read_dir("/proc/self/task").unwrap().count(), before);
    });
}

#[cfg(unix)]
fn limit_address_space(bytes: u64) {
    let limit = libc::rlimit { rlim_cur: bytes as libc::rlim_t, rlim_max: bytes as libc::rlim_t };
    // SAFETY: a plain system call on a value of ours.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
}

/// Limits private memory that can be written to.
#[cfg(target_os = "linux")]
fn limit_data(bytes: libc::rlim_t) {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: a plain system call on a value of ours.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_DATA, &limit) }, 0);
}
