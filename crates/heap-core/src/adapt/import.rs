//! The other direction: a foreign allocator as ours, one newtype for each foreign trait.

/// Runs foreign code, which our contract does not allow to unwind (A4): if it does, the program aborts.
///
/// That is what `extern "C"` means for a panic, also without std. No C is called.
#[inline]
pub(super) extern "C" fn no_unwind<R>(foreign: impl FnOnce() -> R) -> R {
    foreign()
}

// Longer than a macro should be: the foreign traits are three traits of one shape, and an impl cannot be generic over
// the trait that it builds on.
macro_rules! import_foreign {
    ($(#[$doc:meta])*) => {
        $(#[$doc])*
        ///
        /// Sizes of zero never reach it. A block cannot be changed in place for certain, so `resize` refuses, while
        /// `remap` is `grow` or `shrink`. If it unwinds, which these traits used to allow, the program aborts (A4). Not
        /// `Clone`, because not every clone of a foreign allocator knows the blocks of the original: share it by `&`.
        #[derive(Debug, Default)]
        #[repr(transparent)]
        pub struct FromForeign<A>(pub A);

        // SAFETY: A1, A2 and A5 are the foreign trait's own rules; A3 and A4 are kept here.
        unsafe impl<A: Allocator> crate::Allocator for FromForeign<A> {
            #[inline]
            fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, crate::AllocError> {
                if layout.size() == 0 {
                    return Ok(crate::contract::zero_sized(layout));
                }
                Ok(no_unwind(|| self.0.allocate(layout))?)
            }

            #[inline]
            unsafe fn resize(&self, _block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
                layout.size() == new_size
            }

            #[inline]
            unsafe fn remap(&self, block: NonNull<u8>, old: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
                let new = Layout::from_size_align(new_size, old.align()).ok()?;
                if old.size() == 0 || new_size == 0 {
                    return None;
                }
                // SAFETY: live and fitting (caller), with memory; the sizes are in the order that each asks for.
                no_unwind(|| unsafe {
                    if new_size >= old.size() { self.0.grow(block, old, new) } else { self.0.shrink(block, old, new) }
                })
                .ok()
            }

            #[inline]
            unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
                if layout.size() != 0 {
                    // SAFETY: live and fitting (caller), with memory.
                    no_unwind(|| unsafe { self.0.deallocate(block, layout) });
                }
            }

            #[inline]
            fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, crate::AllocError> {
                if layout.size() == 0 {
                    return Ok(crate::contract::zero_sized(layout));
                }
                Ok(no_unwind(|| self.0.allocate_zeroed(layout))?)
            }
        }

        crate::impl_foreign_allocators! { impl[A: Allocator] for FromForeign<A> }
    };
}
pub(super) use import_foreign;
