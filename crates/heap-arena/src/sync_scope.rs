//! Returning to an earlier place in an allocator that threads share: raw marks, and scopes that the borrow checker holds.
//!
//! The counterpart of [`mark`](crate::mark). Between threads nobody can say what came since, so going back needs that
//! nobody else is there: a scope borrows the allocator exclusively while it is open, and what is shared by threads
//! meanwhile is the scope. When it ends, its borrow has ended in all of them.

use core::alloc::Layout;
use core::marker::PhantomData;
use core::ptr::NonNull;

use heap_core::{AllocError, Allocator};

use crate::drops::{Entry, SyncDropList};
use crate::finally::Finally;
use crate::typed::TypedAlloc;

/// A bump allocator that threads share, and that can return to an earlier place, which frees all blocks made since.
///
/// The counterpart of [`Rewind`](crate::Rewind), where the mark is shared and the rewind too: here, both are exclusive.
///
/// ```
/// use core::alloc::Layout;
/// use heap_arena::{SyncArena, SyncRewind};
/// use heap_core::Allocator;
/// let mut arena = SyncArena::new();
/// let kept = arena.alloc(Layout::new::<u64>())?;
/// let (mark, used) = (arena.mark(), arena.used());
/// arena.alloc(Layout::new::<[u64; 10_000]>())?;
/// // SAFETY: nothing made since the mark is used.
/// unsafe { arena.rewind(mark) };
/// assert_eq!(arena.used(), used);
/// # Ok::<(), heap_core::AllocError>(())
/// ```
///
/// While a thread has the allocator there is no mark:
///
/// ```compile_fail,E0502
/// use heap_arena::{SyncArena, SyncRewind, TypedAlloc};
/// let mut arena = SyncArena::new();
/// std::thread::scope(|threads| {
///     let thread = threads.spawn(|| arena.alloc_value(1).map(|n| *n));
///     let mark = arena.mark();
///     drop(thread);
/// });
/// ```
///
/// # Safety
///
/// An implementation keeps the blocks made before the mark valid and unchanged through a rewind; and whoever borrows the
/// value exclusively is its only user: it is no handle of which there may be others.
pub unsafe trait SyncRewind: Allocator {
    /// A place.
    type Mark: Copy;

    /// The current place. O(threads that have used it).
    fn mark(&mut self) -> Self::Mark {
        // SAFETY: exclusively borrowed.
        unsafe { self.mark_alone() }
    }

    /// Returns to a mark: frees all blocks made since, by whatever thread. Values registered with `alloc_drop` since are
    /// dropped, the latest first. O(chunks made since).
    ///
    /// # Safety
    ///
    /// `mark` is of this allocator, which has since been neither reset nor rewound to an earlier mark, and no block and no
    /// value made since is used any more; a block that has grown since counts as made since.
    unsafe fn rewind(&mut self, mark: Self::Mark) {
        // SAFETY: the caller's promise, and exclusively borrowed.
        unsafe { self.rewind_alone(&mark) };
    }

    /// As [`mark`](Self::mark), where the borrow does not show that nobody else is there.
    ///
    /// # Safety
    ///
    /// No other thread uses the allocator meanwhile.
    unsafe fn mark_alone(&self) -> Self::Mark;

    /// As [`rewind`](Self::rewind), where the borrow does not show that nobody else is there.
    ///
    /// # Safety
    ///
    /// As there; and no other thread uses the allocator meanwhile.
    unsafe fn rewind_alone(&self, mark: &Self::Mark);
}

