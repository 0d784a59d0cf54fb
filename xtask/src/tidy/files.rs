//! The shape of a file: it opens with `//!`, has at most [`FILE_LINES`] lines, and its functions at most
//! [`FUNCTION_LINES`]. A part of heap-compose has at most [`PART_LINES`] lines of code.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::tidy::source::{Breach, Source};

/// Longer, and the file holds two ideas.
pub(crate) const FILE_LINES: usize = 400;

/// From `fn` to the closing brace; longer does not fit a screen.
pub(crate) const FUNCTION_LINES: usize = 60;

/// Lines of code of a part of heap-compose, without comments, attributes and blank lines: what is read to check it.
pub(crate) const PART_LINES: usize = 100;

/// Where the parts are.
const PARTS: &str = "crates/heap-compose/src/";

fn is_code(line: &str) -> bool {
    let line = line.trim_start();
    !line.is_empty() && !line.starts_with("//") && !line.starts_with('#')
}

/// Breaches in one file.
pub(crate) fn check(source: &Source) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let head = source.text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if !head.starts_with("//!") && !head.starts_with("#![doc = include_str!(") {
        breaches.push(source.breach(1, "does not open with `//!`"));
    }
    let lines = source.text.lines().count();
    if lines > FILE_LINES {
        breaches.push(source.breach(0, format!("{lines} lines, {FILE_LINES} allowed")));
    }
    let code = source.text.lines().filter(|line| is_code(line)).count();
    if code > PART_LINES && source.path.starts_with(PARTS) {
        breaches.push(source.breach(0, format!("{code} lines of code, {PART_LINES} allowed in a part")));
    }
    let mut functions = Functions { source, breaches };
    functions.visit_file(&source.syntax);
    functions.breaches
}

struct Functions<'a> {
    source: &'a Source,
    breaches: Vec<Breach>,
}

impl Functions<'_> {
    fn measure(&mut self, name: &syn::Ident, start: Span, end: Span) {
        let lines = end.end().line + 1 - start.start().line;
        if lines > FUNCTION_LINES {
            let text = format!("`{name}` has {lines} lines, {FUNCTION_LINES} allowed");
            self.breaches.push(self.source.breach(start.start().line, text));
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.measure(&item.sig.ident, item.sig.span(), item.block.brace_token.span.close());
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.measure(&item.sig.ident, item.sig.span(), item.block.brace_token.span.close());
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.measure(&item.sig.ident, item.sig.span(), block.brace_token.span.close());
        }
        visit::visit_trait_item_fn(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(text: &str) -> Vec<String> {
        let source = Source::parse("crates/heap-x/src/a.rs", text).unwrap();
        check(&source).into_iter().map(|breach| format!("{}: {}", breach.line, breach.text)).collect()
    }

    /// A function of exactly `lines` lines.
    fn function(lines: usize) -> String {
        format!("fn f() {{\n{}}}\n", "    g();\n".repeat(lines - 2))
    }

    #[test]
    fn a_file_without_a_header_is_a_breach() {
        assert_eq!(breaches("fn f() {}\n"), ["1: does not open with `//!`"]);
        assert_eq!(breaches("// Not a doc comment.\n"), ["1: does not open with `//!`"]);
        assert_eq!(breaches("//! What it is.\n"), [""; 0]);
        assert_eq!(breaches("#![doc = include_str!(\"../README.md\")]\n"), [""; 0]);
    }

    #[test]
    fn a_file_of_401_lines_is_a_breach() {
        let file = |lines: usize| format!("//! x\n{}", "// y\n".repeat(lines - 1));
        assert_eq!(breaches(&file(400)), [""; 0]);
        assert_eq!(breaches(&file(401)), ["0: 401 lines, 400 allowed"]);
    }

    #[test]
    fn a_part_of_101_lines_of_code_is_a_breach_and_comments_do_not_count() {
        let part = |lines: usize| {
            let text = format!("//! x\n\n/// y\n#[inline]\n{}", "use a::b;\n".repeat(lines));
            check(&Source::parse("crates/heap-compose/src/a.rs", &text).unwrap()).len()
        };
        assert_eq!((part(100), part(101)), (0, 1));
        assert_eq!(breaches(&format!("//! x\n{}", "use a::b;\n".repeat(101))), [""; 0]);
    }

    #[test]
    fn a_function_of_61_lines_is_a_breach_wherever_it_stands() {
        let long = function(61);
        assert_eq!(breaches(&format!("//! x\n{}", function(60))), [""; 0]);
        assert_eq!(breaches(&format!("//! x\n{long}")), ["2: `f` has 61 lines, 60 allowed"]);
        for around in ["impl S", "trait T", "mod m", "fn outer()"] {
            let text = format!("//! x\n{around} {{\n{long}}}\n");
            assert!(breaches(&text).contains(&"3: `f` has 61 lines, 60 allowed".to_owned()), "{around}");
        }
    }

    #[test]
    fn doc_comments_do_not_make_a_function_long() {
        let text = format!("//! x\n{}#[inline]\n{}", "/// Why.\n".repeat(30), function(60));
        assert_eq!(breaches(&text), [""; 0]);
    }
}
