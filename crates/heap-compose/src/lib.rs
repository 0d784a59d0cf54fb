#![doc = include_str!("../README.md")]
#![no_std]

#[macro_use]
mod forward;
mod block;
mod counter;
mod null;
mod fallback;
mod by_size;
mod buckets;
mod min_align;
mod rounding;
mod quantized;
mod frame;
mod affix;
mod live_list;
mod scoped;
mod free_blocks;
mod free_list;
mod nodes;
mod cascade;
mod limit;
mod counts;
mod stats;
mod event;
mod inspect;
mod zeroize;
#[cfg(feature = "lock_api")]
mod thread_safe;
#[cfg(feature = "lock_api")]
mod per_thread;

pub use affix::Affix;
pub use buckets::Buckets;
pub use by_size::BySize;
pub use cascade::Cascade;
pub use counter::Counter;
pub use counts::Counts;
pub use event::Event;
pub use fallback::Fallback;
pub use free_list::FreeList;
pub use inspect::Inspect;
pub use limit::Limit;
pub use min_align::MinAlign;
pub use null::Null;
#[cfg(feature = "lock_api")]
pub use per_thread::PerThread;
pub use quantized::Quantized;
pub use rounding::{MultipleOf, PowerOfTwo, Rounding, ToSizeClass};
pub use scoped::Scoped;
pub use stats::Stats;
#[cfg(feature = "lock_api")]
pub use thread_safe::ThreadSafe;
pub use zeroize::Zeroize;
