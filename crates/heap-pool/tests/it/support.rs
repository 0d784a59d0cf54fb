//! What the tests share.

use std::alloc::Layout;
use std::cell::Cell;
use std::ptr::NonNull;
use std::rc::Rc;

use heap_pool::{Pool, PoolOptions};

/// A pool that may not grow, over the global allocator.
pub(crate) fn fixed<T>(count: usize) -> Pool<T> {
    let pool = Pool::with_options(PoolOptions::new().growable(false));
    pool.preheat(count).unwrap();
    pool
}

pub(crate) fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

/// Addresses of `count` new items.
pub(crate) fn addresses<T: Default>(pool: &Pool<T>, count: usize) -> Vec<usize> {
    (0..count).map(|_| at(pool.create(T::default()).unwrap())).collect()
}

pub(crate) fn at<T>(item: NonNull<T>) -> usize {
    item.addr().get()
}

/// Fails if two items of `size` bytes at these addresses share a byte, or one is not aligned.
pub(crate) fn assert_apart(mut addresses: Vec<usize>, size: usize, align: usize) {
    addresses.sort_unstable();
    assert!(addresses.windows(2).all(|pair| pair[0] + size.max(1) <= pair[1]), "items overlap");
    assert!(addresses.iter().all(|addr| addr.is_multiple_of(align)), "an item is not aligned");
}

/// Counts how often its clones are dropped.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drops(Rc<Cell<usize>>);

impl Drops {
    pub(crate) fn count(&self) -> usize {
        self.0.get()
    }

    pub(crate) fn one(&self) -> CountsDrop {
        CountsDrop(self.clone())
    }
}

#[derive(Debug)]
pub(crate) struct CountsDrop(Drops);

impl Drop for CountsDrop {
    fn drop(&mut self) {
        self.0.0.set(self.0.0.get() + 1);
    }
}
