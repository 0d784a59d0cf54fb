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
#[derive(Clone, Copy)]
enum Work {
    /// All of it is timed.
    Whole(fn(usize)),
    /// It says itself how many nanoseconds an operation took.
    Timed(fn(usize) -> f64),
}

/// A case with its subjects.
struct Case {
    name: &'static str,
    subjects: Vec<(&'static str, Work)>,
    /// How many threads share the operations; none: they run on this one, so that counting them makes sense.
    threads: usize,
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
        match one(case, subject) {
            Work::Whole(work) => work(black_box(operations)),
            Work::Timed(work) => println!("{:.2} ns", work(operations)),
        }
        return;
    }
    let (options, words): (Vec<_>, Vec<_>) = words.iter().partition(|word| word.starts_with("--"));
    let only = |option: &str| options.iter().any(|given| *given == option);
    let chosen = |case: &Case| words.is_empty() || words.iter().any(|word| case.name.contains(word.as_str()));
    for case in all().into_iter().filter(chosen) {
        let times = if only("--counts") { vec![None; case.subjects.len()] } else { measure::times(&case) };
        for ((subject, _), ns) in case.subjects.iter().zip(times) {
            let counted = case.threads == 0 && !only("--times");
            let instructions = counted.then(|| counts::per_operation(case.name, subject)).flatten();
            print(&case, subject, ns, instructions);
        }
    }
}

fn one(case: &str, subject: &str) -> Work {
    let case = all().into_iter().find(|known| known.name == case).expect("a case");
    case.subjects.into_iter().find(|(name, _)| *name == subject).expect("a subject").1
}

fn print(case: &Case, subject: &str, ns: Option<f64>, instructions: Option<f64>) {
    let number = |value: Option<f64>| value.map_or("null".to_owned(), |value| format!("{value:.2}"));
    let (name, threads) = (case.name, case.threads);
    // Millions of operations per second: of all threads, and of each.
    let total = ns.filter(|_| threads != 0).map(|ns| 1e3 / ns);
    let (total, each) = (number(total), number(total.map(|total| total / threads as f64)));
    let (ns, instructions) = (number(ns), number(instructions));
    let result = format!(r#""ns":{ns},"instructions":{instructions}"#);
    let rates = format!(r#""threads":{threads},"million_per_s":{total},"million_per_s_each":{each}"#);
    println!(r#"{{"suite":"arena","case":"{name}","subject":"{subject}",{result},{rates}}}"#);
}
