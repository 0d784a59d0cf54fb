//! Time per operation, all subjects of a case in turns, so that what disturbs one disturbs the others too.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::{Case, Work};

/// Turns of each subject on one thread. The least disturbed one counts, that is the shortest: the machine may be busy with
/// other things.
const TURNS: usize = 40;

/// Turns of each subject on several threads. The middle one counts: how threads get in each other's way is part of the
/// result, and the shortest turn would be one in which they did not.
const THREAD_TURNS: usize = 9;

/// How long one turn should be.
const TURN: Duration = Duration::from_millis(3);

/// Nanoseconds per operation of each subject.
pub(crate) fn times(case: &Case) -> Vec<Option<f64>> {
    let operations = operations_for(case.subjects[0].1);
    let count = if case.threads == 0 { TURNS } else { THREAD_TURNS };
    let mut turns = vec![Vec::new(); case.subjects.len()];
    for turn in 0..count {
        for step in 0..case.subjects.len() {
            // Each turn begins with another subject.
            let subject = (turn + step) % case.subjects.len();
            turns[subject].push(per_operation(case.subjects[subject].1, operations));
        }
    }
    let place = if case.threads == 0 { 0 } else { count / 2 };
    let chosen = |mut turns: Vec<f64>| {
        turns.sort_by(f64::total_cmp);
        turns.get(place).copied()
    };
    turns.into_iter().map(chosen).collect()
}

/// How many operations take a turn's time. Also warms up.
fn operations_for(work: Work) -> usize {
    // A multiple of every case's round.
    let mut operations = 1 << 17;
    while per_operation(work, operations) * (operations as f64) < TURN.as_nanos() as f64 {
        operations *= 2;
    }
    operations
}

/// Nanoseconds.
fn per_operation(work: Work, operations: usize) -> f64 {
    match work {
        Work::Whole(work) => {
            let start = Instant::now();
            work(black_box(operations));
            start.elapsed().as_secs_f64() * 1e9 / operations as f64
        }
        Work::Timed(work) => work(black_box(operations)),
    }
}
