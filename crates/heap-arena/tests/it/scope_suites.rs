//! Scopes through the conformance suite, each with the arena that it is open on.

use std::alloc::Layout;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use heap_arena::{Arena, LANES, SyncArena};
use heap_core::{AllocError, Allocator, Global};

/// What borrows a value, with the value: conformance cases move allocators about and drop them, and a scope that were
/// leaked instead would keep its arena's memory, which 32 bits do not have twice.
#[derive(Debug)]
struct WithOwner<T, B> {
    borrower: ManuallyDrop<T>,
    owner: NonNull<B>,
}

impl<T, B: 'static> WithOwner<T, B> {
    /// # Safety
    ///
    /// `borrow` keeps its argument nowhere but in what it returns, and nobody takes that out of the result.
    unsafe fn new(owner: B, borrow: impl FnOnce(&'static mut B) -> T) -> Self {
        let owner = NonNull::from(Box::leak(Box::new(owner)));
        // SAFETY: a leaked box, which is boxed again when `borrower` is gone.
        Self { borrower: ManuallyDrop::new(borrow(unsafe { &mut *owner.as_ptr() })), owner }
    }

    fn borrower(&mut self) -> &mut T {
        &mut self.borrower
    }
}

impl<T, B> Drop for WithOwner<T, B> {
    fn drop(&mut self) {
        // SAFETY: once, here; the borrow of the box ends with the borrower.
        unsafe {
            ManuallyDrop::drop(&mut self.borrower);
            drop(Box::from_raw(self.owner.as_ptr()));
        }
    }
}

// SAFETY: the owner is out of reach; what is shared is the borrower.
unsafe impl<T: Sync, B> Sync for WithOwner<T, B> {}

// SAFETY: the borrower's.
unsafe impl<T: Allocator, B> Allocator for WithOwner<T, B> {
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.borrower.alloc(layout)
    }
    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.borrower.alloc_zeroed(layout)
    }
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        // SAFETY: the caller's promise is the same.
        unsafe { self.borrower.resize(block, layout, new_size) }
    }
    unsafe fn remap(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
        // SAFETY: the caller's promise is the same.
        unsafe { self.borrower.remap(block, layout, new_size) }
    }
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise is the same.
        unsafe { self.borrower.free(block, layout) }
    }
}

fn scope_of_an_arena() -> impl Allocator {
    // SAFETY: the guard has the arena, and the scope the guard.
    unsafe {
        let guard = WithOwner::new(Arena::new(), |arena| arena.scope());
        WithOwner::new(guard, |guard| guard.borrower().enter())
    }
}

fn scope_of_a_shared_arena<const N: usize>() -> impl Allocator + Sync {
    // SAFETY: the guard has the arena, and the scope the guard.
    unsafe {
        let guard = WithOwner::new(SyncArena::<Global, N>::default(), |arena| arena.scope());
        WithOwner::new(guard, |guard| guard.borrower().enter())
    }
}

heap_test::conformance!(scope, scope_of_an_arena);
heap_test::conformance!(shared_scope, scope_of_a_shared_arena::<LANES>; sync);
heap_test::conformance!(shared_scope_without_lanes, scope_of_a_shared_arena::<0>; sync);
