//! [`DebugConfig`]: what a debug allocator checks, keeps and says. A `const` builder, so that a `static` can use it.
#![forbid(unsafe_code)]

/// The most frames that a recorded trace can have.
pub const MAX_FRAMES: usize = 32;

/// Frames of an allocation's trace in debug builds. Frames are stored once per distinct trace, so depth costs
/// time only; a `Vec` that grows stands six frames below its user there.
const DEBUG_FRAMES: u8 = 16;

/// What happens after a misuse was reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnViolation {
    /// The process aborts: the heap can no longer be trusted.
    #[default]
    Abort,
    /// The call does nothing more, or what the records say it should, and the program goes on. What was found can be
    /// asked for: [`violations`](crate::DebugAllocator::violations).
    Record,
}

/// How misuse and leaks are told on the standard error stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// For people; in colour when the stream is a terminal and `NO_COLOR` is not set.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
    /// Not at all.
    Silent,
}

/// Which blocks lie on pages of their own between two inaccessible ones, so that an overrun or any use after free
/// faults at the very instruction.
///
/// Such a block ends at the end of its page (as far as its alignment allows), costs at least a page and some system calls, and
/// its memory comes from the system, not from the backing allocator. When no such pages are to be had, the block is an
/// ordinary one. On Unix a fault is reported, then the process ends, whatever [`OnViolation`] says: the instruction
/// cannot go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Guard {
    /// None.
    #[default]
    Off,
    /// Blocks too large for a slab (32 KiB and more).
    Large,
    /// One in so many of each thread's, of any size: cheap enough for production. 0 is taken as 1.
    Sampled(u32),
    /// All, up to 16,384 at a time in the process: a mapping limit leaves no more. Further blocks are ordinary ones.
    All,
}

/// Settings of a [`DebugAllocator`](crate::DebugAllocator).
///
/// ```
/// use heap_debug::{DebugAllocator, DebugConfig, Guard, OnViolation};
///
/// const CONFIG: DebugConfig = DebugConfig::new().stack_trace_frames(8).guard(Guard::Large);
///
/// #[global_allocator]
/// static GLOBAL: DebugAllocator = DebugAllocator::with_config(CONFIG.on_violation(OnViolation::Record));
/// # assert_eq!(vec![1, 2].len(), 2);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[doc(alias = "Config")]
#[doc(alias = "DebugAllocatorConfig")]
pub struct DebugConfig {
    pub(crate) safety: bool,
    pub(crate) stack_trace_frames: u8,
    pub(crate) resize_stack_traces: bool,
    pub(crate) memory_limit: Option<usize>,
    pub(crate) never_unmap: bool,
    pub(crate) retain_metadata: bool,
    pub(crate) verbose_log: bool,
    pub(crate) shrink_in_place: bool,
    pub(crate) canary: u64,
    pub(crate) slab_size: usize,
    pub(crate) quarantine: usize,
    pub(crate) quarantine_large: usize,
    pub(crate) guard: Guard,
    pub(crate) alloc_fill: Option<u8>,
    pub(crate) free_fill: Option<u8>,
    pub(crate) fill_limit: usize,
    pub(crate) on_violation: OnViolation,
    pub(crate) format: Format,
    pub(crate) profile: Option<usize>,
}

impl DebugConfig {
    /// Everything that is found without many system calls is on; traces are recorded in debug builds.
    pub const fn new() -> Self {
        Self {
            safety: true,
            stack_trace_frames: if cfg!(debug_assertions) { DEBUG_FRAMES } else { 0 },
            resize_stack_traces: false,
            memory_limit: None,
            never_unmap: false,
            retain_metadata: false,
            verbose_log: false,
            shrink_in_place: true,
            canary: 0x9232_A6FF_85DF_F10F,
            slab_size: 64 << 10,
            quarantine: 256 << 10,
            quarantine_large: 8 << 20,
            guard: Guard::Off,
            alloc_fill: Some(0xAA),
            free_fill: Some(0x55),
            fill_limit: 64 << 10,
            on_violation: OnViolation::Abort,
            format: Format::Text,
            profile: None,
        }
    }

    /// Whether anything is checked at all. Without, every call goes straight to the backing allocator, and no leak,
    /// limit or profile is kept. Default: yes.
    pub const fn safety(mut self, on: bool) -> Self {
        self.safety = on;
        self
    }

    /// Frames kept of each allocation's and each free's trace, at most [`MAX_FRAMES`]; 0 keeps none. The trace of the
    /// misuse itself is taken in full depth always. Default: 16 in debug builds, else 0.
    pub const fn stack_trace_frames(mut self, frames: usize) -> Self {
        self.stack_trace_frames = if frames < MAX_FRAMES { frames as u8 } else { MAX_FRAMES as u8 };
        self
    }

    /// Whether a successful resize replaces the trace of the allocation by its own. Default: no.
    pub const fn resize_stack_traces(mut self, on: bool) -> Self {
        self.resize_stack_traces = on;
        self
    }

