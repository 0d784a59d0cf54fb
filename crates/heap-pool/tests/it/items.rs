//! Creating and destroying: addresses, sizes, alignment, order, and what it asks of the child.

use heap_core::{Alignment, AllocError, Allocator};
use heap_pool::{Pool, PoolOptions, RawPool, ResetMode, SyncPool};
use heap_test::{Calls, CountingAllocator, FailingAllocator, Failures, TestAllocator};

use crate::support::{addresses, assert_apart, at, fixed, layout};

/// U-MP-01
#[test]
fn three_items_are_apart_and_the_one_destroyed_is_reused() {
    let pool = Pool::new();
    let [a, b, c] = [1_u32, 2, 3].map(|n| pool.create(n).unwrap());
    assert!(a != b && a != c && b != c);
    // SAFETY: a live item, not used again.
    unsafe { pool.destroy(b) };
    assert_eq!(pool.create(4).unwrap(), b);
    // SAFETY: live items.
    assert_eq!(unsafe { [a.read(), b.read(), c.read()] }, [1, 4, 3]);
}

/// U-MP-02
#[test]
fn a_preheated_pool_serves_from_what_it_has() {
    let child = CountingAllocator::new(TestAllocator::new());
    let pool = Pool::<u32, _>::preheated_in(4, &child).unwrap();
    assert_apart(addresses_of(&pool, 3), 4, 4);
    assert_eq!(child.calls(), Calls { alloc: 1, ..Calls::default() });
}

fn addresses_of<A: Allocator>(pool: &Pool<u32, A>, count: usize) -> Vec<usize> {
    (0..count).map(|n| at(pool.create(n as u32).unwrap())).collect()
}

/// U-MP-03
#[test]
fn preheating_over_a_child_that_fails_is_an_error_and_leaks_nothing() {
    let child = FailingAllocator::new(TestAllocator::new(), Failures::From(0));
    assert_eq!(Pool::<u32, _>::preheated_in(5, &child).err(), Some(AllocError));
    assert_eq!(child.counters().allocations, child.counters().deallocations);
}

/// U-MP-04
#[test]
fn a_pool_that_may_not_grow_refuses_the_fifth_of_four() {
    let pool = fixed(4);
    assert_apart(addresses(&pool, 4), 4, 4);
    assert_eq!((pool.create(5_u32), pool.slots(), pool.live()), (Err(AllocError), 4, 4));
    let never = Pool::<u32>::with_options(PoolOptions::new().growable(false));
    assert_eq!((never.create(1), never.slots()), (Err(AllocError), 0));
}

