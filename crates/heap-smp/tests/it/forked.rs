//! A child of a fork that does something and says whether it went well.
#![cfg(unix)]

/// Forks, runs `body` in the child, and waits for it. The child ends with 0 if the body says so.
pub(crate) fn in_a_child(body: impl FnOnce() -> bool) {
    // SAFETY: the child calls nothing but the allocator, `alarm`, `fork`, `waitpid` and `_exit`.
    match unsafe { libc::fork() } {
        0 => {
            let good = body();
            // SAFETY: ends the child without running anything of the parent's.
            unsafe { libc::_exit(i32::from(!good)) }
        }
        child => {
            assert!(child > 0);
            let mut status = 0;
            // SAFETY: waits for our own child.
            assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
            assert_eq!(status, 0);
        }
    }
}
