//! What a program may have to live with: signals at any moment, a system that refuses mappings, private heaps under refusals,
//! alignments and lengths at the end of what there is, an end while threads work.
#![cfg(unix)]

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use heap_core::Allocator;
use heap_os::fault::{Calls, Plan};
use heap_smp::{Heap, SmpAllocator};

use crate::child;
use crate::rounds::{STRIDE, rounds};

const SMP: SmpAllocator = SmpAllocator::new();

/// Sizes of all kinds of blocks.
const SIZES: [usize; 9] = [8, 100, 1000, 5000, 30_000, 40_000, 300_000, 3 << 20, 20 << 20];

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

/// Takes a block of each size, makes it longer, then shorter, and frees every second one. Says how many requests were refused.
/// Allocates nothing else.
fn use_some(heap: &impl Allocator) -> usize {
    let mut held = [None::<(NonNull<u8>, Layout)>; rounds(4) * SIZES.len()];
    let mut refused = 0;
    for (index, place) in held.iter_mut().enumerate() {
        let layout = layout(SIZES[index % SIZES.len()], 8);
        match heap.alloc(layout) {
            Ok(block) => *place = Some((block.cast(), layout)),
            Err(_) => refused += 1,
        }
    }
    for (index, (block, old)) in
        held.iter_mut().enumerate().filter_map(|(at, held)| Some((at, held.as_mut()?)))
    {
        // SAFETY: live blocks, of the layouts that are noted; one that is refused stays as it was.
        unsafe {
            block.write(index as u8);
            for size in [old.size() * 3, old.size() / 2 + 1] {
                match heap.realloc(*block, *old, layout(size, 8)) {
                    Ok(moved) => (*block, *old) = (moved.cast(), layout(size, 8)),
                    Err(_) => refused += 1,
                }
            }
            assert_eq!(block.read(), index as u8);
        }
    }
    for (block, layout) in held.into_iter().flatten().step_by(2) {
        // SAFETY: live, and given up.
        unsafe { heap.free(block, layout) };
    }
    refused
}

/// Each call of the system is refused in turn while a private heap is made, used, purged and dropped: all its memory comes back.
#[test]
fn a_private_heap_survives_each_refused_call() {
    child::passes("hostile::a_private_heap_survives_each_refused_call", || {
        use_some(&Heap::new());
        for calls in [Calls::ALL, Calls::MAP, Calls::UNMAP, Calls::DECOMMIT, Calls::MOVE] {
            for k in (0..).step_by(STRIDE) {
                SMP.purge();
                let before = SMP.stats();
                let guard = Plan::nth(k).of(calls).on_this_thread();
                let heap = Heap::new();
                use_some(&heap);
                heap.purge();
                drop(heap);
                let hits = guard.refused();
                drop(guard);
                // A run whose guard the system would not open again waits for the next one that is freed.
                assert_eq!((use_some(&Heap::new()), SMP.validate()), (0, Ok(())), "{calls:?} {k}");
                let after = SMP.stats();
                assert_eq!(
                    (after.private_bytes, after.huge_blocks),
                    (0, before.huge_blocks),
                    "{calls:?} {k}"
                );
                // One of a slab, or of a run that went with its heap, stays behind.
                let lost = if cfg!(feature = "checked") { 16 << 10 } else { 0 };
                assert!(
                    after.run_bytes <= before.run_bytes + lost,
                    "{calls:?} {k}: {} {}",
                    before.run_bytes,
                    after.run_bytes
                );
                if hits == 0 {
                    break;
                }
            }
        }
    });
}

/// Blocks of 1 byte to 3 MiB at every alignment up to a gibibyte, and their changes of size. The largest alignments are too
/// much for 32 bits, where three times so many addresses would have to be free.
#[test]
fn every_alignment_up_to_a_gibibyte_is_kept_through_changes_of_size() {
    let heap = Heap::new();
    for log2 in (0..=if usize::BITS < 64 { 26 } else { 30 }).step_by(STRIDE) {
        for size in [1, 5000, 40_000, 3 << 20] {
            wander(&SMP, layout(size, 1 << log2));
            wander(&heap, layout(size, 1 << log2));
        }
    }
    assert_eq!((heap.validate(), SMP.validate()), (Ok(()), Ok(())));
}

/// Takes a block through several sizes.
fn wander(heap: &impl Allocator, first: Layout) {
    let mut old = first;
    let mut block = heap.alloc_zeroed(old).unwrap().cast::<u8>();
    // SAFETY: the block is live all the way, and its first and last byte belong to it.
    unsafe {
        assert_eq!((block.read(), block.add(old.size() - 1).read()), (0, 0));
        block.write(7);
        for size in [100, 33_000, 1 << 20, 40 << 20, 17 << 20, 70_000, 9, first.size()] {
            let new = layout(size, first.align());
            block = heap.realloc(block, old, new).unwrap().cast();
            old = new;
            block.add(size - 1).write(7);
            assert!(block.read() == 7 && block.addr().get().is_multiple_of(first.align()), "{new:?}");
        }
        heap.free(block, old);
    }
}

static SIGNALS: AtomicUsize = AtomicUsize::new(0);

extern "C" fn on_signal(_: libc::c_int) {
    SIGNALS.fetch_add(1, Ordering::Relaxed);
}

