//! Spec 15.12: diagnostics.

use core::alloc::Layout;
use core::cell::RefCell;
use core::ptr::NonNull;
use std::backtrace::Backtrace;

use heap_core::{AllocError, Allocator, AllocatorExt, Global};

/// Remembers from where it was last called.
#[derive(Default)]
struct Tracer(RefCell<String>);

// SAFETY: the blocks are those of `Global`.
unsafe impl Allocator for Tracer {
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.0.replace(Backtrace::force_capture().to_string());
        Global.alloc(layout)
    }
    unsafe fn resize(&self, _: NonNull<u8>, _: Layout, _: usize) -> bool {
        false
    }
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        self.0.replace(Backtrace::force_capture().to_string());
        // SAFETY: the caller's promise.
        unsafe { Global.free(block, layout) }
    }
}

#[inline(never)]
fn the_site_that_allocates(alloc: &dyn Allocator) -> NonNull<[u8]> {
    std::hint::black_box(alloc.dupe(b"traced")).unwrap()
}

#[inline(never)]
fn the_site_that_frees(alloc: &dyn Allocator, block: NonNull<[u8]>) {
    // SAFETY: given up by the caller.
    unsafe { alloc.free_slice(block) };
    std::hint::black_box(alloc);
}

/// D-AL-13: the contract has no parameter for it (docs/decisions); a stack trace taken inside the implementation, through
/// the helpers and a `dyn` handle, has the site in it.
#[test]
#[cfg(not(miri))]
fn an_implementation_can_find_out_who_called() {
    let tracer = Tracer::default();
    let block = the_site_that_allocates(&tracer);
    assert!(tracer.0.borrow().contains("the_site_that_allocates"), "{}", tracer.0.borrow());
    the_site_that_frees(&tracer, block);
    assert!(tracer.0.borrow().contains("the_site_that_frees"), "{}", tracer.0.borrow());
    assert!(!tracer.0.borrow().contains("the_site_that_allocates"));
}
