//! Every allocation of a function failed in turn, and every allocation of an allocator's backing.
#![forbid(unsafe_code)]

use core::fmt;
use std::collections::TryReserveError;
use std::error::Error;

use heap_core::{AllocError, Allocator, Global};

use crate::failing::{Counters, FailingAllocator, Failures};
use crate::limits::Limits;
use crate::program::Program;

/// What is wrong with how a function takes the loss of memory.
#[derive(Debug)]
#[non_exhaustive]
pub enum ExhaustError {
    /// Memory was left allocated.
    #[doc(alias = "MemoryLeakDetected")]
    MemoryLeak {
        /// The allocation that was failed; `None` when none was.
        fail_index: Option<usize>,
        /// How many allocations the function makes when none fails.
        allocations: usize,
        /// What went through in this run.
        counters: Counters,
        /// Where the failed allocation came from, frames from the inside out.
        trace: String,
    },
    /// An allocation was failed, and the function said that all is well.
    SwallowedOutOfMemory {
        /// The allocation that was failed.
        fail_index: usize,
    },
    /// A later run made fewer allocations than the first.
    NondeterministicMemoryUsage {
        /// The allocation that was to be failed and did not come.
        fail_index: usize,
        /// How many allocations the first run made.
        allocations: usize,
    },
    /// The function failed for another reason than memory.
    Other(Box<dyn Error>),
}

impl fmt::Display for ExhaustError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MemoryLeak { fail_index, allocations, counters, trace } => {
                let Counters { allocations: got, deallocations, allocated_bytes, freed_bytes, .. } = counters;
                match fail_index {
                    Some(index) => write!(f, "memory leak when allocation {index} of {allocations} fails: ")?,
                    None => write!(f, "memory leak when no allocation fails: ")?,
                }
                write!(
                    f,
                    "{got} allocations of {allocated_bytes} bytes, {deallocations} frees of {freed_bytes} bytes"
                )?;
                if trace.is_empty() { Ok(()) } else { write!(f, "\nfailed here:\n{trace}") }
            }
            Self::SwallowedOutOfMemory { fail_index } => {
                write!(f, "allocation {fail_index} failed and the function did not say so")
            }
            Self::NondeterministicMemoryUsage { fail_index, allocations } => {
                write!(f, "allocation {fail_index} of {allocations} did not come in a later run")
            }
            Self::Other(error) => write!(f, "{error}"),
        }
    }
}

impl Error for ExhaustError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Other(error) => Some(&**error),
            _ => None,
        }
    }
}

/// Runs `test` once with memory to spare and then once for each allocation it made, failing that one and all later ones.
/// Returns how many allocations there are, N: the function has run N + 1 times.
///
/// In every run all in-place resizes are refused, so the count does not depend on luck. An error of `test` counts as
/// out of memory when it is, or was caused by, an [`AllocError`] or a `TryReserveError`.
///
/// # Errors
///
/// The first thing that is wrong, see [`ExhaustError`].
///
/// ```
/// use core::alloc::Layout;
/// use heap_core::{AllocError, Allocator, Global};
/// use heap_test::{Block, ExhaustError, Fault, check_all_allocation_failures};
/// let careful = check_all_allocation_failures(&Global, |allocator| {
///     let first = Block::alloc(allocator, Layout::new::<u64>(), 1).map_err(|_| AllocError)?;
///     Block::alloc(allocator, Layout::new::<u64>(), 2).map_err(|_| AllocError)?;
///     Ok::<(), AllocError>(drop(first))
/// });
/// assert_eq!(careful.unwrap(), 2);
/// let careless = check_all_allocation_failures(&Global, |allocator| {
///     let first = allocator.alloc(Layout::new::<u64>())?;
///     Block::alloc(allocator, Layout::new::<u64>(), 2).map_err(|_| AllocError)?;
///     // SAFETY: allocated above with this layout.
///     unsafe { allocator.free(first.cast(), Layout::new::<u64>()) };
///     Ok::<(), AllocError>(())
/// });
/// assert!(matches!(careless, Err(ExhaustError::MemoryLeak { fail_index: Some(1), .. })));
/// ```
pub fn check_all_allocation_failures<A, E>(
    backing: &A,
    mut test: impl FnMut(&FailingAllocator<&A>) -> Result<(), E>,
) -> Result<usize, ExhaustError>
where
    A: Allocator,
    E: Into<Box<dyn Error>>,
{
    let unlimited = FailingAllocator::new(backing, Failures::Never).refuse_resizes_from(0);
    test(&unlimited).map_err(|error| ExhaustError::Other(error.into()))?;
    let allocations = unlimited.counters().allocations;
    no_leak(&unlimited, None, allocations)?;
    for fail_index in 0..allocations {
        let failing = FailingAllocator::new(backing, Failures::From(fail_index)).refuse_resizes_from(0);
        match test(&failing).map_err(Into::into) {
            Ok(()) if failing.has_induced_failure() => {
                return Err(ExhaustError::SwallowedOutOfMemory { fail_index });
            }
            Ok(()) => return Err(ExhaustError::NondeterministicMemoryUsage { fail_index, allocations }),
            Err(error) if !is_out_of_memory(&*error) => return Err(ExhaustError::Other(error)),
            Err(_) => no_leak(&failing, Some(fail_index), allocations)?,
        }
    }
    Ok(allocations)
}

