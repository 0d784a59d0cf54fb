//! A client's function that panics on an allocation path aborts the program: nothing unwinds out of an allocator (A4).

use heap_arena::Arena;
use heap_compose::{Cascade, Inspect};
use heap_core::Global;
use heap_test::itself;

use crate::support::alloc;

/// Runs this very test again in a process of its own, with `VARIABLE` set, and there `body`; it must abort.
fn aborts(test: &str, body: impl FnOnce()) {
    const VARIABLE: &str = "HEAP_COMPOSE_ABORTS";
    if std::env::var(VARIABLE).is_ok_and(|name| name == test) {
        // Caught, if it did unwind: the process would then end well.
        let _ = std::panic::catch_unwind(core::panic::AssertUnwindSafe(body));
        return;
    }
    let output = itself()
        .args(["--exact", &format!("aborts::{test}"), "--nocapture"])
        .env(VARIABLE, test)
        .output()
        .unwrap();
    assert!(!output.status.success(), "it did not abort: {output:?}");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("the client's own words") && errors.contains("cannot unwind"), "{errors}");
}

#[test]
fn a_panic_of_the_function_that_sees() {
    aborts("a_panic_of_the_function_that_sees", || {
        alloc(&Inspect::new(Global, |_| panic!("the client's own words")), 1);
    });
}

#[test]
fn a_panic_of_the_function_that_makes_children() {
    aborts("a_panic_of_the_function_that_makes_children", || {
        alloc(&Cascade::<Arena, _>::new(|_| panic!("the client's own words")), 1);
    });
}
