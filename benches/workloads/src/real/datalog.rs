//! datafrog: which variable may point to which object, by Datalog rules.
//!
//! Sorted vectors of tuples that are joined, merged and thrown away: large blocks that grow from round to round.

use datafrog::{Iteration, Relation};

use crate::rng::Rng;
use crate::workload::{Job, Outcome, Scale};

type Pairs = Vec<(u32, u32)>;

/// A program: `new(a, o)`: a = new o; `copy(a, b)`: a = b; `load(a, b)`: a = *b; `store(a, b)`: *a = b.
struct Program {
    variables: usize,
    objects: usize,
    new: Pairs,
    copy: Pairs,
    load: Pairs,
    store: Pairs,
}

pub(crate) fn prepare(scale: Scale) -> Job {
    let program = program(scale.at_least(6_500, 60));
    let expected = by_hand(&program);
    Box::new(move || {
        let (points, cells) = solve(&program);
        let ok = (points, cells) == expected;
        Outcome { ok, check: format!("points={points} cells={cells}"), ops: points as u64 }
    })
}

fn program(variables: usize) -> Program {
    let mut rng = Rng::new(170);
    let objects = variables / 5;
    let mut pairs = |count: usize, other: usize| -> Pairs {
        (0..count).map(|_| (rng.below(variables) as u32, rng.below(other) as u32)).collect()
    };
    let new = pairs(variables / 4, objects);
    let copy = pairs(variables, variables);
    let load = pairs(variables / 12, variables);
    let store = pairs(variables / 12, variables);
    Program { variables, objects, new, copy, load, store }
}

/// The number of pairs in `points(variable, object)` and in `cell(object, object)`.
fn solve(program: &Program) -> (usize, usize) {
    let turned = |pairs: &Pairs| -> Relation<(u32, u32)> { pairs.iter().map(|&(a, b)| (b, a)).collect() };
    // Each keyed by the variable that is read first.
    let (copy, load) = (turned(&program.copy), turned(&program.load));
    let store: Relation<(u32, u32)> = program.store.iter().copied().collect();
    let mut iteration = Iteration::new();
    let points = iteration.variable::<(u32, u32)>("points");
    let cell = iteration.variable::<(u32, u32)>("cell");
    let loaded = iteration.variable::<(u32, u32)>("loaded");
    let stored = iteration.variable::<(u32, u32)>("stored");
    points.extend(program.new.iter().copied());
    while iteration.changed() {
        // points(a, o) :- copy(a, b), points(b, o).
        points.from_join(&points, &copy, |_, &object, &a| (a, object));
        // loaded(o, a) :- load(a, b), points(b, o).  points(a, p) :- loaded(o, a), cell(o, p).
        loaded.from_join(&points, &load, |_, &object, &a| (object, a));
        points.from_join(&loaded, &cell, |_, &a, &inner| (a, inner));
        // stored(b, o) :- store(a, b), points(a, o).  cell(o, p) :- stored(b, o), points(b, p).
        stored.from_join(&points, &store, |_, &object, &b| (b, object));
        cell.from_join(&stored, &points, |_, &object, &inner| (object, inner));
    }
    (points.complete().len(), cell.complete().len())
}

/// The same by sets of bits and plain loops until nothing changes.
fn by_hand(program: &Program) -> (usize, usize) {
    let words = program.objects.div_ceil(64);
    let mut points = vec![vec![0_u64; words]; program.variables];
    let mut cell = vec![vec![0_u64; words]; program.objects];
    for &(a, object) in &program.new {
        points[a as usize][object as usize / 64] |= 1 << (object % 64);
    }
    let mut changed = true;
    while changed {
        changed = false;
        for &(a, b) in &program.copy {
            let from = points[b as usize].clone();
            changed |= merge(&mut points[a as usize], &from);
        }
        for &(a, b) in &program.load {
            for object in members(&points[b as usize]) {
                changed |= merge(&mut points[a as usize], &cell[object]);
            }
        }
        for &(a, b) in &program.store {
            for object in members(&points[a as usize]) {
                changed |= merge(&mut cell[object], &points[b as usize]);
            }
        }
    }
    let size = |sets: &[Vec<u64>]| sets.iter().flatten().map(|word| word.count_ones() as usize).sum();
    (size(&points), size(&cell))
}

fn merge(into: &mut [u64], from: &[u64]) -> bool {
    into.iter_mut().zip(from).fold(false, |changed, (into, from)| {
        let before = *into;
        *into |= from;
        changed | (*into != before)
    })
}

fn members(set: &[u64]) -> Vec<usize> {
    (0..64 * set.len()).filter(|&member| set[member / 64] & (1 << (member % 64)) != 0).collect()
}
