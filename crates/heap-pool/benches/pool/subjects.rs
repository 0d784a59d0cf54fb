//! The subjects: each pool behind the same verbs.

use std::cell::UnsafeCell;
use std::ptr::NonNull;

use heap_pool::{Pool, PoolBox, SyncPool};

use crate::work::Item;

/// A place for items.
pub(crate) trait Store {
    /// What an item is found by.
    type Handle<'a>
    where
        Self: 'a;
    /// An empty store; those that cannot grow have room for `count` items.
    fn new(count: usize) -> Self;
    fn create(&self, item: Item) -> Self::Handle<'_>;
    /// Destroys an item and returns its first word.
    fn destroy<'a>(&'a self, handle: Self::Handle<'a>) -> u64;
    /// The first word of an item.
    fn read<'a>(&'a self, handle: &Self::Handle<'a>) -> u64;
    /// Creates an item that nobody destroys; returns where it is.
    fn leave(&self, item: Item) -> usize {
        std::mem::forget(self.create(item));
        0
    }
}

/// A value changed through `&self`, for rivals whose methods need `&mut`, without the cost of a `RefCell`.
pub(crate) struct Own<T>(UnsafeCell<T>);

impl<T> Own<T> {
    fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: one thread, and no `f` here comes back.
        f(unsafe { &mut *self.0.get() })
    }
}

const NO_MEMORY: &str = "there is memory";

pub(crate) type HeapPool = Pool<Item>;
pub(crate) type HeapSyncPool = SyncPool<Item>;

/// Ours, whose handles are plain pointers.
macro_rules! ours {
    ($pool:ty) => {
        impl Store for $pool {
            type Handle<'a> = NonNull<Item>;
            fn new(_: usize) -> Self {
                <$pool>::new()
            }
            #[inline]
            fn create(&self, item: Item) -> NonNull<Item> {
                self.create(item).expect(NO_MEMORY)
            }
            #[inline]
            fn destroy(&self, handle: NonNull<Item>) -> u64 {
                // SAFETY: live, destroyed once.
                unsafe { self.take_out(handle) }.words[0]
            }
            fn read(&self, handle: &NonNull<Item>) -> u64 {
                // SAFETY: live.
                unsafe { handle.as_ref() }.words[0]
            }
            fn leave(&self, item: Item) -> usize {
                self.create(item).expect(NO_MEMORY).addr().get()
            }
        }
    };
}
ours!(HeapPool);
ours!(HeapSyncPool);

pub(crate) struct HeapPoolBox(Pool<Item>);

impl Store for HeapPoolBox {
    type Handle<'a> = PoolBox<'a, Item, Pool<Item>>;
    fn new(_: usize) -> Self {
        Self(Pool::new())
    }
    #[inline]
    fn create(&self, item: Item) -> Self::Handle<'_> {
        self.0.boxed(item).expect(NO_MEMORY)
    }
    #[inline]
    fn destroy<'a>(&'a self, handle: Self::Handle<'a>) -> u64 {
        handle.words[0]
    }
    fn read<'a>(&'a self, handle: &Self::Handle<'a>) -> u64 {
        handle.words[0]
    }
}

pub(crate) struct Boxed;

impl Store for Boxed {
    type Handle<'a> = Box<Item>;
    fn new(_: usize) -> Self {
        Self
    }
    #[inline]
    fn create(&self, item: Item) -> Box<Item> {
        Box::new(item)
    }
    #[inline]
    fn destroy(&self, handle: Box<Item>) -> u64 {
        handle.words[0]
    }
    fn read(&self, handle: &Box<Item>) -> u64 {
        handle.words[0]
    }
    fn leave(&self, item: Item) -> usize {
        std::ptr::from_mut(Box::leak(Box::new(item))).addr()
    }
}

pub(crate) type SlabKeys = Own<slab::Slab<Item>>;

impl Store for SlabKeys {
    type Handle<'a> = usize;
    fn new(_: usize) -> Self {
        Self::new(slab::Slab::new())
    }
    #[inline]
    fn create(&self, item: Item) -> usize {
        self.with(|slab| slab.insert(item))
    }
    #[inline]
    fn destroy(&self, handle: usize) -> u64 {
        self.with(|slab| slab.remove(handle)).words[0]
    }
    fn read(&self, handle: &usize) -> u64 {
        self.with(|slab| slab[*handle].words[0])
    }
    fn leave(&self, item: Item) -> usize {
        self.create(item)
    }
}

pub(crate) type TypedArena = typed_arena::Arena<Item>;

