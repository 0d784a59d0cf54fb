#![doc = include_str!("../README.md")]
#![no_std]

#[cfg(feature = "std")]
extern crate std;

mod sync;
mod violation;
mod slot;
mod options;
mod slab;
mod live;
mod raw_pool;
mod item;
mod pool_box;
mod typed;
mod pool;
mod lock;
mod shared;
mod lane;
mod sync_raw_pool;
mod sync_pool;
#[cfg(all(test, loom))]
mod loom_models;

pub use heap_arena::ResetMode;
pub use item::Slots;
pub use live::IterMut;
pub use options::PoolOptions;
pub use pool::Pool;
pub use pool_box::PoolBox;
pub use raw_pool::RawPool;
pub use sync_pool::SyncPool;
pub use sync_raw_pool::{LANES, SyncRawPool};
