//! Random clients against a second set of books: contents, counts, iteration, resets.

use std::collections::BTreeMap;
use std::ptr::NonNull;

use heap_pool::{Pool, PoolOptions, ResetMode, SyncPool};
use heap_test::{Rng, TestAllocator};

/// The items that should be live, with what they should hold.
type Books = BTreeMap<NonNull<u64>, u64>;

fn pick(books: &Books, rng: &mut Rng) -> NonNull<u64> {
    *books.keys().nth(rng.below(books.len())).unwrap()
}

fn mode(rng: &mut Rng) -> ResetMode {
    match rng.below(3) {
        0 => ResetMode::FreeAll,
        1 => ResetMode::RetainCapacity,
        _ => ResetMode::RetainWithLimit(rng.below(2000)),
    }
}

fn assert_found<'a>(found: impl Iterator<Item = &'a mut u64>, books: &Books, seed: u64) {
    let found: Books = found.map(|item| (NonNull::from(&mut *item), *item)).collect();
    assert_eq!(&found, books, "seed {seed}");
}

#[test]
fn a_pool_agrees_with_the_books() {
    for seed in 0..40 {
        let (mut rng, child) = (Rng::new(seed), TestAllocator::new());
        let options = PoolOptions::new().first_slab(1 + rng.below(20)).max_slab(1 + rng.below(200));
        let mut pool = Pool::with_options_in(options, &child);
        let mut books = Books::new();
        for _ in 0..1000 {
            match rng.below(100) {
                0 => {
                    pool.reset(mode(&mut rng));
                    books.clear();
                }
                1 => pool.preheat(rng.below(50)).unwrap(),
                2 => assert_found(pool.iter_mut(), &books, seed),
                3..50 if !books.is_empty() => {
                    let item = pick(&books, &mut rng);
                    // SAFETY: live according to the books.
                    let value = unsafe { pool.take_out(item) };
                    assert_eq!(books.remove(&item), Some(value), "seed {seed}");
                }
                _ => {
                    let value = rng.next_u64();
                    let item = pool.create(value).unwrap();
                    assert_eq!(books.insert(item, value), None, "seed {seed}");
                }
            }
            assert_eq!(pool.live(), books.len(), "seed {seed}");
        }
    }
}

#[test]
fn a_shared_pool_agrees_with_the_books() {
    for seed in 0..40 {
        let (mut rng, child) = (Rng::new(seed), TestAllocator::new());
        let mut pool: SyncPool<u64, _> = SyncPool::with_options_in(PoolOptions::new(), &child);
        let mut books = Books::new();
        for _ in 0..1000 {
            match rng.below(200) {
                0 => {
                    pool.reset(mode(&mut rng));
                    books.clear();
                }
                1 => pool.preheat(rng.below(50)).unwrap(),
                2 => assert_found(pool.iter_mut(), &books, seed),
                // Many at once, so that lanes overflow.
                3 => {
                    for item in std::mem::take(&mut books).into_keys() {
                        // SAFETY: live according to the books.
                        unsafe { pool.destroy(item) };
                    }
                }
                4..60 if !books.is_empty() => {
                    let item = pick(&books, &mut rng);
                    // SAFETY: live according to the books.
                    let value = unsafe { pool.take_out(item) };
                    assert_eq!(books.remove(&item), Some(value), "seed {seed}");
                }
                _ => {
                    let value = rng.next_u64();
                    let item = pool.create(value).unwrap();
                    assert_eq!(books.insert(item, value), None, "seed {seed}");
                }
            }
            assert_eq!(pool.live(), books.len(), "seed {seed}");
        }
    }
}
