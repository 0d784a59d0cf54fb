//! Several instances, and whose memory is.

use core::alloc::Layout;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use heap_arena::FixedBuffer;
use heap_core::{Allocator, Owns};
use heap_debug::{Check, DebugAllocator, DebugConfig, Format, OnViolation, ViolationKind};

const CONFIG: DebugConfig = DebugConfig::new()
    .on_violation(OnViolation::Record)
    .format(Format::Silent)
    .stack_trace_frames(4)
    .quarantine(0)
    .quarantine_large(0)
    .slab_size(4096);
const LARGE: Layout = Layout::new::<[u64; 20_000]>();

fn make<A: Allocator>(debug: &DebugAllocator<A>, layout: Layout) -> NonNull<u8> {
    debug.alloc(layout).expect("there is memory").cast()
}

unsafe fn free<A: Allocator>(debug: &DebugAllocator<A>, block: NonNull<u8>, layout: Layout) {
    // SAFETY: the caller's affair.
    unsafe { Allocator::free(debug, block, layout) }
}

/// An instance remembers what it gave back, to name late double frees; but the memory is whoever's that has it now.
#[test]
fn memory_that_went_back_is_of_the_one_that_has_it_now() {
    let mut memory = vec![MaybeUninit::<u8>::uninit(); 1 << 20];
    let buffer = FixedBuffer::new(&mut memory);
    let first = DebugAllocator::new_in(&buffer, CONFIG.canary(1));
    let second = DebugAllocator::new_in(&buffer, CONFIG.canary(2));
    let stale = make(&first, LARGE);
    assert!(first.owns(stale) && !second.owns(stale));
    // SAFETY: live, once.
    unsafe { free(&first, stale, LARGE) };
    assert!(!first.owns(stale));
    let block = make(&second, LARGE);
    assert_eq!(block, stale, "the buffer hands out again what came back last");
    assert!(!first.owns(block) && second.owns(block));
    // SAFETY: given to the wrong one, thrice: that is the misuse. Then to the right one.
    unsafe {
        free(&first, block, LARGE);
        assert!(!first.resize(block, LARGE, 100_000));
        free(&first, block.add(8), LARGE);
        free(&second, block, LARGE);
    }
    let found: Vec<_> = first.violations().map(|found| (found.kind, found.instances)).collect();
    assert_eq!(found, [(ViolationKind::WrongAllocator, Some((1, 2))); 3]);
    assert_eq!(second.violations().count(), 0);
    // SAFETY: now it is the first one's double free again.
    unsafe { free(&first, stale, LARGE) };
    assert_eq!(first.violations().last().map(|found| found.kind), Some(ViolationKind::DoubleFree));
    assert_eq!((second.deinit(), first.deinit()), (Check::Ok, Check::Ok));
}

/// Instances end while others look for owners among all of them.
#[test]
fn instances_end_while_others_ask_for_owners() {
    let steady = DebugAllocator::with_config(CONFIG);
    let layout = Layout::new::<[u64; 5]>();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..300 {
                    let brief = DebugAllocator::with_config(CONFIG);
                    let block = make(&brief, layout);
                    // SAFETY: live, once.
                    unsafe { free(&brief, block, layout) };
                    assert_eq!(brief.deinit(), Check::Ok);
                }
            });
        }
        for _ in 0..3000 {
            let local = [0_u64; 5];
            // SAFETY: the stack's: that is the misuse.
            unsafe { free(&steady, NonNull::from(&local).cast(), layout) };
            let block = make(&steady, layout);
            // SAFETY: live, once.
            unsafe { free(&steady, block, layout) };
        }
    });
    assert!(steady.violations().all(|found| found.kind == ViolationKind::ForeignPointer));
    assert_eq!(steady.forget_violations(), 3000);
}
