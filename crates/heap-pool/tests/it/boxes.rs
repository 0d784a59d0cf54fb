//! `PoolBox`: drops, panics, and moving in and out.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use heap_core::AllocError;
use heap_pool::{Pool, PoolBox, ResetMode};

use crate::support::{Drops, fixed};

/// D-MP-07
#[test]
fn a_box_drops_its_value_once_and_gives_the_slot_back() {
    let drops = Drops::default();
    let pool = fixed(1);
    for round in 1..=3 {
        let item = pool.boxed(drops.one()).unwrap();
        assert_eq!((drops.count(), pool.live()), (round - 1, 1));
        drop(item);
        assert_eq!((drops.count(), pool.live()), (round, 0));
    }
}

#[test]
fn a_value_for_which_there_is_no_slot_is_dropped_or_not_made() {
    let drops = Drops::default();
    let pool = fixed(0);
    assert_eq!(pool.create(drops.one()).err(), Some(AllocError));
    assert_eq!(drops.count(), 1);
    assert_eq!(pool.create_with(|| drops.one()).err(), Some(AllocError));
    assert_eq!(drops.count(), 1);
}

#[test]
fn values_move_out_undropped() {
    let drops = Drops::default();
    let pool = fixed(1);
    let value = PoolBox::into_inner(pool.boxed(drops.one()).unwrap());
    assert_eq!((drops.count(), pool.live()), (0, 0));
    drop(value);
    let item = PoolBox::into_raw(pool.boxed(drops.one()).unwrap());
    assert_eq!((drops.count(), pool.live()), (1, 1));
    // SAFETY: just from `into_raw`.
    drop(unsafe { PoolBox::from_raw(item, &pool) });
    assert_eq!((drops.count(), pool.live()), (2, 0));
}

#[test]
fn a_leaked_value_stays_until_the_pool_is_cleared() {
    let drops = Drops::default();
    let mut pool = Pool::new();
    let kept = PoolBox::leak(pool.boxed((1, drops.one())).unwrap());
    kept.0 = 2;
    assert!(pool.iter_mut().map(|item| item.0).eq([2]));
    pool.clear();
    assert_eq!(drops.count(), 1);
    std::mem::forget(pool.boxed((3, drops.one())).unwrap());
    pool.reset(ResetMode::RetainCapacity);
    assert_eq!((drops.count(), pool.live()), (1, 0));
}

#[test]
fn a_panic_in_a_constructor_gives_the_slot_back() {
    let pool = fixed::<String>(1);
    catch_unwind(AssertUnwindSafe(|| pool.create_with(|| panic!("no value")))).unwrap_err();
    assert_eq!((pool.live(), pool.create(String::new()).is_ok()), (0, true));
}

struct PanicsInDrop;

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("in drop");
    }
}

#[test]
fn a_panic_in_a_drop_gives_the_slot_back() {
    let pool = fixed(1);
    for _ in 0..3 {
        let item = pool.boxed(PanicsInDrop).unwrap();
        catch_unwind(AssertUnwindSafe(|| drop(item))).unwrap_err();
        assert_eq!(pool.live(), 0);
    }
}

/// Uses the pool that it is in while it is made and dropped.
struct Node<'p> {
    pool: &'p Pool<Node<'p>>,
    children: RefCell<Vec<PoolBox<'p, Node<'p>, Pool<Node<'p>>>>>,
}

impl Drop for Node<'_> {
    fn drop(&mut self) {
        let before = self.pool.live();
        let left = self.pool.boxed(Node { pool: self.pool, children: RefCell::default() });
        std::mem::forget(left);
        assert_eq!(self.pool.live(), before + 1);
    }
}

#[test]
fn items_may_use_their_pool_while_they_are_made_and_dropped() {
    let pool = Pool::new();
    let node = || Node { pool: &pool, children: RefCell::default() };
    let root = pool.create_with(|| {
        let root = node();
        root.children.borrow_mut().push(pool.boxed(node()).unwrap());
        root
    });
    assert_eq!(pool.live(), 2);
    // SAFETY: live, not used again. Both nodes leave one behind when they go.
    unsafe { pool.destroy(root.unwrap()) };
    assert_eq!(pool.live(), 2);
}
