//! Time per operation, all subjects of a case in turns, so that what disturbs one disturbs the others too.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::{Case, Work};

/// Turns of each subject. The least disturbed one counts, that is the shortest: the machine may be busy with other things.
const TURNS: usize = 40;

/// How long one turn should be.
const TURN: Duration = Duration::from_millis(3);

/// Nanoseconds per operation of each subject.
pub(crate) fn times(case: &Case) -> Vec<Option<f64>> {
    let operations = operations_for(case.subjects[0].1);
    let mut turns = vec![Vec::new(); case.subjects.len()];
    for turn in 0..TURNS {
        for step in 0..case.subjects.len() {
            // Each turn begins with another subject.
            let subject = (turn + step) % case.subjects.len();
            let took = time(case.subjects[subject].1, operations);
            turns[subject].push(took.as_secs_f64() * 1e9 / operations as f64);
        }
    }
    turns.into_iter().map(least).collect()
}

/// How many operations take a turn's time. Also warms up.
fn operations_for(work: Work) -> usize {
    // A multiple of every case's round.
    let mut operations = 1 << 17;
    loop {
        let took = time(work, operations);
        if took >= TURN {
            return operations;
        }
        operations *= 2;
    }
}

fn time(work: Work, operations: usize) -> Duration {
    let start = Instant::now();
    work(black_box(operations));
    start.elapsed()
}

fn least(turns: Vec<f64>) -> Option<f64> {
    turns.into_iter().reduce(f64::min)
}
