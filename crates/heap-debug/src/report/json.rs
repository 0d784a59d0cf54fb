//! Reports as JSON: one object on a line of its own. Addresses are strings, since they may exceed what JSON numbers hold.
#![forbid(unsafe_code)]

use std::fmt::{self, Write};

use super::symbols::{Name, resolve};
use crate::leak_report::LeakReport;
use crate::trace::Trace;
use crate::violation::Violation;

/// A violation.
pub(crate) fn write_violation(violation: &Violation, w: &mut dyn Write) -> fmt::Result {
    let (kind, operation) = (violation.kind.name(), violation.operation.name());
    write!(w, r#"{{"violation":"{kind}","operation":"{operation}","pointer":"{:#x}""#, violation.addr)?;
    if let Some((size, align)) = violation.given {
        write!(w, r#","given":{{"size":{size},"align":{align}}}"#)?;
    }
    if let Some((called, owner)) = violation.instances {
        write!(w, r#","called":"{called:#x}","owner":"{owner:#x}""#)?;
    }
    if violation.damaged > 0 {
        write!(w, r#","damaged":{},"distance":{}"#, violation.damaged, violation.distance)?;
    }
    if let Some(block) = &violation.block {
        write!(w, r#","block":{{"address":"{:#x}","size":{}"#, block.addr, block.size)?;
        write!(w, r#","align":{},"live":{}}},"allocated":"#, block.align, block.live)?;
        write_trace(block.allocated, w)?;
        if !block.live {
            w.write_str(r#","freed":"#)?;
            write_trace(block.freed, w)?;
        }
    }
    w.write_str(r#","found":"#)?;
    write_trace(violation.found, w)?;
    w.write_str("}\n")
}

/// A leak report.
pub(crate) fn write_leaks(report: &LeakReport, w: &mut dyn Write) -> fmt::Result {
    write!(w, r#"{{"leaked_bytes":{},"leaked_blocks":{},"sites":["#, report.bytes(), report.blocks())?;
    for (i, site) in report.sites().iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        write!(
            w,
            r#"{comma}{{"bytes":{},"blocks":{},"address":"{:#x}""#,
            site.bytes, site.blocks, site.addr
        )?;
        write!(w, r#","size":{},"align":{},"allocated":"#, site.size, site.align)?;
        write_trace(site.allocated, w)?;
        w.write_char('}')?;
    }
    w.write_str("]}\n")
}

/// All frames, the user's and others.
fn write_trace(trace: Trace, w: &mut dyn Write) -> fmt::Result {
    w.write_char('[')?;
    let (mut first, mut result) = (true, Ok(()));
    resolve(trace.frames(), &mut |name| {
        let comma = if core::mem::take(&mut first) { "" } else { "," };
        result = write!(w, "{comma}").and_then(|()| write_frame(name, w));
        result.is_ok()
    });
    result?;
    w.write_char(']')
}

fn write_frame(name: &Name<'_>, w: &mut dyn Write) -> fmt::Result {
    write!(w, r#"{{"address":"{:#x}","function":"#, name.addr)?;
    write_string(name.function, w)?;
    if let Some(file) = name.file {
        w.write_str(r#","file":"#)?;
        write_string(&file.to_string_lossy(), w)?;
        write!(w, r#","line":{},"column":{}"#, name.line, name.column)?;
    }
    write!(w, r#","user":{}}}"#, name.is_users())
}

/// A string with its quotes.
pub(crate) fn write_string(text: &str, w: &mut dyn Write) -> fmt::Result {
    w.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(w, "\\{c}")?,
            c if (c as u32) < 0x20 => write!(w, "\\u{:04x}", c as u32)?,
            c => w.write_char(c)?,
        }
    }
    w.write_char('"')
}
