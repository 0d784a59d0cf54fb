//! `FailingAllocator` and `CountingAllocator`.

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_core::{AllocError, Allocator, Global, Owns, Reset};
use heap_test::{
    Block, Calls, Counters, CountingAllocator, FailingAllocator, Failures, Limits, Program, TestAllocator,
    ValidationAllocator,
};

use crate::bump::Bump;

heap_test::conformance!(that_never_fails, || FailingAllocator::new(Global, Failures::Never); sync);
heap_test::conformance!(that_refuses_resizes, || {
    FailingAllocator::new(Global, Failures::Never).refuse_resizes_from(0)
});
heap_test::conformance!(
    that_always_fails,
    || FailingAllocator::new(Global, Failures::From(0)),
    Limits::NOTHING
);
heap_test::conformance!(counting, || CountingAllocator::new(Global); sync);

const WORD: Layout = Layout::new::<u64>();

fn word<A: Allocator>(allocator: &A) -> Option<Block<'_, A>> {
    Block::alloc(allocator, WORD, 1).ok()
}

/// U-FA-01
#[test]
fn the_third_allocation_fails_and_the_second_resize_is_refused() {
    let failing = FailingAllocator::new(Global, Failures::From(2)).refuse_resizes_from(1);
    let (mut first, second) = (word(&failing).unwrap(), word(&failing).unwrap());
    assert!(word(&failing).is_none());
    assert!(first.remap(16).unwrap());
    assert!(!first.remap(24).unwrap() && !first.resize(16).unwrap());
    drop(second);
}

/// D-FA-01
#[test]
fn counters_follow_a_mixed_sequence_and_the_trace_comes_with_the_first_induced_failure() {
    let failing = FailingAllocator::new(Global, Failures::Never);
    let mut grown = word(&failing).unwrap();
    assert!(grown.remap(100).unwrap() && grown.remap(30).unwrap());
    word(&failing).unwrap().free().unwrap();
    Block::alloc(&failing, Layout::new::<()>(), 1).unwrap().free().unwrap();
    let mixed = Counters {
        allocations: 2,
        deallocations: 1,
        resizes: 2,
        allocated_bytes: 108,
        freed_bytes: 78,
        induced_failures: 0,
    };
    assert_eq!(failing.counters(), mixed);
    // The backing's own refusal is not induced. So much at such an alignment has no place on 32 bits either.
    let half = isize::MAX as usize / 2 + 1;
    assert!(failing.alloc(Layout::from_size_align(half, half).unwrap()).is_err());
    assert!(failing.counters() == mixed && !failing.has_induced_failure() && failing.trace().is_none());

    failing.set_failures(Failures::From(0));
    assert!(word(&failing).is_none());
    assert_eq!(failing.counters(), Counters { induced_failures: 1, ..mixed });
    assert!(failing.has_induced_failure());
    assert!(failing.trace().unwrap().to_string().contains("failing"));
    grown.free().unwrap();
    assert_eq!(failing.counters().allocated_bytes, failing.counters().freed_bytes);
}

/// D-FA-02
#[test]
fn a_failure_is_sticky_until_the_index_is_raised() {
    let failing = FailingAllocator::new(Global, Failures::From(1));
    let first = word(&failing);
    assert!((0..5).all(|_| word(&failing).is_none()));
    assert!(failing.alloc_zeroed(WORD).is_err());
    failing.set_failures(Failures::From(2));
    let second = word(&failing);
    assert!(first.is_some() && second.is_some() && word(&failing).is_none());
}

#[test]
fn single_and_periodic_failures_come_where_they_should() {
    let pattern = |order| {
        let failing = FailingAllocator::new(Global, order);
        (0..7).map(|_| if word(&failing).is_some() { '+' } else { '-' }).collect::<String>()
    };
    assert_eq!(pattern(Failures::Once(3)), "+++-+++");
    assert_eq!(pattern(Failures::Every(3)), "++-++-+");
    assert_eq!(pattern(Failures::Every(0)), "+++++++");
    assert_eq!(pattern(Failures::From(7)), "+++++++");
}

