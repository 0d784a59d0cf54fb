//! The atomic parts under every interleaving: `RUSTFLAGS="--cfg loom" cargo test -p heap-compose --release --test loom`.
#![cfg(loom)]

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_compose::{Limit, Stats};
use heap_core::{AllocError, Allocator};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::thread;

/// Counts what is live and keeps no memory: its blocks are addresses that nobody may touch.
#[derive(Default)]
struct Child {
    live: AtomicUsize,
    /// Read by each alloc and written by each free: loom reports calls that are not ordered.
    state: UnsafeCell<usize>,
    /// Whether the limit admits one block only, so that its calls must be ordered.
    alone: bool,
    limit: usize,
}

// SAFETY: none: no model uses a block of it.
unsafe impl Allocator for Child {
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let live = self.live.fetch_add(layout.size(), Relaxed) + layout.size();
        assert!(live <= self.limit, "{live} bytes are live, and {} may be", self.limit);
        if self.alone {
            self.state.with(|_| ());
        }
        Ok(NonNull::slice_from_raw_parts(layout.dangling_ptr(), layout.size()))
    }
    unsafe fn resize(&self, _block: NonNull<u8>, _layout: Layout, _new_size: usize) -> bool {
        false
    }
    unsafe fn free(&self, _block: NonNull<u8>, layout: Layout) {
        if self.alone {
            self.state.with_mut(|_| ());
        }
        self.live.fetch_sub(layout.size(), Relaxed);
    }
}

// SAFETY: `state` is touched only where the limit orders the calls, which is what the model checks.
unsafe impl Sync for Child {}

fn bytes(size: usize) -> Layout {
    Layout::from_size_align(size, 1).unwrap()
}

/// Allocates and frees; says whether it was served.
fn pair(heap: &impl Allocator, size: usize) -> bool {
    let block = heap.alloc(bytes(size));
    // SAFETY: allocated just now with this layout.
    block.map(|block| unsafe { heap.free(block.cast(), bytes(size)) }).is_ok()
}

fn limited(limit: usize, alone: bool) -> Arc<Limit<Child, AtomicUsize>> {
    Arc::new(Limit::with_counter(Child { limit, alone, ..Child::default() }, limit))
}

/// Every interleaving of three threads with at most three preemptions; two threads below are explored without a bound.
fn bounded(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

#[test]
fn no_more_than_the_limit_is_ever_live() {
    bounded(|| {
        let heap = limited(3, false);
        let threads = [2, 1].map(|size| {
            let heap = Arc::clone(&heap);
            thread::spawn(move || pair(&*heap, size))
        });
        pair(&*heap, 2);
        threads.into_iter().for_each(|thread| _ = thread.join().unwrap());
        assert_eq!(heap.remaining(), 3);
    });
}

#[test]
fn what_cannot_fit_never_disturbs_what_fits() {
    bounded(|| {
        let heap = limited(4, false);
        let greedy = {
            let heap = Arc::clone(&heap);
            thread::spawn(move || !pair(&*heap, 5) && !pair(&*heap, 5))
        };
        let modest = {
            let heap = Arc::clone(&heap);
            thread::spawn(move || pair(&*heap, 2) && pair(&*heap, 2))
        };
        assert!(pair(&*heap, 2), "two of two bytes fit into four");
        assert!(modest.join().unwrap() && greedy.join().unwrap());
    });
}

#[test]
fn the_child_sees_a_free_before_the_request_that_it_makes_room_for() {
    loom::model(|| {
        let heap = limited(1, true);
        let thread = {
            let heap = Arc::clone(&heap);
            thread::spawn(move || pair(&*heap, 1))
        };
        pair(&*heap, 1);
        thread.join().unwrap();
    });
}

#[test]
fn the_high_water_mark_is_the_largest_live_total() {
    loom::model(|| {
        let heap = Arc::new(Stats::<_, AtomicUsize>::with_counter(Child { limit: 10, ..Child::default() }));
        let thread = {
            let heap = Arc::clone(&heap);
            thread::spawn(move || heap.alloc(bytes(3)).is_ok())
        };
        assert!(pair(&*heap, 4) && thread.join().unwrap());
        let counts = heap.counts();
        assert_eq!((counts.live_bytes(), counts.allocs(), counts.frees()), (3, 2, 1));
        assert!([4, 7].contains(&counts.high_water()), "{}", counts.high_water());
    });
}

/// Whoever comes second has seen both blocks live.
#[test]
fn no_raise_of_the_high_water_mark_is_lost() {
    loom::model(|| {
        let heap = Arc::new(Stats::<_, AtomicUsize>::with_counter(Child { limit: 10, ..Child::default() }));
        let thread = {
            let heap = Arc::clone(&heap);
            thread::spawn(move || heap.alloc(bytes(3)).is_ok())
        };
        assert!(heap.alloc(bytes(2)).is_ok() && thread.join().unwrap());
        assert_eq!(heap.counts().high_water(), 5);
    });
}
