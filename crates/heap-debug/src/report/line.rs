//! A fixed buffer in front of the standard error stream.

use core::fmt;
use std::io::Write;

/// Bytes that are written at once.
const ROOM: usize = 2048;

/// Text on its way out. What is left must be [`flush`](Self::flush)ed.
pub(crate) struct Line {
    buffer: [u8; ROOM],
    len: usize,
}

impl Line {
    pub(crate) const fn new() -> Self {
        Self { buffer: [0; ROOM], len: 0 }
    }

    /// Writes out what there is. If that fails there is nobody to tell.
    pub(crate) fn flush(&mut self) {
        let _ = std::io::stderr().write_all(&self.buffer[..self.len]);
        self.len = 0;
    }
}

impl fmt::Write for Line {
    fn write_str(&mut self, mut text: &str) -> fmt::Result {
        while !text.is_empty() {
            if self.len == ROOM {
                self.flush();
            }
            let mut fits = text.len().min(ROOM - self.len);
            while !text.is_char_boundary(fits) {
                fits -= 1;
            }
            if fits == 0 {
                self.flush();
                continue;
            }
            let (now, later) = text.split_at(fits);
            self.buffer[self.len..self.len + fits].copy_from_slice(now.as_bytes());
            self.len += fits;
            text = later;
        }
        Ok(())
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("len", &self.len).finish_non_exhaustive()
    }
}
