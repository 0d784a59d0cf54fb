//! Returning to an earlier place: raw marks, and scopes that the borrow checker holds.
//!
//! A mark is cheap and unsafe: nothing stops a block made after it from being used after the rewind. A scope is the
//! same with a proof: while it is open it borrows the allocator exclusively, so everything allocated meanwhile was
//! allocated through the scope, and borrows it.

use core::alloc::Layout;
use core::marker::PhantomData;
use core::ptr::NonNull;

use heap_core::{AllocError, Allocator};

use crate::drops::{DropList, Entry};
use crate::finally::Finally;
use crate::typed::TypedAlloc;

/// A bump allocator that can return to an earlier place, which frees all blocks made since.
///
/// # Safety
///
/// An implementation keeps the blocks made before the mark valid and unchanged through [`rewind`](Self::rewind); and
/// whoever borrows the value exclusively is its only user: it is no handle of which there may be others.
pub unsafe trait Rewind: Allocator {
    /// A place.
    type Mark: Copy;

    /// The current place. O(1).
    fn mark(&self) -> Self::Mark;

    /// Returns to a mark. Values registered with `alloc_drop` since are dropped, in reverse order. O(chunks made since).
    ///
    /// # Safety
    ///
    /// `mark` is of this allocator, which has since been neither reset nor rewound to an earlier mark, and no block and
    /// no value made since is used any more; a block that has grown since counts as made since.
    unsafe fn rewind(&self, mark: Self::Mark);

    /// As [`rewind`](Self::rewind), at the end of a scope: what was registered since was registered with the scope, so
    /// the allocator need not look for it.
    ///
    /// # Safety
    ///
    /// As for [`rewind`](Self::rewind).
    #[doc(hidden)]
    #[inline]
    unsafe fn close(&self, mark: Self::Mark) {
        // SAFETY: the caller's promise.
        unsafe { self.rewind(mark) };
    }
}

/// An open scope: when it is dropped, everything allocated in it is gone and its `alloc_drop` values are dropped.
///
/// Made by `scope` of an arena, a buffer or an outer [`Scope`]. [`enter`](Self::enter) gives the allocator to work with.
/// Where a closure will do, `scoped` is shorter. A guard that is leaked keeps its memory until the next reset.
///
/// ```
/// use heap_arena::{Arena, TypedAlloc};
/// let mut arena = Arena::new();
/// for line in ["to be", "or not"] {
///     let mut guard = arena.scope();
///     let scope = guard.enter();
///     let upper = scope.alloc_iter(line.bytes().map(|b| b.to_ascii_uppercase()))?;
///     assert!(upper.starts_with(line[..1].to_uppercase().as_bytes()));
/// }
/// assert_eq!(arena.used(), 0);
/// # Ok::<(), heap_core::AllocError>(())
/// ```
///
/// What is allocated in a scope cannot leave it:
///
/// ```compile_fail,E0597
/// use heap_arena::{Arena, TypedAlloc};
/// let mut arena = Arena::new();
/// let name;
/// {
///     let mut guard = arena.scope();
///     name = guard.enter().alloc_str("gone").unwrap();
/// }
/// assert_eq!(name, "gone");
/// ```
///
/// and the arena cannot be used past it:
///
/// ```compile_fail,E0502
/// use heap_arena::{Arena, TypedAlloc};
/// let mut arena = Arena::new();
/// let guard = arena.scope();
/// let name = arena.alloc_str("would be overwritten").unwrap();
/// drop(guard);
/// ```
#[derive(Debug)]
pub struct ScopeGuard<'env, B: Rewind> {
    bump: &'env B,
    mark: B::Mark,
    /// Not the allocator's own list: when the guard is leaked these values are never dropped, for what they borrow may
    /// be gone by the time the allocator is reset.
    drops: DropList,
    /// The exclusive borrow, and `'env` invariant: were it shortened, `alloc_drop` would accept what dies earlier.
    env: PhantomData<fn(&'env mut B) -> &'env mut B>,
}

impl<'env, B: Rewind> ScopeGuard<'env, B> {
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
        Self { bump, mark: bump.mark(), drops: DropList::new(), env: PhantomData }
    }

    /// The allocator of this scope. What it hands out lives as long as the guard is borrowed, at most.
    #[inline]
    pub fn enter<'s>(&'s mut self) -> Scope<'s, 'env, B> {
        Scope { bump: self.bump, drops: &self.drops, env: PhantomData }
    }
}

impl<B: Rewind> Drop for ScopeGuard<'_, B> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: everything made since the mark was made through a `Scope`, whose borrow of the guard has ended; inner
        // scopes, which rewound to later marks, have ended too.
        let _rewound = Finally(|| unsafe { self.bump.close(self.mark) });
        // SAFETY: as above. The values' types outlive `'env`, which is not over.
        unsafe { self.drops.run(None) };
    }
}

