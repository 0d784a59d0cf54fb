//! D-MP-06: in checked builds a wrong `destroy` ends the process with its message.
#![cfg(any(debug_assertions, feature = "checked"))]

use std::ptr::NonNull;

use heap_pool::{Pool, PoolBox, RawPool, ResetMode, SyncPool};
use heap_test::itself;

use crate::support::layout;

/// Says to the test binary that it is to break the promise itself.
const MARK: &str = "HEAP_POOL_TEST_CHILD";

/// Runs `misuse` in a process of its own, which must be killed with `message`.
fn aborts(name: &str, message: &str, misuse: impl FnOnce()) {
    if std::env::var_os(MARK).is_some() {
        misuse();
        return;
    }
    let output = itself()
        .args([&format!("violations::{name}"), "--exact", "--nocapture", "--test-threads=1"])
        .env(MARK, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{name} was not noticed");
    assert!(text.contains(&format!("heap-pool: {message} (address 0x")), "{name}: {text}");
    assert!(!text.contains("dropped"), "{name}: the value was dropped before the check: {text}");
}

#[test]
fn destroyed_twice() {
    aborts("destroyed_twice", "double destroy: the item is not live any more", || {
        let pool = Pool::new();
        let [a, _] = [1, 2].map(|n| pool.create(n).unwrap());
        // SAFETY: none: the second call is the misuse that must be noticed.
        unsafe {
            pool.destroy(a);
            pool.destroy(a);
        }
    });
}

struct Loud(bool);

impl Drop for Loud {
    fn drop(&mut self) {
        assert!(!self.0, "dropped");
    }
}

#[test]
fn a_value_that_was_moved_out_is_not_dropped() {
    let message = "double destroy: the item is not live any more";
    aborts("a_value_that_was_moved_out_is_not_dropped", message, || {
        let pool = Pool::new();
        let item = pool.create(Loud(true)).unwrap();
        // SAFETY: none, as above.
        unsafe {
            std::mem::forget(pool.take_out(item));
            pool.destroy(item);
        }
    });
}

#[test]
fn destroyed_after_its_box() {
    aborts("destroyed_after_its_box", "double destroy: the item is not live any more", || {
        let pool = Pool::new();
        let mut boxed = pool.boxed(1).unwrap();
        let item = NonNull::from(&mut *boxed);
        drop(boxed);
        // SAFETY: none, as above.
        unsafe { pool.destroy(item) };
    });
}

#[test]
fn destroyed_after_a_reset() {
    aborts("destroyed_after_a_reset", "double destroy: the item is not live any more", || {
        let mut pool = Pool::new();
        let item = pool.create(1).unwrap();
        pool.reset(ResetMode::RetainCapacity);
        // SAFETY: none, as above.
        unsafe { pool.destroy(item) };
    });
}

#[test]
fn destroyed_in_another_pool() {
    aborts("destroyed_in_another_pool", "foreign item: not from this pool", || {
        let (mine, other) = (Pool::new(), Pool::new());
        let item = mine.create(1).unwrap();
        other.create(2).unwrap();
        // SAFETY: none, as above.
        unsafe { other.destroy(item) };
    });
}

#[test]
fn a_pointer_to_the_stack() {
    aborts("a_pointer_to_the_stack", "foreign item: not from this pool", || {
        let pool = Pool::new();
        let mut value = 1;
        // SAFETY: none, as above.
        unsafe { pool.destroy(NonNull::from(&mut value)) };
    });
}

#[test]
fn a_pointer_into_an_item() {
    aborts("a_pointer_into_an_item", "interior pointer: not the start of an item", || {
        let pool = RawPool::new(layout(32, 8));
        let slot = pool.alloc_slot().unwrap();
        // SAFETY: none, as above.
        unsafe { pool.free_slot(slot.add(8)) };
    });
}

#[test]
fn a_slot_that_was_never_handed_out() {
    let message = "double destroy: the item is not live any more";
    aborts("a_slot_that_was_never_handed_out", message, || {
        let pool = Pool::<[u64; 2]>::new();
        let item = pool.create([1, 2]).unwrap();
        // SAFETY: none, as above. The next slot of the slab is fresh.
        unsafe { pool.destroy(item.add(1)) };
    });
}

#[test]
fn destroyed_twice_by_two_threads() {
    aborts("destroyed_twice_by_two_threads", "double destroy: the item is not live any more", || {
        let pool = SyncPool::<u64>::new();
        let item = PoolBox::into_raw(pool.boxed(1).unwrap());
        let addr = item.as_ptr().expose_provenance();
        std::thread::scope(|threads| {
            let destroy = || {
                // SAFETY: none, as above.
                unsafe { pool.destroy(NonNull::new(std::ptr::with_exposed_provenance_mut(addr)).unwrap()) }
            };
            let _ = threads.spawn(destroy).join();
            destroy();
        });
    });
}
