//! `cargo xtask asm`: holds each hot path to its budget of instructions, and to no call but its slow path.
//!
//! `xtask/examples/hot_paths.rs` has one function a path, compiled as a user's release build compiles it. A call
//! that is not on the path's list, to a panic for instance, is a breach however short the path is.

use std::fs;

use anyhow::Context;

use crate::run;
use crate::workspace;

/// The architecture that the budgets are for.
pub(crate) const ARCH: &str = "x86_64";

/// One function of the example, and what it may cost.
struct Path {
    name: &'static str,
    /// Instructions, those that lead into the slow path included.
    budget: usize,
    /// Pieces of the symbols that it may call or jump to.
    slow: &'static [&'static str],
}

const fn path(name: &'static str, budget: usize, slow: &'static [&'static str]) -> Path {
    Path { name, budget, slow }
}

/// A tenth above what they were when measured (Rust 1.95), for the moods of compilers.
const PATHS: [Path; 13] = [
    path("hot_arena_alloc_small", 12, &["alloc_slow"]),
    path("hot_arena_alloc", 28, &["alloc_slow"]),
    path("hot_fixed_alloc", 28, &[]),
    path("hot_pool_create", 26, &["take_slow"]),
    path("hot_pool_destroy", 5, &[]),
    path("hot_sync_pool_create", 34, &["take_slow"]),
    path("hot_sync_pool_destroy", 17, &["put_slow"]),
    path("hot_smp_alloc_small", 15, &["alloc_slow"]),
    path("hot_smp_alloc", 45, &["alloc_slow", "large"]),
    path("hot_smp_free_small", 17, &["free_slow"]),
    path("hot_smp_free", 47, &["free_slow", "large"]),
    path("hot_c_malloc", 40, &["alloc_slow"]),
    path("hot_c_free", 42, &["free_slow"]),
];

/// What a function came to.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    instructions: usize,
    /// Symbols that it calls or jumps to.
    calls: Vec<String>,
}

/// Compiles the example and prints a line a path.
///
/// # Errors
///
/// When it does not compile, or a path is over its budget or calls what it may not.
pub(crate) fn run() -> anyhow::Result<()> {
    anyhow::ensure!(std::env::consts::ARCH == ARCH, "the budgets are for {ARCH}");
    let folder = workspace::metadata()?.target_directory.join("asm");
    fs::create_dir_all(&folder)?;
    let file = folder.join("hot_paths.s");
    let emit = format!("--emit=asm={file}");
    let mut command =
        run::cargo(&["rustc", "--quiet", "--release", "--package", "xtask", "--example", "hot_paths"]);
    command.args(["--", &emit, "-Ccodegen-units=1", "-Cdebuginfo=0"]);
    run::show(command)?;
    let assembly = fs::read_to_string(&file).context("the compiler has left no assembly")?;
    let mut wrong = 0;
    for path in &PATHS {
        let found =
            find(&assembly, path.name).with_context(|| format!("no {} in the assembly", path.name))?;
        let complaints = judge(path, &found);
        println!("{:24} {:3} of {:3} instructions", path.name, found.instructions, path.budget);
        complaints.iter().for_each(|complaint| println!("{:24} {complaint}", ""));
        wrong += usize::from(!complaints.is_empty());
    }
    anyhow::ensure!(wrong == 0, "{wrong} hot paths are not what they should be; see {file}");
    Ok(())
}

/// What is wrong with a path.
fn judge(path: &Path, found: &Found) -> Vec<String> {
    let mut complaints = Vec::new();
    if found.instructions > path.budget {
        complaints.push(format!("over its budget by {}", found.instructions - path.budget));
    }
    let foreign = found.calls.iter().filter(|call| !path.slow.iter().any(|slow| call.contains(slow)));
    complaints.extend(foreign.map(|call| format!("calls {call}")));
    complaints
}

/// Counts the instructions of the function `name`.
fn find(assembly: &str, name: &str) -> Option<Found> {
    let label = format!("{name}:");
    let body = assembly.lines().skip_while(|line| **line != label).skip(1);
    let body: Vec<_> = body.take_while(|line| !line.starts_with(".Lfunc_end")).collect();
    // An instruction is indented and starts with a letter; a directive starts with a dot, a comment with a hash.
    let instructions: Vec<_> = body
        .iter()
        .filter_map(|line| {
            line.strip_prefix('\t').filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()))
        })
        .collect();
    let calls = instructions.iter().filter_map(|line| callee(line)).map(str::to_owned).collect();
    (!instructions.is_empty()).then_some(Found { instructions: instructions.len(), calls })
}

/// The symbol that an instruction calls or jumps to, when it leaves the function.
fn callee(instruction: &str) -> Option<&str> {
    let (verb, target) = instruction.split_once('\t')?;
    let leaves = verb.starts_with("call") || (verb.starts_with('j') && !target.starts_with(".L"));
    leaves.then(|| target.trim_start_matches('*').split(['@', '(']).next().unwrap_or(target))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASSEMBLY: &str = "other:\n\tret\n.Lfunc_end0:\n\t.globl\thot\nhot:\n\t.cfi_startproc\n\tmovq\t(%rdi), %rax\n\
        \tcmpq\t%rax, %rcx\n\tjae\t_ZN4heap10alloc_slowE\n# %bb.1:\n\tjne\t.LBB1_2\n\tretq\n.LBB1_2:\n\
        \tjmpq\t*_ZN4core5panicE@GOTPCREL(%rip)\n\t.cfi_endproc\n.Lfunc_end1:\n\tnop\n";

    #[test]
    fn instructions_and_ways_out_are_counted() {
        let calls = vec!["_ZN4heap10alloc_slowE".to_owned(), "_ZN4core5panicE".to_owned()];
        assert_eq!(find(ASSEMBLY, "hot"), Some(Found { instructions: 6, calls }));
        assert_eq!(find(ASSEMBLY, "cold"), None);
    }

    #[test]
    fn a_long_path_and_a_call_off_the_list_are_complaints() {
        let found = find(ASSEMBLY, "hot").unwrap();
        assert_eq!(judge(&path("hot", 6, &["alloc_slow", "panic"]), &found), [""; 0]);
        let expected = ["over its budget by 1", "calls _ZN4core5panicE"];
        assert_eq!(judge(&path("hot", 5, &["alloc_slow"]), &found), expected);
    }
}
