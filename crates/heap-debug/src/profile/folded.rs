//! Folded stacks: a line a stack, outermost frame first, and a number. What flame graph programs read.

use std::io::{self, Write};

use super::frames::Frames;
use super::{HeapProfile, Measure};
use crate::thread;

impl HeapProfile {
    /// Writes `outer;inner;innermost 123` lines. Finds names of functions: slow.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn write_folded(&self, measure: Measure, out: &mut dyn Write) -> io::Result<()> {
        thread::reporting(|| self.folded_lines(measure).try_for_each(|line| writeln!(out, "{line}")))
    }

    /// The lines of stacks that have something of the measure.
    pub(super) fn folded_lines(&self, measure: Measure) -> impl Iterator<Item = String> + '_ {
        let mut frames = Frames::default();
        let sites = self.sites.iter().map(move |site| (site, measure.of(&site.counts)));
        sites.filter(|&(_, value)| value > 0).map(move |(site, value)| {
            let mut stack = frames.of(site.allocated.frames());
            stack.reverse();
            // The separators cannot be part of a name.
            let names = stack.iter().map(|frame| frame.function.replace([';', '\n'], ":"));
            format!("{} {value}", names.collect::<Vec<_>>().join(";"))
        })
    }
}
