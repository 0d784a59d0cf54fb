//! What each arena must do, said once for all of them.
#![expect(clippy::mut_from_ref, reason = "references to fresh blocks")]

use std::alloc::Layout;
use std::ptr::NonNull;

use allocator_api2_02::alloc::Allocator as Foreign;
use heap_arena::{Arena, ResetMode, SyncArena, TypedAlloc};
use heap_core::{Allocator, Global};

/// An arena under test. Its calls are those that a client would write.
pub(crate) trait Subject: Default {
    /// What a collection takes.
    type Handle<'a>: Foreign
    where
        Self: 'a;
    fn handle(&self) -> Self::Handle<'_>;
    /// Forgets everything and keeps the memory.
    fn reset(&mut self);
    fn raw(&self, layout: Layout) -> NonNull<u8>;
    fn value<T>(&self, value: T) -> &mut T;
    fn text(&self, text: &str) -> &mut str;
    fn copy(&self, slice: &[u32]) -> &mut [u32];
}

macro_rules! ours {
    ($arena:ty) => {
        impl Subject for $arena {
            type Handle<'a> = &'a Self;
            fn handle(&self) -> &Self {
                self
            }
            fn reset(&mut self) {
                Self::reset(self, ResetMode::RetainCapacity);
            }
            fn raw(&self, layout: Layout) -> NonNull<u8> {
                Allocator::alloc(self, layout).expect("memory").cast()
            }
            fn value<T>(&self, value: T) -> &mut T {
                self.alloc_value(value).ok().expect("memory")
            }
            fn text(&self, text: &str) -> &mut str {
                self.alloc_str(text).expect("memory")
            }
            fn copy(&self, slice: &[u32]) -> &mut [u32] {
                self.alloc_slice_copy(slice).expect("memory")
            }
        }
    };
}
ours!(Arena);
ours!(SyncArena);
ours!(SyncArena<Global, 0>);

impl Subject for bumpalo::Bump {
    type Handle<'a> = &'a Self;
    fn handle(&self) -> &Self {
        self
    }
    fn reset(&mut self) {
        Self::reset(self);
    }
    fn raw(&self, layout: Layout) -> NonNull<u8> {
        self.alloc_layout(layout)
    }
    fn value<T>(&self, value: T) -> &mut T {
        self.alloc(value)
    }
    fn text(&self, text: &str) -> &mut str {
        self.alloc_str(text)
    }
    fn copy(&self, slice: &[u32]) -> &mut [u32] {
        self.alloc_slice_copy(slice)
    }
}

impl Subject for bump_scope::Bump {
    type Handle<'a> = &'a Self;
    fn handle(&self) -> &Self {
        self
    }
    fn reset(&mut self) {
        Self::reset(self);
    }
    fn raw(&self, layout: Layout) -> NonNull<u8> {
        Foreign::allocate(&self, layout).expect("memory").cast()
    }
    fn value<T>(&self, value: T) -> &mut T {
        bump_scope::BumpBox::leak(self.alloc(value))
    }
    fn text(&self, text: &str) -> &mut str {
        bump_scope::BumpBox::leak(self.alloc_str(text))
    }
    fn copy(&self, slice: &[u32]) -> &mut [u32] {
        bump_scope::BumpBox::leak(self.alloc_slice_copy(slice))
    }
}

/// bump-scope by those of its methods that report a lack of memory, as ours do; its others abort inside.
#[derive(Default)]
pub(crate) struct Trying(bump_scope::Bump);

impl Subject for Trying {
    type Handle<'a> = &'a bump_scope::Bump;
    fn handle(&self) -> &bump_scope::Bump {
        &self.0
    }
    fn reset(&mut self) {
        self.0.reset();
    }
    fn raw(&self, layout: Layout) -> NonNull<u8> {
        self.0.raw(layout)
    }
    fn value<T>(&self, value: T) -> &mut T {
        bump_scope::BumpBox::leak(self.0.try_alloc(value).expect("memory"))
    }
    fn text(&self, text: &str) -> &mut str {
        bump_scope::BumpBox::leak(self.0.try_alloc_str(text).expect("memory"))
    }
    fn copy(&self, slice: &[u32]) -> &mut [u32] {
        bump_scope::BumpBox::leak(self.0.try_alloc_slice_copy(slice).expect("memory"))
    }
}
