//! Debts: tests that do not run, code that is commented out, work put off without a number, failures that nobody
//! handles.

use syn::parse::Parser;
use syn::{Block, Stmt};

use crate::tidy::source::{Breach, Crate, Source};

/// Words for work put off. With the number of an issue (`#12`) on the same line they are allowed.
const LATER: [&str; 4] = ["TODO", "FIXME", "XXX", "HACK"];

/// Methods that panic when there is nothing.
const PANICKING: [&str; 2] = ["unwrap", "expect"];

/// Macros that always panic, or that print behind the caller's back.
const LOUD: [&str; 6] = ["todo", "unimplemented", "dbg", "print", "println", "panic"];

/// Breaches in one file of any crate: `#[ignore]`, work put off, code that is commented out.
pub(crate) fn check(source: &Source) -> Vec<Breach> {
    let ignored =
        source.text.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with("#[ignore"));
    let ignored = ignored.map(|(i, _)| source.breach(i + 1, "`#[ignore]`: a test runs or is not there"));
    let later = source.comments.iter().filter_map(|(line, text)| {
        let word = LATER.iter().find(|word| names(text, word))?;
        (!names_issue(text)).then(|| source.breach(*line, format!("`{word}` without the number of an issue")))
    });
    ignored.chain(later).chain(commented_out(source)).collect()
}

/// Runs of comment lines that are statements or items once the slashes are gone.
fn commented_out(source: &Source) -> Vec<Breach> {
    let plain =
        |text: &str| text.strip_prefix("//").filter(|rest| !rest.starts_with(['/', '!'])).map(str::to_owned);
    let lines: Vec<_> =
        source.comments.iter().filter_map(|(line, text)| Some((*line, plain(text)?))).collect();
    let runs = lines.chunk_by(|(a, _), (b, _)| a + 1 == *b);
    let code = runs.filter(|run| {
        let whole: Vec<_> = run.iter().map(|(_, text)| text.as_str()).collect();
        is_code(&whole.join("\n")) || whole.iter().any(|line| is_code(line))
    });
    code.map(|run| source.breach(run[0].0, "code that is commented out")).collect()
}

/// Whether a text is Rust that does something. Prose may parse too, as a path or a range; it has no semicolon after
/// a call, a `let` or an assignment, and no braces.
fn is_code(text: &str) -> bool {
    if !text.contains([';', '}']) {
        return false;
    }
    let Ok(stmts) = Block::parse_within.parse_str(text) else { return false };
    stmts.iter().any(|stmt| match stmt {
        Stmt::Local(_) | Stmt::Item(_) | Stmt::Macro(_) => true,
        Stmt::Expr(expr, semi) => {
            let acts = matches!(expr, syn::Expr::Call(_) | syn::Expr::MethodCall(_) | syn::Expr::Assign(_));
            let nests = matches!(expr, syn::Expr::If(_) | syn::Expr::Match(_) | syn::Expr::ForLoop(_));
            (acts && semi.is_some()) || nests
        }
    })
}

/// Breaches in a published crate's product code: what may panic. A test kit reports by panicking.
pub(crate) fn check_product(krate: &Crate) -> Vec<Breach> {
    if krate.name == "heap-test" {
        return Vec::new();
    }
    krate.product().flat_map(panics).collect()
}

fn panics(source: &Source) -> Vec<Breach> {
    let scan = &source.scan;
    let calls = scan.calls.iter().filter(|(name, _)| PANICKING.contains(&&name[..]));
    let calls = calls.map(|(name, line)| source.breach(*line, format!("`{name}` outside of tests")));
    let mut macros = Vec::new();
    for named in &scan.paths {
        let [name] = &named.path[..] else { continue };
        let text = source.text.lines().nth(named.line - 1).unwrap_or_default();
        if LOUD.contains(&&name[..]) && text.contains(&format!("{name}!")) {
            macros.push(source.breach(named.line, format!("`{name}!` outside of tests")));
        }
    }
    calls.chain(macros).collect()
}

/// Whether `word` stands alone in `text`.
fn names(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|part| part == word)
}

/// Whether `text` has a `#` and a digit.
fn names_issue(text: &str) -> bool {
    text.split('#').skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(breaches: Vec<Breach>) -> Vec<String> {
        breaches.into_iter().map(|breach| format!("{}: {}", breach.line, breach.text)).collect()
    }

    fn breaches(text: &str) -> Vec<String> {
        shown(check(&Source::parse("crates/heap-x/src/a.rs", text).unwrap()))
    }

    fn product(name: &str, code: &str) -> Vec<String> {
        shown(check_product(&Crate::fixture(name, &[("src/a.rs", code)])))
    }

    #[test]
    fn an_ignored_test_is_a_breach() {
        let expected = ["2: `#[ignore]`: a test runs or is not there"];
        assert_eq!(breaches("#[test]\n#[ignore]\nfn f() {}"), expected);
        assert_eq!(breaches("#[test]\n    #[ignore = \"slow\"]\nfn f() {}"), expected);
        assert_eq!(breaches("#[test]\nfn ignored_blocks() {}"), [""; 0]);
    }

    #[test]
    fn work_put_off_without_a_number_is_a_breach() {
        assert_eq!(breaches("//! x\n// TODO: grow\n"), ["2: `TODO` without the number of an issue"]);
        assert_eq!(breaches("/// FIXME\nfn f() {}"), ["1: `FIXME` without the number of an issue"]);
        assert_eq!(breaches("fn f() { g(); /* XXX */ }"), ["1: `XXX` without the number of an issue"]);
        assert_eq!(breaches("// TODO(#12): grow\nfn f() { g(\"TODO\"); } // TODOS"), [""; 0]);
    }

    #[test]
    fn code_that_is_commented_out_is_a_breach() {
        for code in [
            "// let x = 1;",
            "// grow(chunk);",
            "// self.len = 3;",
            "// if ready {\n//     go();\n// }",
            "// #[test]\n// fn f() {}",
            "// Why.\n// mod old;",
            "// assert!(x);",
        ] {
            assert_eq!(breaches(code), ["1: code that is commented out"], "{code}");
        }
        for prose in [
            "// A1; A2; A3.",
            "// Relaxed: nothing else depends on it;\n// see `free`.",
            "// SAFETY: B1; the block is ours.",
            "/// let x = 1;\nfn f() {}",
            "// (x)",
            "// `{}` is the name",
        ] {
            assert_eq!(breaches(prose), [""; 0], "{prose}");
        }
    }

    #[test]
    fn a_panic_in_product_code_is_a_breach() {
        assert_eq!(product("heap-x", "fn f() { g().unwrap(); }"), ["1: `unwrap` outside of tests"]);
        assert_eq!(product("heap-x", "fn f() { g().expect(\"x\"); }"), ["1: `expect` outside of tests"]);
        assert_eq!(product("heap-x", "fn f() { panic!(\"x\"); }"), ["1: `panic!` outside of tests"]);
        assert_eq!(product("heap-x", "fn f() { println!(\"x\"); }"), ["1: `println!` outside of tests"]);
    }

    #[test]
    fn tests_the_test_kit_and_mere_names_may_panic() {
        assert_eq!(product("heap-x", "#[cfg(test)] mod tests { fn f() { g().unwrap(); } }"), [""; 0]);
        assert_eq!(product("heap-test", "fn f() { g().unwrap(); panic!(); }"), [""; 0]);
        assert_eq!(product("heap-x", "fn f() { g().unwrap_or(1); }"), [""; 0]);
        assert_eq!(product("heap-x", "use std::panic; fn f() { panic::catch_unwind(g); }"), [""; 0]);
    }
}
