#![doc = include_str!("../README.md")]
#![no_std]

#[cfg(any(test, feature = "std"))]
extern crate std;

mod bump;
mod growth;
mod chunk;
mod drops;
mod reset;
mod state;
mod typed;
mod mark;
mod fixed;
mod arena;

pub use arena::Arena;
pub use fixed::{BufferMark, FixedBuffer};
pub use mark::{Rewind, Scope, ScopeGuard};
pub use reset::ResetMode;
pub use state::{ArenaMark, ArenaState};
pub use typed::TypedAlloc;
