//! A broken promise of the client: say which, without allocating, and abort.
//!
//! The pool can no longer be trusted then. Found in debug builds and with the feature `checked`; other builds do not
//! look.

use core::fmt::{self, Write};

/// Whether the pools keep a mark for each live slot and look at it before they take a slot back.
pub(crate) const CHECKED: bool = cfg!(any(debug_assertions, feature = "checked"));

/// What the client did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Violation {
    /// The item is not live: destroyed before, or gone with a reset.
    DoubleDestroy,
    /// The address lies in no slab of this pool.
    ForeignItem,
    /// The address lies inside a slot, not at its start.
    InteriorPointer,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DoubleDestroy => "double destroy: the item is not live any more",
            Self::ForeignItem => "foreign item: not from this pool",
            Self::InteriorPointer => "interior pointer: not the start of an item",
        })
    }
}

/// A message on its way out: cut where it does not fit.
struct Message {
    text: [u8; 160],
    len: usize,
}

impl Message {
    fn of(violation: Violation, addr: usize) -> Self {
        let mut message = Self { text: [0; 160], len: 0 };
        // Only a full buffer is an error, and then what fits is there.
        let _ = writeln!(message, "heap-pool: {violation} (address {addr:#x})");
        message
    }

    fn bytes(&self) -> &[u8] {
        &self.text[..self.len]
    }
}

impl Write for Message {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let room = &mut self.text[self.len..];
        let len = part.len().min(room.len());
        room[..len].copy_from_slice(&part.as_bytes()[..len]);
        self.len += len;
        if len == part.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

/// Reports on the standard error stream and aborts the process.
#[cold]
#[inline(never)]
#[cfg(feature = "std")]
pub(crate) fn report(violation: Violation, addr: usize) -> ! {
    use std::io::Write as _;
    // One call, without a buffer. If even that fails there is nobody to tell.
    let _ = std::io::stderr().write_all(Message::of(violation, addr).bytes());
    std::process::abort()
}

/// Reports through the program's panic handler, and does not come back: nothing unwinds out of an `extern "C"` function.
#[cold]
#[inline(never)]
#[cfg(not(feature = "std"))]
pub(crate) extern "C" fn report(violation: Violation, addr: usize) -> ! {
    let message = Message::of(violation, addr);
    unreachable!("{}", core::str::from_utf8(message.bytes()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_violation_and_the_address() {
        for violation in [Violation::DoubleDestroy, Violation::ForeignItem, Violation::InteriorPointer] {
            let message = Message::of(violation, 0xabc);
            let text = core::str::from_utf8(message.bytes()).unwrap();
            assert!(text.starts_with("heap-pool: ") && text.ends_with("(address 0xabc)\n"), "{text}");
        }
    }
}
