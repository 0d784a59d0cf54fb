//! `cargo bench -p heap-pool --bench pool`: our pools and their rivals on the same work.
//!
//! Prints one line of JSON per case and subject: the median of the rounds, in nanoseconds per operation; a pair, of one
//! creation and one destruction, is one operation. Subjects take turns within each round, so that a busy machine is busy
//! for all of them, in a new order each time, since a subject finds the heap as the one before has left it. Every item is written when it is created, and its memory read when it is destroyed.
//!
//! A subject that cannot do a thing is missing there: typed-arena destroys nothing, object-pool and opool hand out values
//! that exist already (an `Item` is written over then), infinity_pool and slab own what they hold.
//!
//! With a word, only cases and subjects whose names hold it. With `--instructions`, valgrind's callgrind counts the
//! instructions per operation, too, where it is installed: it runs this program as `count CASE SUBJECT TIMES`.

mod subjects;
mod work;

use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

use heap_test::Rng;
use work::{CASES, Case};

/// Measured rounds; odd, for the median.
const ROUNDS: usize = 11;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    match &words[..] {
        [count, case, subject, times] if count == "count" => {
            let case = CASES.iter().find(|known| known.name == case);
            let run = case.and_then(|case| case.subjects.iter().find(|known| known.0 == subject));
            let times = times.parse().unwrap_or(0);
            (0..times).for_each(|_| _ = black_box(run.map(|run| (run.1)())));
        }
        _ => CASES.iter().for_each(|case| measure(case, words.first().map_or("", String::as_str))),
    }
}

fn measure(case: &Case, word: &str) {
    let wanted = |name: &str| case.name.contains(word) || name.contains(word);
    let subjects: Vec<_> = case.subjects.iter().filter(|subject| wanted(subject.0)).collect();
    let mut times = vec![Vec::new(); subjects.len()];
    let mut order: Vec<usize> = (0..subjects.len()).collect();
    let mut rng = Rng::new(ROUNDS as u64);
    for _ in 0..ROUNDS {
        rng.shuffle(&mut order);
        for &nth in &order {
            let start = Instant::now();
            black_box((subjects[nth].1)());
            times[nth].push(start.elapsed().as_nanos() as f64 / case.operations as f64);
        }
    }
    for (subject, times) in subjects.iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        let counted = instructions(case, subject.0).map_or_else(|| "null".to_owned(), |n| format!("{n:.1}"));
        println!(
            "{{\"suite\":\"pool\",\"case\":\"{}\",\"subject\":\"{}\",\"ns\":{:.3},\"instructions\":{counted}}}",
            case.name,
            subject.0,
            times[ROUNDS / 2],
        );
    }
}

/// Instructions per operation: those of two runs less those of one. `None` where nobody asked, or valgrind is missing, or
/// the case would take too long there.
fn instructions(case: &Case, subject: &str) -> Option<f64> {
    let count = |times: &str| {
        let program = std::env::current_exe().ok()?;
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(program)
            .args(["count", case.name, subject, times])
            .output()
            .ok()?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let line = text.lines().find_map(|line| line.split("Collected : ").nth(1))?;
        line.trim().parse::<f64>().ok()
    };
    if !case.counted || !std::env::args().any(|word| word == "--instructions") {
        return None;
    }
    Some((count("2")? - count("1")?) / case.operations as f64)
}
