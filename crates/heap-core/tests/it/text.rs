//! Spec 15.12: formatted text.

use core::cell::Cell;
use core::fmt::{self, Display};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::support::{Call, Null, Recorder};
use heap_core::{AllocError, AllocatorExt};

/// U-AL-05
#[test]
fn text_is_printed_into_a_block_of_its_length() {
    let recorder = Recorder::default();
    let text = recorder.print(format_args!("{}, {:>5}, {:?}", "a", 42, [1.5])).unwrap();
    // SAFETY: live until it is destroyed.
    unsafe {
        assert_eq!(text.as_ref(), "a,    42, [1.5]");
        recorder.destroy(text);
    }
    assert_eq!(recorder.take(), [Call::Alloc(15), Call::Free(15)]);
    let nothing = Null.print(format_args!("{}", "")).unwrap();
    // SAFETY: an empty text, which nobody frees.
    assert_eq!(unsafe { nothing.as_ref() }, "");
    assert_eq!(Null.print(format_args!("x")), Err(AllocError));
}

/// U-AL-06
#[test]
fn text_is_printed_with_a_sentinel_behind_it() {
    let recorder = Recorder::default();
    let text = recorder.print_sentinel(format_args!("{:#x}", 255), 0).unwrap();
    assert_eq!(text.len(), 4);
    // SAFETY: live and initialised until it is freed.
    unsafe {
        assert_eq!(text.with_sentinel().as_ref(), b"0xff\0");
        recorder.free_sentinel(text);
    }
    assert_eq!(recorder.take(), [Call::Alloc(5), Call::Free(5)]);
    assert_eq!(Null.print_sentinel(format_args!(""), 0).err(), Some(AllocError));
}

/// Prints what its function prints.
struct Odd<F>(F);

impl<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result> Display for Odd<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

#[test]
fn a_display_that_fails_is_an_error_and_leaks_nothing() {
    let recorder = Recorder::default();
    let fails = Odd(|_: &mut fmt::Formatter<'_>| Err(fmt::Error));
    assert_eq!(recorder.print(format_args!("{fails}")), Err(AllocError));
    assert_eq!(recorder.take(), []);
}

#[test]
fn a_display_that_changes_its_mind_is_an_error_and_leaks_nothing() {
    let recorder = Recorder::default();
    for (first, then) in [("long", "longer"), ("longer", "long")] {
        let times = Cell::new(0);
        let changes = Odd(|f: &mut fmt::Formatter<'_>| {
            times.set(times.get() + 1);
            // The refusal of what is too long is ignored, on purpose.
            let _ = f.write_str(if times.get() == 1 { first } else { then });
            Ok(())
        });
        assert_eq!(recorder.print(format_args!("{changes}")), Err(AllocError));
        assert_eq!(recorder.take(), [Call::Alloc(first.len()), Call::Free(first.len())]);
    }
}

#[test]
fn a_display_that_panics_leaks_nothing() {
    let recorder = Recorder::default();
    let times = Cell::new(0);
    let panics = Odd(|f: &mut fmt::Formatter<'_>| {
        times.set(times.get() + 1);
        assert_eq!(times.get(), 1, "the second time");
        f.write_str("text")
    });
    let printed = catch_unwind(AssertUnwindSafe(|| recorder.print(format_args!("{panics}"))));
    assert!(printed.is_err());
    assert_eq!(recorder.take(), [Call::Alloc(4), Call::Free(4)]);
}
