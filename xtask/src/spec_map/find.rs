//! Finds the numbers that comments name, and the test that each comment belongs to.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::spec_map::areas::{self, Number};
use crate::tidy::source::{Crate, Source};

/// A comment this many lines above a function still belongs to it.
const ABOVE: usize = 4;

/// A test that says which behaviour it checks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Proof {
    pub(crate) number: Number,
    /// Path of the file, from the root of the workspace.
    pub(crate) file: String,
    /// Name of the function; none when a whole file (an example) is the proof.
    pub(crate) test: Option<String>,
}

/// All proofs in a crate.
pub(crate) fn proofs(krate: &Crate) -> Vec<Proof> {
    krate.sources.iter().flat_map(proofs_in).collect()
}

fn proofs_in(source: &Source) -> Vec<Proof> {
    let mut units = Units::default();
    units.visit_file(&source.syntax);
    let mut found = Vec::new();
    for (line, comment) in &source.comments {
        let test = units.owner(*line);
        let file_is_proof = source.path.contains("/examples/") || source.path.contains("/tests/");
        if test.is_none() && !(comment.starts_with("//!") && file_is_proof) {
            continue;
        }
        for number in areas::numbers(comment) {
            found.push(Proof { number, file: source.path.clone(), test: test.clone() });
        }
    }
    found
}

/// Functions and macro calls of a file: name, first and last line.
#[derive(Debug, Default)]
struct Units(Vec<(String, usize, usize)>);

impl Units {
    fn add(&mut self, name: String, item: &impl Spanned, attrs: &[syn::Attribute]) {
        let span = item.span();
        let start = attrs.iter().map(|attr| attr.span().start().line).min();
        self.0.push((name, start.unwrap_or(usize::MAX).min(span.start().line), span.end().line));
    }

    /// The innermost unit around `line`, or the one that starts just below it.
    fn owner(&self, line: usize) -> Option<String> {
        let around = self.0.iter().filter(|(_, start, end)| (*start..=*end).contains(&line));
        let innermost = around.min_by_key(|(_, start, end)| end - start);
        let below = || {
            let below = self.0.iter().filter(|(_, start, _)| (line..=line + ABOVE).contains(start));
            below.min_by_key(|(_, start, _)| *start)
        };
        innermost.or_else(below).map(|(name, _, _)| name.clone())
    }
}

impl<'ast> Visit<'ast> for Units {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(item.sig.ident.to_string(), item, &item.attrs);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(item.sig.ident.to_string(), item, &item.attrs);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        let first = item.mac.tokens.clone().into_iter().find_map(|token| match token {
            proc_macro2::TokenTree::Ident(name) => Some(name.to_string()),
            _ => None,
        });
        if let Some(name) = first {
            self.add(name, item, &item.attrs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let krate = Crate::fixture("heap-x", &[(path, text)]);
        let shown = |proof: Proof| format!("{} {}", proof.number, proof.test.as_deref().unwrap_or("-"));
        proofs(&krate).into_iter().map(shown).collect()
    }

    #[test]
    fn a_number_belongs_to_the_test_around_or_below_it() {
        let text = "//! x\n\n/// D-PA-01: why\n#[test]\nfn first() {}\n\n// D-PA-02\n#[test]\nfn second() {\n    \
                    // D-PA-03, D-PA-04\n}\n";
        let expected = ["D-PA-01 first", "D-PA-02 second", "D-PA-03 second", "D-PA-04 second"];
        assert_eq!(found("tests/it/a.rs", text), expected);
    }

    #[test]
    fn a_stamped_suite_goes_by_its_first_word() {
        let text = "//! x\n\n/// U-SF-01\nheap_test::conformance!(over_pages, || Pages);\n";
        assert_eq!(found("tests/it/main.rs", text), ["U-SF-01 over_pages"]);
    }

    #[test]
    fn an_example_is_a_proof_as_a_whole_and_a_module_header_is_not() {
        assert_eq!(
            found("examples/e.rs", "//! E-12-5: fill a page.\nuse a::b;\n\n\n\n\nfn main() {}"),
            ["E-12-5 -"]
        );
        assert_eq!(found("src/a.rs", "//! See D-PA-01.\nuse a::b;\n\n\n\n\n\nfn f() {}"), [""; 0]);
    }
}
