//! Forgetting everything: what an arena keeps of its chunks for the next round.

use heap_core::Allocator;

use crate::chunk::{Chunk, chain};

/// What a reset keeps.
///
/// Capacities are usable bytes, headers not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ResetMode {
    /// Nothing: all chunks go back to the child.
    #[doc(alias = "free_all")]
    FreeAll,
    /// The whole capacity, as one chunk.
    #[default]
    #[doc(alias = "retain_capacity")]
    RetainCapacity,
    /// The capacity, but at most so many bytes, as one chunk. A limit of zero is [`FreeAll`](Self::FreeAll).
    #[doc(alias = "retain_with_limit")]
    RetainWithLimit(usize),
}

impl ResetMode {
    /// The capacity to keep of `capacity` bytes.
    const fn target(self, capacity: usize) -> usize {
        match self {
            Self::FreeAll => 0,
            Self::RetainCapacity => capacity,
            Self::RetainWithLimit(limit) => {
                if limit < capacity {
                    limit
                } else {
                    capacity
                }
            }
        }
    }
}

/// The larger of two chunks, that which was kept where they are equal; and the other.
///
/// # Safety
///
/// Both are live.
pub(crate) unsafe fn larger(kept: Option<Chunk>, chunk: Chunk) -> (Chunk, Option<Chunk>) {
    match kept {
        // SAFETY: the caller's promise.
        Some(kept) if unsafe { kept.size() >= chunk.size() } => (kept, Some(chunk)),
        less => (chunk, less),
    }
}

/// Makes one chunk of a chain, or none, as `mode` says; `header` is the size of the arena's header in bytes.
///
/// A chain that is one chunk of the right size is left alone: no child calls. Otherwise all but the largest chunk go
/// back first, so that the child can serve the final size from them; then the largest is resized, moved or replaced.
/// `false`: the child refused; the largest chunk was kept as it is.
///
/// # Safety
///
/// The chunks of the chain are live, no block in them is, and the caller gives them up for the one returned.
pub(crate) unsafe fn collapse<A: Allocator>(
    child: &A,
    head: Option<Chunk>,
    header: usize,
    mode: ResetMode,
) -> (Option<Chunk>, bool) {
    // SAFETY: the caller's promise. `chunk.size() >= header` is K2.
    let size = |chunk: Chunk| unsafe { chunk.size() };
    // SAFETY: as above.
    let chunks = || unsafe { chain(head) };
    let capacity = || chunks().map(|chunk| size(chunk) - header).fold(0, usize::saturating_add);
    let target = if mode == ResetMode::FreeAll { 0 } else { mode.target(capacity()) };
    let largest = if target == 0 { None } else { chunks().max_by_key(|&chunk| size(chunk)) };
    for chunk in chunks().filter(|&chunk| Some(chunk) != largest) {
        // SAFETY: live, given up by the caller, and the iterator is past it.
        unsafe { chunk.free(child) };
    }
    let Some(largest) = largest else { return (None, true) };
    // SAFETY: live; the chunks before it are gone (K3).
    unsafe { largest.set_prev(None) };
    let wanted = target.saturating_add(header);
    if size(largest) == wanted {
        return (Some(largest), true);
    }
    // SAFETY: live, alone, without live blocks, and `wanted >= header`.
    match unsafe { largest.remake(child, wanted) } {
        Some(made) => (Some(made), true),
        None => (Some(largest), false),
    }
}
