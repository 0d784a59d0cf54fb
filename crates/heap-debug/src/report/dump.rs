//! Bytes around what was damaged, the changed ones in brackets.
#![forbid(unsafe_code)]

use std::fmt::{self, Write};

use super::style::Style;
use crate::violation::Window;

/// Bytes of a row.
const ROW: usize = 16;

/// Writes the rows; nothing when there is no memory to show.
pub(crate) fn write(window: &Window, style: Style, w: &mut dyn Write) -> fmt::Result {
    for row in (0..window.len).step_by(ROW) {
        write!(w, "    {}{:#x}{} ", style.faint, window.addr + row, style.end)?;
        for i in row..(row + ROW).min(window.len) {
            let byte = window.bytes[i];
            let bit = |mask: u64| mask >> i & 1 != 0;
            if bit(window.hidden) {
                w.write_str(" .. ")?;
            } else if bit(window.bad) {
                write!(w, "{}[{byte:02x}]{}", style.error, style.end)?;
            } else {
                write!(w, " {byte:02x} ")?;
            }
        }
        writeln!(w)?;
    }
    Ok(())
}
