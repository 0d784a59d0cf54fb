//! The cases on one thread. An operation is an allocation; arenas are reset every [`ROUND`] of them.

use std::alloc::Layout;
use std::hint::black_box;

use allocator_api2_02::vec::Vec as Collection;
use heap_arena::{Arena, SyncArena, TypedAlloc};

use crate::subject::{Subject, Trying};
use crate::{Case, Work};

/// Operations between two resets.
const ROUND: usize = 1000;

/// One name for each of the arenas, and what runs the case on it.
macro_rules! subjects {
    ($run:ident) => {
        vec![
            ("Arena", Work::Whole($run::<Arena>)),
            ("bumpalo", Work::Whole($run::<bumpalo::Bump>)),
            ("bump-scope", Work::Whole($run::<bump_scope::Bump>)),
            ("bump-scope try", Work::Whole($run::<Trying>)),
            ("SyncArena", Work::Whole($run::<SyncArena>)),
        ]
    };
}

pub(crate) fn all() -> Vec<Case> {
    let counted = |name, subjects| Case { name, subjects, threads: 0 };
    vec![
        counted("u64", subjects!(words_of_8)),
        counted("u64, work between", subjects!(words_between_work)),
        counted("three words", subjects!(three_words)),
        counted("64 B, not written", subjects!(blocks_of_64)),
        counted("mixed layouts", subjects!(mixed_layouts)),
        counted("texts", subjects!(texts)),
        counted("slices", subjects!(slices)),
        counted("growing Vec", subjects!(growing_vec)),
        counted("tree", subjects!(tree)),
        counted("new arena, 20 values", subjects!(new_arenas)),
        counted("scope, 10 values", scopes()),
    ]
}

/// Has the compiler believe that a result is used.
#[inline(always)]
fn keep<T>(result: T) {
    black_box(result);
}

/// Rounds of `operation`, with a reset after each.
#[inline(always)]
fn rounds<S: Subject>(operations: usize, operation: impl Fn(&S, usize)) {
    let mut arena = S::default();
    for _ in 0..operations / ROUND {
        for nth in 0..ROUND {
            operation(&arena, nth);
        }
        arena.reset();
    }
}

#[inline(never)]
fn words_of_8<S: Subject>(operations: usize) {
    rounds::<S>(operations, |arena, nth| keep(arena.value(nth as u64)));
}

/// Each value is computed from the last, as a client would do something: without it, the loop waits for the cursor to come
/// back from the store before, and that time depends on where things happen to lie.
#[inline(never)]
fn words_between_work<S: Subject>(operations: usize) {
    let state = std::cell::Cell::new(operations as u64 | 1);
    rounds::<S>(operations, |arena, nth| {
        let mixed = (state.get() ^ (nth as u64)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        state.set(mixed ^ (mixed >> 29));
        keep(arena.value(state.get()));
    });
}

#[inline(never)]
fn three_words<S: Subject>(operations: usize) {
    rounds::<S>(operations, |arena, nth| keep(arena.value([nth; 3])));
}

#[inline(never)]
fn blocks_of_64<S: Subject>(operations: usize) {
    rounds::<S>(operations, |arena, _| keep(arena.raw(Layout::new::<[u64; 8]>())));
}

/// Sizes and alignments as they come in programs, too many for the branch predictor to know by heart.
fn some_layouts() -> Vec<Layout> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let layout = |_| {
        let align = [1, 1, 2, 4, 8, 8, 8, 8, 8, 16][next(10) as usize];
        let most = [16, 32, 64, 200][next(4) as usize];
        let size = 1 + next(most) as usize;
        let layout = Layout::from_size_align(size, align).expect("a layout");
        // Those of types and arrays, but for a few made by hand.
        if next(16) == 0 { layout } else { layout.pad_to_align() }
    };
    (0..ROUND).map(layout).collect()
}

#[inline(never)]
fn mixed_layouts<S: Subject>(operations: usize) {
    let layouts = black_box(some_layouts());
    rounds::<S>(operations, |arena, nth| keep(arena.raw(layouts[nth])));
}

#[inline(never)]
fn texts<S: Subject>(operations: usize) {
    let words = black_box(["a", "word", "and", "another", "of", "somewhat", "more", "considerable length"]);
    rounds::<S>(operations, |arena, nth| keep(arena.text(words[nth % 8]).len()));
}

#[inline(never)]
fn slices<S: Subject>(operations: usize) {
    let numbers = black_box([7_u32; 16]);
    rounds::<S>(operations, |arena, nth| keep(arena.copy(&numbers[nth % 16..]).len()));
}

/// An operation is a push.
#[inline(never)]
fn growing_vec<S: Subject>(operations: usize) {
    let mut arena = S::default();
    for _ in 0..operations / ROUND {
        let mut list = Collection::new_in(arena.handle());
        for nth in 0..ROUND {
            list.push(nth as u32);
        }
        black_box(&list);
        drop(list);
        arena.reset();
    }
}

struct Node<'a> {
    left: Option<&'a mut Node<'a>>,
    right: Option<&'a mut Node<'a>>,
    value: u32,
}

fn grow<S: Subject>(arena: &S, depth: u32) -> Option<&mut Node<'_>> {
    let deeper = depth.checked_sub(1)?;
    Some(arena.value(Node { left: grow(arena, deeper), right: grow(arena, deeper), value: depth }))
}

fn sum(node: &Option<&mut Node<'_>>) -> u32 {
    node.as_ref().map_or(0, |node| node.value + sum(&node.left) + sum(&node.right))
}

/// Trees of 1023 nodes, built and read once; an operation is a node.
#[inline(never)]
fn tree<S: Subject>(operations: usize) {
    let mut arena = S::default();
    for _ in 0..operations / 1023 {
        black_box(sum(&grow(&arena, 10)));
        arena.reset();
    }
}

/// From nothing to nothing: what a short-lived arena costs.
#[inline(never)]
fn new_arenas<S: Subject>(operations: usize) {
    for _ in 0..operations / 20 {
        let arena = S::default();
        for nth in 0..20 {
            keep(arena.value([nth; 3]));
        }
    }
}

/// Bumpalo has no scopes.
fn scopes() -> Vec<(&'static str, Work)> {
    fn ours(operations: usize) {
        let mut arena = Arena::new();
        for _ in 0..operations / 10 {
            arena.scoped(|scope| {
                for nth in 0..10 {
                    keep(scope.alloc_value([nth; 3]).ok());
                }
            });
        }
    }
    fn shared(operations: usize) {
        let mut arena = SyncArena::new();
        for _ in 0..operations / 10 {
            arena.scoped(|scope| {
                for nth in 0..10 {
                    keep(scope.alloc_value([nth; 3]).ok());
                }
            });
        }
    }
    fn bump_scope(operations: usize) {
        let mut arena: bump_scope::Bump = bump_scope::Bump::new();
        for _ in 0..operations / 10 {
            arena.scoped(|scope| {
                for nth in 0..10 {
                    keep(bump_scope::BumpBox::leak(scope.alloc([nth; 3])));
                }
            });
        }
    }
    vec![
        ("Arena", Work::Whole(ours)),
        ("bump-scope", Work::Whole(bump_scope)),
        ("SyncArena", Work::Whole(shared)),
    ]
}
