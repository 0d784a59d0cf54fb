//! The cases on several threads, which share one arena. Time is that of all operations together: with a core for each
//! thread and nothing in each other's way it is the time on one thread, divided.

use std::hint::black_box;
use std::sync::{Barrier, Mutex, RwLock};

use heap_arena::{Arena, SyncArena, TypedAlloc};
use heap_core::Global;

use crate::{Case, Work};

/// Operations of one thread between two resets.
const ROUND: usize = 1 << 14;

/// An arena that threads share.
trait Shared: Default + Send + Sync {
    fn value(&self, value: usize);
    fn forget(&mut self);
}

impl<const N: usize> Shared for SyncArena<Global, N> {
    #[inline]
    fn value(&self, value: usize) {
        black_box(self.alloc_value(value).ok());
    }
    fn forget(&mut self) {
        self.reset(heap_arena::ResetMode::RetainCapacity);
    }
}

impl Shared for Mutex<Arena> {
    #[inline]
    fn value(&self, value: usize) {
        black_box(self.lock().expect("no panic").alloc_value(value).ok());
    }
    fn forget(&mut self) {
        self.get_mut().expect("no panic").reset(heap_arena::ResetMode::RetainCapacity);
    }
}

/// The threads live as long as the run. Between rounds one of them, alone for a moment, resets.
fn run<S: Shared, const THREADS: usize>(operations: usize) {
    let (arena, rounds) = (RwLock::new(S::default()), operations.div_ceil(ROUND * THREADS));
    let barrier = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..rounds {
                    barrier.wait();
                    let shared = arena.read().expect("no panic");
                    (0..ROUND).for_each(|nth| shared.value(nth));
                    drop(shared);
                    if barrier.wait().is_leader() {
                        arena.write().expect("no panic").forget();
                    }
                }
            });
        }
    });
}

fn case<const THREADS: usize>(name: &'static str) -> Case {
    let subjects: Vec<(&'static str, Work)> = vec![
        ("SyncArena", run::<SyncArena, THREADS>),
        ("SyncArena without lanes", run::<SyncArena<Global, 0>, THREADS>),
        ("Mutex<Arena>", run::<Mutex<Arena>, THREADS>),
    ];
    Case { name, subjects, counted: false }
}

pub(crate) fn all() -> Vec<Case> {
    vec![case::<1>("1 thread"), case::<2>("2 threads"), case::<4>("4 threads"), case::<8>("8 threads")]
}
