//! The doors: what a crate takes from outside comes in through one file.
//!
//! - Targets are named in `heap-os/src/sys` only: everything above is the same everywhere. [`TARGET_DOORS`] has the
//!   exceptions.
//! - Atomics come through one file a crate, which gives core's, or loom's to the model checker.
//! - Symbols are exported without mangling by `heap-malloc` only: nobody else may replace a C function.
//! - Pure arithmetic (`math`, `growth`, `program`) forbids unsafe code.
//!
//! Test code is free.

use syn::AttrStyle;

use crate::tidy::scan::{self, Scan};
use crate::tidy::source::{Breach, Crate, Source};

/// Conditions that name a target. Pointer width and the presence of atomics are not among them: they say what a
/// target can do.
const TARGETS: [&str; 7] =
    ["unix", "windows", "target_os", "target_arch", "target_family", "target_env", "target_vendor"];

/// Where targets may be named: a path's start, and why.
const TARGET_DOORS: [(&str, &str); 2] = [
    ("crates/heap-os/src/sys/", "the one place that knows platforms"),
    ("crates/heap-debug/src/sys/", "stacks, registers and barriers, which no other crate needs"),
];

/// Attributes that export a symbol under its own name.
const EXPORTS: [&str; 2] = ["no_mangle", "export_name"];

/// Files of pure arithmetic.
const SAFE: [&str; 3] = ["math", "growth", "program"];

/// Breaches in the files of a published crate.
pub(crate) fn check(krate: &Crate) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut atomics = Vec::new();
    for source in krate.product() {
        let scan = &source.scan;
        if !TARGET_DOORS.iter().any(|(door, _)| source.path.starts_with(door)) {
            breaches.extend(targets(source, scan));
        }
        if krate.name != "heap-malloc" {
            breaches.extend(exports(source, scan));
        }
        if let Some(line) = names_atomics(scan) {
            atomics.push((source, line));
        }
        breaches.extend(safety(source));
    }
    if atomics.len() > 1 {
        let text = "names `sync::atomic`, and so do other files: one door a crate";
        breaches.extend(atomics.iter().map(|(source, line)| source.breach(*line, text)));
    }
    breaches
}

fn targets(source: &Source, scan: &Scan) -> Vec<Breach> {
    let conditions =
        scan.marks.iter().filter(|mark| ["cfg", "cfg_attr", "cfg_select"].contains(&&mark.name[..]));
    let named = conditions.filter_map(|mark| {
        let target = scan::idents(&mark.tokens).into_iter().find(|ident| TARGETS.contains(&&ident[..]))?;
        Some(source.breach(mark.line, format!("names a target (`{target}`) outside heap-os/src/sys")))
    });
    let system =
        scan.paths.iter().filter(|named| matches!(&named.path[..], [a, b, ..] if a == "std" && b == "os"));
    let system = system.map(|named| source.breach(named.line, "names `std::os` outside heap-os/src/sys"));
    named.chain(system).collect()
}

fn exports(source: &Source, scan: &Scan) -> Vec<Breach> {
    let exporting = scan.marks.iter().filter_map(|mark| {
        let named = [vec![mark.name.clone()], scan::idents(&mark.tokens)].concat();
        let export = named.into_iter().find(|name| EXPORTS.contains(&&name[..]))?;
        Some(source.breach(mark.line, format!("`{export}` outside heap-malloc")))
    });
    exporting.collect()
}

/// The first line that names core's or std's atomics.
fn names_atomics(scan: &Scan) -> Option<usize> {
    let atomic = |path: &[String]| match path {
        [first, second, third, ..] => {
            ["core", "std"].contains(&&first[..]) && second == "sync" && third == "atomic"
        }
        _ => false,
    };
    scan.paths.iter().find(|named| atomic(&named.path)).map(|named| named.line)
}