/// D-FA-03
#[test]
fn it_works_behind_every_wrapper_of_the_family() {
    let failing = FailingAllocator::new(Global, Failures::Every(3));
    let object: &dyn Allocator = &failing;
    // Every refusal is forgiven, as the total is zero.
    let limits = Limits::NOTHING.max_size(2000).max_align(64);
    let program = Program::from_seed(1, 500, &limits);
    for wrapped in [
        &ValidationAllocator::new(object) as &dyn Allocator,
        &TestAllocator::new_in(object),
        &CountingAllocator::new(object),
        &FailingAllocator::new(object, Failures::Every(2)),
    ] {
        let done = program.run(wrapped, &limits).unwrap();
        assert!(done.refused > 50, "{done:?}");
    }
    let counters = failing.counters();
    assert_eq!(
        (counters.allocations, counters.allocated_bytes),
        (counters.deallocations, counters.freed_bytes)
    );
    assert!(failing.has_induced_failure());
}

#[test]
fn a_claimed_usable_size_does_not_spoil_the_byte_counts() {
    let roomy = FailingAllocator::new(Roomy, Failures::Never);
    let mut block = word(&roomy).unwrap();
    block.claim_usable();
    block.free().unwrap();
    assert_eq!((roomy.counters().allocated_bytes, roomy.counters().freed_bytes), (8, 8));
}

/// Gives twice of what is asked for.
struct Roomy;

fn twice(layout: Layout) -> Layout {
    Layout::from_size_align(layout.size() * 2, layout.align()).unwrap()
}

// SAFETY: blocks of `Global` with a length that every fitting layout doubles to at least; the test frees with the
// requested size only, which doubles to the same.
unsafe impl Allocator for Roomy {
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        Global.alloc(twice(layout))
    }
    unsafe fn resize(&self, _block: NonNull<u8>, _layout: Layout, _new_size: usize) -> bool {
        false
    }
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: allocated with twice the layout.
        unsafe { Global.free(block, twice(layout)) }
    }
}

/// Has what the capability traits need.
#[derive(Debug)]
struct Forgetful(Bump, u32);

// SAFETY: forwarded unchanged.
unsafe impl Allocator for Forgetful {
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.0.alloc(layout)
    }
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        // SAFETY: the caller's promise is the same.
        unsafe { self.0.resize(block, layout, new_size) }
    }
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise is the same.
        unsafe { self.0.free(block, layout) }
    }
}

// SAFETY: the bump answers from its bounds.
unsafe impl Owns for Forgetful {
    fn owns(&self, block: NonNull<u8>) -> bool {
        self.0.contains(block)
    }
}

impl Reset for Forgetful {
    fn reset(&mut self) {
        self.0.forget_all();
        self.1 += 1;
    }
}

heap_test::conformance!(forgetful, || Forgetful(Bump::new(64 << 20), 0); sync, owns, reset);

#[test]
fn a_reset_counts_live_blocks_as_freed() {
    let mut failing = FailingAllocator::new(Forgetful(Bump::new(1000), 0), Failures::Never);
    word(&failing).unwrap().forget();
    failing.reset();
    assert_eq!(failing.inner().1, 1);
    assert_eq!(failing.counters().allocated_bytes, failing.counters().freed_bytes);
    let mut checked = ValidationAllocator::new(failing);
    word(&checked).unwrap().forget();
    checked.reset();
    assert!(checked.live().is_empty() && checked.inner().inner().1 == 2);
}

/// D-AL-05
#[test]
fn realloc_asks_for_a_remap_first_and_copies_only_when_refused() {
    let counting = CountingAllocator::new(Global);
    let mut block = word(&counting).unwrap();
    block.realloc(Layout::array::<u64>(10).unwrap()).unwrap();
    assert_eq!(counting.calls(), Calls { alloc: 1, remap: 1, ..Calls::default() });
    block.realloc(Layout::from_size_align(80, 32).unwrap()).unwrap();
    assert_eq!(counting.calls(), Calls { alloc: 2, remap: 1, free: 1, ..Calls::default() });
    drop(block);

    let refusing =
        CountingAllocator::new(FailingAllocator::new(Global, Failures::Never).refuse_resizes_from(0));
    word(&refusing).unwrap().realloc(Layout::array::<u64>(10).unwrap()).unwrap();
    assert_eq!(refusing.calls(), Calls { alloc: 2, remap: 1, free: 2, ..Calls::default() });
}
