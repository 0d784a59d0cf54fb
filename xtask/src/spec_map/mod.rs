//! `cargo xtask spec-map`: which test proves which numbered behaviour.
//!
//! Tests name the behaviour they prove in a comment (`/// D-PA-05`). This command writes the table in
//! `docs/testing.md` from those comments, between two marks; `--check` fails when the table there is not the
//! one it would write, so a test cannot lose its number unnoticed.

mod areas;
mod find;

use std::fmt::Write as _;
use std::fs;

use anyhow::Context;

use crate::spec_map::areas::{AREAS, Number};
use crate::spec_map::find::Proof;
use crate::tidy;
use crate::workspace;

const FILE: &str = "docs/testing.md";
const BEGIN: &str = "<!-- spec-map: written by `cargo xtask spec-map` -->\n";
const END: &str = "<!-- spec-map: end -->\n";

/// Options of `cargo xtask spec-map`.
#[derive(Debug, clap::Args)]
pub(crate) struct SpecMapArgs {
    /// Changes nothing; fails when the table is not current.
    #[arg(long)]
    check: bool,
}

/// Writes or checks the table.
///
/// # Errors
///
/// When a test names a number that does not exist, the marks are missing, or (with `--check`) the table is old.
pub(crate) fn run(args: &SpecMapArgs) -> anyhow::Result<()> {
    let (crates, _) = tidy::load()?;
    let published = crates.iter().filter(|krate| krate.published());
    let mut proofs: Vec<_> = published.flat_map(find::proofs).collect();
    proofs.sort();
    proofs.dedup();
    let unknown = proofs.iter().find(|proof| !areas::exists(&proof.number));
    if let Some(proof) = unknown {
        anyhow::bail!("{}: there is no behaviour {}", proof.file, proof.number);
    }
    let path = workspace::root().join(FILE);
    let old = fs::read_to_string(&path).context(FILE)?;
    let new = replace(&old, &table(&proofs)).context("docs/testing.md lacks the marks of the table")?;
    if args.check {
        anyhow::ensure!(old == new, "{FILE} is not current: run `cargo xtask spec-map`");
    } else if old != new {
        fs::write(&path, new).context(FILE)?;
    }
    let covered = all().filter(|number| proofs.iter().any(|proof| proof.number == *number)).count();
    println!("spec-map: {covered} of {} behaviours are proved", all().count());
    Ok(())
}

/// Every number of the specification.
fn all() -> impl Iterator<Item = Number> {
    AREAS.iter().flat_map(areas::Area::numbers).chain(areas::exercises())
}

/// `text` with what stands between the marks replaced.
fn replace(text: &str, table: &str) -> Option<String> {
    let (head, rest) = text.split_once(BEGIN)?;
    let (_, tail) = rest.split_once(END)?;
    Some(format!("{head}{BEGIN}{table}{END}{tail}"))
}

/// The table in Markdown: a section an area, a row a number, and the numbers that nothing proves.
fn table(proofs: &[Proof]) -> String {
    let mut text = String::new();
    for area in &AREAS {
        section(
            &mut text,
            &format!("{} ({})", area.title, area.code),
            &area.numbers().collect::<Vec<_>>(),
            proofs,
        );
    }
    section(&mut text, "Exercises (E)", &areas::exercises().collect::<Vec<_>>(), proofs);
    text
}

fn section(text: &mut String, title: &str, numbers: &[Number], proofs: &[Proof]) {
    let of = |number: &Number| proofs.iter().filter(|proof| proof.number == *number).collect::<Vec<_>>();
    let open: Vec<_> = numbers.iter().filter(|number| of(number).is_empty()).map(Number::to_string).collect();
    let proved = numbers.len() - open.len();
    let mut lines = format!("\n### {title}: {proved} of {}\n\n", numbers.len());
    if proved > 0 {
        lines.push_str("| number | test |\n|---|---|\n");
    }
    for number in numbers {
        let cells: Vec<_> = of(number).into_iter().map(cell).collect();
        if !cells.is_empty() {
            let _ = writeln!(lines, "| {number} | {} |", cells.join("<br>"));
        }
    }
    if !open.is_empty() {
        let space = if proved > 0 { "\n" } else { "" };
        let _ = writeln!(lines, "{space}Open: {}.", open.join(", "));
    }
    text.push_str(&lines);
}

/// `crate: file: test`.
fn cell(proof: &Proof) -> String {
    let path = proof.file.strip_prefix("crates/").unwrap_or(&proof.file);
    match &proof.test {
        Some(test) => format!("`{test}` in {path}"),
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_row_a_number_and_names_what_is_open() {
        let number = areas::numbers("D-TS-01").remove(0);
        let file = "crates/heap-compose/tests/it/main.rs".to_owned();
        let proof = Proof { number, file, test: Some("eight_threads".into()) };
        let text = table(&[proof]);
        let expected = "\n### Thread-safe wrapper (TS): 1 of 1\n\n| number | test |\n|---|---|\n\
                        | D-TS-01 | `eight_threads` in heap-compose/tests/it/main.rs |\n\n###";
        assert!(text.contains(expected), "{text}");
        assert!(text.contains("### Test allocator (TA): 0 of 1\n\nOpen: D-TA-01.\n"), "{text}");
    }

    #[test]
    fn only_what_stands_between_the_marks_changes() {
        let old = format!("# A\n{BEGIN}old\n{END}tail\n");
        assert_eq!(replace(&old, "new\n").unwrap(), format!("# A\n{BEGIN}new\n{END}tail\n"));
        assert_eq!(replace("no marks", "new"), None);
    }
}
