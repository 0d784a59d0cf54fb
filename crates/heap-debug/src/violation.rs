//! [`Violation`]: what the client did wrong, with all that is known of it. Plain data: made inside of a lock, told outside.
#![forbid(unsafe_code)]

use crate::trace::Trace;

/// The kinds of misuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ViolationKind {
    /// A block was freed that is free already.
    DoubleFree,
    /// A block was resized, remapped or reallocated that is free already.
    UseAfterFree,
    /// The size given back is not the one that was requested.
    WrongSize,
    /// The alignment given back is not the one that was requested.
    WrongAlignment,
    /// The address is not in this allocator's memory, and in no other's that is known.
    ForeignPointer,
    /// The address lies inside of a block or between blocks, not at the start of one.
    InteriorPointer,
    /// The block belongs to another debug allocator.
    WrongAllocator,
    /// Bytes behind the block's last requested one were changed.
    WritePastEnd,
    /// Bytes before the block's first one were changed.
    WriteBeforeStart,
    /// Bytes of a freed block were changed.
    WriteAfterFree,
    /// A guard page behind a block was touched, by a read or a write.
    AccessPastEnd,
    /// A guard page before a block was touched.
    AccessBeforeStart,
    /// A freed block on guarded pages was touched.
    AccessAfterFree,
    /// A layout of size zero reached `GlobalAlloc`.
    ZeroSize,
    /// A null pointer was freed or reallocated.
    NullPointer,
    /// The allocator was called while this thread was inside of it, from a signal handler.
    Reentered,
}

impl ViolationKind {
    /// A name without spaces, as in JSON: `double-free`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DoubleFree => "double-free",
            Self::UseAfterFree => "use-after-free",
            Self::WrongSize => "wrong-size",
            Self::WrongAlignment => "wrong-alignment",
            Self::ForeignPointer => "foreign-pointer",
            Self::InteriorPointer => "interior-pointer",
            Self::WrongAllocator => "wrong-allocator",
            Self::WritePastEnd => "write-past-end",
            Self::WriteBeforeStart => "write-before-start",
            Self::WriteAfterFree => "write-after-free",
            Self::AccessPastEnd => "access-past-end",
            Self::AccessBeforeStart => "access-before-start",
            Self::AccessAfterFree => "access-after-free",
            Self::ZeroSize => "zero-size",
            Self::NullPointer => "null-pointer",
            Self::Reentered => "reentered",
        }
    }
}

/// The call that found a misuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `alloc`, or `alloc_zeroed`: what it is about to hand out again was changed.
    Alloc,
    /// `free`, or `dealloc`.
    Free,
    /// `resize`.
    Resize,
    /// `remap`.
    Remap,
    /// `realloc`.
    Realloc,
    /// `check_all`, or the end of the allocator.
    Check,
    /// No call: a read or a write that faulted.
    Access,
}

impl Operation {
    /// The name of the method.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alloc => "alloc",
            Self::Free => "free",
            Self::Resize => "resize",
            Self::Remap => "remap",
            Self::Realloc => "realloc",
            Self::Check => "check",
            Self::Access => "access",
        }
    }
}

/// A block as the records have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockFacts {
    /// Its address.
    pub addr: usize,
    /// Bytes requested.
    pub size: usize,
    /// Alignment requested, in bytes.
    pub align: usize,
    /// Where it was allocated.
    pub allocated: Trace,
    /// Where it was freed; [`Trace::NONE`] when it is live, too.
    pub freed: Trace,
    /// Whether it was live.
    pub live: bool,
}

/// Bytes that a report shows.
pub(crate) const SHOWN: usize = 64;

/// A copy of the memory around what was damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) addr: usize,
    pub(crate) len: usize,
    pub(crate) bytes: [u8; SHOWN],
    /// Bit `i`: byte `i` is not what it should be.
    pub(crate) bad: u64,
    /// Bit `i`: byte `i` is the client's own, and was not looked at.
    pub(crate) hidden: u64,
}

const _: () = assert!(SHOWN == u64::BITS as usize);

impl Window {
    pub(crate) const NONE: Self = Self { addr: 0, len: 0, bytes: [0; SHOWN], bad: 0, hidden: 0 };
}

/// A broken promise of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// What was done.
    pub kind: ViolationKind,
    /// The call that found it.
    pub operation: Operation,
    /// The address that was given; of the block, where none was.
    pub addr: usize,
    /// The block that is concerned, if any.
    pub block: Option<BlockFacts>,
    /// Size and alignment in bytes as given by the caller, where they matter.
    pub given: Option<(usize, usize)>,
    /// For writes: how far the first changed byte is from the block's end (past it, 0 is the first byte behind), before
    /// its start (1 is the last byte before), or from its start (after free). For interior pointers: from the block's
    /// start.
    pub distance: usize,
    /// How many bytes were changed.
    pub damaged: usize,
    /// The canaries of the instance that was called and of the one that owns the block.
    pub instances: Option<(u64, u64)>,
    /// Where it was found.
    pub found: Trace,
    pub(crate) window: Window,
}

impl Violation {
    /// With nothing known yet but what and where.
    pub(crate) const fn new(kind: ViolationKind, operation: Operation, addr: usize) -> Self {
        Self {
            kind,
            operation,
            addr,
            block: None,
            given: None,
            distance: 0,
            damaged: 0,
            instances: None,
            found: Trace::NONE,
            window: Window::NONE,
        }
    }
}
