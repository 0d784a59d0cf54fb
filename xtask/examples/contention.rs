//! How far one shared structure carries: a simulation of threads that meet at heap-smp's depots and locks, for machines with
//! more processors and memory nodes than we have. `cargo run --release -p xtask --example contention`.
//!
//! Discrete events, no chance but a seeded one, no clock: the same numbers on every machine. A thread works for itself, then
//! needs a line that all threads share (a place of a depot, a lock and what it guards), which serves one at a time. A turn
//! costs the transfer of the line from the processor that had it last, and the time it is held. The costs are the constants
//! below; `docs/scaling.md` says where the rates come from, and what is left out.
#![forbid(unsafe_code)]

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Nanoseconds to get a line that another core of the same node had last, and one of another node: what is usual on servers
/// of two to four sockets.
const NEAR: u64 = 60;
const FAR: u64 = 140;
/// The line is this core's already.
const OWN: u64 = 5;
/// Nanoseconds simulated.
const SPAN: u64 = 2_000_000;

/// Lines that a home's lock guards and that come along when another core had it: the list, a slab's state and bits. With an
/// overflow's comes the first block of the chain on top.
const GUARDED: u64 = 4;
const STACKED: u64 = 1;

/// How threads come to meet: what callgrind counted of a run, see `docs/scaling.md`.
#[derive(Clone, Copy)]
struct Pattern {
    name: &'static str,
    /// Nanoseconds of a thread's own work for one block allocated and freed.
    work: u64,
    /// Blocks to a turn at a depot.
    blocks: u64,
    /// Turns at an overflow, at a home, and at the span heap, for a thousand at a depot.
    overflows: u64,
    homes: u64,
    spans: u64,
    /// Size classes that share the load evenly: fewer than there are, because it is not even.
    classes: usize,
}

/// Nanoseconds for which an overflow's lock, a home's, and that of the span heap, are held.
const OVERFLOW: u64 = 10;
const HOME: u64 = 300;
const SPANS: u64 = 160;

/// Of a thousand turns at a span heap where there are several: those in which it has nothing resident that fits, but a neighbour has;
/// and those in which the boards of all are looked at, because none has, and once in 64 changes. As counted of `mixed-8` in two groups.
const LENT: u64 = 69;
const LOOKS: u64 = 41 + 1000 / 64;
/// Nanoseconds that a look at one more board takes: some loads are on their way at once.
const BOARD: u64 = 10;

const PATTERNS: [Pattern; 6] = [
    Pattern { name: "json", work: 190, blocks: 24, overflows: 342, homes: 671, spans: 59, classes: 8 },
    Pattern { name: "server", work: 204, blocks: 14, overflows: 80, homes: 1378, spans: 51, classes: 8 },
    Pattern { name: "channel", work: 96, blocks: 35, overflows: 441, homes: 508, spans: 29, classes: 4 },
    Pattern {
        name: "trees, one class",
        work: 239,
        blocks: 30,
        overflows: 658,
        homes: 347,
        spans: 67,
        classes: 1,
    },
    Pattern { name: "stream", work: 45, blocks: 21, overflows: 228, homes: 704, spans: 30, classes: 4 },
    Pattern { name: "mixed", work: 82, blocks: 44, overflows: 0, homes: 1573, spans: 2472, classes: 8 },
];

/// A shared line: when it is free again, and whose it was.
#[derive(Clone, Copy, Default)]
struct Line {
    free_at: u64,
    owner: Option<usize>,
}

/// A machine and a design.
#[derive(Clone, Copy)]
struct Setup {
    threads: usize,
    nodes: usize,
    /// Depots and homes of each class; a thread uses that of its group.
    groups: usize,
    /// Span heaps, likewise.
    spans: usize,
}

impl Setup {
    fn node(&self, thread: usize) -> usize {
        thread * self.nodes / self.threads.max(self.nodes)
    }

    fn transfer(&self, from: Option<usize>, to: usize) -> u64 {
        match from {
            None => NEAR,
            Some(from) if from == to => OWN,
            Some(from) if self.node(from) == self.node(to) => NEAR,
            Some(_) => FAR,
        }
    }

