//! The one error of an allocation path: the memory is not to be had.

/// The request could not be met: memory is exhausted, a limit is reached, or the size is absurd.
///
/// Zero-sized, so that `Result<NonNull<u8>, AllocError>` is one pointer wide. The allocator that
/// returned it is unchanged and usable; what the caller held, it still holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, thiserror::Error)]
#[error("out of memory")]
#[doc(alias = "OutOfMemory")]
pub struct AllocError;

const _: () = assert!(size_of::<AllocError>() == 0);