    /// Bytes that may be live at once, as requested; what would exceed them is refused. Exact under threads, and
    /// rolled back when the backing allocator refuses. `None`: no limit, and nothing counted. Default: `None`.
    #[doc(alias = "enable_memory_limit")]
    pub const fn requested_memory_limit(mut self, bytes: Option<usize>) -> Self {
        self.memory_limit = bytes;
        self
    }

    /// Whether memory is kept from the backing allocator until the end, even when free, so that no late access
    /// faults. Default: no.
    pub const fn never_unmap(mut self, on: bool) -> Self {
        self.never_unmap = on;
        self
    }

    /// Whether records of blocks whose memory went back are all kept. Without, the last few thousand are: enough to
    /// name most late double frees. Default: no.
    pub const fn retain_metadata(mut self, on: bool) -> Self {
        self.retain_metadata = on;
        self
    }

    /// Whether each call writes a line to the standard error stream. Default: no.
    pub const fn verbose_log(mut self, on: bool) -> Self {
        self.verbose_log = on;
        self
    }

    /// Whether a block may shrink where it is. Without, every shrinking block moves, so that stale pointers to its end
    /// are found, as with Zig's `SafeAllocator`. Default: yes.
    pub const fn shrink_in_place(mut self, on: bool) -> Self {
        self.shrink_in_place = on;
        self
    }

    /// The number that reports name this instance by, when a block is given to the wrong one of several.
    pub const fn canary(mut self, canary: u64) -> Self {
        self.canary = canary;
        self
    }

    /// Bytes of the slabs that small blocks are cut from: rounded up to pages of 4 KiB, at most 1 MiB; enlarged
    /// where fewer than four blocks would fit. Default: 64 KiB.
    #[doc(alias = "page_size")]
    #[doc(alias = "bucket_size_log2")]
    pub const fn slab_size(mut self, bytes: usize) -> Self {
        self.slab_size = bytes;
        self
    }

    /// Bytes of freed small blocks that each of the sixteen stripes (a thread uses one) keeps before their addresses are
    /// reused; 0: none. Default: 256 KiB.
    pub const fn quarantine(mut self, bytes: usize) -> Self {
        self.quarantine = bytes;
        self
    }

    /// The same for freed large blocks, 32 KiB and more. Default: 8 MiB.
    pub const fn quarantine_large(mut self, bytes: usize) -> Self {
        self.quarantine_large = bytes;
        self
    }

    /// Which blocks are put between inaccessible pages. Default: none.
    pub const fn guard(mut self, guard: Guard) -> Self {
        self.guard = guard;
        self
    }

    /// The byte that fresh blocks are filled with; `None`: not filled. Default: `0xAA`.
    pub const fn alloc_fill(mut self, byte: Option<u8>) -> Self {
        self.alloc_fill = byte;
        self
    }

    /// The byte that freed blocks are filled with, and checked for when they are reused, given back or looked at by
    /// `check_all`, and with traces when they leave the quarantine; `None`: writes after free are not found. Default: `0x55`.
    #[doc(alias = "check_write_after_free")]
    pub const fn free_fill(mut self, byte: Option<u8>) -> Self {
        self.free_fill = byte;
        self
    }

    /// Bytes at the start of a block that the fills cover at the most. Default: 64 KiB.
    pub const fn fill_limit(mut self, bytes: usize) -> Self {
        self.fill_limit = bytes;
        self
    }

    /// What happens after a misuse was reported. Default: abort.
    pub const fn on_violation(mut self, then: OnViolation) -> Self {
        self.on_violation = then;
        self
    }

    /// How misuse and leaks are told. Default: text.
    pub const fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// Keeps a heap profile: of every allocation (`Some(0)`), or of about one in so many bytes (`Some(512 << 10)` costs next
    /// to nothing), scaled up to estimates of the whole. Default: `None`.
    pub const fn profile(mut self, interval: Option<usize>) -> Self {
        self.profile = interval;
        self
    }

    /// Whether a freed block is looked at when it leaves the quarantine, and not only when it is used again or its memory
    /// goes back: where traces are recorded, for without them it would be a fifth of a pair's time.
    pub(crate) const fn checks_leaving(&self) -> bool {
        self.stack_trace_frames > 0
    }

    /// Whether most allocations and frees of small blocks are nothing but checks, fills and books.
    pub(crate) const fn is_plain(&self) -> bool {
        let counted = self.memory_limit.is_some() || matches!(self.profile, Some(0));
        let traced = self.stack_trace_frames > 0 || self.verbose_log;
        self.safety && !counted && !traced && !matches!(self.guard, Guard::All)
    }

    /// Whether now and then one is more, by the thread's count.
    pub(crate) const fn is_sampling(&self) -> bool {
        self.profile.is_some() || matches!(self.guard, Guard::Sampled(_))
    }
}

impl Default for DebugConfig {
    fn default() -> Self {
        Self::new()
    }
}
