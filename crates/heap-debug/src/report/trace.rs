//! A trace as text: where it began, and who called.
#![forbid(unsafe_code)]

use std::fmt::{self, Write};
use std::path::{Path, PathBuf};

use super::source;
use super::style::Style;
use super::symbols::{Name, resolve};
use crate::trace::Trace;

/// Frames of the user's code that are shown.
const SHOWN: usize = 8;

/// Writes `title`, the user's innermost frame with its source line, and its callers. Where no frame is the user's, all
/// are written.
pub(crate) fn write(title: &str, trace: Trace, style: Style, w: &mut dyn Write) -> fmt::Result {
    let (strong, end) = (style.strong, style.end);
    if trace.is_none() {
        return writeln!(w, "  {strong}{title}{end}: not recorded (see DebugConfig::stack_trace_frames)");
    }
    write!(w, "  {strong}{title}{end} ")?;
    let mut shown = write_frames(trace, style, true, w)?;
    if shown == 0 {
        shown = write_frames(trace, style, false, w)?;
    }
    if shown == 0 { writeln!(w, "an unknown place") } else { Ok(()) }
}

fn write_frames(trace: Trace, style: Style, users: bool, w: &mut dyn Write) -> Result<usize, fmt::Error> {
    let home = std::env::current_dir().unwrap_or_default();
    let (mut shown, mut left_out, mut result) = (0, 0, Ok(()));
    resolve(trace.frames(), &mut |name| {
        if users && !name.is_users() {
            return true;
        }
        if shown == SHOWN {
            left_out += 1;
            return true;
        }
        result = write_frame(name, shown == 0, &home, style, w);
        shown += 1;
        result.is_ok()
    });
    result?;
    if left_out > 0 {
        writeln!(w, "    and {left_out} more")?;
    }
    Ok(shown)
}

fn write_frame(name: &Name<'_>, first: bool, home: &Path, style: Style, w: &mut dyn Write) -> fmt::Result {
    let (strong, end) = (style.strong, style.end);
    if !first {
        write!(w, "    called from ")?;
    }
    let Some(file) = name.file else {
        let function = if name.function.is_empty() { "unknown code" } else { name.function };
        return writeln!(w, "{function} ({:#x})", name.addr);
    };
    let path = find(file, home);
    write!(w, "{strong}{}:{}", path.strip_prefix(home).unwrap_or(&path).display(), name.line)?;
    if name.column > 0 {
        write!(w, ":{}", name.column)?;
    }
    writeln!(w, "{end} in {}", name.function)?;
    if first { source::write_line(&path, name.line, name.column, style, w) } else { Ok(()) }
}

/// The file as seen from here: names in debug information may be relative to the root of the user's workspace, which is
/// here or above.
fn find(file: &Path, home: &Path) -> PathBuf {
    let above = home.ancestors().map(|dir| dir.join(file));
    above.into_iter().find(|path| path.exists()).unwrap_or_else(|| file.to_path_buf())
}
