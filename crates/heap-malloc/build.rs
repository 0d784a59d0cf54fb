//! How the shared library is linked: it stays once loaded, and brings no further library along.

use std::path::Path;
use std::process::Command;

/// Systems whose linkers know `-z nodelete` and a name of the library.
const ELF: [&str; 4] = ["linux", "android", "freebsd", "netbsd"];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(standalone)");
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let system = variable("CARGO_CFG_TARGET_OS");
    if ELF.contains(&&system[..]) {
        // Blocks, and the call at a thread's end, would outlive the library's code.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libheap_malloc.so");
    }
    let native = variable("HOST") == variable("TARGET");
    if system == "linux"
        && native
        && std::env::var_os("CARGO_FEATURE_EXPORTS").is_some()
        && has_static_unwinder()
    {
        // Rust's runtime needs an unwinder. The shared one is a library more to load: half of what a start costs.
        println!("cargo:rustc-link-lib=static:-bundle=gcc_eh");
    }
}

/// Whether the C compiler, which links, has its unwinder as an archive. Without it, the shared one is used.
fn has_static_unwinder() -> bool {
    let found = Command::new("cc").arg("-print-file-name=libgcc_eh.a").output();
    found.is_ok_and(|found| Path::new(String::from_utf8_lossy(&found.stdout).trim()).is_absolute())
}
