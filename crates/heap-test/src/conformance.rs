//! [`conformance!`](crate::conformance!): every case as a test of its own, for one allocator.
#![forbid(unsafe_code)]

/// Makes a module of tests that hold an allocator to every promise of `heap_core::Allocator`.
///
/// The first argument names the module. The second is a closure that returns a new allocator; each case calls it at
/// least once. The third, if the allocator cannot serve [`Limits::DEFAULT`](crate::Limits::DEFAULT), states its
/// [`Limits`](crate::Limits). After a semicolon come the capabilities to be tested, too: `sync` for an allocator
/// that threads share, `reuses` for one that hands freed memory out again, `owns`, `usable_size`, `reset` and `usage` for
/// the traits of those names.
///
/// ```
/// use heap_core::Global;
/// heap_test::conformance!(global, || Global; sync);
/// heap_test::conformance!(global_within_a_mebibyte, || Global, heap_test::Limits::DEFAULT.total(1 << 20));
/// ```
///
/// Write it in a file under `tests/`, not in unit tests of `heap-core`, where `heap-test` meets another copy of it.
#[macro_export]
macro_rules! conformance {
    ($name:ident, $make:expr $(; $($capability:ident),+)?) => {
        $crate::conformance!($name, $make, $crate::Limits::DEFAULT $(; $($capability),+)?);
    };
    ($name:ident, $make:expr, $limits:expr $(; $($capability:ident),+)?) => {
        mod $name {
            #[allow(unused_imports, reason = "the closure may name what is around it")]
            use super::*;
            $crate::conformance_contract!($make, $limits);
            $($($crate::conformance_capability!($capability, $make, $limits);)+)?
        }
    };
}

/// The cases that every allocator must pass. Not for direct use: see [`conformance!`](crate::conformance).
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_contract {
    ($make:expr, $limits:expr) => {
        $crate::conformance_tests! { $make, $limits,
            batteries: b1_small_blocks_beside_a_growing_one b2_every_small_alignment
                b3_large_alignment b4_shrinking_keeps_content;
            basic: blocks_are_writable_over_their_whole_length live_blocks_do_not_overlap
                blocks_may_be_freed_in_any_order any_size_up_to_the_returned_one_may_be_passed_back;
            handles: handles_share_their_blocks moving_the_allocator_keeps_its_blocks;
            align: every_alignment_is_kept alignment_survives_changes_of_size realloc_changes_the_alignment;
            resize: resize_stays_in_place_or_changes_nothing remap_keeps_content_or_changes_nothing
                realloc_keeps_the_content a_failed_realloc_leaves_the_old_block;
            zero: zero_sized_blocks_take_no_memory realloc_from_and_to_zero
                resize_and_remap_of_zero_sizes_are_safe zeroed_blocks_are_zero_after_dirty_use;
            limits: absurd_sizes_are_refused absurd_alignments_are_kept_or_refused
                absurd_new_sizes_are_refused exhaustion_is_an_error_and_not_the_end;
            programs: random_programs_agree_with_the_shadow;
        }
    };
}

/// The cases of one capability. Not for direct use: see [`conformance!`](crate::conformance).
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_capability {
    (sync, $make:expr, $limits:expr) => {
        $crate::conformance_tests! { $make, $limits,
            threads: threads_never_share_a_block blocks_may_be_freed_by_another_thread
                blocks_outlive_their_threads random_programs_on_several_threads;
        }
    };
    (reuses, $make:expr, $limits:expr) => {
        $crate::conformance_tests! { $make, $limits, basic: freed_memory_serves_again; }
    };
    (owns, $make:expr, $limits:expr) => {
        $crate::conformance_tests! { $make, $limits, owns: live_blocks_are_owned_and_foreign_ones_are_not; }
    };
    (usable_size, $make:expr, $limits:expr) => {
        $crate::conformance_tests! { $make, $limits, owns: the_usable_size_can_be_used_and_passed_back; }
    };
    (reset, $make:expr, $limits:expr) => {
        $crate::conformance_tests! { $make, $limits, owns: a_reset_allocator_serves_again; }
    };
    (usage, $make:expr, $limits:expr) => {
        $crate::conformance_tests! { $make, $limits, owns: usage_covers_what_is_live; }
    };
}

/// One test a case. Not for direct use: see [`conformance!`](crate::conformance).
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_tests {
    ($make:expr, $limits:expr, $($group:ident: $($case:ident)+;)+) => { $($(
        #[test]
        #[allow(clippy::redundant_closure, reason = "a closure reads better as an argument of the macro")]
        fn $case() {
            $crate::cases::$group::$case($make, &$limits);
        }
    )+)+ };
}
