//! Module order: `lib.rs` (and every `mod.rs`) lists its modules bottom-up, and a module uses only those above
//! it in the list. So there are no cycles, and a reader can start at the first one.
//!
//! Test code is free, and so is a module's use of its own parents and children.

use crate::tidy::source::{Breach, Crate};
use crate::tidy::tree::{ROOTS, Tree};

/// Breaches of the order, `mod` lines without a file, and files without a `mod` line.
pub(crate) fn check(krate: &Crate) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut reached = vec![false; krate.sources.len()];
    for root in ROOTS {
        let tree = Tree::build(krate, root);
        for module in &tree.modules {
            reached[module.source] = true;
        }
        for (number, source) in krate.sources.iter().enumerate() {
            for named in &source.scan.paths {
                let Some(user) = tree.find(number, &named.inside) else { continue };
                let Some(text) = upward(&tree, user, &named.path) else { continue };
                breaches.push(source.breach(named.line, text));
            }
        }
        breaches.extend(tree.missing);
    }
    let bins = format!("{}/src/bin/", krate.dir);
    for source in krate.product() {
        let number = krate.sources.iter().position(|other| std::ptr::eq(other, source));
        if !number.is_some_and(|number| reached[number]) && !source.path.starts_with(&bins) {
            breaches.push(source.breach(0, "no `mod` line reaches this file: it is not compiled"));
        }
    }
    breaches.dedup();
    breaches
}

/// What is wrong when module `user` names `path`, if anything.
fn upward(tree: &Tree, user: usize, path: &[String]) -> Option<String> {
    let used = tree.resolve(user, path)?;
    if tree.modules[user].test || tree.modules[used].test {
        return None;
    }
    let (from, to) = (tree.lineage(user), tree.lineage(used));
    let fork = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let (a, b) = (*from.get(fork)?, *to.get(fork)?);
    let siblings = &tree.modules[from[fork - 1]].children;
    let place = |module: usize| siblings.iter().position(|&sibling| sibling == module);
    if place(b) < place(a) {
        return None;
    }
    let name = |module: usize| tree.modules[module].path.join("::");
    Some(format!("`{}` uses `{}`, which is listed below it", name(a), name(b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIB: (&str, &str) = ("src/lib.rs", "//! x\nmod low;\nmod high;\npub use high::High;");

    fn breaches(files: &[(&str, &str)]) -> Vec<String> {
        let shown = |breach: Breach| format!("{}:{}: {}", breach.path, breach.line, breach.text);
        check(&Crate::fixture("heap-x", files)).into_iter().map(shown).collect()
    }

    #[test]
    fn a_module_may_use_those_above_it() {
        let high = ("src/high.rs", "use crate::low::Low; pub struct High(Low);");
        assert_eq!(breaches(&[LIB, ("src/low.rs", "pub struct Low;"), high]), [""; 0]);
    }

    #[test]
    fn a_use_of_a_module_below_is_a_breach_however_it_is_spelt() {
        let expected = ["crates/heap-x/src/low.rs:1: `low` uses `high`, which is listed below it"];
        for low in [
            "use crate::high::High;",
            "use crate::High;",
            "use super::{high::High};",
            "fn f() { crate::high::g(); }",
            "fn f(x: super::High) {}",
            "fn f() { m!(crate::high::X); }",
            "mod inner { use super::super::high::X; }",
        ] {
            assert_eq!(
                breaches(&[LIB, ("src/low.rs", low), ("src/high.rs", "pub struct High;")]),
                expected,
                "{low}"
            );
        }
    }

    #[test]
    fn the_order_holds_inside_a_folder_too() {
        let files = [
            ("src/lib.rs", "mod a;"),
            ("src/a/mod.rs", "mod first; mod second;"),
            ("src/a/first.rs", "use crate::a::second::S;"),
            ("src/a/second.rs", "pub struct S;"),
        ];
        let expected =
            ["crates/heap-x/src/a/first.rs:1: `a::first` uses `a::second`, which is listed below it"];
        assert_eq!(breaches(&files), expected);
    }

    #[test]
    fn tests_are_free() {
        let low = ("src/low.rs", "#[cfg(test)] mod tests { use crate::high::High; }");
        assert_eq!(breaches(&[LIB, low, ("src/high.rs", "pub struct High;")]), [""; 0]);
        let files = [
            ("src/lib.rs", "mod low; mod high;"),
            ("src/low/mod.rs", "#[cfg(test)] mod tests;"),
            ("src/low/tests.rs", "use crate::high::High;"),
            ("src/high.rs", "pub struct High;"),
        ];
        assert_eq!(breaches(&files), [""; 0]);
    }

    #[test]
    fn a_file_that_nobody_declares_is_a_breach() {
        let files = [("src/lib.rs", ""), ("src/lost.rs", ""), ("tests/it/main.rs", "")];
        let expected = ["crates/heap-x/src/lost.rs:0: no `mod` line reaches this file: it is not compiled"];
        assert_eq!(breaches(&files), expected);
    }
}
