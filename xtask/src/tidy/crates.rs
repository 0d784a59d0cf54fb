//! A published crate can be believed at first sight: its README is its front page and holds an example that runs
//! as a doc test, and its integration tests are one binary.

use crate::tidy::source::{Breach, Crate};

/// Words after ```` ``` ```` that keep an example from being run.
const NOT_RUN: [&str; 4] = ["ignore", "no_run", "compile_fail", "should_panic"];

/// Test binaries that may stand beside `tests/it`, each for a reason.
///
/// `loom`: built under `cfg(loom)` only. `global`: sets the global allocator of its process.
const OWN_BINARY: [&str; 3] = ["it", "loom", "global"];

/// Breaches of one published crate.
pub(crate) fn check(krate: &Crate) -> Vec<Breach> {
    let at =
        |file: &str, text: &str| Breach { path: format!("{}/{file}", krate.dir), line: 0, text: text.into() };
    let mut breaches = Vec::new();
    match &krate.readme {
        None => breaches.push(at("README.md", "missing")),
        Some(readme) if !has_example(readme) => {
            breaches.push(at("README.md", "no example that a doc test runs"))
        }
        Some(_) => {}
    }
    let lib = format!("{}/src/lib.rs", krate.dir);
    let front = |text: &str| text.contains("#![doc = include_str!(\"../README.md\")]");
    if krate.sources.iter().any(|source| source.path == lib && !front(&source.text)) {
        breaches.push(at("src/lib.rs", "does not include its README: the example there is not tested"));
    }
    breaches.extend(binaries(krate));
    breaches
}

/// Test files that are neither part of `tests/it` nor a binary with a reason.
fn binaries(krate: &Crate) -> Vec<Breach> {
    let tests = format!("{}/tests/", krate.dir);
    let inside =
        |path: &str| path.strip_prefix(&tests).map(|rest| rest.split(['/', '.']).next() == Some("it"));
    let allowed = |path: &str| OWN_BINARY.iter().any(|name| path[tests.len()..].starts_with(name));
    let stray = krate.sources.iter().filter(|source| inside(&source.path) == Some(false));
    let stray = stray.filter(|source| !allowed(&source.path));
    stray.map(|source| source.breach(0, "integration tests are one binary: tests/it/main.rs")).collect()
}

/// Whether a README has a code block that rustdoc runs.
fn has_example(readme: &str) -> bool {
    let mut open = false;
    for line in readme.lines() {
        let Some(language) = line.trim_start().strip_prefix("```") else { continue };
        open = !open;
        let words: Vec<_> = language.split([',', ' ']).filter(|word| !word.is_empty()).collect();
        let rust = words.iter().all(|word| *word == "rust" || word.starts_with("edition"));
        if open && rust && !words.iter().any(|word| NOT_RUN.contains(word)) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIB: (&str, &str) = ("src/lib.rs", "#![doc = include_str!(\"../README.md\")]");
    const README: &str = "# heap-x\n\n```sh\ncargo add heap-x\n```\n\n```\nassert!(true);\n```\n";

    fn breaches(readme: Option<&str>, files: &[(&str, &str)]) -> Vec<String> {
        let krate = Crate { readme: readme.map(str::to_owned), ..Crate::fixture("heap-x", files) };
        check(&krate).into_iter().map(|breach| format!("{}: {}", breach.path, breach.text)).collect()
    }

    #[test]
    fn a_readme_with_a_tested_example_is_demanded() {
        assert_eq!(breaches(Some(README), &[LIB]), [""; 0]);
        assert_eq!(breaches(None, &[LIB]), ["crates/heap-x/README.md: missing"]);
        let expected = ["crates/heap-x/README.md: no example that a doc test runs"];
        for example in
            ["", "```text\nx\n```", "```rust,ignore\nx\n```", "```no_run\nx\n```", "```toml\nx\n```"]
        {
            assert_eq!(breaches(Some(example), &[LIB]), expected, "{example}");
        }
        assert_eq!(breaches(Some("```rust\nx\n```"), &[LIB]), [""; 0]);
    }

    #[test]
    fn a_readme_that_is_not_the_front_page_is_a_breach() {
        let expected =
            ["crates/heap-x/src/lib.rs: does not include its README: the example there is not tested"];
        assert_eq!(breaches(Some(README), &[("src/lib.rs", "//! x")]), expected);
    }

    #[test]
    fn a_second_integration_binary_is_a_breach() {
        let fine = [LIB, ("tests/it/main.rs", ""), ("tests/it/basic.rs", ""), ("tests/loom.rs", "")];
        assert_eq!(breaches(Some(README), &fine), [""; 0]);
        let expected = ["crates/heap-x/tests/more.rs: integration tests are one binary: tests/it/main.rs"];
        assert_eq!(breaches(Some(README), &[LIB, ("tests/more.rs", "")]), expected);
    }
}
