//! The libraries that are loaded beneath a program: ours, built anew, and the others that this machine has.

use std::path::{Path, PathBuf};

use crate::preload::debian::Debian;
use crate::run;
use crate::workspace;

/// Name of what is built.
pub(crate) const OURS: &str = "heap";
/// Name of what a program has when nothing is loaded.
pub(crate) const NONE: &str = "glibc";

/// The other allocators: name, file, and Debian's package that has it.
const RIVALS: [(&str, &str, &str); 3] = [
    ("mimalloc", "libmimalloc.so.2", "libmimalloc2.0"),
    ("jemalloc", "libjemalloc.so.2", "libjemalloc2"),
    ("tcmalloc", "libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"),
];

/// Whether the library can be built without std here.
const STANDALONE: bool = cfg!(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu"));

/// How it is linked then: without constructors, so without the C compiler's files that call them; what calls itself is
/// not looked up when the library is loaded; and constants lie beside the code, which is a mapping less.
const WITHOUT_STD: [&str; 3] =
    ["-Clink-arg=-nostartfiles", "-Clink-arg=-Wl,-Bsymbolic-functions", "-Clink-arg=-Wl,--no-rosegment"];

/// Where libraries are.
const FOLDERS: [&str; 6] = [
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/lib",
    "/lib",
];

/// An allocator that a program can run on.
#[derive(Clone, Debug)]
pub(crate) struct Library {
    pub(crate) name: &'static str,
    /// What `LD_PRELOAD` is set to.
    pub(crate) preload: String,
}

/// Builds ours and returns its path.
///
/// # Errors
///
/// When it does not compile.
pub(crate) fn build() -> anyhow::Result<PathBuf> {
    let mut command = run::cargo(&["rustc", "--quiet", "--profile", "shared", "--package", "heap-malloc"]);
    // One kind alone: Cargo leaves link-time optimisation out where a Rust library is built too.
    command.args(["--features", "exports", "--lib", "--crate-type", "cdylib"]);
    if STANDALONE {
        command.args(["--", "--cfg", "standalone"]).args(WITHOUT_STD);
    }
    run::show(command)?;
    let path = workspace::metadata()?.target_directory.join("shared/libheap_malloc.so");
    anyhow::ensure!(path.exists(), "{path} was not made: the library is for Linux");
    Ok(path.into())
}

/// All that this machine has or Debian gives, ours first; and a line for each one that is missing.
///
/// # Errors
///
/// When ours does not compile.
pub(crate) fn all(debian: &Debian) -> anyhow::Result<(Vec<Library>, Vec<String>)> {
    let ours = Library { name: OURS, preload: build()?.display().to_string() };
    let mut libraries = vec![ours, Library { name: NONE, preload: String::new() }];
    let mut missing = Vec::new();
    for (name, file, package) in RIVALS {
        let installed =
            || FOLDERS.iter().map(|folder| Path::new(folder).join(file)).find(|path| path.exists());
        let found = installed().or_else(|| debian.library(file));
        let found = match found {
            None => debian.fetch(&[package]).map(|()| debian.library(file)),
            found => Ok(found),
        };
        match found {
            Ok(Some(path)) => libraries.push(Library { name, preload: path.display().to_string() }),
            Ok(None) => missing.push(format!("{name}: no {file} in Debian's package {package}")),
            Err(reason) => missing.push(format!("{name}: no {file} here; {reason}")),
        }
    }
    Ok((libraries, missing))
}
