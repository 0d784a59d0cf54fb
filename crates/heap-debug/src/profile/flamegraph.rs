//! The flame graph as a picture, by inferno.

use std::io::{self, Write};

use super::{HeapProfile, Measure};
use crate::thread;

impl HeapProfile {
    /// Writes a flame graph as SVG. Finds names of functions: slow. Feature `flamegraph`.
    ///
    /// # Errors
    ///
    /// Those of the writer, and an empty profile.
    pub fn write_flamegraph(&self, measure: Measure, out: &mut dyn Write) -> io::Result<()> {
        thread::reporting(|| {
            let lines: Vec<String> = self.folded_lines(measure).collect();
            let mut options = inferno::flamegraph::Options::default();
            options.title = String::from("Heap profile");
            options.count_name =
                String::from(if measure == Measure::TotalBlocks { "blocks" } else { "bytes" });
            let lines = lines.iter().map(String::as_str);
            inferno::flamegraph::from_lines(&mut options, lines, out)
        })
    }
}
