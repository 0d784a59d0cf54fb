//! `cargo xtask sanitize`: heap-smp's suite under programs that watch memory and threads: AddressSanitizer, which our hints tell
//! what is free, ThreadSanitizer, and valgrind.
//!
//! Each finds what the suite's own books cannot: the first and the last every access that nobody was to make, the second
//! accesses of two threads that nothing orders. Tests that a tool cannot run are named with the reason.

use std::process::Command;

use crate::run;
use crate::toolchain::{self, Host, LIBRARY_SOURCES, Way};
use crate::workspace;

/// Options of `cargo xtask sanitize`.
#[derive(Debug, clap::Args)]
pub(crate) struct SanitizeArgs {
    /// The tools; all when none is given.
    #[arg(value_parser = TOOLS.map(|tool| tool.name))]
    tools: Vec<String>,
}

/// The only target that all three know and that this is tried on.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// What watches.
#[derive(Debug)]
pub(crate) struct Tool {
    name: &'static str,
    /// Its runs, or what is missing.
    plan: fn(&Host, &str) -> Result<Vec<Run>, String>,
}

/// One run of the suite.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) name: &'static str,
    pub(crate) command: Command,
}

/// All of them.
pub(crate) const TOOLS: [Tool; 3] = [
    Tool { name: "address", plan: address },
    Tool { name: "thread", plan: thread },
    Tool { name: "valgrind", plan: valgrind },
];

/// Tests that limit the addresses or the memory of the process, of which each tool takes more for its own tables.
const LIMITS: [&str; 5] = [
    "refusal::exhausted_address_space_is_null_and_not_the_end",
    "refusal::a_refused_request_leaves_the_address_space_to_others",
    "refusal::where_a_segment_is_too_much_smaller_pieces_serve",
    "refusal::where_no_thread_can_be_started_memory_goes_back_all_the_same",
    "refusal::what_was_freed_serves_a_private_heap_where_the_system_gives_no_more",
];

/// Tests (those whose names begin so) that measure the resident memory of the process, of which a tool has a part.
const RESIDENT: [&str; 4] = [
    "memory::a_private_heap_touches_no_fresh_memory",
    "memory::an_idle_program_becomes_lean",
    "memory::no_part_of_a_huge_page_stays_behind",
    "memory::resident_memory_falls_back",
];

/// Tests that load a library, which would need the sanitizer's runtime from the program.
const LIBRARIES: [&str; 1] = ["plugin::"];

/// Tests that fill the kernel's table of mappings: valgrind ends the process when its own, a shorter one, is full.
const MAPPINGS: [&str; 1] = ["hostile::a_process_without_mappings_to_spare_goes_on"];

/// Tests (those whose names begin so) that do with our blocks on purpose what AddressSanitizer, told by our hints, ends the process for before we see it:
/// `sanitized.rs` of the suite tests that it does.
const SEEN_FIRST: [&str; 9] = [
    "violations::a_pointer_to_the_stack",
    "checked::the_first_byte_behind_a_block",
    "checked::the_first_byte_behind_a_large_block",
    "checked::a_write_to_a_free_block",
    "checked::every_free_block_was_wiped",
    "checked_heap::the_first_byte_behind_a_private_block",
    "checked_heap::the_first_byte_behind_a_large_private_block",
    "checked_heap::a_write_to_a_free_private_block",
    "checked_heap::a_heap_that_is_gone_left_nothing_of_what_it_held",
];

/// Tests that move long blocks again and again: valgrind copies what it knows of each of their bytes, one by one. Broken off after minutes.
const MOVES: [&str; 2] =
    ["refusal::each_refused_call_is_survived", "refusal::refusals_that_last_are_survived"];

/// Tests that lose the addresses of long blocks again and again: what AddressSanitizer is told of each, an eighth of its length, stays
/// in memory, 23 GB and twice 9 GB in all.
const LOSSES: [&str; 3] = [
    "refusal::each_refused_call_is_survived",
    "hostile::a_private_heap_survives_each_refused_call",
    "hostile::signals_at_any_moment_change_nothing",
];

/// The suite as `command` (`cargo test` of some toolchain) builds it, without some tests.
fn suite(mut command: Command, features: &str, skipped: &[&[&str]]) -> Command {
    // With debug assertions all the same. Unoptimised, the library's sources among it, it was never seen to end.
    command.env("CARGO_PROFILE_DEV_OPT_LEVEL", "2");
    command.args([
        "--package",
        "heap-smp",
        "--features",
        features,
        "--lib",
        "--tests",
        "--no-fail-fast",
        "--",
    ]);
    skipped.iter().copied().flatten().for_each(|name| _ = command.args(["--skip", name]));
    command
}

/// With our hints over the checked build, and without them over the default one.
fn address(host: &Host, target: &str) -> Result<Vec<Run>, String> {
    if !host.nightly {
        return Err("no nightly toolchain (rustup toolchain install nightly)".to_owned());
    }
    let folder = format!("{target}/sanitize/address");
    let run = |name, flags: &str, features: &str, skipped: &[&[&str]]| {
        let cargo = toolchain::nightly_cargo(&["test", "--target", TARGET, "--target-dir", &folder]);
        let mut command = suite(cargo, features, skipped);
        command.env("RUSTFLAGS", format!("-Zsanitizer=address {flags}"));
        // Blocks of C's heap that only blocks of ours point to are no leaks; a guard must fault as it does without.
        command.env("ASAN_OPTIONS", "detect_leaks=0:handle_segv=0:allocator_may_return_null=1");
        Run { name, command }
    };
    Ok(vec![
        run(
            "address, checked, with hints",
            "--cfg heap_asan",
            "checked,malloc",
            &[&LIMITS, &RESIDENT, &LIBRARIES, &SEEN_FIRST, &LOSSES],
        ),
        run("address, default build", "", "malloc", &[&LIMITS, &RESIDENT, &LIBRARIES, &SEEN_FIRST]),
    ])
}

