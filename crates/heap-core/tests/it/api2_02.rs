//! allocator-api2 0.2, and hashbrown 0.17, which stands on it.

use core::alloc::Layout;
use core::ptr::NonNull;
use std::process::Command;

use allocator_api2_02::alloc::AllocError;
use hashbrown::HashMap;

use crate::support::{Arena, Recorder};

pub(crate) use allocator_api2_02::alloc::{Allocator, Global as TheirGlobal};
pub(crate) use allocator_api2_02::{boxed::Box, vec::Vec};
pub(crate) use heap_core::adapt::allocator_api2_02::FromForeign;

#[path = "foreign_cases.rs"]
mod cases;

#[test]
fn a_hash_map_lives_on_an_arena() {
    let arena = Arena::new();
    let mut squares = HashMap::new_in(&arena);
    squares.extend((0..500_u64).map(|i| (i, i * i)));
    assert!((0..500).all(|i| squares[&i] == i * i));
    squares.retain(|i, _| i % 10 == 0);
    squares.shrink_to_fit();
    assert_eq!(squares.len(), 50);
    assert!(arena.used() >= 500 * 16);
}

#[test]
fn a_hash_map_gives_back_exactly_what_it_took() {
    let recorder = Recorder::default();
    let mut words = HashMap::new_in(&recorder as &dyn heap_core::Allocator);
    words.extend((0..1000).map(|i| (i.to_string(), i)));
    assert_eq!(words.remove("77"), Some(77));
    drop(words.clone());
    drop(words);
    assert!(recorder.take().len() >= 4);
}

/// Breaks the rule that an allocator does not unwind.
struct Unwinding;

// SAFETY: it hands out nothing.
unsafe impl Allocator for Unwinding {
    fn allocate(&self, _: Layout) -> Result<NonNull<[u8]>, AllocError> {
        panic!("unwinding")
    }
    unsafe fn deallocate(&self, _: NonNull<u8>, _: Layout) {}
}

/// A4: runs itself again in another process, which has to abort.
#[test]
#[cfg(not(miri))]
fn a_foreign_allocator_that_unwinds_ends_the_program() {
    const CHILD: &str = "HEAP_CORE_TEST_UNWINDS";
    if std::env::var_os(CHILD).is_some() {
        let caught = std::panic::catch_unwind(|| {
            heap_core::Allocator::alloc(&FromForeign(Unwinding), Layout::new::<u8>()).is_err()
        });
        println!("survived: {caught:?}");
        return;
    }
    let name = "api2_02::a_foreign_allocator_that_unwinds_ends_the_program";
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
    assert!(out.contains("running 1 test"), "{out}");
    assert!(!child.status.success() && !out.contains("survived"), "{out}");
    assert!(err.contains("cannot unwind"), "{err}");
}
