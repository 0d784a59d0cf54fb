//! `Program`: from bytes and seeds, replayed, printed and pasted back.

use core::alloc::Layout;
use core::cell::{Cell, UnsafeCell};
use core::ptr::NonNull;
use std::collections::BTreeSet;

use heap_core::contract::zero_sized;
use heap_core::{AllocError, Allocator, Global, SizeClasses};
use heap_test::{Block, Fault, Limits, OP_BYTES, Op, Program, Rng, SLOTS};

use crate::bump::Bump;

const LIMITS: Limits = Limits::DEFAULT;

#[test]
fn the_same_seed_gives_the_same_program_and_another_one_another() {
    let program = Program::from_seed(1, 100, &LIMITS);
    assert_eq!(program, Program::from_seed(1, 100, &LIMITS));
    assert_ne!(program, Program::from_seed(2, 100, &LIMITS));
    assert_eq!(program.ops().len(), 100);
}

#[test]
fn cutting_a_step_out_of_the_input_cuts_it_out_of_the_program() {
    let mut bytes: Vec<u8> = (0..=255).collect();
    let mut ops = Program::from_bytes(&bytes, &LIMITS).ops().to_vec();
    assert_eq!(ops.len(), 256 / OP_BYTES);
    bytes.drain(5 * OP_BYTES..6 * OP_BYTES);
    ops.remove(5);
    assert_eq!(Program::from_bytes(&bytes, &LIMITS).ops(), ops);
    assert_eq!(Program::from_bytes(&bytes[..OP_BYTES + 3], &LIMITS).ops().len(), 1);
}

fn size_and_align(op: &Op) -> (Option<usize>, Option<usize>) {
    match *op {
        Op::Alloc(_, size, align) | Op::Zeroed(_, size, align) | Op::Realloc(_, size, align) => {
            (Some(size), Some(align))
        }
        Op::Resize(_, size) | Op::Remap(_, size) => (Some(size), None),
        Op::Free(_) | Op::Claim(_) | Op::Hand(_) => (None, None),
    }
}

#[test]
fn random_programs_use_every_verb_slot_alignment_and_class_boundary() {
    let program = Program::from_seed(3, 200_000, &LIMITS);
    let verbs: BTreeSet<_> =
        program.ops().iter().map(|op| format!("{op:?}").split('(').next().map(str::to_owned)).collect();
    assert_eq!(verbs.len(), 8);
    let aligns: BTreeSet<_> = program.ops().iter().filter_map(|op| size_and_align(op).1).collect();
    assert!((0..=13).all(|log2| aligns.contains(&(1 << log2))), "{aligns:?}");
    let sizes: BTreeSet<_> = program.ops().iter().filter_map(|op| size_and_align(op).0).collect();
    let boundaries = (1..SizeClasses::count_up_to(200_000)).map(SizeClasses::class_size);
    for size in boundaries.flat_map(|size| size - 2..=size + 2) {
        assert!(sizes.contains(&size), "{size}");
    }
    assert!(sizes.contains(&0));
    let slots: BTreeSet<_> = program
        .ops()
        .iter()
        .filter_map(|op| if let Op::Free(slot) = op { Some(*slot) } else { None })
        .collect();
    assert_eq!(slots.len(), SLOTS);
}

#[test]
fn programs_keep_to_the_limits() {
    let limits = LIMITS.max_size(777).max_align(32);
    for op in Program::from_seed(4, 20_000, &limits).ops() {
        let (size, align) = size_and_align(op);
        assert!(size.unwrap_or(0) <= 777 && align.unwrap_or(1) <= 32, "{op:?}");
    }
}

#[test]
fn a_program_prints_as_the_expression_that_makes_it() {
    let program = Program::from([Op::Alloc(3, 4097, 8), Op::Realloc(3, 1, 64), Op::Free(3)]);
    assert_eq!(
        program.to_string(),
        "Program::from([Op::Alloc(3, 4097, 8), Op::Realloc(3, 1, 64), Op::Free(3)])"
    );
    assert_eq!(format!("{:?}", Program::from([])), "Program::from([])");
}

#[test]
fn a_replay_counts_what_it_did() {
    let program = Program::from([
        Op::Alloc(0, 100, 8),
        Op::Alloc(1, 50, 1),
        Op::Free(0),
        Op::Free(0),
        Op::Remap(1, 60),
        Op::Claim(1),
        Op::Hand(1),
        Op::Resize(1, 61),
        Op::Zeroed(2, 0, 1),
    ]);
    let done = program.run(&Global, &LIMITS).unwrap();
    assert_eq!((done.calls, done.resized, done.refused, done.high_water), (8, 1, 0, 150));
}

