//! moka: a cache in front of something slow, shared by four threads, with a bound on its weight.
//!
//! Values of all sizes stay for a while and are freed by whichever thread causes the eviction.

use std::sync::Arc;
use std::thread;

use moka::sync::Cache;

use crate::rng::Rng;
use crate::workload::{Job, Outcome, Scale};

const THREADS: usize = 4;
/// Bytes of values that the cache may hold.
const WEIGHT: u64 = 48 << 20;
const KEYS: usize = 200_000;

type Values = Cache<String, Arc<Vec<u8>>>;

pub(crate) fn prepare(scale: Scale) -> Job {
    let each = scale.at_least(110_000, 100);
    Box::new(move || {
        let cache: Values = Cache::builder()
            .max_capacity(WEIGHT)
            .weigher(|_, value: &Arc<Vec<u8>>| value.len() as u32)
            .build();
        let sums: Vec<(u64, bool)> = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|thread| {
                    let cache = cache.clone();
                    scope.spawn(move || client(&cache, thread, each))
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or((0, false))).collect()
        });
        let sum: u64 = sums.iter().map(|part| part.0).sum();
        cache.run_pending_tasks();
        let ok = sums.iter().all(|part| part.1) && cache.weighted_size() <= WEIGHT;
        Outcome { ok, check: format!("bytes={sum}"), ops: (THREADS * each) as u64 }
    })
}

/// Looks keys up, most often the popular ones; bytes seen, and whether every value belonged to its key.
fn client(cache: &Values, thread: usize, each: usize) -> (u64, bool) {
    let mut rng = Rng::new(70 + thread as u64);
    let (mut sum, mut ok) = (0, true);
    for _ in 0..each {
        let bound = rng.range(1, KEYS);
        let key = rng.below(bound);
        let value = cache.get_with(format!("/item/{key}"), || Arc::new(load(key)));
        ok &= value.first() == Some(&(key as u8)) && value.last() == Some(&(key as u8));
        sum += value.len() as u64;
        if rng.chance(2) {
            cache.invalidate(&format!("/item/{key}"));
        }
    }
    (sum, ok)
}

/// The value of a key: its size depends on the key alone.
fn load(key: usize) -> Vec<u8> {
    vec![key as u8; 200 + 4 * Rng::new(key as u64).size(16 << 10)]
}
