//! mimalloc version 3, what the crate builds by default.

use std::ffi::c_int;
use std::process::ExitCode;

use mimalloc::MiMalloc;

#[global_allocator]
static GLOBAL: MiMalloc = MiMalloc;

unsafe extern "C" {
    safe fn mi_version() -> c_int;
}

fn main() -> ExitCode {
    // Both versions have the same names: only a separate build keeps them apart.
    let version = mi_version();
    if version / 10_000 != 3 {
        eprintln!("this is mimalloc {version}: build mimalloc-v2 and mimalloc-v3 in separate invocations");
        return ExitCode::from(2);
    }
    heap_bench::run("mimalloc-v3")
}
