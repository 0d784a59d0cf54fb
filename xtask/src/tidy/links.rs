//! Links in Markdown lead to a file that is there: pages, pictures, sources. What is on the web, and rustdoc's own
//! links (`crate::Arena`), are not looked at. Decisions have numbers of their own and stand in their index.

use std::fs;
use std::path::Path;

use crate::tidy::source::Breach;

/// Folders whose pages are read, and whether those below them are read too.
const PLACES: [(&str, bool); 5] =
    [("", false), ("docs", true), ("crates", true), ("benches", true), ("xtask", true)];

/// Folders that are not ours to judge.
const NOT_OURS: [&str; 2] = ["target", "node_modules"];

/// Where decisions are, each with a number of its own.
const DECISIONS: &str = "docs/decisions/";

/// Breaches in all pages below `root`.
pub(crate) fn check(root: &Path) -> Vec<Breach> {
    let mut pages = Vec::new();
    PLACES.iter().for_each(|(place, below)| collect(root, place, *below, &mut pages));
    let exists = |path: &str| root.join(path).exists();
    let of = |page: &String| {
        let text = fs::read_to_string(root.join(page)).unwrap_or_default();
        check_page(page, &text, exists)
    };
    let decisions: Vec<_> = pages.iter().filter_map(|page| page.strip_prefix(DECISIONS)).collect();
    let index = fs::read_to_string(root.join(DECISIONS).join("README.md")).unwrap_or_default();
    let mut breaches = check_decisions(&decisions, &index);
    breaches.extend(pages.iter().flat_map(of));
    breaches
}

/// Decisions that share a number, or that the index does not list.
fn check_decisions(pages: &[&str], index: &str) -> Vec<Breach> {
    let number = |page: &str| page.split('-').next().unwrap_or_default().to_owned();
    let breach =
        |page: &str, text: &str| Breach { path: format!("{DECISIONS}{page}"), line: 0, text: text.into() };
    let mut breaches = Vec::new();
    for (i, page) in pages.iter().enumerate().filter(|(_, page)| **page != "README.md") {
        if pages[..i].iter().any(|other| number(other) == number(page)) {
            breaches.push(breach(page, "another decision has this number"));
        }
        if !index.contains(&format!("]({page})")) {
            breaches.push(breach(page, "docs/decisions/README.md does not list it"));
        }
    }
    breaches
}

fn collect(root: &Path, folder: &str, below: bool, pages: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(root.join(folder)) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        if path.ends_with(".md") {
            pages.push(path);
        } else if below && entry.path().is_dir() && !NOT_OURS.contains(&&name[..]) {
            collect(root, &path, below, pages);
        }
    }
}

fn check_page(page: &str, text: &str, exists: impl Fn(&str) -> bool) -> Vec<Breach> {
    let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut breaches = Vec::new();
    for (line, target) in links(text) {
        let file = target.split('#').next().unwrap_or_default();
        let ours =
            !file.is_empty() && !file.contains("://") && !file.contains("::") && !file.starts_with("mailto:");
        if ours && !exists(&join(folder, file)) {
            let text = format!("links to `{file}`, which is not there");
            breaches.push(Breach { path: page.into(), line, text });
        }
    }
    breaches
}

/// `../x.md` seen from `docs/decisions` is `docs/x.md`.
fn join(folder: &str, file: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in file.split('/') {
        match part {
            "." | "" => {}
            ".." => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Targets of `[text](target)` outside of code, with their lines.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        // Every second piece between backquotes is code; a link whose text is code has its target in a plain one.
        for (i, piece) in line.split('`').enumerate() {
            if i % 2 == 0 {
                let targets = piece.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
                found.extend(targets.map(|(target, _)| (number + 1, target.trim())));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(page: &str, text: &str) -> Vec<String> {
        let exists = |path: &str| ["docs/a.md", "docs/images/r.svg", "LICENSE"].contains(&path);
        check_page(page, text, exists)
            .into_iter()
            .map(|breach| format!("{}: {}", breach.line, breach.text))
            .collect()
    }

    #[test]
    fn a_link_to_nowhere_is_a_breach() {
        let expected = ["2: links to `images/gone.svg`, which is not there"];
        assert_eq!(breaches("docs/b.md", "[a](a.md)\n![r](images/gone.svg)"), expected);
        assert_eq!(breaches("docs/b.md", "[`a`](no.md#x)"), ["1: links to `no.md`, which is not there"]);
    }

    #[test]
    fn links_are_followed_from_the_page_that_has_them() {
        assert_eq!(
            breaches("README.md", "[a](docs/a.md#part) [l](LICENSE) ![r](docs/images/r.svg)"),
            [""; 0]
        );
        assert_eq!(
            breaches("docs/decisions/1.md", "[a](../a.md) [b](./../a.md) [l](../../LICENSE)"),
            [""; 0]
        );
    }

    #[test]
    fn a_decision_with_a_number_taken_or_without_a_line_in_the_index_is_a_breach() {
        let shown = |breach: Breach| format!("{}: {}", breach.path, breach.text);
        let check = |pages: &[&str], index: &str| {
            check_decisions(pages, index).into_iter().map(shown).collect::<Vec<_>>()
        };
        assert_eq!(check(&["0001-a.md", "0002-b.md", "README.md"], "[1](0001-a.md) [2](0002-b.md)"), [""; 0]);
        let expected = [
            "docs/decisions/0001-b.md: another decision has this number",
            "docs/decisions/0001-b.md: docs/decisions/README.md does not list it",
        ];
        assert_eq!(check(&["0001-a.md", "0001-b.md"], "[1](0001-a.md)"), expected);
    }

    #[test]
    fn the_web_rustdoc_and_code_are_not_looked_at() {
        let text =
            "[w](https://example.org/x.md) [d](crate::Arena) [p](#part)\n```\n[x](no.md)\n```\n`[x](no.md)`";
        assert_eq!(breaches("README.md", text), [""; 0]);
    }
}
