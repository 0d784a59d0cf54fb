//! Reads and writes the files of a session.
#![forbid(unsafe_code)]

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::record::{Record, SCHEMA};

/// Writes a file, with the folders above it.
///
/// # Errors
///
/// When the system refuses.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    fs::write(path, text).with_context(|| path.display().to_string())
}

/// Writes a session; first beside the place, so that nobody finds half of it.
///
/// # Errors
///
/// When the system refuses.
pub(crate) fn save(record: &Record, path: &Path) -> Result<()> {
    let part = path.with_extension("json.part");
    write(&part, &serde_json::to_string_pretty(record)?)?;
    fs::rename(&part, path).with_context(|| path.display().to_string())
}

/// Reads a saved session.
///
/// # Errors
///
/// When it cannot be read, or has the layout of another version.
pub(crate) fn load(path: &Path) -> Result<Record> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    parse(&text).with_context(|| path.display().to_string())
}

fn parse(text: &str) -> Result<Record> {
    let record: Record = serde_json::from_str(text)?;
    anyhow::ensure!(
        record.schema == SCHEMA,
        "its layout is number {}, this program knows {SCHEMA}",
        record.schema
    );
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::fixture;

    #[test]
    fn a_saved_session_is_read_back_whole() {
        let record = fixture::with_failure("jemalloc", "parse");
        let read = parse(&serde_json::to_string(&record).unwrap()).unwrap();
        assert_eq!(
            (&read.runs, &read.allocators, &read.settings),
            (&record.runs, &record.allocators, &record.settings)
        );
        assert_eq!((&read.machine, &read.workloads), (&record.machine, &record.workloads));
    }

    #[test]
    fn another_layout_is_refused() {
        let mut record = fixture::record();
        record.schema = SCHEMA + 1;
        let error = parse(&serde_json::to_string(&record).unwrap()).unwrap_err().to_string();
        assert!(error.contains("layout"), "{error}");
    }
}