fn no_leak<A: Allocator>(
    run: &FailingAllocator<A>,
    fail_index: Option<usize>,
    allocations: usize,
) -> Result<(), ExhaustError> {
    let counters = run.counters();
    if counters.allocated_bytes == counters.freed_bytes && counters.allocations == counters.deallocations {
        return Ok(());
    }
    let trace = run.trace().map(ToString::to_string).unwrap_or_default();
    Err(ExhaustError::MemoryLeak { fail_index, allocations, counters, trace })
}

/// Whether an error is the loss of memory, or was caused by it.
fn is_out_of_memory(error: &(dyn Error + 'static)) -> bool {
    core::iter::successors(Some(error), |&error| error.source())
        .any(|error| error.is::<AllocError>() || error.is::<TryReserveError>())
}

/// Fails the backing of an allocator at every request in turn, for good, once, and every second, third and seventh time,
/// while a random program runs above. The allocator must keep every promise, and give all its backing memory back
/// when it is dropped. Returns how many orders were tried.
///
/// `stack` builds the allocator on the backing and hands it to the client that it is given.
///
/// # Panics
///
/// With the order and the fault, when a promise is broken or memory of the backing is lost.
///
/// ```
/// heap_test::check_backing_failures(5, |backing, client| client(&backing)); // an allocator that adds nothing
/// ```
pub fn check_backing_failures(
    seed: u64,
    stack: impl Fn(&FailingAllocator<Global>, &mut dyn FnMut(&dyn Allocator)),
) -> usize {
    // Whether the backing holds or not is the order's to say, so every refusal above is forgiven.
    let limits = Limits::NOTHING.max_size(100_000).max_align(4096);
    let program = Program::from_seed(seed, 200, &limits);
    let run = |order: Failures| {
        let backing = FailingAllocator::new(Global, order);
        stack(&backing, &mut |allocator| {
            if let Err(failure) = program.run(allocator, &limits) {
                panic!("backing fails {order:?}: {failure}");
            }
        });
        let counters = backing.counters();
        assert_eq!(counters.allocations, counters.deallocations, "backing fails {order:?}: blocks are lost");
        assert_eq!(counters.allocated_bytes, counters.freed_bytes, "backing fails {order:?}: bytes are lost");
        counters.allocations
    };
    let requests = run(Failures::Never);
    let in_turn = (0..requests).flat_map(|index| [Failures::From(index), Failures::Once(index)]);
    let orders = in_turn.chain([2, 3, 7].map(Failures::Every));
    orders.map(run).count()
}
