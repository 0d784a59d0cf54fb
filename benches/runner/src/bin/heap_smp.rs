//! heap-smp, as a user writes it.
//!
//! With `HEAP_BENCH_MAP=FILE` in the environment it also draws the heap map, as it is when the workload holds most.

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use heap_smp::SmpAllocator;

#[global_allocator]
static GLOBAL: SmpAllocator = SmpAllocator::new();

fn main() -> ExitCode {
    let Some(path) = std::env::var_os("HEAP_BENCH_MAP") else { return heap_bench::run("heap-smp") };
    let (done, waits) = mpsc::channel();
    let painter = thread::spawn(move || paint(&waits, path));
    let code = heap_bench::run("heap-smp");
    drop(done);
    match painter.join() {
        Ok(Ok(())) => code,
        _ => ExitCode::FAILURE,
    }
}

/// Draws again whenever a tenth more is in use than at the last time.
fn paint(done: &mpsc::Receiver<()>, path: OsString) -> std::io::Result<()> {
    let mut most = 0;
    let mut picture = String::new();
    while done.recv_timeout(Duration::from_millis(5)) == Err(RecvTimeoutError::Timeout) {
        let stats = GLOBAL.stats();
        let used = stats.slot_bytes + stats.run_bytes + stats.huge_bytes;
        if used > most + most / 10 {
            most = used;
            picture.clear();
            // A `String` takes everything.
            let _ = GLOBAL.map().write_svg(&mut picture);
        }
    }
    std::fs::write(path, picture)
}
