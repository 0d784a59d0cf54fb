//! The cases: what is done, written once for all subjects.

use std::hint::black_box;

use heap_test::Rng;

use crate::subjects::{
    Boxed, HeapPool, HeapPoolBox, HeapSyncPool, InfinityLocal, InfinityRaw, ObjectPool, Opool, OpoolLocal,
    SlabKeys, Store, TypedArena,
};

/// What is stored: as large as a tree's node.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Item {
    pub(crate) words: [u64; 4],
}

/// A name, and one run of the case. The result only keeps the work from being optimised away.
pub(crate) type Subject = (&'static str, fn() -> u64);

/// One case: its name, how many operations a run has, and who runs it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) operations: usize,
    /// Whether its instructions are counted, too.
    pub(crate) counted: bool,
    pub(crate) subjects: &'static [Subject],
}

/// What a case is run with; all that can remove items one by one, where none is named.
macro_rules! subjects {
    ($work:ident) => {
        subjects!($work: "Pool" HeapPool, "PoolBox" HeapPoolBox, "SyncPool" HeapSyncPool, "Box" Boxed,
            "slab" SlabKeys, "object-pool" ObjectPool, "opool" Opool, "opool local" OpoolLocal,
            "infinity_pool raw" InfinityRaw, "infinity_pool local" InfinityLocal)
    };
    ($work:ident: $($name:literal $store:ty),+) => { &[$(($name, $work::<$store>)),+] };
}

const PAIRS: usize = 100_000;
const BATCH: usize = 1000;
const BATCHES: usize = 100;
const THREADS: usize = 2;
const RANDOM: usize = 100_000;
const TREE: usize = 1_000_000;

pub(crate) const CASES: [Case; 6] = [
    Case { name: "pairs", operations: PAIRS, counted: true, subjects: subjects!(pairs) },
    Case {
        name: "batches of 1000",
        operations: BATCH * BATCHES,
        counted: true,
        subjects: subjects!(batches),
    },
    Case { name: "random order", operations: RANDOM, counted: true, subjects: subjects!(random) },
    Case {
        name: "batches of 1000, 2 threads",
        operations: BATCH * BATCHES * THREADS,
        counted: false,
        subjects: subjects!(threads: "SyncPool" HeapSyncPool, "Box" Boxed, "object-pool" ObjectPool, "opool" Opool),
    },
    Case {
        name: "create only, 100000",
        operations: PAIRS,
        counted: true,
        subjects: subjects!(create_only: "Pool" HeapPool, "SyncPool" HeapSyncPool, "Box" Boxed, "slab" SlabKeys,
            "typed-arena" TypedArena, "infinity_pool raw" InfinityRaw),
    },
    Case {
        name: "tree of a million",
        operations: TREE,
        counted: false,
        subjects: subjects!(tree: "Pool" HeapPool, "PoolBox" HeapPoolBox, "SyncPool" HeapSyncPool, "Box" Boxed,
            "slab" SlabKeys, "typed-arena" TypedArena, "object-pool" ObjectPool, "opool" Opool,
            "opool local" OpoolLocal, "infinity_pool raw" InfinityRaw, "infinity_pool local" InfinityLocal),
    },
];

fn item(n: usize) -> Item {
    Item { words: [n as u64; 4] }
}

/// One item at a time.
fn pairs<S: Store>() -> u64 {
    let store = S::new(1);
    let mut sum = 0;
    for n in 0..PAIRS {
        let handle = black_box(store.create(item(n)));
        sum += store.destroy(handle);
    }
    sum
}

/// Many at once, destroyed in the order they were made.
fn batches<S: Store>() -> u64 {
    fill_and_empty(&S::new(BATCH))
}

/// The same by threads that share a store.
fn threads<S: Store + Sync>() -> u64 {
    let store = S::new(BATCH * THREADS);
    std::thread::scope(|scope| {
        let work = || fill_and_empty(&store);
        let threads: [_; THREADS] = std::array::from_fn(|_| scope.spawn(work));
        threads.into_iter().map(|thread| thread.join().unwrap_or_default()).sum()
    })
}

fn fill_and_empty<S: Store>(store: &S) -> u64 {
    let mut handles = Vec::with_capacity(BATCH);
    let mut sum = 0;
    for _ in 0..BATCHES {
        handles.extend((0..BATCH).map(|n| store.create(item(n))));
        handles.drain(..).for_each(|handle| sum += store.destroy(handle));
    }
    sum
}

/// A thousand live ones, of which one chosen at random goes for each that comes.
fn random<S: Store>() -> u64 {
    let store = S::new(BATCH + 1);
    let mut rng = Rng::new(1);
    let mut handles: Vec<_> = (0..BATCH).map(|n| store.create(item(n))).collect();
    let mut sum = 0;
    for n in 0..RANDOM {
        let fresh = store.create(item(n));
        let old = std::mem::replace(&mut handles[(rng.next_u64() >> 32) as usize % BATCH], fresh);
        sum += store.destroy(old);
    }
    handles.into_iter().for_each(|handle| sum += store.destroy(handle));
    sum
}

/// Nothing is destroyed but by the store's end.
fn create_only<S: Store>() -> u64 {
    let store = S::new(0);
    (0..PAIRS).for_each(|n| _ = black_box(store.leave(item(n))));
    PAIRS as u64
}

/// A binary tree, level by level: each node reads its parent when it is made. Summed up, and torn down: handles that
/// give their items back do so one by one, stores whose handles do not go as a whole. Handles lie in a row, for all alike.
fn tree<S: Store>() -> u64 {
    let store = S::new(TREE);
    let mut handles = Vec::with_capacity(TREE);
    for n in 0..TREE {
        // Each node knows its parent, which is read when it is made.
        let parent = if n == 0 { 0 } else { store.read(&handles[(n - 1) / 2]) };
        handles.push(store.create(Item { words: [n as u64, parent, 0, 0] }));
    }
    handles.iter().map(|handle| store.read(handle)).sum()
}