#[test]
fn a_refusal_within_the_limits_is_a_fault_and_beyond_them_is_not() {
    let program = Program::from([Op::Alloc(0, 600, 1), Op::Alloc(1, 600, 1), Op::Alloc(2, 100, 1)]);
    let done = program.run(&Bump::new(1000), &Limits::DEFAULT.total(1000)).unwrap();
    assert_eq!((done.calls, done.refused), (5, 1));
    let failure = program.run(&Bump::new(1000), &Limits::DEFAULT.total(2000)).unwrap_err();
    assert_eq!(failure.step, 1);
    assert!(matches!(failure.fault, Fault::Refused { .. }));
    assert!(
        failure
            .to_string()
            .starts_with("step 1 of 3: no memory for 600 bytes at alignment 1\nProgram::from([")
    );
}

#[test]
fn a_program_that_does_not_fail_cannot_be_shrunk() {
    let program = Program::from_seed(1, 50, &LIMITS);
    assert_eq!(program.shrink(|program| program.run(&Global, &LIMITS).err()), None);
}

#[test]
fn threads_hand_blocks_to_each_other_and_nothing_is_left() {
    let hand_over: Vec<_> = (0..200).flat_map(|nth| [Op::Alloc(nth % 7, 40, 8), Op::Hand(nth % 7)]).collect();
    let programs = vec![Program::from(hand_over); 3];
    let allocator = heap_test::TestAllocator::new();
    Program::run_on_threads(&programs, &allocator, &LIMITS).unwrap();
    Program::run_on_threads(&[], &allocator, &LIMITS).unwrap();
}

#[test]
fn a_failure_on_one_of_several_threads_is_reported() {
    let small = Program::from([Op::Alloc(0, 10, 1)]);
    let large = Program::from([Op::Free(1), Op::Alloc(0, 10_000, 1)]);
    let failure = Program::run_on_threads(&[small, large.clone()], &Bump::new(1000), &LIMITS).unwrap_err();
    assert_eq!((failure.step, failure.program), (1, large));
}

#[test]
fn blocks_survive_a_random_walk_of_sizes() {
    let mut rng = Rng::new(9);
    let layout = |size, align| core::alloc::Layout::from_size_align(size, align).unwrap();
    let mut block = Block::alloc(&Global, layout(1, 1), 5).unwrap();
    for _ in 0..300 {
        block.realloc(layout(rng.below(100_000), 1 << rng.below(8))).unwrap();
    }
    block.free().unwrap();
}

/// One block of 64 bytes. Gives it out again as soon as a resize to zero bytes has given it back.
#[derive(Debug, Default)]
struct OneBlock {
    bytes: UnsafeCell<[u64; 8]>,
    taken: Cell<bool>,
}

// SAFETY: `taken` is true while a client holds the bytes (A1); they are 64, at a multiple of 8, and asked for with at
// most that (A2); zero sizes come first (A3); there are no clones (A5).
unsafe impl Allocator for OneBlock {
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(zero_sized(layout));
        }
        if layout.size() > 64 || layout.align() > 8 || self.taken.replace(true) {
            return Err(AllocError);
        }
        let block = NonNull::new(self.bytes.get().cast::<u8>()).ok_or(AllocError)?;
        Ok(NonNull::slice_from_raw_parts(block, layout.size()))
    }

    unsafe fn resize(&self, _: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        if layout.size() != 0 && new_size == 0 {
            self.taken.set(false);
        }
        layout.size() != 0 && new_size <= layout.size()
    }

    unsafe fn remap(&self, _: NonNull<u8>, _: Layout, _: usize) -> Option<NonNull<[u8]>> {
        None
    }

    unsafe fn free(&self, _: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            self.taken.set(false);
        }
    }
}

#[test]
fn a_block_that_was_resized_to_nothing_may_share_its_address() {
    let program = Program::from([Op::Alloc(39, 1, 1), Op::Resize(39, 0), Op::Alloc(13, 1, 1), Op::Free(39)]);
    let summary = program.run(&OneBlock::default(), &LIMITS).unwrap();
    assert_eq!((summary.calls, summary.resized, summary.refused), (5, 1, 0));
}
