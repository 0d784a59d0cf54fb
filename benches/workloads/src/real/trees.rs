//! rayon: a space-partitioning tree built, searched and freed by four threads in parallel.
//!
//! Boxes of one size from all threads at once; the thread that frees a node is seldom the one that made it.

use rayon::prelude::*;
use rayon::{ThreadPoolBuilder, join};

use crate::rng::Rng;
use crate::workload::{Job, Outcome, Scale};

const THREADS: usize = 4;
/// Below this many points a subtree is built by one thread.
const GRAIN: usize = 2_000;

type Point = [u32; 3];

struct Node {
    point: Point,
    left: Option<Box<Node>>,
    right: Option<Box<Node>>,
}

pub(crate) fn prepare(scale: Scale) -> Job {
    let count = scale.at_least(1_500_000, 500);
    let mut rng = Rng::new(90);
    let mut point =
        move || -> Point { [rng.next() as u32 >> 12, rng.next() as u32 >> 12, rng.next() as u32 >> 12] };
    let points: Vec<Point> = (0..count).map(|_| point()).collect();
    let queries: Vec<Point> = (0..count / 20 + 10).map(|_| point()).collect();
    let expected: Vec<u64> = queries.iter().take(5).map(|query| nearest_by_hand(&points, query)).collect();
    Box::new(move || {
        let Ok(pool) = ThreadPoolBuilder::new().num_threads(THREADS).build() else {
            return Outcome { ok: false, check: "no threads".to_owned(), ops: 0 };
        };
        let (ok, sum) = pool.install(|| {
            let (mut ok, mut sum) = (true, 0_u64);
            for axis in 0..2 {
                let mut points = points.clone();
                let tree = build(&mut points, axis);
                let found: Vec<u64> = queries.par_iter().map(|query| nearest(&tree, query, axis)).collect();
                ok &= found[..expected.len()] == expected[..];
                sum = sum.wrapping_add(found.iter().sum());
                demolish(tree, points.len());
            }
            (ok, sum)
        });
        Outcome { ok, check: format!("points={count} sum={sum}"), ops: 2 * count as u64 }
    })
}

fn build(points: &mut [Point], axis: usize) -> Option<Box<Node>> {
    if points.is_empty() {
        return None;
    }
    let middle = points.len() / 2;
    points.select_nth_unstable_by_key(middle, |point| point[axis]);
    let point = points[middle];
    let (low, high) = points.split_at_mut(middle);
    let (high, next) = (&mut high[1..], (axis + 1) % 3);
    let (left, right) = if low.len() < GRAIN {
        (build(low, next), build(high, next))
    } else {
        join(|| build(low, next), || build(high, next))
    };
    Some(Box::new(Node { point, left, right }))
}

fn distance(a: &Point, b: &Point) -> u64 {
    a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum()
}

/// The squared distance from `query` to the nearest point of the tree.
fn nearest(tree: &Option<Box<Node>>, query: &Point, axis: usize) -> u64 {
    fn visit(tree: &Option<Box<Node>>, query: &Point, axis: usize, best: &mut u64) {
        let Some(node) = tree else { return };
        *best = (*best).min(distance(&node.point, query));
        let (near, far) = if query[axis] < node.point[axis] {
            (&node.left, &node.right)
        } else {
            (&node.right, &node.left)
        };
        visit(near, query, (axis + 1) % 3, best);
        if u64::from(query[axis].abs_diff(node.point[axis])).pow(2) <= *best {
            visit(far, query, (axis + 1) % 3, best);
        }
    }
    let mut best = u64::MAX;
    visit(tree, query, axis, &mut best);
    best
}

fn nearest_by_hand(points: &[Point], query: &Point) -> u64 {
    points.iter().map(|point| distance(point, query)).min().unwrap_or(u64::MAX)
}

/// Frees a tree of about `size` nodes in parallel.
fn demolish(tree: Option<Box<Node>>, size: usize) {
    let Some(node) = tree else { return };
    if size >= GRAIN {
        let Node { left, right, .. } = *node;
        join(|| demolish(left, size / 2), || demolish(right, size / 2));
    }
}
