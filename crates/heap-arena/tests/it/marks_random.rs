//! Marks, rewinds and resets at random, of both arenas, beside plain books: what was made before a mark and has not grown
//! since keeps its content, values are dropped once and when they should be, and the child gets back what it gave.

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use heap_arena::{Arena, ResetMode, Rewind, SyncArena, SyncRewind};
use heap_core::{AllocError, Allocator};
use heap_test::Rng;

use crate::support::{Meter, SharedMeter, at, layout};

/// A value that counts how often it was dropped, and would notice if its bytes were not its own.
struct Value {
    dropped: &'static AtomicUsize,
    number: usize,
    again: usize,
}

impl Drop for Value {
    fn drop(&mut self) {
        assert_eq!(self.number, !self.again, "overwritten");
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// What both arenas can.
trait Subject: Allocator {
    type Mark: Copy;
    fn note(&mut self) -> Self::Mark;
    /// # Safety
    /// As for `Rewind::rewind`.
    unsafe fn go_back(&mut self, mark: Self::Mark);
    fn forget(&mut self, mode: ResetMode);
    fn register(&self, value: Value) -> Result<(), AllocError>;
}

/// Both have methods of the same names, but their marks are of different traits.
macro_rules! subject {
    ($rewind:ident, $arena:ty $(, const $lanes:ident)?) => {
        impl<A: Allocator $(, const $lanes: usize)?> Subject for $arena {
            type Mark = <Self as $rewind>::Mark;
            fn note(&mut self) -> Self::Mark {
                self.mark()
            }
            unsafe fn go_back(&mut self, mark: Self::Mark) {
                // SAFETY: the caller's promise is the same.
                unsafe { self.rewind(mark) };
            }
            fn forget(&mut self, mode: ResetMode) {
                self.reset(mode);
            }
            fn register(&self, value: Value) -> Result<(), AllocError> {
                self.alloc_drop(value).map(drop)
            }
        }
    };
}

subject!(Rewind, Arena<A>);
subject!(SyncRewind, SyncArena<A, N>, const N);

/// A block filled with a number, and the round in which it was made or last grew.
struct Block {
    first: NonNull<u8>,
    layout: Layout,
    stamp: u8,
    round: usize,
}

// SAFETY: one owner at a time.
unsafe impl Send for Block {}

impl Block {
    fn fill(first: NonNull<u8>, layout: Layout, stamp: u8, round: usize) -> Self {
        assert_eq!(at(first) % layout.align(), 0);
        // SAFETY: ours alone.
        unsafe { first.write_bytes(stamp, layout.size()) };
        Self { first, layout, stamp, round }
    }

    fn check(&self, len: usize) {
        // SAFETY: live, and initialised.
        let bytes = unsafe { NonNull::slice_from_raw_parts(self.first, len).as_ref() };
        assert!(bytes.iter().all(|&byte| byte == self.stamp), "overwritten");
    }
}

/// Works on some blocks for a while.
fn work(arena: &impl Subject, rng: &mut Rng, blocks: &mut Vec<Block>, round: usize, values: &Values) {
    for _ in 0..rng.below(40) {
        let size = 1 + if rng.below(30) == 0 { rng.below(20_000) } else { rng.below(400) };
        if rng.below(8) == 0 {
            values.register(arena, round);
        }
        if blocks.is_empty() || rng.below(2) == 0 {
            let layout = layout(size, 1 << if rng.below(20) == 0 { rng.below(13) } else { rng.below(5) });
            if let Ok(block) = arena.alloc(layout) {
                blocks.push(Block::fill(block.cast(), layout, rng.below(256) as u8, round));
            }
            continue;
        }
        let newest = blocks.len() - 1;
        let block = blocks.swap_remove(if rng.below(2) == 0 { newest } else { rng.below(newest + 1) });
        block.check(block.layout.size());
        // SAFETY: live, ours alone, with this layout; given up where the calls say so.
        unsafe {
            if rng.below(3) == 0 {
                arena.free(block.first, block.layout);
                continue;
            }
            let new = layout(size, block.layout.align());
            let grown = if size > block.layout.size() { round } else { block.round };
            if arena.resize(block.first, block.layout, size) {
                block.check(size.min(block.layout.size()));
                blocks.push(Block::fill(block.first, new, block.stamp.wrapping_add(1), grown));
            } else if let Ok(moved) = arena.realloc(block.first, block.layout, new) {
                blocks.push(Block::fill(moved.cast(), new, block.stamp, round));
            } else {
                block.check(block.layout.size());
                blocks.push(block);
            }
        }
    }
}

/// The values that were registered: in which round, and whether they should be there.
#[derive(Default)]
struct Values(Mutex<Vec<(usize, &'static AtomicUsize)>>);

impl Values {
    fn register(&self, arena: &impl Subject, round: usize) {
        let dropped: &'static AtomicUsize = Box::leak(Box::default());
        let number = at(NonNull::from(dropped));
        match arena.register(Value { dropped, number, again: !number }) {
            Ok(()) => self.0.lock().unwrap().push((round, dropped)),
            Err(AllocError) => assert_eq!(dropped.load(Ordering::Relaxed), 1),
        }
    }

    /// All since `round` have been dropped, and no others.
    fn forget_since(&self, round: usize) {
        self.0.lock().unwrap().retain(|&(made, dropped)| {
            assert_eq!(dropped.load(Ordering::Relaxed), usize::from(made >= round), "made in {made}");
            made < round
        });
    }
}

/// Plays for some rounds: threads work on the blocks, dealt out anew each time, and in between the arena goes back.
fn play<A: Subject>(mut arena: A, seed: u64, run: impl Fn(&A, usize, usize, &mut Vec<Vec<Block>>, &Values)) {
    let mut rng = Rng::new(seed);
    let values = Values::default();
    let mut marks: Vec<(A::Mark, usize)> = Vec::new();
    let mut blocks: Vec<Block> = Vec::new();
    for round in 0..30 {
        let mut hands: Vec<Vec<Block>> = (0..1 + rng.below(5)).map(|_| Vec::new()).collect();
        for block in blocks.drain(..) {
            let hand = rng.below(hands.len());
            hands[hand].push(block);
        }
        run(&arena, rng.below(usize::MAX), round, &mut hands, &values);
        blocks.extend(hands.into_iter().flatten());
        blocks.iter().for_each(|block| block.check(block.layout.size()));
        match rng.below(6) {
            0..3 => marks.push((arena.note(), round + 1)),
            3 | 4 if !marks.is_empty() => {
                marks.truncate(1 + rng.below(marks.len()));
                let (mark, since) = marks[marks.len() - 1];
                blocks.retain(|block| block.round < since);
                // SAFETY: what was made or has grown since is forgotten, above; and so are the later marks.
                unsafe { arena.go_back(mark) };
                values.forget_since(since);
            }
            5 if rng.below(3) == 0 => {
                blocks.clear();
                marks.clear();
                arena.forget(
                    [ResetMode::RetainCapacity, ResetMode::FreeAll, ResetMode::RetainWithLimit(2000)]
                        [rng.below(3)],
                );
                values.forget_since(0);
            }
            _ => {}
        }
        blocks.iter().for_each(|block| block.check(block.layout.size()));
    }
    drop(arena);
    values.forget_since(0);
}

/// A child for a seed: one that grows blocks in place or does not, and may be short of memory.
fn meter(seed: u64) -> Meter {
    let meter = if seed.is_multiple_of(2) { Meter::in_place() } else { Meter::default() };
    if seed.is_multiple_of(3) {
        meter.allow(30_000);
    }
    meter
}

#[test]
fn an_arena_goes_back_to_any_mark() {
    for seed in 0..300 {
        let meter = meter(seed);
        play(Arena::new_in(&meter), seed, |arena, seed, round, hands, values| {
            let mut rng = Rng::new(seed as u64);
            hands.iter_mut().for_each(|hand| work(arena, &mut rng, hand, round, values));
        });
        assert_eq!(meter.live_blocks(), 0);
    }
}

#[test]
fn a_shared_arena_goes_back_to_any_mark_whatever_threads_did() {
    fn check<const N: usize>() {
        for seed in 0..30 {
            let meter = SharedMeter::over(meter(seed));
            play(SyncArena::<_, N>::new_in(&meter), seed, |arena, seed, round, hands, values| {
                std::thread::scope(|scope| {
                    for (nth, hand) in hands.iter_mut().enumerate() {
                        let mut rng = Rng::new((seed.wrapping_add(nth)) as u64);
                        let mut work = move || work(arena, &mut rng, hand, round, values);
                        // The first is this thread, which has a lane for good.
                        if nth == 0 { work() } else { drop(scope.spawn(work)) }
                    }
                });
            });
            assert_eq!(meter.0.lock().unwrap().live_blocks(), 0);
        }
    }
    check::<0>();
    check::<2>();
    check::<16>();
}
