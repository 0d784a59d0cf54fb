//! Where the workspace is.

use std::path::PathBuf;

/// The root folder of the workspace: the parent of this crate's.
pub(crate) fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map_or_else(|| here.clone(), PathBuf::from)
}
