//! The steps of `cargo xtask test`, in order: what is quick and likely to fail comes first.

use std::env;
use std::process::Command;

use crate::asm;
use crate::run;
use crate::test::plan::{Facts, Job, Plan, Step};
use crate::test::plans;

const fn fast(name: &'static str, about: &'static str, plan: fn(&Facts) -> Plan) -> Step {
    Step { name, about, slow: false, plan }
}

const fn slow(name: &'static str, about: &'static str, plan: fn(&Facts) -> Plan) -> Step {
    Step { name, about, slow: true, plan }
}

/// All steps.
pub(crate) const STEPS: [Step; 18] = [
    fast("fmt", "rustfmt would change nothing", fmt),
    fast("tidy", "floors, module order, doors, words, lengths", |_| ourselves("tidy", &["tidy"])),
    fast("spec", "docs/testing.md names the tests as they are", |_| {
        ourselves("spec", &["spec-map", "--check"])
    }),
    fast("clippy", "no warning in any target", clippy),
    fast("test", "unit and integration tests", test),
    fast("doctest", "the examples in docs and READMEs", doctest),
    fast("doc", "the docs build without a warning", doc),
    slow("features", "tests with all features on, builds of each alone and of none", plans::features),
    slow("asm", "hot paths within their budget of instructions, without a panic", asm),
    slow("preload", "real programs print on libheap_malloc what they print without it", preload),
    slow("examples", "every example runs and ends well", plans::examples),
    slow("no-std", "builds for a target without an operating system", plans::no_std),
    slow("targets", "builds for Windows, macOS, wasm and 32 bits", plans::targets),
    slow("nightly", "the standard library's own allocator trait", plans::nightly),
    slow("loom", "models of the lock-free protocols, every interleaving", plans::loom),
    slow("soak", "random programs over every allocator, beside a second set of books", plans::soak),
    slow("fuzz", "the corpus of the fuzz targets, and some more", plans::fuzz),
    slow("miri", "unit tests under the interpreter that sees undefined behaviour", plans::miri),
];

fn fmt(facts: &Facts) -> Plan {
    if !facts.host.fmt {
        return Plan::skip("rustfmt is not installed (rustup component add rustfmt)");
    }
    Plan::of(vec![Job::check("fmt", run::cargo(&["fmt", "--all", "--check", "--", "--color", "never"]))])
}

/// This program with other arguments.
fn ourselves(name: &str, args: &[&str]) -> Plan {
    match env::current_exe() {
        Ok(path) => {
            let mut command = Command::new(path);
            command.args(args);
            Plan::of(vec![Job::check(name, command)])
        }
        Err(error) => Plan::skip(format!("cannot find this program: {error}")),
    }
}

fn asm(_: &Facts) -> Plan {
    if env::consts::ARCH != asm::ARCH {
        return Plan::skip(format!("the budgets are for {}", asm::ARCH));
    }
    ourselves("asm", &["asm"])
}

fn preload(_: &Facts) -> Plan {
    if env::consts::OS != "linux" {
        return Plan::skip("libraries are loaded beneath programs on Linux only");
    }
    ourselves("preload", &["preload", "--check"])
}

fn clippy(facts: &Facts) -> Plan {
    if !facts.host.clippy {
        return Plan::skip("clippy is not installed (rustup component add clippy)");
    }
    let command = run::cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]);
    Plan::of(vec![Job::check("clippy", command)])
}

fn test(_: &Facts) -> Plan {
    let command = run::cargo(&["test", "--workspace", "--no-fail-fast", "--lib", "--bins", "--tests"]);
    Plan::of(vec![Job::tests("test", command)])
}

fn doctest(_: &Facts) -> Plan {
    Plan::of(vec![Job::tests("doctest", run::cargo(&["test", "--workspace", "--no-fail-fast", "--doc"]))])
}

/// Private items are documented too, so that links in the headers of private files are checked. The invariants of a
/// public type may then name its private parts, and a link may say where it leads though it need not.
const DOC_ALLOWED: &str = "-A rustdoc::private_intra_doc_links -A rustdoc::redundant_explicit_links";

fn doc(facts: &Facts) -> Plan {
    let mut command = run::cargo(&["doc", "--no-deps", "--document-private-items"]);
    for member in facts.members.iter().filter(|member| member.published) {
        command.args(["--package", &member.name]);
    }
    command.env("RUSTDOCFLAGS", format!("-D warnings {DOC_ALLOWED}"));
    Plan::of(vec![Job::check("doc", command)])
}