/// It destroys nothing: only for cases that do not ask for it.
impl Store for TypedArena {
    type Handle<'a> = &'a mut Item;
    fn new(_: usize) -> Self {
        Self::new()
    }
    #[inline]
    fn create(&self, item: Item) -> &mut Item {
        self.alloc(item)
    }
    fn destroy<'a>(&'a self, handle: &'a mut Item) -> u64 {
        handle.words[0]
    }
    fn read<'a>(&'a self, handle: &&'a mut Item) -> u64 {
        handle.words[0]
    }
    fn leave(&self, item: Item) -> usize {
        std::ptr::from_mut(self.alloc(item)).addr()
    }
}

pub(crate) type ObjectPool = object_pool::Pool<Item>;

impl Store for ObjectPool {
    type Handle<'a> = object_pool::Reusable<'a, Item>;
    fn new(count: usize) -> Self {
        Self::new(count, Item::default)
    }
    #[inline]
    fn create(&self, item: Item) -> Self::Handle<'_> {
        let mut handle = self.pull(Item::default);
        *handle = item;
        handle
    }
    #[inline]
    fn destroy<'a>(&'a self, handle: Self::Handle<'a>) -> u64 {
        handle.words[0]
    }
    fn read<'a>(&'a self, handle: &Self::Handle<'a>) -> u64 {
        handle.words[0]
    }
}

/// Makes the items of the two pools of opool.
pub(crate) struct MakeItem;

impl opool::PoolAllocator<Item> for MakeItem {
    fn allocate(&self) -> Item {
        Item::default()
    }
}

pub(crate) type Opool = opool::Pool<MakeItem, Item>;

impl Store for Opool {
    type Handle<'a> = opool::RefGuard<'a, MakeItem, Item>;
    fn new(count: usize) -> Self {
        Self::new_prefilled(count, MakeItem)
    }
    #[inline]
    fn create(&self, item: Item) -> Self::Handle<'_> {
        let mut handle = self.get();
        *handle = item;
        handle
    }
    #[inline]
    fn destroy<'a>(&'a self, handle: Self::Handle<'a>) -> u64 {
        handle.words[0]
    }
    fn read<'a>(&'a self, handle: &Self::Handle<'a>) -> u64 {
        handle.words[0]
    }
}

pub(crate) type OpoolLocal = opool::LocalPool<MakeItem, Item>;

impl Store for OpoolLocal {
    type Handle<'a> = opool::RefLocalGuard<'a, MakeItem, Item>;
    fn new(count: usize) -> Self {
        Self::new_prefilled(count, MakeItem)
    }
    #[inline]
    fn create(&self, item: Item) -> Self::Handle<'_> {
        let mut handle = self.get();
        *handle = item;
        handle
    }
    #[inline]
    fn destroy<'a>(&'a self, handle: Self::Handle<'a>) -> u64 {
        handle.words[0]
    }
    fn read<'a>(&'a self, handle: &Self::Handle<'a>) -> u64 {
        handle.words[0]
    }
}

pub(crate) type InfinityRaw = Own<infinity_pool::RawPinnedPool<Item>>;

impl Store for InfinityRaw {
    type Handle<'a> = infinity_pool::RawPooledMut<Item>;
    fn new(_: usize) -> Self {
        Self::new(infinity_pool::RawPinnedPool::new())
    }
    #[inline]
    fn create(&self, item: Item) -> Self::Handle<'_> {
        self.with(|pool| pool.insert(item))
    }
    #[inline]
    fn destroy<'a>(&'a self, handle: Self::Handle<'a>) -> u64 {
        let first = self.read(&handle);
        // SAFETY: live, removed once.
        self.with(|pool| unsafe { pool.remove(handle) });
        first
    }
    fn read<'a>(&'a self, handle: &Self::Handle<'a>) -> u64 {
        // SAFETY: live, and the pool is, too.
        unsafe { handle.as_ref() }.words[0]
    }
    fn leave(&self, item: Item) -> usize {
        self.create(item).ptr().addr().get()
    }
}

pub(crate) type InfinityLocal = infinity_pool::LocalPinnedPool<Item>;

impl Store for InfinityLocal {
    type Handle<'a> = infinity_pool::LocalPooledMut<Item>;
    fn new(_: usize) -> Self {
        Self::new()
    }
    #[inline]
    fn create(&self, item: Item) -> Self::Handle<'_> {
        self.insert(item)
    }
    #[inline]
    fn destroy<'a>(&'a self, handle: Self::Handle<'a>) -> u64 {
        handle.words[0]
    }
    fn read<'a>(&'a self, handle: &Self::Handle<'a>) -> u64 {
        handle.words[0]
    }
}
