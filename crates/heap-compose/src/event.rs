//! [`Event`]: what [`Inspect`](crate::Inspect) shows.
#![forbid(unsafe_code)]

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_core::AllocError;

/// One operation, with the layout that the client gave and what the child answered.
///
/// It borrows nothing: blocks are addresses, to be kept or compared. Of `Free` alone it is certain that the block can
/// be read.
///
/// ```
/// use core::alloc::Layout;
/// use heap_compose::{Event, Inspect, Null};
/// use heap_core::{AllocError, Allocator};
///
/// let heap = Inspect::new(Null, |event| {
///     let layout = Layout::new::<u64>();
///     assert_eq!(event, Event::Alloc { layout, zeroed: false, block: Err(AllocError) });
/// });
/// assert!(heap.alloc(Layout::new::<u64>()).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A request was answered.
    Alloc {
        /// What was asked for.
        layout: Layout,
        /// Whether all bytes were to be zero.
        zeroed: bool,
        /// The answer.
        block: Result<NonNull<[u8]>, AllocError>,
    },
    /// A resize in place was done or refused.
    Resize {
        /// The block.
        block: NonNull<u8>,
        /// Its layout before.
        layout: Layout,
        /// The size in bytes that it was to have.
        new_size: usize,
        /// Whether it has it.
        done: bool,
    },
    /// A resize that may move was done or refused.
    Remap {
        /// Where the block was.
        block: NonNull<u8>,
        /// Its layout before.
        layout: Layout,
        /// The size in bytes that it was to have.
        new_size: usize,
        /// Where it is now; `None` if it was refused.
        moved: Option<NonNull<[u8]>>,
    },
    /// A block is about to be freed.
    Free {
        /// The block.
        block: NonNull<u8>,
        /// Its layout.
        layout: Layout,
    },
}