/// An open scope of an allocator that threads share: when it is dropped, everything allocated in it is gone and its
/// `alloc_drop` values are dropped.
///
/// Made by `scope` of a [`SyncArena`](crate::SyncArena), a [`SyncFixedBuffer`](crate::SyncFixedBuffer) or an outer
/// [`SyncScope`]. [`enter`](Self::enter) gives the allocator to work with. Where a closure will do, `scoped` is shorter. A
/// guard that is leaked keeps its memory until the next reset.
///
/// ```
/// use heap_arena::{SyncArena, TypedAlloc};
/// let mut arena = SyncArena::new();
/// for round in 0..3 {
///     let mut guard = arena.scope();
///     let scope = guard.enter();
///     std::thread::scope(|threads| {
///         for n in 0..4 {
///             threads.spawn(|| assert_eq!(scope.alloc_iter(0..100).unwrap().len(), 100));
///         }
///     });
///     drop(guard);
///     assert_eq!(arena.used(), 0, "round {round}");
/// }
/// ```
///
/// What is allocated in a scope cannot leave it:
///
/// ```compile_fail,E0597
/// use heap_arena::{SyncArena, TypedAlloc};
/// let mut arena = SyncArena::new();
/// let name;
/// {
///     let mut guard = arena.scope();
///     name = guard.enter().alloc_str("gone").unwrap();
/// }
/// assert_eq!(name, "gone");
/// ```
///
/// nor can a thread that may outlive it have it:
///
/// ```compile_fail,E0597
/// use heap_arena::{SyncArena, TypedAlloc};
/// let arena: &'static mut SyncArena = Box::leak(Box::new(SyncArena::new()));
/// let mut guard = arena.scope();
/// let scope = guard.enter();
/// std::thread::spawn(move || scope.alloc_str("too late").map(drop));
/// ```
///
/// and while it is open, no thread has the arena:
///
/// ```compile_fail,E0502
/// use heap_arena::{SyncArena, TypedAlloc};
/// let mut arena = SyncArena::new();
/// let guard = arena.scope();
/// std::thread::scope(|threads| {
///     threads.spawn(|| arena.alloc_str("would be overwritten").map(drop));
/// });
/// drop(guard);
/// ```
#[derive(Debug)]
pub struct SyncScopeGuard<'env, B: SyncRewind> {
    bump: &'env B,
    mark: B::Mark,
    drops: SyncDropList,
    /// Invariant in `'env`: `alloc_drop` takes what outlives it, and a shorter one would accept what dies earlier.
    env: PhantomData<fn(&'env mut B) -> &'env mut B>,
}

impl<'env, B: SyncRewind> SyncScopeGuard<'env, B> {
    /// Opens a scope.
    #[inline]
    pub fn new(bump: &'env mut B) -> Self {
        // SAFETY: the exclusive borrow is given up to the guard.
        unsafe { Self::over(bump) }
    }

    /// # Safety
    ///
    /// For all of `'env` nobody else allocates from or rewinds `bump`.
    #[inline]
    unsafe fn over(bump: &'env B) -> Self {
        // SAFETY: the caller's promise: nobody else is there.
        Self { bump, mark: unsafe { bump.mark_alone() }, drops: SyncDropList::new(), env: PhantomData }
    }

    /// The allocator of this scope. What it hands out lives as long as the guard is borrowed, at most.
    #[inline]
    pub fn enter<'s>(&'s mut self) -> SyncScope<'s, 'env, B> {
        SyncScope { bump: self.bump, drops: &self.drops, env: PhantomData }
    }
}

impl<B: SyncRewind> Drop for SyncScopeGuard<'_, B> {
    fn drop(&mut self) {
        // SAFETY: everything made since the mark was made through a `SyncScope`, whose borrow of the guard has ended, in all
        // threads; inner scopes, which rewound to later marks, have ended too.
        let _rewound = Finally(|| unsafe { self.bump.rewind_alone(&self.mark) });
        // SAFETY: as above. The values' types outlive `'env`, which is not over, and are `Send`: this may be another thread.
        unsafe { self.drops.run(None) };
    }
}

/// An allocator that threads share, and whose blocks live until the end of a scope `'s`.
///
/// It can be lent to threads, handed to collections (`Vec::new_in(&scope)`), used through [`TypedAlloc`], and nested:
///
/// ```
/// use heap_arena::{SyncArena, TypedAlloc};
/// let mut arena = SyncArena::new();
/// arena.scoped(|mut outer| {
///     let total = std::sync::atomic::AtomicUsize::new(0);
///     let total = outer.alloc_value(total)?;
///     outer.scoped(|inner| {
///         std::thread::scope(|threads| {
///             for n in 0..4 {
///                 let (inner, total) = (&inner, &*total);
///                 threads.spawn(move || {
///                     let scratch = inner.alloc_iter(0..n).unwrap();
///                     total.fetch_add(scratch.len(), std::sync::atomic::Ordering::Relaxed);
///                 });
///             }
///         });
///     });
///     assert_eq!(*total.get_mut(), 6);
///     Ok::<(), heap_core::AllocError>(())
/// })?;
/// # Ok::<(), heap_core::AllocError>(())
/// ```
///
/// While an inner scope is open, nothing can be allocated from the outer one:
///
/// ```compile_fail,E0502
/// use heap_arena::{SyncArena, TypedAlloc};
/// let mut arena = SyncArena::new();
/// arena.scoped(|mut outer| {
///     let inner = outer.scope();
///     let lost = outer.alloc_value(1).unwrap();
///     drop(inner);
/// });
/// ```
///
/// and threads share it only if they may share the child:
///
/// ```compile_fail,E0277
/// use heap_arena::{Arena, SyncArena, TypedAlloc};
/// let mut arena = SyncArena::<_, 16>::new_in(Arena::new());
/// arena.scoped(|scope| {
///     std::thread::scope(|threads| {
///         threads.spawn(|| scope.alloc_value(1).map(drop));
///     });
/// });
/// ```
#[derive(Debug)]
pub struct SyncScope<'s, 'env: 's, B: SyncRewind> {
    bump: &'s B,
    drops: &'s SyncDropList,
    env: PhantomData<fn(&'env mut B) -> &'env mut B>,
}

