//! One input of the fuzz target `smp`: a program over the process's heap, or over a private one; the books are recounted after it.

use heap_smp::{Heap, SmpAllocator};
use heap_test::{Limits, OP_BYTES, Program, cases::programs::check_program};

/// Beyond the largest slot and the smallest run, so that every kind of block occurs.
const LIMITS: Limits = Limits::DEFAULT.max_size(256 << 10);

/// Replays the input and returns how many steps it has.
pub(crate) fn replay(bytes: &[u8]) -> usize {
    let (program, steps) = (Program::from_bytes(bytes, &LIMITS), bytes.len() / OP_BYTES);
    if steps % 4 == 3 {
        check_program(&program, Heap::new, &LIMITS);
    } else {
        check_program(&program, SmpAllocator::new, &LIMITS);
    }
    if steps.is_multiple_of(16) {
        SmpAllocator::new().purge();
    }
    assert_eq!(SmpAllocator::new().validate(), Ok(()));
    steps
}
