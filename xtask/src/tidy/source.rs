//! A Rust file as the rules see it: its text, its syntax tree, what it names, and its comments.

use std::ops::Range;

use proc_macro2::{LexError, TokenStream, TokenTree};

use crate::tidy::scan::{self, Scan};

/// One parsed file.
#[derive(Debug)]
pub(crate) struct Source {
    /// Path from the root of the workspace, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) syntax: syn::File,
    /// Compiled for tests only: below a `#[cfg(test)] mod`. Known once the tree of modules is.
    pub(crate) test: bool,
    /// What its code names, that for tests left out.
    pub(crate) scan: Scan,
    /// Comments and doc comments, each with the number of its line.
    pub(crate) comments: Vec<(usize, String)>,
}

/// A crate of the workspace: what the rules may look at.
#[derive(Debug)]
pub(crate) struct Crate {
    pub(crate) name: String,
    /// Folder from the root of the workspace, with `/`.
    pub(crate) dir: String,
    /// All its Rust files: `src`, `tests`, `examples`, `benches`.
    pub(crate) sources: Vec<Source>,
    pub(crate) readme: Option<String>,
}

/// A place where a rule is broken.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Breach {
    pub(crate) path: String,
    /// Counted from 1; 0 for the whole file.
    pub(crate) line: usize,
    pub(crate) text: String,
}

impl Source {
    /// Parses `text`.
    ///
    /// # Errors
    ///
    /// When it is not Rust.
    pub(crate) fn parse(path: &str, text: &str) -> anyhow::Result<Self> {
        let wrong = |error: &dyn std::fmt::Display| anyhow::anyhow!("{path} does not parse: {error}");
        let tokens: TokenStream = text.parse().map_err(|error: LexError| wrong(&error))?;
        let comments = comments(text, tokens.clone());
        let syntax = syn::parse2(tokens).map_err(|error| wrong(&error))?;
        let scan = scan::product(&syntax);
        Ok(Self { path: path.into(), text: text.into(), syntax, test: false, scan, comments })
    }

    /// The file's name without folder and `.rs`.
    pub(crate) fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or(&self.path);
        name.strip_suffix(".rs").unwrap_or(name)
    }

    /// A breach at a line of this file.
    pub(crate) fn breach(&self, line: usize, text: impl Into<String>) -> Breach {
        Breach { path: self.path.clone(), line, text: text.into() }
    }
}

impl Crate {
    /// Whether others can depend on it: it lives in `crates/`.
    pub(crate) fn published(&self) -> bool {
        self.dir.starts_with("crates/")
    }

    /// Its files below `src` that others compile too.
    pub(crate) fn product(&self) -> impl Iterator<Item = &Source> {
        let src = format!("{}/src/", self.dir);
        self.sources.iter().filter(move |source| source.path.starts_with(&src) && !source.test)
    }

    /// A crate of fixtures, `(path from its folder, text)` each.
    #[cfg(test)]
    pub(crate) fn fixture(name: &str, files: &[(&str, &str)]) -> Self {
        let dir = format!("crates/{name}");
        let parse = |(path, text): &(&str, &str)| Source::parse(&format!("{dir}/{path}"), text).unwrap();
        Self { name: name.into(), sources: files.iter().map(parse).collect(), readme: None, dir }
    }
}

/// The lines between the tokens, which are comments or empty, and the doc comments.
fn comments(text: &str, tokens: TokenStream) -> Vec<(usize, String)> {
    let mut code = Vec::new();
    code_ranges(text, tokens, &mut code);
    code.push(text.len()..text.len());
    let mut found = Vec::new();
    let (mut end, mut first, mut counted) = (0, 1, 0);
    for range in code {
        if range.start > end {
            first += text[counted..end].matches('\n').count();
            counted = end;
            let lines = text[end..range.start].lines().enumerate();
            let lines = lines.filter(|(_, line)| !line.trim().is_empty());
            found.extend(lines.map(|(i, line)| (first + i, line.trim().to_owned())));
        }
        end = end.max(range.end);
    }
    found
}

/// Where the tokens that are code stand, in order. A doc comment is an attribute to the parser; its text
/// starts with a slash and shows what it is.
fn code_ranges(text: &str, tokens: TokenStream, found: &mut Vec<Range<usize>>) {
    let is_code = |range: &Range<usize>| {
        let token = &text[range.clone()];
        !token.starts_with("//") && !token.starts_with("/*")
    };
    for token in tokens {
        if let TokenTree::Group(group) = &token {
            if is_code(&group.span().byte_range()) {
                found.push(group.span_open().byte_range());
                code_ranges(text, group.stream(), found);
                found.push(group.span_close().byte_range());
            }
        } else if is_code(&token.span().byte_range()) {
            found.push(token.span().byte_range());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_told_from_strings_and_code() {
        let text =
            "//! Head — é.\n\n/// Doc.\nfn f() {\n    // why\n    g(\"// no\", '/') /* in */ ;\n}\n// end\n";
        let source = Source::parse("a/b.rs", text).unwrap();
        let expected = [(1, "//! Head — é."), (3, "/// Doc."), (5, "// why"), (6, "/* in */"), (8, "// end")];
        let expected: Vec<_> = expected.map(|(line, text)| (line, text.to_owned())).to_vec();
        assert_eq!(source.comments, expected);
        assert_eq!(source.stem(), "b");
    }

    #[test]
    fn a_file_that_is_not_rust_is_named() {
        let error = Source::parse("a/b.rs", "fn (").unwrap_err();
        assert!(error.to_string().starts_with("a/b.rs does not parse: "), "{error}");
    }
}
