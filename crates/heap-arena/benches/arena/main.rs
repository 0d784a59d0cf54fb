//! The arenas beside bumpalo and bump-scope: time in one interleaved run, and instructions under callgrind.
//!
//! `cargo bench -p heap-arena --bench arena` prints a line of JSON for each case and subject: nanoseconds and
//! instructions per allocation. Words after `--` choose the cases whose names contain one of them; `--times` and
//! `--counts` leave the other half out.

mod cases;
mod counts;
mod measure;
mod subject;
mod threads;

use std::hint::black_box;

/// What is run for one case and one subject: as many operations as asked.
type Work = fn(usize);

/// A case with its subjects.
struct Case {
    name: &'static str,
    subjects: Vec<(&'static str, Work)>,
    /// Whether the operations run on one thread, so that counting them makes sense.
    counted: bool,
}

/// Everything that can be run.
fn all() -> Vec<Case> {
    cases::all().into_iter().chain(threads::all()).collect()
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [run, case, subject, operations] = &words[..]
        && run == counts::RUN
    {
        let operations = operations.parse().expect("a number of operations");
        return one(case, subject)(black_box(operations));
    }
    let (options, words): (Vec<_>, Vec<_>) = words.iter().partition(|word| word.starts_with("--"));
    let only = |option: &str| options.iter().any(|given| *given == option);
    let chosen = |case: &Case| words.is_empty() || words.iter().any(|word| case.name.contains(word.as_str()));
    for case in all().into_iter().filter(chosen) {
        let times = if only("--counts") { vec![None; case.subjects.len()] } else { measure::times(&case) };
        for ((subject, _), ns) in case.subjects.iter().zip(times) {
            let counted = case.counted && !only("--times");
            let instructions = counted.then(|| counts::per_operation(case.name, subject)).flatten();
            print(case.name, subject, ns, instructions);
        }
    }
}

fn one(case: &str, subject: &str) -> Work {
    let case = all().into_iter().find(|known| known.name == case).expect("a case");
    case.subjects.into_iter().find(|(name, _)| *name == subject).expect("a subject").1
}

fn print(case: &str, subject: &str, ns: Option<f64>, instructions: Option<f64>) {
    let number = |value: Option<f64>| value.map_or("null".to_owned(), |value| format!("{value:.2}"));
    let (ns, instructions) = (number(ns), number(instructions));
    println!(
        r#"{{"suite":"arena","case":"{case}","subject":"{subject}","ns":{ns},"instructions":{instructions}}}"#
    );
}
