//! The raw contract: handles, pointers to allocators, and the operations that follow from the four.

use core::alloc::Layout;
use core::marker::PhantomData;
use core::ptr::NonNull;
use std::rc::Rc;
use std::sync::Arc;

use crate::support::{Arena, Call, Recorder};
use heap_core::{AllocError, Allocator, AllocatorExt, Global, HeapBox, Owns, Reset, UsableSize, Usage};

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

/// Answers whether a type is `Send` and `Sync`: the inherent constants win where their bounds hold.
struct Threads<T: ?Sized>(PhantomData<T>);

trait Otherwise {
    const SEND: bool = false;
    const SYNC: bool = false;
}

impl<T: ?Sized> Otherwise for Threads<T> {}

impl<T: ?Sized + Send> Threads<T> {
    const SEND: bool = true;
}

impl<T: ?Sized + Sync> Threads<T> {
    const SYNC: bool = true;
}

/// D-AL-14
#[test]
fn a_handle_is_two_words_and_a_copy_of_it_is_the_same_allocator() {
    assert_eq!(size_of::<&dyn Allocator>(), 2 * size_of::<usize>());
    assert_eq!(size_of::<Option<&dyn Allocator>>(), 2 * size_of::<usize>());
    let recorder = Recorder::default();
    let handle: &dyn Allocator = &recorder;
    let copy = handle;
    let block = handle.dupe(b"one").unwrap();
    // SAFETY: from the same allocator, not used again.
    unsafe { copy.free_slice(block) };
    assert_eq!(recorder.take(), [Call::Alloc(3), Call::Free(3)]);
}

/// D-AL-14
#[test]
#[expect(clippy::assertions_on_constants, reason = "the types are what is tested")]
fn a_handle_crosses_threads_exactly_when_its_allocator_may_be_shared() {
    assert!(Threads::<&Global>::SEND && Threads::<&Global>::SYNC);
    assert!(Threads::<Arena>::SEND && !Threads::<Arena>::SYNC);
    assert!(!Threads::<&Arena>::SEND && !Threads::<&Arena>::SYNC);
    assert!(!Threads::<&dyn Allocator>::SEND);
    assert!(!Threads::<&(dyn Allocator + Send)>::SEND);
    assert!(Threads::<&(dyn Allocator + Sync)>::SEND && Threads::<&(dyn Allocator + Sync)>::SYNC);
    assert!(Threads::<HeapBox<u8, Arena>>::SEND && !Threads::<HeapBox<u8, Arena>>::SYNC);
    assert!(!Threads::<HeapBox<u8, &Arena>>::SEND);
    assert!(!Threads::<HeapBox<Rc<u8>, Global>>::SEND);
}

#[test]
fn the_error_takes_no_room_in_a_result() {
    assert_eq!(size_of::<Result<NonNull<u8>, AllocError>>(), size_of::<usize>());
    assert_eq!(AllocError.to_string(), "out of memory");
}

#[test]
#[expect(clippy::arc_with_non_send_sync, reason = "the pointer is tested, not the sharing")]
fn every_pointer_to_an_allocator_passes_every_call_on() {
    fn calls<A: Allocator>(through: A) {
        let eight = layout(8, 8);
        let block = through.alloc(eight).unwrap().cast();
        let zeroed = through.alloc_zeroed(eight).unwrap().cast();
        // SAFETY: live blocks with these layouts; each result replaces its block.
        unsafe {
            assert!(!through.resize(block, eight, 16));
            let block = through.remap(block, eight, 16).unwrap().cast();
            let block = through.realloc(block, layout(16, 8), eight).unwrap().cast();
            through.free(block, eight);
            through.free(zeroed, eight);
        }
    }
    let expected = [
        Call::Alloc(8),
        Call::AllocZeroed(8),
        Call::Resize(8, 16),
        Call::Remap(8, 16),
        Call::Remap(16, 8),
        Call::Free(8),
        Call::Free(8),
    ];
    let mut recorder = Recorder::default();
    calls(&recorder);
    assert_eq!(recorder.take(), expected, "&A");
    calls(&mut recorder);
    assert_eq!(recorder.take(), expected, "&mut A");
    calls(&recorder as &dyn Allocator);
    assert_eq!(recorder.take(), expected, "&dyn");
    let shared = Arc::new(recorder);
    calls(Arc::clone(&shared));
    assert_eq!(shared.take(), expected, "Arc<A>");
    let shared = Rc::new(Arc::into_inner(shared).unwrap());
    calls(Rc::clone(&shared) as Rc<dyn Allocator>);
    assert_eq!(shared.take(), expected, "Rc<dyn>");
    calls(Box::new(&*shared));
    assert_eq!(shared.take(), expected, "Box<&A>");
}

/// An allocator with every capability, and a mark that shows that it was reset.
struct Able(usize);

