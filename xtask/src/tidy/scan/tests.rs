//! The scanner sees through groups and macros, and leaves test code out.

use super::*;

fn paths(text: &str) -> Vec<String> {
    let scan = product(&syn::parse_str(text).unwrap());
    scan.paths.iter().map(|named| named.path.join("::")).collect()
}

fn marks(text: &str) -> Vec<String> {
    let scan = product(&syn::parse_str(text).unwrap());
    let shown = |mark: &Marked| format!("{}:{}", mark.name, idents(&mark.tokens).join(","));
    scan.marks.iter().map(shown).collect()
}

#[test]
fn use_groups_are_taken_apart() {
    assert_eq!(paths("use a::{b::C as D, e::*, self};"), ["a::b::C", "a::e", "a::self"]);
}

#[test]
fn paths_in_types_expressions_and_macros_are_seen() {
    assert_eq!(paths("fn f(x: a::B) { c::d(); }"), ["a::B", "c::d"]);
    assert!(paths("fn f() { m!(1 + crate::x::Y::z(), [$crate::w]); }").contains(&"crate::x::Y::z".into()));
    assert!(paths("macro_rules! m { () => { $crate::w::V } }").contains(&"crate::w::V".into()));
}

#[test]
fn test_code_is_left_out() {
    assert_eq!(paths("#[cfg(test)] mod tests { use a::b; }"), [""; 0]);
    assert_eq!(paths("//! x\n#![cfg(test)]\nuse a::b;"), [""; 0]);
    assert_eq!(paths("#[cfg(all(test, not(loom)))] use a::b;"), [""; 0]);
    assert_eq!(paths("struct S; impl S { #[cfg(test)] fn f() { a::b() } }"), ["S"]);
    assert!(paths("#[cfg(any(test, debug_assertions))] use a::b;").contains(&"a::b".into()));
    assert!(paths("#[cfg(not(test))] use a::b;").contains(&"a::b".into()));
}

#[test]
fn conditions_are_seen_as_attributes_as_macros_and_inside_macros() {
    assert_eq!(marks("#[cfg(any(unix, target_os = \"x\"))] fn f() {}"), ["cfg:any,unix,target_os"]);
    assert_eq!(marks("fn f() { if cfg!(windows) {} }"), ["cfg:windows"]);
    assert!(marks("m! { #[cfg(unix)] fn f() {} }").contains(&"cfg:unix".into()));
    assert!(marks("fn f() { m!(cfg!(unix)); }").contains(&"cfg:unix".into()));
}

#[test]
fn method_calls_keep_their_lines() {
    let scan = product(&syn::parse_str("fn f() {\n    x.unwrap();\n}").unwrap());
    assert_eq!(scan.calls, [("unwrap".to_owned(), 2)]);
}
