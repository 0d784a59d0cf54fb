//! The cases on several threads.
//!
//! Time is that of all operations together, from the moment when the first thread begins to the moment when the last one
//! ends: with a core for each thread and nothing in each other's way it is the time on one thread, divided.

use std::hint::black_box;
use std::sync::{Barrier, Mutex, RwLock};
use std::time::{Duration, Instant};

use heap_arena::{Arena, SyncArena, TypedAlloc};
use heap_core::Global;

use crate::{Case, Work};

/// Operations of one thread between two resets: 8 MiB, most of a millisecond at the least, so that waking up for it, some
/// ten microseconds, is little beside it.
const ROUND: usize = 1 << 20;

/// Rounds that do not count: the first gets the memory, and the second is the first to touch the one chunk that a reset
/// makes of it.
const WARM: usize = 2;

/// Memory for threads. They have it at once, and it is forgotten when they are not there.
trait Crowd: Send + Sync {
    fn new(threads: usize) -> Self;
    /// What thread `nth` does in a round.
    fn round(&self, nth: usize);
    fn forget(&mut self);
}

/// Has the compiler believe that a result is used.
#[inline(always)]
fn keep<T>(result: T) {
    black_box(result);
}

const RETAIN: heap_arena::ResetMode = heap_arena::ResetMode::RetainCapacity;

impl<const N: usize> Crowd for SyncArena<Global, N> {
    fn new(_: usize) -> Self {
        Self::default()
    }
    #[inline(never)]
    fn round(&self, _: usize) {
        (0..ROUND).for_each(|value| keep(self.alloc_value(value).ok()));
    }
    fn forget(&mut self) {
        self.reset(RETAIN);
    }
}

impl Crowd for Mutex<Arena> {
    fn new(_: usize) -> Self {
        Self::default()
    }
    #[inline(never)]
    fn round(&self, _: usize) {
        (0..ROUND).for_each(|value| keep(self.lock().expect("no panic").alloc_value(value).ok()));
    }
    fn forget(&mut self) {
        self.get_mut().expect("no panic").reset(RETAIN);
    }
}

/// An arena for each thread, which shares nothing: what there is to reach. The lock is taken once a round.
struct Each<B>(Vec<Mutex<B>>);

impl Crowd for Each<Arena> {
    fn new(threads: usize) -> Self {
        Self((0..threads).map(|_| Mutex::default()).collect())
    }
    #[inline(never)]
    fn round(&self, nth: usize) {
        let arena = self.0[nth].lock().expect("no panic");
        (0..ROUND).for_each(|value| keep(arena.alloc_value(value).ok()));
    }
    fn forget(&mut self) {
        self.0.iter_mut().for_each(|arena| keep(arena.get_mut().expect("no panic").reset(RETAIN)));
    }
}

/// What bumpalo-herd lends to threads: a `Bump` for each.
impl Crowd for Each<bumpalo::Bump> {
    fn new(threads: usize) -> Self {
        Self((0..threads).map(|_| Mutex::default()).collect())
    }
    #[inline(never)]
    fn round(&self, nth: usize) {
        let bump = self.0[nth].lock().expect("no panic");
        (0..ROUND).for_each(|value| keep(bump.alloc(value)));
    }
    fn forget(&mut self) {
        self.0.iter_mut().for_each(|bump| bump.get_mut().expect("no panic").reset());
    }
}

/// Nanoseconds per operation. The threads live as long as the run; between rounds one of them, alone for a moment,
/// resets. The first rounds and the time between rounds do not count.
fn run<C: Crowd, const THREADS: usize>(operations: usize) -> f64 {
    let rounds = operations.div_ceil(ROUND * THREADS).max(2);
    let (crowd, barrier) = (RwLock::new(C::new(THREADS)), Barrier::new(THREADS));
    let spans = Mutex::new(Vec::new());
    let mut total = Duration::ZERO;
    let total_of = Mutex::new(&mut total);
    let thread = |nth| {
        for round in 0..WARM + rounds {
            barrier.wait();
            let shared = crowd.read().expect("no panic");
            let begun = Instant::now();
            shared.round(nth);
            spans.lock().expect("no panic").push((begun, Instant::now()));
            drop(shared);
            if barrier.wait().is_leader() {
                crowd.write().expect("no panic").forget();
                let spans = std::mem::take(&mut *spans.lock().expect("no panic"));
                let begun = spans.iter().map(|span| span.0).min();
                let ended = spans.iter().map(|span| span.1).max();
                if let (WARM.., Some(begun), Some(ended)) = (round, begun, ended) {
                    **total_of.lock().expect("no panic") += ended - begun;
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for nth in 0..THREADS {
            let thread = &thread;
            scope.spawn(move || thread(nth));
        }
    });
    total.as_secs_f64() * 1e9 / (rounds * ROUND * THREADS) as f64
}

fn case<const THREADS: usize>(name: &'static str) -> Case {
    let subjects = vec![
        ("SyncArena", Work::Timed(run::<SyncArena, THREADS>)),
        ("SyncArena without lanes", Work::Timed(run::<SyncArena<Global, 0>, THREADS>)),
        ("Mutex<Arena>", Work::Timed(run::<Mutex<Arena>, THREADS>)),
        ("an Arena each", Work::Timed(run::<Each<Arena>, THREADS>)),
        ("a bumpalo each", Work::Timed(run::<Each<bumpalo::Bump>, THREADS>)),
    ];
    Case { name, subjects, threads: THREADS }
}

pub(crate) fn all() -> Vec<Case> {
    vec![case::<1>("1 thread"), case::<2>("2 threads"), case::<4>("4 threads"), case::<8>("8 threads")]
}
