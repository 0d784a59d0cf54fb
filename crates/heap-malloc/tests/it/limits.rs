//! Little memory.

use crate::library::{Way, passes};

#[test]
fn a_process_of_256_mib_starts_runs_out_and_recovers() {
    passes("limits.c", Way::Preloaded, &[]);
}

#[test]
fn memory_goes_back_while_a_program_of_one_thread_goes_on() {
    passes("decay.c", Way::Preloaded, &[]);
}
