//! Threads and processes that come and go.

use crate::library::{Way, passes};

#[test]
fn destructors_of_a_thread_allocate_and_nothing_is_lost() {
    passes("threads.c", Way::Preloaded, &[]);
}

#[test]
fn children_of_a_busy_process_allocate() {
    passes("fork.c", Way::Preloaded, &[]);
    passes("fork.c", Way::Linked, &[]);
}
