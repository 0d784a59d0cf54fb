//! What finding errors costs: pairs of calls and threads, as ratios to the system allocator; real programs in `real`.
//!
//! `cargo bench -p heap-debug --bench debug` prints a line of JSON per case and subject.

mod pair;
mod real;
mod threads;

/// Rounds in which each subject of a case runs once; the fastest counts, which was disturbed least.
const ROUNDS: usize = 15;

/// One line of the report.
fn print(case: &str, subject: &str, ns: f64, instructions: Option<f64>) {
    let instructions = instructions.map_or(String::new(), |count| format!(",\"instructions\":{count:.1}"));
    println!(
        "{{\"suite\":\"debug\",\"case\":\"{case}\",\"subject\":\"{subject}\",\"ns\":{ns:.2}{instructions}}}"
    );
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
