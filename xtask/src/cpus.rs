//! `cargo xtask cpus`: the tests of the lower floors as 32-bit programs, and as ARM programs under an emulator.
//!
//! Builds for targets (`cargo xtask targets`) show that code compiles; sums that overflow on 32 bits, system calls and
//! pages of another processor show only when it runs. Atomics that are weaker than x86's do not: an emulator on an x86
//! reorders nothing that the machine beneath does not. For those there are loom's models.

use std::path::Path;
use std::process::Command;

use crate::run;
use crate::toolchain::{self, Host};
use crate::workspace;

/// Options of `cargo xtask cpus`.
#[derive(Debug, clap::Args)]
pub(crate) struct CpusArgs {
    /// The crates to test; those of [`PACKAGES`] when none is given.
    #[arg(long, short, value_name = "CRATE")]
    package: Vec<String>,
    /// Only the processors whose target begins so.
    #[arg(default_value = "")]
    target: String,
}

/// The crates that reckon with addresses and atomics, the lower floors first.
const PACKAGES: [&str; 8] = [
    "heap-core",
    "heap-os",
    "heap-arena",
    "heap-pool",
    "heap-compose",
    "heap-test",
    "heap-smp",
    "heap-debug",
];

/// A processor that this one can play.
#[derive(Debug)]
pub(crate) struct Cpu {
    target: &'static str,
    /// What links programs for it.
    linker: &'static str,
    /// Finds this file of the C library where programs can be linked.
    probe: &'static [&'static str],
    /// What runs them, and what says that it is there; nothing where the machine can itself.
    runner: Option<(&'static str, &'static str)>,
    /// Whether its programs have so few addresses that two tests which ask for half of them must take turns.
    takes_turns: bool,
    /// Tests that cannot run there, by the beginning of their names, and why.
    without: &'static [(&'static str, &'static str)],
    /// How to get what is missing.
    install: &'static str,
}

const PLUGIN: (&str, &str) = (
    "plugin::a_closed_library_stays_while_its_helper_thread_runs",
    "builds the library that it loads for the processor that builds",
);
const STARTS_IN_CHILD: &str =
    "starts a thread in the child of a fork of several threads, which ends the emulator (qemu 7.2)";
const NO_LIMITS: &str = "limits the process's memory, which the emulator does not pass on";

/// All of them.
pub(crate) const CPUS: [Cpu; 2] = [
    Cpu {
        target: "i686-unknown-linux-gnu",
        linker: "/usr/bin/cc",
        probe: &["-m32", "-print-file-name=crt1.o"],
        runner: None,
        takes_turns: true,
        without: &[
            PLUGIN,
            (
                "forks_of_a_busy_process_go_on",
                "i386's unwinder takes a lock of the C library that a fork leaves closed",
            ),
        ],
        install: "Debian's gcc-multilib",
    },
    Cpu {
        target: "aarch64-unknown-linux-gnu",
        linker: "/usr/bin/aarch64-linux-gnu-gcc",
        probe: &["-print-file-name=crt1.o"],
        // Within a limit of 64 GiB of addresses: the emulator keeps books of each page, and a test which maps
        // terabytes that it does not touch took all of the machine's memory. In the books of qemu 7.2, addresses whose
        // pages were moved away with `MREMAP_DONTUNMAP` are not mapped any more. So a processor without SVE, whose
        // instructions ask the books. System calls do so too: `MADV_DONTNEED` does nothing there and says it did, and a
        // test of heap-smp may find that memory is not zero, where one before it moved a large block.
        runner: Some((
            "prlimit --as=68719476736 qemu-aarch64 -cpu cortex-a76 -L /usr/aarch64-linux-gnu",
            "/usr/bin/qemu-aarch64",
        )),
        takes_turns: false,
        without: &[
            PLUGIN,
            ("a_child_of_a_fork_in_the_middle_of_it_finds_all_heaps_whole", STARTS_IN_CHILD),
            ("fork::a_child_of_a_busy_process_can_allocate", STARTS_IN_CHILD),
            ("fork::a_child_frees_its_parents_blocks_and_forks_again", STARTS_IN_CHILD),
            ("heap_threads::the_child_of_a_fork_finds_its_heaps_whole", STARTS_IN_CHILD),
            ("refusal::exhausted_address_space_is_null_and_not_the_end", NO_LIMITS),
            ("refusal::what_was_freed_serves_a_private_heap_where_the_system_gives_no_more", NO_LIMITS),
            ("refusal::a_refused_request_leaves_the_address_space_to_others", NO_LIMITS),
            ("refusal::where_a_segment_is_too_much_smaller_pieces_serve", NO_LIMITS),
            ("refusal::where_no_thread_can_be_started_memory_goes_back_all_the_same", NO_LIMITS),
        ],
        install: "Debian's gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user",
    },
];

impl Cpu {
    /// The command that tests `packages` on it, or what is missing.
    pub(crate) fn test(&self, host: &Host, target_dir: &str, packages: &[&str]) -> Result<Command, String> {
        let Some(way) = host.way(self.target) else {
            return Err(format!(
                "no std for {0} here (rustup target add {0}, or {1})",
                self.target,
                toolchain::LIBRARY_SOURCES
            ));
        };
        if !self.links() || self.runner.is_some_and(|(_, program)| !Path::new(program).exists()) {
            return Err(format!("nothing that links and runs for {} here ({})", self.target, self.install));
        }
        let mut command = toolchain::cargo_for(way, "test", self.target, "std,panic_abort,test");
        command.args(["--lib", "--tests", "--no-fail-fast", "--target-dir", &format!("{target_dir}/cpus")]);
        packages.iter().for_each(|package| _ = command.args(["--package", package]));
        command.arg("--");
        self.without.iter().for_each(|(test, _)| _ = command.args(["--skip", test]));
        if self.takes_turns {
            command.env("RUST_TEST_THREADS", "1");
        }
        // std waits for ever for its own lock when memory runs out while it looks up names for a backtrace.
        command.env("RUST_BACKTRACE", "0");
        let name = self.target.to_uppercase().replace('-', "_");
        command.env(format!("CARGO_TARGET_{name}_LINKER"), self.linker);
        if let Some((runner, _)) = self.runner {
            command.env(format!("CARGO_TARGET_{name}_RUNNER"), runner);
            // For tests that start themselves again: the kernel does so only where it knows the emulator.
            command.env("HEAP_EMULATOR", runner);
        }
        Ok(command)
    }

    /// Whether the C library for it is here: the linker's driver says where a file is, or only its name again.
    fn links(&self) -> bool {
        let output = Command::new(self.linker).args(self.probe).output();
        output.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_absolute())
    }
}

/// Tests on every processor that this machine can play, and says what the others need.
///
/// # Errors
///
/// When a test fails.
pub(crate) fn run(args: &CpusArgs) -> anyhow::Result<()> {
    let host = Host::look();
    let target_dir = workspace::metadata()?.target_directory;
    let mut packages: Vec<&str> = args.package.iter().map(String::as_str).collect();
    if packages.is_empty() {
        packages.extend(PACKAGES);
    }
    let mut failed = Vec::new();
    for cpu in CPUS.iter().filter(|cpu| cpu.target.starts_with(&args.target)) {
        match cpu.test(&host, target_dir.as_str(), &packages) {
            Err(reason) => println!("{}: skipped, {reason}", cpu.target),
            Ok(command) => failed.extend(run::show(command).is_err().then_some(cpu.target)),
        }
    }
    anyhow::ensure!(failed.is_empty(), "tests fail on {}", failed.join(", "));
    Ok(())
}
