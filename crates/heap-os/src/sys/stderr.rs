//! Writing to the standard error stream without a lock.

#[cfg(all(unix, not(miri)))]
pub(crate) fn write(mut text: &[u8]) -> bool {
    while !text.is_empty() {
        // SAFETY: whoever closed the stream meant its number to lead nowhere, or elsewhere.
        let stream = unsafe { rustix::stdio::stderr() };
        match rustix::io::write(stream, text) {
            Ok(written @ 1..) => text = &text[written..],
            Err(rustix::io::Errno::INTR) => {}
            _ => return false,
        }
    }
    true
}

#[cfg(not(all(unix, not(miri))))]
pub(crate) fn write(_text: &[u8]) -> bool {
    false
}