#[repr(align(16))]
#[derive(Default)]
struct Aligned16(#[expect(dead_code, reason = "a size")] u8);

/// U-MP-05
#[test]
fn items_are_aligned_as_their_type_says() {
    let pool = Pool::<Aligned16>::new();
    assert_apart(addresses(&pool, 100), 16, 16);
    assert_eq!((pool.slot_size(), pool.slot_align()), (16, 16));
}

/// U-MP-06
#[test]
fn items_are_aligned_as_the_options_say() {
    for align in [16, 64, 4096] {
        let options = PoolOptions::new().align(Alignment::new(align).unwrap());
        let pool = Pool::<u8>::with_options(options);
        assert_apart(addresses(&pool, 20), 1, align);
        let item = pool.create(1).unwrap();
        // SAFETY: a live item, not used again.
        unsafe { pool.destroy(item) };
        assert_eq!((pool.slot_size(), pool.slot_align(), pool.live()), (align, align, 20));
    }
    let natural = Pool::<u64>::with_options(PoolOptions::new().align(Alignment::of::<u8>()));
    assert_eq!(natural.slot_align(), align_of::<u64>(), "the larger one counts");
}

/// D-MP-01
#[test]
fn small_empty_and_odd_items_are_apart_and_aligned() {
    fn check<T: Default>(slot: usize) {
        let pool = Pool::<T>::new();
        assert_apart(addresses(&pool, 1000), size_of::<T>(), align_of::<T>());
        assert_eq!(pool.slot_size(), slot);
        assert_eq!(pool.live(), 1000);
    }
    let word = size_of::<usize>();
    check::<()>(word);
    check::<u8>(word);
    check::<[u8; 7]>(7_usize.next_multiple_of(word));
    check::<[u32; 3]>(12_usize.next_multiple_of(word));
    check::<[u64; 0]>(align_of::<u64>().max(word));
}

/// D-MP-04
#[test]
fn what_was_preheated_stays_when_more_is_refused() {
    let child = FailingAllocator::new(TestAllocator::new(), Failures::From(1));
    let pool = Pool::<u64, _>::with_options_in(PoolOptions::new().growable(false), &child);
    pool.preheat(3).unwrap();
    let item = pool.create(1).unwrap();
    assert_eq!(
        (pool.preheat(1), pool.preheat(usize::MAX), pool.slots()),
        (Err(AllocError), Err(AllocError), 3)
    );
    assert!(pool.create(2).is_ok() && pool.create(3).is_ok() && pool.create(4).is_err());
    // SAFETY: a live item, not used again.
    unsafe { pool.destroy(item) };
    assert_eq!(pool.create(5), Ok(item));
    child.set_failures(Failures::Never);
    pool.preheat(1).unwrap();
    assert!(pool.create(6).is_ok() && pool.create(7).is_err());
}

/// D-MP-05
#[test]
fn items_are_reused_last_in_first_out() {
    let pool = Pool::new();
    let items: Vec<_> = (0..1000).map(|n| pool.create(n).unwrap()).collect();
    for &item in &items {
        // SAFETY: live items, not used again.
        unsafe { pool.destroy(item) };
    }
    let again: Vec<_> = (0..1000).map(|n| pool.create(n).unwrap()).collect();
    assert!(items.iter().rev().eq(&again));
}

/// D-MP-08
#[test]
fn preheating_is_one_call_whatever_the_count() {
    for count in [1, 10, 1000, 100_000] {
        let child = CountingAllocator::new(TestAllocator::new());
        let pool = Pool::<u64, _>::new_in(&child);
        pool.preheat(count).unwrap();
        (0..count as u64).for_each(|n| _ = pool.create(n).unwrap());
        assert_eq!(child.calls().alloc, 1, "{count}");
        drop(pool);
        assert_eq!(child.calls().free, 1, "{count}");
    }
}

#[test]
fn a_growing_pool_calls_its_child_a_logarithmic_number_of_times() {
    let child = CountingAllocator::new(TestAllocator::new());
    let pool = Pool::<u64, _>::new_in(&child);
    (0..100_000).for_each(|n| _ = pool.create(n).unwrap());
    assert!(child.calls().alloc <= 12, "{} calls", child.calls().alloc);
    assert!(pool.slots() < 3 * 100_000);
}

#[test]
fn slabs_follow_the_options() {
    let child = CountingAllocator::new(TestAllocator::new());
    let options = PoolOptions::new().first_slab(10).max_slab(10);
    let pool = Pool::<u64, _>::with_options_in(options, &child);
    (0..100).for_each(|n| _ = pool.create(n).unwrap());
    assert_eq!((child.calls().alloc, pool.slots()), (10, 100));
}

#[test]
fn preheating_forgets_no_slot_of_the_slab_at_hand() {
    let child = CountingAllocator::new(TestAllocator::new());
    let pool = Pool::<u64, _>::with_options_in(PoolOptions::new().growable(false), &child);
    pool.preheat(5).unwrap();
    let mut all = vec![at(pool.create(0).unwrap())];
    pool.preheat(5).unwrap();
    all.extend((1..10).map(|n| at(pool.create(n).unwrap())));
    assert!(pool.create(10).is_err());
    assert_apart(all, 8, 8);
    assert_eq!(child.calls().alloc, 2);
}

#[test]
fn a_child_that_is_almost_empty_serves_single_slots() {
    // The slab that is due fails, the one of a single slot does not.
    let child = FailingAllocator::new(TestAllocator::new(), Failures::Once(0));
    let pool = Pool::<u64, _>::with_options_in(PoolOptions::new().first_slab(1000), &child);
    assert!(pool.create(1).is_ok());
    assert_eq!(pool.slots(), 1);
}

#[test]
fn an_absurd_layout_or_count_is_refused_and_changes_nothing() {
    let huge = RawPool::new(layout(isize::MAX as usize, 1));
    assert!(huge.alloc_slot().is_err() && huge.preheat(2).is_err() && huge.preheat(usize::MAX).is_err());
    let steep =
        RawPool::with_options_in(layout(1, 1), PoolOptions::new().align(Alignment::MAX), heap_core::Global);
    assert!(steep.alloc_slot().is_err());
    let pool = Pool::<u64>::new();
    for count in [usize::MAX, usize::MAX / 8, isize::MAX as usize / 8] {
        assert!(pool.preheat(count).is_err(), "{count}");
    }
    assert_eq!((pool.slots(), pool.preheat(0)), (0, Ok(())));
    assert!(pool.create(1).is_ok());
}

#[test]
fn every_live_item_is_iterated_once() {
    let mut pool = Pool::new();
    assert_eq!(pool.iter_mut().count(), 0);
    let items: Vec<_> = (0..1000_u32).map(|n| pool.create(n).unwrap()).collect();
    for item in items.iter().filter(|item| item.addr().get() / 8 % 3 == 0) {
        // SAFETY: live items, not used again.
        unsafe { pool.destroy(*item) };
    }
    let mut expected: Vec<u32> =
        // SAFETY: the others are live.
        items.iter().filter(|item| item.addr().get() / 8 % 3 != 0).map(|item| unsafe { item.read() }).collect();
    let mut found: Vec<_> = pool.iter_mut().map(|n| *n).collect();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
    assert_eq!(pool.iter_mut().count(), pool.live(), "and again");
    let first = pool.create(5000).unwrap();
    assert!(pool.iter_mut().any(|n| *n == 5000));
    // SAFETY: a live item, not used again.
    unsafe { pool.destroy(first) };
    pool.reset(ResetMode::RetainCapacity);
    assert_eq!(pool.iter_mut().count(), 0);
}

#[test]
fn a_shared_pool_iterates_over_live_items_and_not_over_those_at_hand() {
    let mut pool = SyncPool::<u64>::new();
    let items: Vec<_> = (0..500).map(|n| pool.create(n).unwrap()).collect();
    for &item in &items[..450] {
        // SAFETY: live items, not used again.
        unsafe { pool.destroy(item) };
    }
    let mut found: Vec<_> = pool.iter_mut().map(|n| *n).collect();
    found.sort_unstable();
    assert!(found.iter().copied().eq(450..500));
    assert_eq!(pool.live(), 50);
}
