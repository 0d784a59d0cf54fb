//! Where the workspace is, and what is in it.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use cargo_metadata::{CrateType, Metadata, MetadataCommand, Package, Target, TargetKind};

/// The root folder of the workspace: the parent of this crate's.
pub(crate) fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map_or_else(|| here.clone(), PathBuf::from)
}

/// What Cargo knows of the workspace's own crates, without what they depend on.
///
/// # Errors
///
/// When Cargo cannot be run.
pub(crate) fn metadata() -> anyhow::Result<Metadata> {
    MetadataCommand::new().current_dir(root()).no_deps().exec().context("cargo metadata")
}

/// A crate of the workspace, as far as its tests care.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    /// Others can depend on it: it lives in `crates/`.
    pub(crate) published: bool,
    /// Its library does without std when its features are off.
    pub(crate) no_std: bool,
    /// It has models for the loom model checker: `loom` is among its dependencies.
    pub(crate) loom: bool,
    /// All features but `default`.
    pub(crate) features: Vec<String>,
    pub(crate) examples: Vec<String>,
    /// Its integration test binaries.
    pub(crate) tests: Vec<String>,
}

impl Member {
    fn of(package: &Package) -> Self {
        let names = |kind: &TargetKind| -> Vec<String> {
            // An example may be a library, which cannot be run.
            let runs = |target: &&Target| target.crate_types.contains(&CrateType::Bin);
            let targets = package.targets.iter().filter(|target| target.kind.contains(kind)).filter(runs);
            targets.map(|target| target.name.clone()).collect()
        };
        let mut features: Vec<_> =
            package.features.keys().filter(|name| *name != "default").cloned().collect();
        features.sort();
        let dir = package.manifest_path.parent();
        let lib = dir.map(|dir| dir.join("src/lib.rs")).and_then(|path| fs::read_to_string(path).ok());
        Self {
            name: package.name.to_string(),
            published: dir.is_some_and(|dir| dir.parent().is_some_and(|up| up.ends_with("crates"))),
            // Under a condition it is for a system with a C library, if for nothing else.
            no_std: lib.is_some_and(|text| text.contains("#![no_std]")),
            loom: package.dependencies.iter().any(|dependency| dependency.name == "loom"),
            features,
            examples: names(&TargetKind::Example),
            tests: names(&TargetKind::Test),
        }
    }
}

/// The crates of the workspace, sorted by name.
///
/// # Errors
///
/// When Cargo cannot be run.
pub(crate) fn members() -> anyhow::Result<Vec<Member>> {
    let mut members: Vec<_> = metadata()?.packages.iter().map(Member::of).collect();
    members.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_described_by_their_manifests() {
        let members = members().unwrap();
        let find = |name: &str| members.iter().find(|member| member.name == name).unwrap();
        let core = find("heap-core");
        assert!(core.published && core.no_std && !core.loom, "{core:?}");
        assert!(
            core.features.contains(&"allocator-api".into()) && !core.features.contains(&"default".into())
        );
        assert!(!find("xtask").published);
    }
}