/// A file of pure arithmetic that does not forbid unsafe code.
fn safety(source: &Source) -> Option<Breach> {
    let name = source.path.strip_suffix("/mod.rs").map_or_else(|| source.stem(), last);
    let forbids = source.syntax.attrs.iter().any(|attr| {
        let syn::Meta::List(list) = &attr.meta else { return false };
        let inner = matches!(attr.style, AttrStyle::Inner(_));
        inner
            && list.path.is_ident("forbid")
            && scan::idents(&list.tokens).iter().any(|name| name == "unsafe_code")
    });
    let due = SAFE.contains(&name) && !forbids;
    due.then(|| source.breach(1, "pure arithmetic without `#![forbid(unsafe_code)]`"))
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(krate: &str, files: &[(&str, &str)]) -> Vec<String> {
        let krate = Crate::fixture(krate, files);
        check(&krate).into_iter().map(|breach| format!("{}: {}", breach.line, breach.text)).collect()
    }

    #[test]
    fn a_target_named_outside_of_sys_is_a_breach_however_it_is_spelt() {
        for (code, target) in [
            ("#[cfg(target_os = \"linux\")] fn f() {}", "target_os"),
            ("#[cfg(all(unix, not(miri)))] mod imp {}", "unix"),
            ("fn f() { if cfg!(windows) {} }", "windows"),
            ("#[cfg_attr(target_arch = \"x86_64\", inline)] fn f() {}", "target_arch"),
            ("m! { #[cfg(target_env = \"musl\")] fn f() {} }", "target_env"),
            ("struct S { #[cfg(target_family = \"wasm\")] x: u8 }", "target_family"),
        ] {
            let expected = format!("1: names a target (`{target}`) outside heap-os/src/sys");
            assert_eq!(breaches("heap-smp", &[("src/a.rs", code)]), [expected], "{code}");
            assert_eq!(breaches("heap-os", &[("src/sys/a.rs", code)]), [""; 0], "{code}");
        }
        let expected = ["1: names `std::os` outside heap-os/src/sys"];
        assert_eq!(breaches("heap-smp", &[("src/a.rs", "use std::os::fd::AsFd;")]), expected);
    }

    #[test]
    fn what_a_target_can_do_and_tests_may_be_asked_for_anywhere() {
        for code in [
            "#[cfg(target_pointer_width = \"64\")] fn f() {}",
            "#[cfg(target_has_atomic = \"8\")] fn f() {}",
            "#[cfg(feature = \"windows-like\")] fn f() {}",
            "#[cfg(test)] mod tests { #[cfg(unix)] fn f() {} }",
        ] {
            assert_eq!(breaches("heap-smp", &[("src/a.rs", code)]), [""; 0], "{code}");
        }
    }

    #[test]
    fn a_second_file_that_names_atomics_is_a_breach() {
        let door = ("src/sync.rs", "pub(crate) use core::sync::atomic::{AtomicUsize, Ordering};");
        let user = ("src/a.rs", "use crate::sync::AtomicUsize; use std::sync::Mutex;");
        assert_eq!(breaches("heap-smp", &[door, user]), [""; 0]);
        let second = ("src/b.rs", "//! x\nfn f(x: &std::sync::atomic::AtomicBool) {}");
        let text = "names `sync::atomic`, and so do other files: one door a crate";
        assert_eq!(breaches("heap-smp", &[door, user, second]), [format!("1: {text}"), format!("2: {text}")]);
    }

    #[test]
    fn an_unmangled_symbol_outside_of_heap_malloc_is_a_breach() {
        let code = "#[unsafe(no_mangle)] extern \"C\" fn malloc() {}";
        assert_eq!(breaches("heap-smp", &[("src/a.rs", code)]), ["1: `no_mangle` outside heap-malloc"]);
        assert_eq!(breaches("heap-malloc", &[("src/a.rs", code)]), [""; 0]);
        let code = "m! { #[no_mangle] fn f() {} } #[unsafe(export_name = \"g\")] fn g() {}";
        assert!(
            breaches("heap-os", &[("src/a.rs", code)])
                .contains(&"1: `export_name` outside heap-malloc".into())
        );
    }

    #[test]
    fn arithmetic_that_does_not_forbid_unsafe_code_is_a_breach() {
        let expected = ["1: pure arithmetic without `#![forbid(unsafe_code)]`"];
        assert_eq!(breaches("heap-arena", &[("src/growth.rs", "//! x")]), expected);
        assert_eq!(breaches("heap-test", &[("src/program/mod.rs", "//! x")]), expected);
        let safe = "//! x\n#![forbid(unsafe_code)]";
        assert_eq!(breaches("heap-arena", &[("src/growth.rs", safe)]), [""; 0]);
    }
}