/// The default build. Only a standard library that is watched too shows what it orders, so it is built from its sources.
fn thread(host: &Host, target: &str) -> Result<Vec<Run>, String> {
    let Some(way) = host.sources() else {
        return Err(format!("no sources of the standard library ({LIBRARY_SOURCES})"));
    };
    let flags = if way == Way::Debian { borrowed_runtime()? } else { "-Zsanitizer=thread".to_owned() };
    let mut cargo = toolchain::cargo_for(way, "test", TARGET, "std,panic_abort,test");
    cargo.args(["--target-dir", &format!("{target}/sanitize/thread")]);
    let mut command = suite(cargo, "malloc", &[&LIMITS, &RESIDENT, &LIBRARIES]);
    command
        .env("RUSTFLAGS", format!("{flags} --cfg heap_tsan"))
        .env("TSAN_OPTIONS", "die_after_fork=0:handle_segv=0:report_signal_unsafe=0");
    Ok(vec![Run { name: "thread, default build", command }])
}

/// Flags for Debian's compiler, which comes without the runtime: rustup's nightly has it, and a linker that takes it behind the
/// C library.
fn borrowed_runtime() -> Result<String, String> {
    let folder = toolchain::nightly_root().unwrap_or_default().join("lib/rustlib").join(TARGET);
    let (runtime, linker) = (folder.join("lib/librustc-nightly_rt.tsan.a"), folder.join("bin/gcc-ld"));
    if !runtime.exists() || !linker.exists() {
        return Err("no runtime of ThreadSanitizer (rustup toolchain install nightly)".to_owned());
    }
    Ok(format!(
        "-Zsanitizer=thread -Zexternal-clangrt -Clink-arg=-B{} -Clink-arg=-fuse-ld=lld -Clink-arg=-Wl,--whole-archive \
         -Clink-arg={} -Clink-arg=-Wl,--no-whole-archive -Clink-arg=-lm -Clink-arg=-lc",
        linker.display(),
        runtime.display()
    ))
}

/// How valgrind runs a program. Without turns a thread that spins keeps the others from what it waits for.
const VALGRIND: &str = "valgrind --quiet --error-exitcode=9 --num-callers=30 --fair-sched=yes";

/// Both builds, and the processes that tests start. One thread runs at a time, twenty times slower: the longest tests do less
/// (`heap_slow_tool`).
fn valgrind(_: &Host, target: &str) -> Result<Vec<Run>, String> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        return Err("valgrind is not installed".to_owned());
    }
    let folder = format!("{target}/sanitize/valgrind");
    let valgrind =
        format!("{VALGRIND} --suppressions={}", workspace::root().join("xtask/valgrind.supp").display());
    let run = |name, features: &str| {
        let cargo = run::cargo(&["test", "--target", TARGET, "--target-dir", &folder]);
        let mut command = suite(cargo, features, &[&LIMITS, &RESIDENT, &MAPPINGS, &MOVES]);
        let name_of_runner = format!("CARGO_TARGET_{}_RUNNER", TARGET.to_uppercase().replace('-', "_"));
        command.env(name_of_runner, &valgrind).env("HEAP_EMULATOR", &valgrind);
        command.env("RUSTFLAGS", "--cfg heap_slow_tool");
        Run { name, command }
    };
    Ok(vec![run("valgrind, default build", "malloc"), run("valgrind, checked", "checked,malloc")])
}

/// Runs the suite under each tool that this machine has.
///
/// # Errors
///
/// When a test fails or a tool reports something.
pub(crate) fn run(args: &SanitizeArgs) -> anyhow::Result<()> {
    let host = Host::look();
    let target = workspace::metadata()?.target_directory;
    let mut failed = Vec::new();
    for tool in
        TOOLS.iter().filter(|tool| args.tools.is_empty() || args.tools.iter().any(|name| name == tool.name))
    {
        match (tool.plan)(&host, target.as_str()) {
            Err(reason) => println!("{}: skipped, {reason}", tool.name),
            Ok(runs) => {
                for Run { name, command } in runs {
                    println!("{name}");
                    failed.extend(run::show(command).is_err().then_some(name));
                }
            }
        }
    }
    anyhow::ensure!(failed.is_empty(), "failed: {}", failed.join("; "));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of one that was renamed nobody would see that it is not left out any more.
    #[test]
    fn tests_that_are_left_out_exist() {
        let lists: [&[&str]; 7] = [&LIMITS, &RESIDENT, &LIBRARIES, &MAPPINGS, &SEEN_FIRST, &MOVES, &LOSSES];
        for name in lists.concat() {
            let (module, test) = name.split_once("::").unwrap();
            let file = workspace::root().join(format!("crates/heap-smp/tests/it/{module}.rs"));
            let text = std::fs::read_to_string(file).unwrap();
            assert!(text.contains(&format!("fn {test}")), "{name}");
        }
    }
}
