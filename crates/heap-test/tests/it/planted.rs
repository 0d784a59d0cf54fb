//! Bugs planted in an allocator, each with the case that must catch it: the suite's own test.

use std::panic::{AssertUnwindSafe, catch_unwind};

use heap_test::{Limits, Op, Program, cases};

use crate::bump::Bump;
use crate::class_heap::{Bug, ClassHeap};

const LIMITS: Limits = Limits::DEFAULT;

heap_test::conformance!(without_a_bug, || ClassHeap::new(Bug::None); sync, reuses);

/// What a case says of an allocator.
fn verdict(case: impl FnOnce()) -> String {
    match catch_unwind(AssertUnwindSafe(case)) {
        Ok(()) => "passed".to_owned(),
        Err(payload) => match payload.downcast::<String>() {
            Ok(message) => *message,
            Err(payload) => payload.downcast_ref::<&str>().copied().unwrap_or_default().to_owned(),
        },
    }
}

/// The case finds the bug, and says so in these words.
#[track_caller]
fn caught(bug: Bug, words: &str, case: impl Fn(&dyn Fn() -> ClassHeap)) {
    let found = verdict(|| case(&|| ClassHeap::new(bug)));
    assert!(found.contains(words), "{bug:?}: {found}");
}

#[test]
fn forgetting_the_alignment_is_caught() {
    caught(Bug::ForgetsTheAlignment, "is not aligned", |make| {
        cases::align::every_alignment_is_kept(make, &LIMITS)
    });
}

#[test]
fn slots_cut_64_bytes_too_short_are_caught() {
    caught(Bug::CutsSlotsTooShort, "overlaps the live block", |make| {
        cases::basic::live_blocks_do_not_overlap(make, &LIMITS);
    });
}

#[test]
fn a_length_that_is_one_byte_too_much_is_caught() {
    caught(Bug::ReturnsOneByteTooMuch, "overlaps the live block", |make| {
        cases::basic::live_blocks_do_not_overlap(make, &LIMITS);
    });
}

#[test]
fn memory_for_zero_bytes_is_caught() {
    caught(Bug::TakesMemoryForNothing, "0 bytes at alignment 1 has a length of 8", |make| {
        cases::zero::zero_sized_blocks_take_no_memory(make, &LIMITS);
    });
}

#[test]
fn one_size_freed_to_the_wrong_class_is_caught_by_random_programs() {
    caught(Bug::FreesOneSizeToTheNextClass, "overlaps the live block", |make| {
        cases::programs::random_programs_agree_with_the_shadow(make, &LIMITS);
    });
}

#[test]
fn dirty_zeroed_memory_is_caught() {
    caught(Bug::ZeroesOnlyFreshMemory, "zeroed block", |make| {
        cases::zero::zeroed_blocks_are_zero_after_dirty_use(make, &LIMITS);
    });
}

#[test]
fn growing_into_the_neighbour_is_caught() {
    caught(Bug::GrowsIntoTheNeighbour, "changed at offset", |make| {
        cases::resize::resize_stays_in_place_or_changes_nothing(make, &LIMITS);
    });
}

#[test]
fn a_remap_that_copies_too_little_is_caught() {
    caught(Bug::RemapCopiesTooLittle, "changed at offset", |make| {
        cases::resize::remap_keeps_content_or_changes_nothing(make, &LIMITS);
    });
}

#[test]
fn a_realloc_that_frees_before_it_allocates_is_caught() {
    caught(Bug::ReallocFreesFirst, "changed at offset 0", |make| {
        cases::resize::a_failed_realloc_leaves_the_old_block(make, &LIMITS);
    });
}

#[test]
fn a_size_that_wraps_around_is_caught() {
    caught(Bug::RoundsSizesUnchecked, "has a length of", |make| {
        cases::limits::absurd_sizes_are_refused(make, &LIMITS);
    });
}

#[test]
fn a_refusal_that_breaks_the_allocator_is_caught() {
    caught(Bug::RefusesForEverOnceRefused, "no memory for 30 bytes", |make| {
        cases::limits::absurd_sizes_are_refused(make, &LIMITS);
    });
}

#[test]
fn a_race_between_threads_is_caught() {
    // Two threads take one block from a list. Chance decides which check sees it first, and so in how many rounds.
    let rounds = || {
        let make = || ClassHeap::new(Bug::ForgetsToLock);
        (0..50).for_each(|_| cases::threads::threads_never_share_a_block(make, &LIMITS));
    };
    let found = verdict(rounds);
    let words = ["a thread's case failed", "overlaps the live block", "changed at offset"];
    assert!(words.iter().any(|words| found.contains(words)), "{found}");
}

#[test]
fn memory_that_is_never_used_again_is_caught() {
    let limits = Limits::DEFAULT.total(100_000);
    let found = verdict(|| cases::basic::freed_memory_serves_again(|| Bump::new(200_000), &limits));
    assert!(found.starts_with("no memory for "), "{found}");
}

#[test]
fn writing_into_live_blocks_is_caught() {
    caught(Bug::WritesIntoLiveBlocks, "changed at offset 0", |make| {
        cases::basic::blocks_may_be_freed_in_any_order(make, &LIMITS);
    });
}

#[test]
fn a_failing_program_is_cut_down_to_what_matters() {
    let fails =
        |program: &Program| program.run(&ClassHeap::new(Bug::FreesOneSizeToTheNextClass), &LIMITS).err();
    let long = (0..100)
        .map(|seed| Program::from_seed(seed, 2000, &LIMITS.max_size(40_000)))
        .find(|program| fails(program).is_some())
        .unwrap();
    let failure = long.shrink(fails).unwrap();
    let ops = failure.program.ops();
    assert!(ops.len() <= 4, "{failure}");
    assert!(ops.iter().any(|op| matches!(op, Op::Alloc(_, 4097, _))), "{failure}");
    assert_eq!(failure.program.run(&ClassHeap::new(Bug::None), &LIMITS).err(), None);
}
