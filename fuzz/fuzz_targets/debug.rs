//! A client of the debug allocator that does right and wrong as its bytes say, and knows what has to be said of it: each
//! planted error is found, as what it is, and no other is.
#![no_main]

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_core::Allocator;
use heap_debug::{Check, DebugAllocator, DebugConfig, Format, Operation, OnViolation, ViolationKind as Kind};

/// Four bytes a step: what, which block, and two of a size or a place.
const STEP: usize = 4;

const CONFIG: DebugConfig = DebugConfig::new()
    .on_violation(OnViolation::Record)
    .format(Format::Silent)
    .stack_trace_frames(0)
    .slab_size(4096)
    .fill_limit(usize::MAX);

type Held = (NonNull<u8>, Layout);

/// A size near a boundary of a class, or any up to 40,000 bytes.
fn layout(a: u8, b: u8) -> Layout {
    let size = match a {
        0..128 => usize::from(a) + 1,
        128..224 => (8 << (a % 12)) + usize::from(b % 5) - 2,
        _ => usize::from(a - 224) * 1250 + usize::from(b) + 1,
    };
    Layout::from_size_align(size, 1 << (b % 7)).expect("small")
}

/// Does wrong with a live block, and says what should be found. Whether the block is gone comes second.
///
/// # Safety
///
/// The block is live, with that layout.
unsafe fn misuse(debug: &DebugAllocator, (block, layout): Held, what: u8, a: u8, b: u8) -> (Kind, bool) {
    let free = |block, layout| unsafe { Allocator::free(debug, block, layout) };
    let inside = (usize::from(a) << 8 | usize::from(b)) % layout.size();
    unsafe {
        match what % 8 {
            0 => {
                block.add(layout.size() + usize::from(b % 8)).write(1);
                free(block, layout);
                (Kind::WritePastEnd, true)
            }
            1 => {
                block.sub(1 + usize::from(b % 16)).write(1);
                free(block, layout);
                (Kind::WriteBeforeStart, true)
            }
            2 => {
                let size = layout.size() + 1 + usize::from(a);
                free(block, Layout::from_size_align(size, layout.align()).expect("small"));
                (Kind::WrongSize, true)
            }
            3 => {
                free(block, Layout::from_size_align(layout.size(), 2 * layout.align()).expect("small"));
                (Kind::WrongAlignment, true)
            }
            4 if inside > 0 => {
                free(block.add(inside), layout);
                (Kind::InteriorPointer, false)
            }
            5 => {
                free(block, layout);
                block.add(inside).write(1);
                debug.check_all();
                (Kind::WriteAfterFree, true)
            }
            6 => {
                free(block, layout);
                debug.resize(block, layout, layout.size() + 1);
                (Kind::UseAfterFree, true)
            }
            _ => {
                free(block, layout);
                free(block, layout);
                (Kind::DoubleFree, true)
            }
        }
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let debug = DebugAllocator::with_config(CONFIG);
    let mut live: Vec<Held> = Vec::new();
    for step in bytes.chunks_exact(STEP) {
        let &[what, which, a, b] = step else { break };
        let at = usize::from(which) % live.len().max(1);
        let mut planted = None;
        match what {
            _ if what < 110 || live.is_empty() => {
                let layout = layout(a, b);
                let block = Allocator::alloc(&debug, layout).expect("there is memory").cast::<u8>();
                // SAFETY: live, of that size.
                unsafe { block.write_bytes(b, layout.size()) };
                live.push((block, layout));
            }
            110..170 => {
                let (block, layout) = live.swap_remove(at);
                // SAFETY: live, with that layout.
                unsafe { Allocator::free(&debug, block, layout) };
            }
            170..200 => {
                let (block, old) = live[at];
                let new = Layout::from_size_align(layout(a, b).size(), old.align()).expect("small");
                // SAFETY: live, with that layout.
                let moved = unsafe { Allocator::realloc(&debug, block, old, new) };
                live[at] = (moved.expect("there is memory").cast(), new);
            }
            _ => {
                // SAFETY: live, with that layout.
                let (kind, gone) = unsafe { misuse(&debug, live[at], what, a, b) };
                if gone {
                    live.swap_remove(at);
                }
                planted = Some(kind);
            }
        }
        let found: Vec<_> = debug.violations().map(|found| (found.kind, found.operation)).collect();
        assert!(found.iter().map(|found| found.0).eq(planted), "{found:?} instead of {planted:?}");
        assert!(!found.iter().any(|found| found.1 == Operation::Alloc));
        debug.forget_violations();
    }
    for (block, layout) in live {
        // SAFETY: live, with that layout.
        unsafe { Allocator::free(&debug, block, layout) };
    }
    assert_eq!((debug.check_all(), debug.deinit()), (0, Check::Ok));
});

libfuzzer_sys::fuzz_mutator!(|bytes: &mut [u8], size: usize, max_size: usize, seed: u32| {
    heap_fuzz::mutate(bytes, size, max_size, seed)
});