// SAFETY: it hands out nothing.
unsafe impl Allocator for Able {
    fn alloc(&self, _: Layout) -> Result<NonNull<[u8]>, AllocError> {
        Err(AllocError)
    }
    unsafe fn resize(&self, _: NonNull<u8>, _: Layout, _: usize) -> bool {
        false
    }
    unsafe fn free(&self, _: NonNull<u8>, _: Layout) {}
}
// SAFETY: there is no block of which this could be wrong.
unsafe impl Owns for Able {
    fn owns(&self, block: NonNull<u8>) -> bool {
        block.addr().get() == self.0
    }
}
// SAFETY: there is no block of which this could be wrong.
unsafe impl UsableSize for Able {
    unsafe fn usable_size(&self, _: NonNull<u8>, layout: Layout) -> usize {
        layout.size() + self.0
    }
}
impl Reset for Able {
    fn reset(&mut self) {
        self.0 = 0;
    }
}
impl Usage for Able {
    fn used(&self) -> usize {
        self.0
    }
    fn capacity(&self) -> usize {
        self.0 * 2
    }
}

#[test]
fn capabilities_pass_through_pointers_and_resetting_needs_the_only_one() {
    fn able(through: impl Owns + UsableSize + Usage) {
        let at = |addr: usize| NonNull::without_provenance(addr.try_into().unwrap());
        assert!(through.owns(at(24)) && !through.owns(at(25)));
        // SAFETY: `Able` has no blocks, and does not look at this one.
        assert_eq!(unsafe { through.usable_size(at(24), layout(6, 1)) }, 30);
        assert_eq!((through.used(), through.capacity()), (24, 48));
    }
    fn reset(mut through: impl Reset) {
        through.reset();
    }
    let mut allocator = Able(24);
    able(&allocator);
    able(&mut allocator);
    able(Rc::new(Able(24)));
    able(Arc::new(Able(24)));
    let mut boxed = Box::new(Able(24));
    able(&mut boxed);
    boxed.reset();
    assert_eq!(boxed.used(), 0);
    reset(&mut allocator);
    assert_eq!(allocator.used(), 0);
}

#[test]
fn realloc_moves_a_block_to_another_alignment_with_its_content() {
    let recorder = Recorder::default();
    let (old, new) = (layout(24, 8), layout(4096, 4096));
    let block = recorder.alloc(old).unwrap().cast::<u8>();
    // SAFETY: a live block of 24 bytes; then one of 4096, given back at the end.
    unsafe {
        block.write_bytes(7, 24);
        let moved = recorder.realloc(block, old, new).unwrap().cast::<u8>();
        assert!(moved.addr().get().is_multiple_of(4096));
        assert_eq!(NonNull::slice_from_raw_parts(moved, 24).as_ref(), [7; 24]);
        recorder.free(moved, new);
    }
    let expected = [Call::Alloc(24), Call::Alloc(4096), Call::Free(24), Call::Free(4096)];
    assert_eq!(recorder.take(), expected);
}

#[test]
fn realloc_that_fails_leaves_the_block_as_it_was() {
    let recorder = Recorder::default();
    let old = layout(24, 8);
    let block = recorder.alloc(old).unwrap().cast::<u8>();
    recorder.fail.set(true);
    recorder.refuse_remap.set(true);
    // SAFETY: a live block; every refusal leaves it so.
    unsafe {
        block.write_bytes(7, 24);
        assert_eq!(recorder.realloc(block, old, layout(100, 8)), Err(AllocError));
        assert_eq!(recorder.realloc(block, old, layout(24, 64)), Err(AllocError));
        assert_eq!(NonNull::slice_from_raw_parts(block, 24).as_ref(), [7; 24]);
        recorder.free(block, old);
    }
}

#[test]
fn realloc_to_and_from_nothing_takes_and_gives_a_block() {
    let arena = Arena::new();
    // SAFETY: each block is the result of the call before.
    unsafe {
        let none = arena.alloc(layout(0, 8)).unwrap().cast::<u8>();
        let some = arena.realloc(none, layout(0, 8), layout(40, 8)).unwrap();
        assert_eq!((some.len(), arena.used(), arena.frees.get()), (48, 48, 0));
        let none = arena.realloc(some.cast(), layout(40, 8), layout(0, 8)).unwrap();
        assert_eq!((none.len(), arena.used(), arena.frees.get()), (0, 48, 1));
    }
}

#[test]
fn zeroed_memory_is_zero_to_the_end_of_what_may_be_used() {
    let arena = Arena::new();
    let block = arena.alloc_zeroed(layout(20, 4)).unwrap();
    assert_eq!(arena.look(block.cast(), block.len()), [0; 32]);
    assert_eq!(Global.alloc_zeroed(layout(0, 4)).unwrap().len(), 0);
}

#[test]
fn the_global_allocator_changes_size_and_refuses_the_impossible() {
    let old = layout(10, 2);
    let block = Global.alloc(old).unwrap().cast::<u8>();
    // SAFETY: live until the last line, with the layout of the last success.
    unsafe {
        block.write_bytes(9, 10);
        assert!(Global.resize(block, old, 10) && !Global.resize(block, old, 11));
        assert_eq!(Global.remap(block, old, 0), None);
        assert_eq!(Global.remap(block, old, usize::MAX), None);
        let block = Global.remap(block, old, 1 << 20).unwrap().cast::<u8>();
        assert_eq!(NonNull::slice_from_raw_parts(block, 10).as_ref(), [9; 10]);
        Global.free(block, layout(1 << 20, 2));
    }
    // On 32 bits that may be had. Looked at by `black_box`, so that the compiler does not leave the allocation out.
    #[cfg(target_pointer_width = "64")]
    assert!(core::hint::black_box(Global.alloc(layout(isize::MAX as usize - 15, 16))).is_err());
}
