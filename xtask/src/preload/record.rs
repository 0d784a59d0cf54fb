//! What was measured, as it is saved.

use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::bench::record::Machine;
use crate::bench::stats::Spread;

/// One run of one program.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// Seconds by the clock.
    pub(crate) wall: f64,
    /// Seconds of processor time, of all processes.
    pub(crate) cpu: f64,
    /// The most resident memory that one of its processes held, in KiB.
    pub(crate) memory: f64,
}

/// All runs of one program on one allocator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Series {
    pub(crate) program: String,
    pub(crate) library: String,
    pub(crate) samples: Vec<Sample>,
    /// Why there are no (more) samples.
    pub(crate) failure: Option<String>,
}

impl Series {
    /// The middle of the runs by some measure.
    pub(crate) fn median(&self, measure: fn(&Sample) -> f64) -> Option<f64> {
        let values: Vec<_> = self.samples.iter().map(measure).collect();
        if self.failure.is_some() { None } else { Spread::of(&values).map(|spread| spread.median) }
    }
}

/// A whole session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) machine: Machine,
    /// In the order of the columns.
    pub(crate) libraries: Vec<String>,
    pub(crate) programs: Vec<String>,
    /// Programs and libraries that are not here, a line each.
    pub(crate) skipped: Vec<String>,
    pub(crate) series: Vec<Series>,
}

impl Record {
    /// # Errors
    ///
    /// When the file is not there, or not of this kind.
    pub(crate) fn load(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        serde_json::from_str(&text).with_context(|| path.display().to_string())
    }

    /// # Errors
    ///
    /// When the file cannot be written.
    pub(crate) fn save(&self, path: &Path) -> anyhow::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        fs::write(path, serde_json::to_string_pretty(self)? + "\n")
            .with_context(|| path.display().to_string())
    }

    /// The runs of a program on a library.
    pub(crate) fn find(&self, program: &str, library: &str) -> Option<&Series> {
        self.series.iter().find(|series| series.program == program && series.library == library)
    }

    /// What is missing and what went wrong, a line each.
    pub(crate) fn troubles(&self) -> Vec<String> {
        let skipped = self.skipped.iter().map(|line| format!("skipped: {line}"));
        let failed = self.series.iter().filter_map(|series| {
            let reason = series.failure.as_ref()?;
            Some(format!("FAILED: {} on {}: {reason}", series.program, series.library))
        });
        skipped.chain(failed).collect()
    }
}
