//! The user's own line, as it stands in the file.
#![forbid(unsafe_code)]

use std::fmt::{self, Write};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::style::Style;

/// The longest line that is shown, in characters.
const WIDTH: usize = 100;

/// Writes line `number` of a file with a mark below `column`; nothing when the file is not there.
pub(crate) fn write_line(
    path: &Path,
    number: u32,
    column: u32,
    style: Style,
    w: &mut dyn Write,
) -> fmt::Result {
    let Some(line) = read_line(path, number) else { return Ok(()) };
    let text = line.trim_end();
    let shown = text.trim_start();
    if shown.is_empty() {
        return Ok(());
    }
    let indent = text.len() - shown.len();
    let (faint, end) = (style.faint, style.end);
    write!(w, "{faint}{number:>8} |{end} ")?;
    shown.chars().take(WIDTH).try_for_each(|c| w.write_char(if c == '\t' { ' ' } else { c }))?;
    let at = (column as usize).saturating_sub(1 + indent);
    if column == 0 || at >= WIDTH {
        return writeln!(w);
    }
    writeln!(w, "\n{faint}{:>8} |{end} {:at$}{}^{end}", "", "", style.error)
}

/// Only regular lines of readable files; the number counts from 1.
fn read_line(path: &Path, number: u32) -> Option<String> {
    let file = BufReader::new(File::open(path).ok()?);
    file.lines().nth(number.checked_sub(1)? as usize)?.ok()
}
