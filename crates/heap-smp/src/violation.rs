//! A broken promise of the client: say which, without allocating, and abort.
//!
//! The heap can no longer be trusted then; unwinding out of an allocator would be undefined behaviour.

/// What the client did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// A block was freed that is already free.
    DoubleFree,
    /// A block was freed that this allocator never handed out.
    ForeignPointer,
    /// The address lies inside a block, not at its start.
    InteriorPointer,
    /// The layout given back is not the one the block was allocated with.
    WrongLayout,
    /// The block belongs to another heap than the one that it was given to.
    WrongHeap,
    /// Bytes behind the end of a block were written.
    #[cfg_attr(not(feature = "checked"), allow(dead_code, reason = "nobody looks"))]
    Overflow,
    /// A block was written to while it was free.
    #[cfg_attr(not(feature = "checked"), allow(dead_code, reason = "nobody looks"))]
    WriteAfterFree,
}

impl Violation {
    const fn text(self) -> &'static str {
        match self {
            Self::DoubleFree => "double free: the block is already free",
            Self::ForeignPointer => "foreign pointer: not a block of this allocator",
            Self::InteriorPointer => "interior pointer: not the start of a block",
            Self::WrongLayout => "wrong layout: not the size or alignment the block was allocated with",
            Self::WrongHeap => "wrong heap: the block belongs to another heap",
            Self::Overflow => "overflow: the bytes behind the end of the block are not as they were left",
            Self::WriteAfterFree => "write after free: the block was written to while it was free",
        }
    }
}

/// The longest message, with its address and line end.
const MESSAGE_MAX: usize = 160;

/// Reports on the standard error stream and aborts the process.
#[cold]
#[inline(never)]
pub(crate) fn report(violation: Violation, addr: usize) -> ! {
    let mut message = [0; MESSAGE_MAX];
    let len = compose(violation, addr, &mut message);
    // If neither can write there is nobody to tell.
    let written = heap_os::stderr::write(&message[..len]);
    #[cfg(feature = "std")]
    if !written {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), &message[..len]);
    }
    let _ = written;
    end()
}

#[cfg(feature = "std")]
fn end() -> ! {
    std::process::abort()
}

/// `abort` of the C library, in which `by_address` has one.
#[cfg(not(feature = "std"))]
fn end() -> ! {
    unsafe extern "C" {
        safe fn abort() -> !;
    }
    abort()
}

/// Writes the message into `out` and returns its length.
fn compose(violation: Violation, addr: usize, out: &mut [u8; MESSAGE_MAX]) -> usize {
    let mut digits = [0; 2 * size_of::<usize>()];
    for (place, digit) in digits.iter_mut().rev().enumerate() {
        *digit = b"0123456789abcdef"[(addr >> (4 * place)) & 15];
    }
    let mut len = 0;
    for part in [b"heap-smp: ".as_slice(), violation.text().as_bytes(), b" (address 0x", &digits, b")\n"] {
        let end = (len + part.len()).min(MESSAGE_MAX);
        out[len..end].copy_from_slice(&part[..end - len]);
        len = end;
    }
    len
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_violation_and_the_address() {
        for violation in [
            Violation::DoubleFree,
            Violation::ForeignPointer,
            Violation::InteriorPointer,
            Violation::WrongLayout,
            Violation::WrongHeap,
            Violation::Overflow,
            Violation::WriteAfterFree,
        ] {
            let mut out = [0; MESSAGE_MAX];
            let len = compose(violation, 0xabc, &mut out);
            let text = std::str::from_utf8(&out[..len]).unwrap();
            assert!(text.starts_with("heap-smp: ") && text.ends_with("abc)\n"), "{text}");
            assert!(text.contains(violation.text()));
        }
    }
}