impl<'s, 'env, B: SyncRewind> SyncScope<'s, 'env, B> {
    /// Opens a scope inside this one, which cannot be used until that is closed.
    #[inline]
    pub fn scope(&mut self) -> SyncScopeGuard<'_, B> {
        // SAFETY: the exclusive borrow of this scope lasts as long as the inner guard's `'env`; and this scope is the
        // only way to the allocator: not `Copy`, and what `enter` borrows or `scope` below it is borrowed through it.
        unsafe { SyncScopeGuard::over(self.bump) }
    }

    /// Runs `f` in a scope inside this one.
    #[inline]
    pub fn scoped<'inner, R>(&'inner mut self, f: impl for<'t> FnOnce(SyncScope<'t, 'inner, B>) -> R) -> R {
        f(self.scope().enter())
    }

    /// Moves a value in, and drops it at the end of the scope, on the thread that ends it: values registered later are
    /// dropped first.
    ///
    /// The value may borrow whatever outlives the borrow of the allocator itself, but not what dies inside:
    ///
    /// ```compile_fail,E0597
    /// use heap_arena::SyncArena;
    /// struct Noisy<'a>(&'a String);
    /// impl Drop for Noisy<'_> {
    ///     fn drop(&mut self) {
    ///         println!("{}", self.0);
    ///     }
    /// }
    /// let mut arena = SyncArena::new();
    /// let mut guard = arena.scope();
    /// {
    ///     let name = String::from("short-lived");
    ///     guard.enter().alloc_drop(Noisy(&name)).map_err(drop).unwrap();
    /// }
    /// ```
    ///
    /// and it must be able to go to another thread:
    ///
    /// ```compile_fail,E0277
    /// use heap_arena::SyncArena;
    /// let mut arena = SyncArena::new();
    /// arena.scoped(|scope| {
    ///     scope.alloc_drop(std::rc::Rc::new(1)).unwrap();
    /// });
    /// ```
    ///
    /// # Errors
    ///
    /// [`AllocError`] when there is no memory; the value is dropped then.
    pub fn alloc_drop<T: Send + 'env>(&self, value: T) -> Result<&'s mut T, AllocError> {
        if !core::mem::needs_drop::<T>() {
            return self.alloc_value(value);
        }
        let block = self.bump.alloc(Entry::layout_for::<T>())?;
        // SAFETY: a fresh block; the list runs before the rewind that frees it, or never. The value is ours for `'s`,
        // and `T: 'env` outlives the guard that drops it.
        Ok(unsafe { self.drops.push(block.cast(), value).as_mut() })
    }
}

// SAFETY: forwarded. A1: the blocks live until the guard rewinds, which is after `'s`, the life of this allocator.
unsafe impl<B: SyncRewind> Allocator for SyncScope<'_, '_, B> {
    #[inline]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.bump.alloc(layout)
    }
    #[inline]
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        // SAFETY: the caller's promise is the same.
        unsafe { self.bump.resize(block, layout, new_size) }
    }
    #[inline]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise is the same.
        unsafe { self.bump.free(block, layout) }
    }
}

heap_core::impl_foreign_allocators! { impl['s, 'env, B: SyncRewind] for SyncScope<'s, 'env, B> }

// SAFETY: the guard, borrowed for all of `'s`, cannot rewind before; a shorter borrow of the scope frees nothing.
unsafe impl<'s, B: SyncRewind> TypedAlloc<'s> for &SyncScope<'s, '_, B> {}