/// A signal every 100 microseconds, to whichever thread, while several contend: locks, sleeps and system calls are interrupted.
#[test]
fn signals_at_any_moment_change_nothing() {
    child::passes("hostile::signals_at_any_moment_change_nothing", || {
        let mut action: libc::sigaction = {
            // SAFETY: zeros are a valid value: no flags, so that calls are not restarted.
            unsafe { std::mem::zeroed() }
        };
        action.sa_sigaction = on_signal as extern "C" fn(libc::c_int) as usize;
        let every = libc::timeval { tv_sec: 0, tv_usec: 100 };
        let timer = libc::itimerval { it_interval: every, it_value: every };
        // SAFETY: the handler counts and does nothing else.
        unsafe {
            assert_eq!(libc::sigaction(libc::SIGALRM, &action, std::ptr::null_mut()), 0);
            assert_eq!(libc::setitimer(libc::ITIMER_REAL, &timer, std::ptr::null_mut()), 0);
        }
        let shared = Heap::new();
        // What each round leaves behind are blocks of 10 MiB, cut from 60 MiB in place: soon no further 60 MiB are free in a
        // row on 32 bits.
        let (threads, rounds) = if usize::BITS < 64 { (4, 2) } else { (8, rounds(20)) };
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    for _ in 0..rounds {
                        assert_eq!(use_some(&SMP) + use_some(&shared) + use_some(&Heap::new()), 0);
                    }
                });
            }
        });
        assert!(SIGNALS.load(Ordering::Relaxed) > 20);
        assert_eq!((shared.validate(), SMP.validate()), (Ok(()), Ok(())));
    });
}

/// The process has as many mappings as it may have: nothing can be mapped, cut or protected until some are gone.
#[cfg(target_os = "linux")]
#[test]
fn a_process_without_mappings_to_spare_goes_on() {
    child::passes("hostile::a_process_without_mappings_to_spare_goes_on", || {
        let limit: usize =
            std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap().trim().parse().unwrap();
        if limit > 1 << 18 {
            return;
        }
        let heap = Heap::new();
        use_some(&heap);
        let (page, len) = (heap_os::pages::page_size(), 2 * limit * heap_os::pages::page_size());
        let base = heap_os::pages::map(len).unwrap();
        let protect = |at: usize| {
            // SAFETY: a page of the mapping, which nobody uses.
            unsafe { heap_os::pages::protect(base.add(at * page), page, heap_os::pages::Access::None) }
        };
        // Each page makes two mappings of one.
        let full = (0..limit).map(|at| 2 * at).find(|&at| protect(at).is_err());
        assert!(full.is_some(), "the limit was met");
        (0..3).for_each(|_| _ = (use_some(&SMP), use_some(&heap)));
        SMP.purge();
        assert_eq!((heap.validate(), SMP.validate()), (Ok(()), Ok(())));
        // SAFETY: ours, whole, and used by nobody.
        unsafe { heap_os::pages::unmap(base, len).unwrap() };
        assert_eq!((use_some(&SMP), use_some(&heap), use_some(&Heap::new())), (0, 0, 0));
        drop(heap);
        assert_eq!((SMP.validate(), SMP.stats().private_bytes), (Ok(()), 0));
    });
}

/// `exit` runs destructors and ends the process while other threads allocate, free and fork.
#[test]
fn a_process_ends_while_its_threads_work() {
    for _ in 0..rounds(10) {
        child::passes("hostile::a_process_ends_while_its_threads_work", || {
            static STARTED: AtomicBool = AtomicBool::new(false);
            for _ in 0..4 {
                std::thread::spawn(|| {
                    loop {
                        drop((use_some(&Heap::new()), vec![vec![1_u8; 300_000]; 20]));
                        STARTED.store(true, Ordering::Relaxed);
                    }
                });
            }
            while !STARTED.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
        });
    }
}

/// Threads end while others free into their heaps, and the heap goes to the next owner; its blocks stay whole.
#[test]
fn owners_end_while_others_free_their_blocks() {
    let heap = Heap::new();
    let (give, take) = std::sync::mpsc::sync_channel::<(usize, usize)>(256);
    std::thread::scope(|scope| {
        let heap = &heap;
        scope.spawn(move || {
            for (addr, size) in take {
                let block = NonNull::new(std::ptr::with_exposed_provenance_mut::<u8>(addr)).unwrap();
                // SAFETY: a live block of the heap of that size, whose maker is done with it.
                unsafe {
                    assert_eq!((block.read(), block.add(size - 1).read()), (size as u8, size as u8));
                    heap.free(block, layout(size, 8));
                }
            }
        });
        for round in 0..rounds(200) {
            let give = give.clone();
            let owner = scope.spawn(move || {
                for at in 0..100 {
                    let size = 1 + (at * 37 + round * 101) % 40_000;
                    let block = heap.alloc(layout(size, 8)).unwrap().cast::<u8>();
                    // SAFETY: just allocated.
                    unsafe { block.write_bytes(size as u8, size) };
                    give.send((block.expose_provenance().get(), size)).unwrap();
                }
            });
            // Every second one ends while the next works.
            if round % 2 == 0 {
                owner.join().unwrap();
            }
        }
        drop(give);
    });
    assert_eq!((heap.validate(), SMP.validate()), (Ok(()), Ok(())));
}
