#![doc = include_str!("../README.md")]
#![no_std]

#[cfg(any(test, loom, feature = "std"))]
extern crate std;

mod atomic;
mod bump;
mod growth;
mod finally;
mod chunk;
mod drops;
mod reset;
mod state;
mod typed;
mod mark;
mod sync_scope;
mod fixed;
mod arena;
mod stack_fallback;
mod buffer_first;
mod sync_bump;
mod sync_fixed;
mod sync_chunk;
mod shared;
#[cfg(any(all(feature = "std", not(loom)), all(test, loom)))]
mod lane_ids;
#[doc(hidden)]
pub mod lane_id;
mod lane;
mod lanes;
mod sync_state;
mod sync_arena;

pub use arena::Arena;
pub use buffer_first::BufferFirst;
pub use fixed::{BufferMark, FixedBuffer};
pub use mark::{Rewind, Scope, ScopeGuard};
pub use reset::ResetMode;
pub use stack_fallback::StackFallback;
pub use state::{ArenaMark, ArenaState};
pub use sync_arena::SyncArena;
pub use sync_fixed::SyncFixedBuffer;
pub use sync_scope::{SyncRewind, SyncScope, SyncScopeGuard};
pub use sync_state::{LANES, SyncArenaMark, SyncArenaState};
pub use typed::TypedAlloc;

#[cfg(all(test, loom))]
mod loom_models;
