//! What finding errors costs: pairs of calls and threads, as ratios to the system allocator; whole programs in `real`,
//! beside other tools of the kind.
//!
//! `cargo bench -p heap-debug --bench debug` prints a line of JSON per case and subject, and "left out: " with the reason
//! for what cannot be had here.

mod pair;
mod peers;
mod real;
mod threads;

/// Rounds in which each subject of a case runs once; the fastest counts, which was disturbed least.
const ROUNDS: usize = 15;

/// One line of the report.
#[derive(serde::Serialize)]
struct Line {
    suite: &'static str,
    case: &'static str,
    subject: &'static str,
    /// Nanoseconds of an operation, or of a whole program.
    ns: Option<f64>,
    /// Times those of the case's first subject, in the same run.
    ratio: Option<f64>,
    instructions: Option<f64>,
    /// MiB resident at the most.
    mib: Option<f64>,
    mib_ratio: Option<f64>,
}

impl Line {
    const fn new(case: &'static str, subject: &'static str) -> Self {
        let (ns, ratio, instructions, mib, mib_ratio) = (None, None, None, None, None);
        Self { suite: "debug", case, subject, ns, ratio, instructions, mib, mib_ratio }
    }

    fn print(&self) {
        if let Ok(text) = serde_json::to_string(self) {
            println!("{text}");
        }
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        // A child under callgrind.
        ["count", subject, pairs] => pair::count(subject, pairs.parse().expect("a number of pairs")),
        ["pairs"] => pair::run(),
        ["threads"] => threads::run(),
        ["real"] => real::run(),
        _ => {
            pair::run();
            threads::run();
            real::run();
        }
    }
}
