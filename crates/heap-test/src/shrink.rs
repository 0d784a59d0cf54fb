//! Cutting a failing [`Program`] down to what matters.
#![forbid(unsafe_code)]

use crate::program::{Op, Program};
use crate::replay::Failure;

/// Rounds of leaving out and simplifying; two or three are enough for most.
const ROUNDS: usize = 8;

impl Program {
    /// The shortest program found that still fails, by leaving steps out and taking simpler ones.
    ///
    /// `fails` replays a candidate on a new allocator and says what went wrong. Returns the failure of the short
    /// program, or `None` when this one does not fail. Complexity O(n log n) replays, usually far fewer.
    pub fn shrink(&self, fails: impl FnMut(&Self) -> Option<Failure>) -> Option<Failure> {
        let mut search = Search { ops: self.ops().to_vec(), fails, failure: None };
        search.accept(self.ops().to_vec());
        let step = search.failure.as_ref()?.step;
        search.accept(self.ops()[..self.ops().len().min(step + 1)].to_vec());
        for _ in 0..ROUNDS {
            if !(search.leave_out() | search.simplify()) {
                break;
            }
        }
        search.failure
    }
}

/// The best program so far.
struct Search<F> {
    ops: Vec<Op>,
    fails: F,
    failure: Option<Failure>,
}

impl<F: FnMut(&Program) -> Option<Failure>> Search<F> {
    /// Keeps the candidate if it fails, too.
    fn accept(&mut self, candidate: Vec<Op>) -> bool {
        let failure = (self.fails)(&Program::from(candidate.clone()));
        if failure.is_some() {
            (self.ops, self.failure) = (candidate, failure.clone());
        }
        failure.is_some()
    }

    /// Leaves out runs of steps, long ones first. Says whether that got anywhere.
    fn leave_out(&mut self) -> bool {
        let before = self.ops.len();
        let mut width = before.next_power_of_two();
        while width > 0 {
            let mut start = 0;
            while start < self.ops.len() {
                let mut candidate = self.ops.clone();
                candidate.drain(start..(start + width).min(self.ops.len()));
                if !self.accept(candidate) {
                    start += width;
                }
            }
            width /= 2;
        }
        self.ops.len() < before
    }

    /// Replaces each step by the simplest one that will do. Says whether that got anywhere.
    fn simplify(&mut self) -> bool {
        let mut better = false;
        for nth in 0..self.ops.len() {
            for op in simpler(self.ops[nth]) {
                let mut candidate = self.ops.clone();
                candidate[nth] = op;
                if self.accept(candidate) {
                    better = true;
                    break;
                }
            }
        }
        better
    }
}

/// Simpler steps that might do as well, the simplest first. Following them always ends.
fn simpler(op: Op) -> Vec<Op> {
    let sizes = |size: usize| [1, size / 2, size - size / 8, size.saturating_sub(1)];
    match op {
        Op::Alloc(slot, size, align) => {
            let smaller = sizes(size).into_iter().filter(|&smaller| smaller < size);
            let mut ops: Vec<_> = smaller.map(|size| Op::Alloc(slot, size, align)).collect();
            ops.extend((align > 1).then_some(Op::Alloc(slot, size, 1)));
            ops
        }
        Op::Zeroed(slot, size, align) => {
            let mut ops = vec![Op::Alloc(slot, size, align)];
            ops.extend((align > 1).then_some(Op::Zeroed(slot, size, 1)));
            ops
        }
        Op::Realloc(slot, size, align) => {
            vec![Op::Free(slot), Op::Alloc(slot, size, align), Op::Remap(slot, size)]
        }
        Op::Remap(slot, size) => vec![Op::Free(slot), Op::Alloc(slot, size, 1), Op::Resize(slot, size)],
        Op::Resize(slot, size) => {
            let smaller = sizes(size).into_iter().filter(|&smaller| smaller < size);
            [Op::Free(slot), Op::Alloc(slot, size, 1)]
                .into_iter()
                .chain(smaller.map(|size| Op::Resize(slot, size)))
                .collect()
        }
        Op::Free(_) | Op::Claim(_) | Op::Hand(_) => Vec::new(),
    }
}
