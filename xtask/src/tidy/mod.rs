//! `cargo xtask tidy`: the rules of the house that the compiler does not know.
//!
//! | file | rule |
//! |---|---|
//! | [`layers`] | a crate depends on lower floors only, and brings only what its place allows |
//! | [`order`] | a module uses only those listed above it; every file is compiled |
//! | [`files`] | `//!` header, length of files and functions |
//! | [`doors`] | targets, atomics and exported symbols come through one door |
//! | [`words`] | one word, one meaning |
//! | [`crates`] | a README with a tested example, one binary of integration tests |
//! | [`debts`] | no ignored tests, no work put off without a number, no panics |
//! | [`links`] | links in Markdown lead somewhere |

pub(crate) mod scan;
pub(crate) mod source;
mod tree;
mod layers;
mod order;
mod files;
mod doors;
mod words;
mod crates;
mod debts;
mod links;

use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::tidy::layers::Manifest;
use crate::tidy::source::{Breach, Crate, Source};
use crate::workspace;

/// Folders of Rust code in a crate's folder. Others (`target`, corpora) are not ours to judge.
const FOLDERS: [&str; 5] = ["src", "tests", "examples", "benches", "fuzz_targets"];

/// Prints every breach and how many files were read.
///
/// # Errors
///
/// When there is a breach, or a file cannot be read.
pub(crate) fn run() -> anyhow::Result<()> {
    let (crates, manifests) = load()?;
    let mut breaches = check(&crates, &manifests);
    breaches.extend(links::check(&workspace::root()));
    for breach in &breaches {
        match breach.line {
            0 => println!("{}: {}", breach.path, breach.text),
            line => println!("{}:{line}: {}", breach.path, breach.text),
        }
    }
    let files: usize = crates.iter().map(|krate| krate.sources.len()).sum();
    println!("tidy: {} crates, {files} files, {} breaches", crates.len(), breaches.len());
    anyhow::ensure!(breaches.is_empty(), "the house is not tidy");
    Ok(())
}

/// All rules on all crates, sorted by place.
fn check(crates: &[Crate], manifests: &[Manifest]) -> Vec<Breach> {
    let mut breaches = layers::check(manifests);
    for krate in crates {
        breaches.extend(order::check(krate));
        for source in &krate.sources {
            breaches.extend(files::check(source));
            breaches.extend(debts::check(source));
        }
        if krate.published() {
            breaches.extend(doors::check(krate));
            breaches.extend(krate.sources.iter().flat_map(words::check));
            breaches.extend(crates::check(krate));
            breaches.extend(debts::check_product(krate));
        }
    }
    breaches.sort();
    breaches.dedup();
    breaches
}

/// Every crate of the workspace, and `fuzz`, which is one of its own.
pub(crate) fn load() -> anyhow::Result<(Vec<Crate>, Vec<Manifest>)> {
    let root = workspace::root();
    let metadata = workspace::metadata()?;
    let mut crates = Vec::new();
    let mut manifests = Vec::new();
    for package in &metadata.packages {
        let path = package.manifest_path.strip_prefix(&root).context("a crate outside of the workspace")?;
        let dir = path.parent().context("a manifest without a folder")?;
        crates.push(load_crate(&root, &package.name, dir.as_str())?);
        manifests.push(Manifest::of(package, path.to_string()));
    }
    if root.join("fuzz/Cargo.toml").exists() {
        crates.push(load_crate(&root, "heap-fuzz", "fuzz")?);
    }
    Ok((crates, manifests))
}

fn load_crate(root: &Path, name: &str, dir: &str) -> anyhow::Result<Crate> {
    let mut sources = Vec::new();
    for folder in FOLDERS {
        load_folder(root, &format!("{dir}/{folder}"), &mut sources)?;
    }
    let readme = fs::read_to_string(root.join(dir).join("README.md")).ok();
    let mut krate = Crate { name: name.into(), dir: dir.into(), sources, readme };
    tree::mark_tests(&mut krate);
    Ok(krate)
}

fn load_folder(root: &Path, folder: &str, sources: &mut Vec<Source>) -> anyhow::Result<()> {
    let Ok(entries) = fs::read_dir(root.join(folder)) else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            load_folder(root, &path, sources)?;
        } else if path.ends_with(".rs") {
            let text = fs::read_to_string(entry.path()).with_context(|| path.clone())?;
            sources.push(Source::parse(&path, &text)?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_asked_and_breaches_are_sorted_by_place() {
        let text =
            "// no header\nmod high;\nuse crate::high::region;\n#[cfg(unix)]\nfn region() { x.unwrap() }\n";
        let mut krate = Crate::fixture("heap-x", &[("src/lib.rs", text), ("src/high.rs", "//! x\n// XXX\n")]);
        krate.readme = None;
        let manifest = Manifest {
            name: "heap-x".into(),
            path: "crates/heap-x/Cargo.toml".into(),
            published: true,
            dependencies: Vec::new(),
        };
        let breaches = check(&[krate], &[manifest]);
        let places: Vec<_> = breaches.iter().map(|b| format!("{}:{}", &b.path[14..], b.line)).collect();
        let expected = [
            "Cargo.toml:0",
            "README.md:0",
            "src/high.rs:2",
            "src/lib.rs:0",
            "src/lib.rs:1",
            "src/lib.rs:4",
            "src/lib.rs:5",
            "src/lib.rs:5",
        ];
        assert_eq!(places, expected, "{breaches:#?}");
    }

    #[test]
    fn the_workspace_is_read_whole() {
        let (crates, manifests) = load().unwrap();
        let xtask = crates.iter().find(|krate| krate.name == "xtask").unwrap();
        assert!(xtask.sources.iter().any(|source| source.path == "xtask/src/tidy/mod.rs"));
        let core = manifests.iter().find(|manifest| manifest.name == "heap-core").unwrap();
        assert!(core.published && core.dependencies.iter().any(|dep| dep.name == "thiserror" && !dep.own));
    }
}
