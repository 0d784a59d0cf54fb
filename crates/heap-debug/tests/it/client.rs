//! A client that does right and wrong as its bytes say, and knows what has to be said of it: each planted error is found,
//! as what it is, and no other is. Shared by the test that replays the kept inputs and the fuzz target `debug`.

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_core::{Allocator, Global, Owns};
use heap_debug::{Check, DebugAllocator, DebugConfig, Format, OnViolation, Operation, ViolationKind as Kind};

/// Four bytes a step: what, which block, and two of a size or a place. The first four choose the settings.
const STEP: usize = 4;

const CONFIG: DebugConfig = DebugConfig::new()
    .on_violation(OnViolation::Record)
    .format(Format::Silent)
    .stack_trace_frames(0)
    .fill_limit(usize::MAX);

/// Settings under which every planted error is found at once.
fn config([slabs, quarantine, way, size]: [u8; STEP]) -> DebugConfig {
    let config = CONFIG.slab_size(4096 << (slabs % 5));
    let config = match quarantine % 4 {
        0 => config,
        1 => config.quarantine(2048).quarantine_large(64 << 10),
        _ => config.quarantine(usize::from(size) << 8).quarantine_large(usize::from(size) << 12),
    };
    match way % 8 {
        0 => config.stack_trace_frames(4).resize_stack_traces(true),
        1 => config.requested_memory_limit(Some(64 << 20)),
        2 => config.profile(Some(usize::from(size) * 64)),
        3 => config.shrink_in_place(false).never_unmap(true),
        4 => config.retain_metadata(true).alloc_fill(None),
        _ => config,
    }
}

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
unsafe fn misuse(
    debug: &DebugAllocator<impl Allocator>,
    (block, layout): Held,
    what: u8,
    a: u8,
    b: u8,
) -> (Kind, bool) {
    // SAFETY: the callers' affair.
    let free = |block, layout| unsafe { Allocator::free(debug, block, layout) };
    let inside = (usize::from(a) << 8 | usize::from(b)) % layout.size();
    // SAFETY: one mistake each, in a block that is live until then.
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
                if !debug.owns(block) {
                    // Its memory went back at once: a write would fault, or be in somebody else's.
                    free(block, layout);
                    return (Kind::DoubleFree, true);
                }
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

/// Does what the bytes say, over memory from the system or from Rust's own allocator, as they say.
pub(crate) fn replay(bytes: &[u8]) {
    let Some((&first, rest)) = bytes.split_first_chunk::<STEP>() else { return };
    let config = config(first);
    if first[2] % 3 == 0 {
        steps(DebugAllocator::with_config(config), rest);
    } else {
        steps(DebugAllocator::new_in(Global, config), rest);
    }
}

fn steps(debug: DebugAllocator<impl Allocator>, bytes: &[u8]) {
    let mut live: Vec<Held> = Vec::new();
    for step in bytes.chunks_exact(STEP) {
        let &[what, which, a, b] = step else { break };
        let at = usize::from(which) % live.len().max(1);
        let mut planted = None;
        match what {
            _ if what < 110 || live.is_empty() => {
                let layout = layout(a, b);
                let block = if what % 8 == 0 { debug.alloc_zeroed(layout) } else { debug.alloc(layout) };
                let block = block.expect("there is memory").cast::<u8>();
                // SAFETY: live, of that size.
                unsafe {
                    assert!(what % 8 != 0 || (0..layout.size()).all(|i| block.add(i).read() == 0));
                    block.write_bytes(b, layout.size());
                }
                live.push((block, layout));
            }
            110..190 => {
                let (block, layout) = live.swap_remove(at);
                // SAFETY: live, with that layout.
                unsafe { Allocator::free(&debug, block, layout) };
            }
            190..220 => {
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
        if planted.is_some() || debug.violations().next().is_some() {
            let found: Vec<_> = debug.violations().map(|found| (found.kind, found.operation)).collect();
            assert!(found.iter().map(|found| found.0).eq(planted), "{found:?} instead of {planted:?}");
            assert!(!found.iter().any(|found| found.1 == Operation::Alloc));
            debug.forget_violations();
        }
    }
    assert_eq!(debug.live_blocks(), live.len());
    for (block, layout) in live {
        // SAFETY: live, with that layout.
        unsafe { Allocator::free(&debug, block, layout) };
    }
    assert_eq!((debug.check_all(), debug.requested_bytes()), (0, 0));
    assert_eq!(debug.deinit(), Check::Ok);
}
