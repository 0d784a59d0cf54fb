//! The walk by the system's unwinder: correct everywhere, some microseconds a trace.

/// Where a frame is: what a walk starts from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site {
    sp: usize,
}

impl Site {
    /// In the function that this is inlined into.
    #[inline(always)]
    pub(crate) fn here() -> Self {
        let local = 0_u8;
        Self { sp: (&raw const local).addr() }
    }
}

impl Site {
    /// Not known here.
    pub(crate) const fn as_return_address(self) -> usize {
        0
    }
}

/// Nothing to wait for.
pub(crate) fn before_fork() {}

/// Nothing to open.
pub(crate) fn after_fork(_in_child: bool) {}

/// Lets the thread that a signal interrupted go on in `entry`, on its own stack, and says where it was.
///
/// # Safety
///
/// `context` is what the system passed to the signal's handler.
#[cfg(all(any(target_arch = "x86", target_arch = "aarch64"), target_os = "linux", target_env = "gnu"))]
pub(crate) unsafe fn divert(context: *mut core::ffi::c_void, entry: extern "C" fn() -> !) -> Option<Site> {
    // SAFETY: the caller's promise.
    let sp = unsafe { super::detour::take(context, entry) };
    // The frame of the interrupted function is one of those above.
    Some(Site { sp: sp - 1 })
}

/// As above, but not known how.
///
/// # Safety
///
/// None: the arguments are not looked at.
#[cfg(all(
    unix,
    not(all(any(target_arch = "x86", target_arch = "aarch64"), target_os = "linux", target_env = "gnu"))
))]
pub(crate) unsafe fn divert(_: *mut core::ffi::c_void, _: extern "C" fn() -> !) -> Option<Site> {
    None
}

/// Writes the return addresses of the callers of the function that `site` is in, innermost first, and returns how many.
///
/// # Safety
///
/// That function has not returned.
pub(crate) unsafe fn walk(site: &Site, out: &mut [usize]) -> usize {
    let mut count = 0;
    let step = |frame: &backtrace::Frame| {
        let sp = frame.sp().addr();
        // Unwinders that do not tell the stack pointer leave our own frames in; reports trim them.
        if sp == 0 || sp > site.sp {
            let ip = frame.ip().addr();
            // What called the first function of a thread: some systems list it as an address of zero.
            if ip == 0 {
                return false;
            }
            let Some(slot) = out.get_mut(count) else { return false };
            *slot = ip;
            count += 1;
        }
        count < out.len()
    };
    // SAFETY: only Windows' symboliser (dbghelp) needs a lock, and symbols are not asked for here.
    unsafe { backtrace::trace_unsynchronized(step) };
    count
}
