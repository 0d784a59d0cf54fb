//! The suites of single crates: a bench program of the crate itself, which prints one line of JSON per case.
//!
//! A line is `{"suite","case","subject","ns","ratio","instructions","mib","mib_ratio"}`; times are per operation, and each
//! of the figures may be missing. A line `left out: SUBJECT: REASON` says what could not be had; other lines are for people and are
//! skipped. How often and in which order the subjects of a case
//! are run is the program's affair; it is run once per round here, and medians are taken over the rounds.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::process::Command;

use super::aligned;
use super::args::Suite;
use super::build::Places;
use super::progress::Progress;
use super::record::{Case, Entrant};
use super::stats::Spread;

/// How a line begins that names a subject which could not be had, and why.
const LEFT_OUT: &str = "left out: ";

/// Each suite with the words after `cargo` that run it.
const COMMANDS: [(Suite, &str, &[&str]); 4] = [
    (Suite::Arena, "arena", &["bench", "--package", "heap-arena", "--bench", "arena"]),
    (Suite::Pool, "pool", &["bench", "--package", "heap-pool", "--bench", "pool"]),
    (Suite::Compose, "compose", &["bench", "--package", "heap-compose", "--bench", "compose"]),
    (Suite::Debug, "debug", &["bench", "--package", "heap-debug", "--bench", "debug"]),
];

/// The command of a suite, as a user would type it.
pub(crate) fn command_of(suite: Suite) -> Option<(&'static str, String)> {
    let (_, name, words) = COMMANDS.iter().find(|entry| entry.0 == suite)?;
    Some((name, format!("cargo {}", words.join(" "))))
}

/// Runs the suites of single crates among `suites`, `rounds` times each. Their cases, and who was left out.
///
/// # Errors
///
/// When a program cannot be built or run, or prints no case.
pub(crate) fn run(
    places: &Places,
    suites: &[Suite],
    rounds: u32,
) -> anyhow::Result<(Vec<Case>, Vec<Entrant>)> {
    let wanted: Vec<_> = COMMANDS.iter().filter(|entry| suites.contains(&entry.0)).collect();
    let mut progress = Progress::new(f64::from(rounds) * wanted.len() as f64);
    let (mut cases, mut absent) = (Vec::new(), Vec::new());
    for (_, name, words) in wanted {
        let mut lines = Vec::new();
        for round in 0..rounds {
            progress.step(&format!("suite {name}, round {}/{rounds}", round + 1));
            let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            command.args(*words).current_dir(&places.root);
            aligned::prepare(&mut command, &places.target);
            let output = command.output()?;
            let text = String::from_utf8_lossy(&output.stdout);
            if !output.status.success() {
                let errors = String::from_utf8_lossy(&output.stderr);
                anyhow::bail!("suite {name}: cargo {} failed:\n{text}{errors}", words.join(" "));
            }
            lines.extend(parse(&text));
            for entrant in left_out(&text) {
                if !absent.contains(&entrant) {
                    progress.line(&format!(
                        "  {LEFT_OUT}{}: {}",
                        entrant.name,
                        entrant.left_out.as_deref().unwrap_or_default()
                    ));
                    absent.push(entrant);
                }
            }
            progress.advance(1.0);
        }
        anyhow::ensure!(!lines.is_empty(), "suite {name}: cargo {} printed no case", words.join(" "));
        cases.extend(medians(lines));
    }
    progress.finish();
    Ok((cases, absent))
}

/// Who could not be had, by the program's own words.
fn left_out(text: &str) -> impl Iterator<Item = Entrant> {
    let named = text.lines().filter_map(|line| line.strip_prefix(LEFT_OUT)?.split_once(": "));
    named.map(|(name, reason)| Entrant { name: name.to_owned(), left_out: Some(reason.to_owned()) })
}

fn parse(text: &str) -> Vec<Case> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// One case for each suite, case and subject, in the order of their first lines.
fn medians(lines: Vec<Case>) -> Vec<Case> {
    let key = |case: &Case| [case.suite.clone(), case.case.clone(), case.subject.clone()];
    let mut order: Vec<Case> = Vec::new();
    let mut values: BTreeMap<[String; 3], [Vec<f64>; 5]> = BTreeMap::new();
    for mut line in lines {
        let entry = values.entry(key(&line)).or_insert_with(|| {
            order.push(line.clone());
            Default::default()
        });
        entry.iter_mut().zip(line.figures()).for_each(|(values, figure)| values.extend(*figure));
    }
    for case in &mut order {
        if let Some(values) = values.get(&key(case)) {
            let medians = values.iter().map(|values| Spread::of(values).map(|spread| spread.median));
            case.figures().into_iter().zip(medians).for_each(|(figure, median)| *figure = median);
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_json_are_cases_and_others_are_not() {
        let text = "running\n{\"suite\":\"arena\",\"case\":\"8 B\",\"subject\":\"Arena\",\"ns\":1.5}\n{}\n";
        let cases = parse(text);
        assert_eq!((cases.len(), cases[0].ns, cases[0].instructions), (1, Some(1.5), None));
    }

    #[test]
    fn who_is_left_out_is_named_with_the_reason() {
        let text = "left out: Zig: no Zig 0.15 found: set X\nleft out\n{\"suite\":\"debug\",\"case\":\"a\",\"subject\":\"b\"}\n";
        let entrant =
            Entrant { name: "Zig".to_owned(), left_out: Some("no Zig 0.15 found: set X".to_owned()) };
        assert_eq!(left_out(text).collect::<Vec<_>>(), [entrant]);
        assert_eq!(parse(text).len(), 1);
    }

    #[test]
    fn rounds_become_medians_in_the_first_order() {
        let case = |subject: &str, ns| Case {
            suite: "arena".to_owned(),
            case: "8 B".to_owned(),
            subject: subject.to_owned(),
            ns: Some(ns),
            instructions: (subject == "Arena").then_some(12.0),
            ratio: None,
            mib: None,
            mib_ratio: None,
        };
        let rounds = [
            case("bumpalo", 3.0),
            case("Arena", 1.0),
            case("bumpalo", 5.0),
            case("Arena", 2.0),
            case("Arena", 9.0),
        ];
        assert_eq!(
            medians(rounds.to_vec()),
            [Case { instructions: None, ..case("bumpalo", 4.0) }, case("Arena", 2.0)]
        );
    }

    #[test]
    fn every_suite_of_a_crate_has_a_command() {
        for suite in [Suite::Arena, Suite::Pool, Suite::Compose, Suite::Debug] {
            assert!(command_of(suite).is_some());
        }
        assert_eq!(command_of(Suite::Real), None);
    }
}