    /// One turn: waits, fetches the line and `more` behind it, holds. Returns when it is over.
    fn turn(&self, line: &mut Line, thread: usize, now: u64, more: u64, held: u64) -> u64 {
        let begin = now.max(line.free_at) + self.transfer(line.owner, thread) * (1 + more);
        *line = Line { free_at: begin + held, owner: Some(thread) };
        line.free_at
    }
}

/// SplitMix64.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A whole number that is `thousandths` on the average.
fn times(seed: &mut u64, thousandths: u64) -> u64 {
    thousandths / 1000 + u64::from(next(seed) % 1000 < thousandths % 1000)
}

/// Millions of blocks a second.
fn throughput(pattern: &Pattern, setup: &Setup) -> f64 {
    let mut depots = vec![Line::default(); pattern.classes * setup.groups];
    let (mut overflows, mut homes) = (depots.clone(), depots.clone());
    let mut spans = vec![Line::default(); setup.spans];
    let mut seed = 1;
    let mut blocks = 0;
    // A thread's own work between two turns, give or take a half.
    let own = |seed: &mut u64| {
        let mean = pattern.work * pattern.blocks;
        mean / 2 + next(seed) % mean.max(1)
    };
    let mut ready: BinaryHeap<_> =
        (0..setup.threads).map(|thread| Reverse((own(&mut seed), thread))).collect();
    while let Some(Reverse((now, thread))) = ready.pop() {
        if now >= SPAN {
            break;
        }
        let class = next(&mut seed) as usize % pattern.classes;
        let one_of = |count: usize| thread * count / setup.threads.max(count);
        let place = class * setup.groups + one_of(setup.groups);
        let mut end = setup.turn(&mut depots[place], thread, now, 0, OWN);
        for _ in 0..times(&mut seed, pattern.overflows) {
            end = setup.turn(&mut overflows[place], thread, end, STACKED, OVERFLOW);
        }
        for _ in 0..times(&mut seed, pattern.homes) {
            end = setup.turn(&mut homes[place], thread, end, GUARDED, HOME);
        }
        for _ in 0..times(&mut seed, pattern.spans) {
            let own = one_of(setup.spans);
            end = setup.turn(&mut spans[own], thread, end, GUARDED, SPANS);
            let what = if setup.spans > 1 { next(&mut seed) % 1000 } else { 1000 };
            if what < LOOKS {
                end += NEAR + BOARD * setup.spans as u64;
            } else if what < LOOKS + LENT {
                let other = (own + 1 + next(&mut seed) as usize % 2) % setup.spans;
                end = setup.turn(&mut spans[other], thread, end + NEAR, GUARDED, SPANS);
            }
        }
        blocks += pattern.blocks;
        ready.push(Reverse((end + own(&mut seed), thread)));
    }
    blocks as f64 * 1e3 / SPAN as f64
}

/// As heap-smp divides a machine: a group for four processors, from sixteen on.
fn groups(processors: usize) -> usize {
    if processors < 16 { 1 } else { (processors / 4).min(32) }
}

fn main() {
    println!(
        "| pattern | threads | nodes | ideal, M blocks/s | one group | a group a node | one span heap | as it is |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    for pattern in &PATTERNS {
        let alone = throughput(pattern, &Setup { threads: 1, nodes: 1, groups: 1, spans: 1 });
        for (threads, nodes) in [(2, 1), (8, 1), (16, 1), (32, 1), (64, 2), (128, 1), (128, 4)] {
            let ideal = alone * threads as f64;
            let share = |groups, spans| throughput(pattern, &Setup { threads, nodes, groups, spans }) / ideal;
            println!(
                "| {} | {threads} | {nodes} | {ideal:.0} | {:.2} | {:.2} | {:.2} | {:.2} |",
                pattern.name,
                share(1, 1),
                share(nodes, 1),
                share(groups(threads), 1),
                share(groups(threads), groups(threads)),
            );
        }
    }
}
