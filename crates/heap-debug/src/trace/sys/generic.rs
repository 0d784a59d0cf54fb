//! The walk by the system's unwinder: correct everywhere, some microseconds a trace.

/// Writes the return addresses of the callers whose frames lie above `mark` on the stack, innermost first, and
/// returns how many.
pub(crate) fn walk(mark: usize, out: &mut [usize]) -> usize {
    let mut count = 0;
    let step = |frame: &backtrace::Frame| {
        let sp = frame.sp().addr();
        // Unwinders that do not tell the stack pointer leave our own frames in; reports trim them.
        if sp == 0 || sp > mark {
            let Some(slot) = out.get_mut(count) else { return false };
            *slot = frame.ip().addr();
            count += 1;
        }
        count < out.len()
    };
    // SAFETY: only Windows' symboliser (dbghelp) needs a lock, and symbols are not asked for here.
    unsafe { backtrace::trace_unsynchronized(step) };
    count
}