/// An allocator whose blocks live until the end of a scope `'s`.
///
/// It can be handed to collections (`Vec::new_in(&scope)`), used through [`TypedAlloc`], and nested:
///
/// ```
/// use heap_arena::{Arena, TypedAlloc};
/// let mut arena = Arena::new();
/// arena.scoped(|mut outer| {
///     let kept = outer.alloc_value(1)?;
///     let sum = outer.scoped(|inner| {
///         let scratch = inner.alloc_slice_copy(&[2, 3])?;
///         Ok::<i32, heap_core::AllocError>(scratch.iter().sum())
///     })?;
///     *kept += sum;
///     assert_eq!(*kept, 6);
///     Ok::<(), heap_core::AllocError>(())
/// })?;
/// # Ok::<(), heap_core::AllocError>(())
/// ```
///
/// While an inner scope is open, nothing can be allocated from the outer one:
///
/// ```compile_fail,E0502
/// use heap_arena::{Arena, TypedAlloc};
/// let mut arena = Arena::new();
/// arena.scoped(|mut outer| {
///     let inner = outer.scope();
///     let lost = outer.alloc_value(1).unwrap();
///     drop(inner);
/// });
/// ```
///
/// and like the arena it is one thread's:
///
/// ```compile_fail,E0277
/// use heap_arena::{Arena, TypedAlloc};
/// let mut arena = Arena::new();
/// arena.scoped(|scope| {
///     std::thread::scope(|threads| {
///         threads.spawn(|| scope.alloc_value(1).map(drop));
///     });
/// });
/// ```
#[derive(Debug)]
pub struct Scope<'s, 'env: 's, B: Rewind> {
    bump: &'s B,
    drops: &'s DropList,
    env: PhantomData<fn(&'env mut B) -> &'env mut B>,
}

impl<'s, 'env, B: Rewind> Scope<'s, 'env, B> {
    /// Opens a scope inside this one, which cannot be used until that is closed.
    #[inline]
    pub fn scope(&mut self) -> ScopeGuard<'_, B> {
        // SAFETY: the exclusive borrow of this scope lasts as long as the inner guard's `'env`; and this scope is the
        // only way to the allocator: not `Copy`, and what `enter` borrows or `scope` below it is borrowed through it.
        unsafe { ScopeGuard::over(self.bump) }
    }

    /// Runs `f` in a scope inside this one.
    #[inline]
    pub fn scoped<'inner, R>(&'inner mut self, f: impl for<'t> FnOnce(Scope<'t, 'inner, B>) -> R) -> R {
        f(self.scope().enter())
    }

    /// Moves a value in, and drops it at the end of the scope: values registered later are dropped first.
    ///
    /// The value may borrow whatever outlives the borrow of the allocator itself.
    ///
    /// ```
    /// use heap_arena::Arena;
    /// let names = std::cell::RefCell::new(Vec::new());
    /// struct Bye<'a>(&'a str, &'a std::cell::RefCell<Vec<String>>);
    /// impl Drop for Bye<'_> {
    ///     fn drop(&mut self) {
    ///         self.1.borrow_mut().push(self.0.to_string());
    ///     }
    /// }
    /// let mut arena = Arena::new();
    /// arena.scoped(|scope| {
    ///     scope.alloc_drop(Bye("first", &names))?;
    ///     scope.alloc_drop(Bye("second", &names))?;
    ///     Ok::<(), heap_core::AllocError>(())
    /// })?;
    /// assert_eq!(*names.borrow(), ["second", "first"]);
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    ///
    /// but not what dies inside:
    ///
    /// ```compile_fail,E0597
    /// use heap_arena::Arena;
    /// struct Noisy<'a>(&'a String);
    /// impl Drop for Noisy<'_> {
    ///     fn drop(&mut self) {
    ///         println!("{}", self.0);
    ///     }
    /// }
    /// let mut arena = Arena::new();
    /// let mut guard = arena.scope();
    /// {
    ///     let name = String::from("short-lived");
    ///     guard.enter().alloc_drop(Noisy(&name)).unwrap();
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`AllocError`] when there is no memory; the value is dropped then.
    #[inline]
    pub fn alloc_drop<T: 'env>(&self, value: T) -> Result<&'s mut T, AllocError> {
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
unsafe impl<B: Rewind> Allocator for Scope<'_, '_, B> {
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

heap_core::impl_foreign_allocators! { impl['s, 'env, B: Rewind] for Scope<'s, 'env, B> }

// SAFETY: the guard, borrowed for all of `'s`, cannot rewind before; a shorter borrow of the scope frees nothing.
unsafe impl<'s, B: Rewind> TypedAlloc<'s> for &Scope<'s, '_, B> {}
