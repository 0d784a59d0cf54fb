//! A leak report as text.
#![forbid(unsafe_code)]

use std::fmt::{self, Write};

use super::style::Style;
use super::trace;
use crate::leak_report::LeakReport;

/// Sites that are written; the rest is summed up.
const SHOWN: usize = 20;

/// Writes the sites, largest first, and the total.
pub(crate) fn write(report: &LeakReport, style: Style, w: &mut dyn Write) -> fmt::Result {
    let (error, strong, end) = (style.error, style.strong, style.end);
    let sites = report.sites();
    if report.is_empty() {
        return writeln!(w, "no leaks");
    }
    for site in sites.iter().take(SHOWN) {
        write!(w, "{error}error[leak]{end}{strong}: ")?;
        write_count(site.bytes, site.blocks, w)?;
        writeln!(w, "{end}")?;
        let what = if site.blocks == 1 { "block   " } else { "one is  " };
        writeln!(w, "  {what} {:#x}, {} bytes, align {}", site.addr, site.size, site.align)?;
        trace::write("allocated at", site.allocated, style, w)?;
        writeln!(w)?;
    }
    if let Some(rest) = sites.get(SHOWN..).filter(|rest| !rest.is_empty()) {
        let (bytes, blocks) =
            rest.iter().fold((0, 0), |(bytes, blocks), site| (bytes + site.bytes, blocks + site.blocks));
        write!(w, "{strong}and at {} more places: ", rest.len())?;
        write_count(bytes, blocks, w)?;
        writeln!(w, "{end}")?;
    }
    write!(w, "{strong}leaked in all: ")?;
    write_count(report.bytes(), report.blocks(), w)?;
    writeln!(w, ", allocated at {} place{}{end}", sites.len(), if sites.len() == 1 { "" } else { "s" })
}

fn write_count(bytes: usize, blocks: usize, w: &mut dyn Write) -> fmt::Result {
    let plural = |count| if count == 1 { "" } else { "s" };
    write!(w, "{bytes} byte{} in {blocks} block{}", plural(bytes), plural(blocks))
}
