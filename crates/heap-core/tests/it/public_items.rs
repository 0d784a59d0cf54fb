//! Spec 15.12: everything that is public builds and links.

/// U-AL-08
#[test]
fn every_public_item_can_be_named_from_outside() {
    #[expect(unused_imports, reason = "that they resolve is the test")]
    use heap_core::{
        Alignment, AllocError, Allocator, AllocatorExt, Global, HeapBox, NotAPowerOfTwo, Owns, Reset,
        SentinelSlice, SizeClasses, UsableSize, Usage,
        adapt::{AsGlobal, FromGlobalAlloc},
        contract::{self, zero_sized},
        impl_foreign_allocators, layout,
    };
    fn object_safe(_: &dyn Allocator, _: [Option<&dyn Owns>; 0], _: [Option<&dyn UsableSize>; 0]) {}
    fn resettable(_: [Option<&dyn Reset>; 0], _: [Option<&dyn Usage>; 0]) {}
    object_safe(&Global, [], []);
    resettable([], []);
}
