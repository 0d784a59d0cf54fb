//! [`BreakAllocator`] at random beside plain books, over a source that refuses, gives more than it was asked for, and leaves
//! gaps: blocks keep their content wherever they slide, do not overlap, and what is free at the end is found again.

use std::alloc::Layout;
use std::cell::{Cell, RefCell};
use std::ptr::NonNull;

use heap_core::Allocator;
use heap_os::{Break, BreakAllocator};
use heap_test::Rng;

use crate::growing::layout;

const UNIT: usize = 16;
const SEEDS: u64 = 15;

/// A stretch of memory, given out from its start, and moods.
struct Moody {
    memory: Box<[u128]>,
    end: Cell<usize>,
    rng: RefCell<Rng>,
    /// Refuses every call whose number is a multiple of this, unless zero.
    refuses: usize,
    gaps: bool,
    calls: Cell<usize>,
}

impl Moody {
    fn new(len: usize, seed: u64, refuses: usize, gaps: bool) -> Self {
        let memory = vec![0; len / UNIT].into_boxed_slice();
        let (end, calls) = (Cell::new(0), Cell::new(0));
        Self { memory, end, rng: RefCell::new(Rng::new(seed)), refuses, gaps, calls }
    }

    fn below(&self, end: usize) -> usize {
        self.rng.borrow_mut().below(end)
    }
}

// SAFETY: parts of a box that lives as long, each once, in ascending order and whole units. One thread: not `Sync`.
unsafe impl Break for Moody {
    const THREADS: bool = false;

    fn grow(&self, len: usize) -> Option<(NonNull<u8>, usize)> {
        self.calls.set(self.calls.get() + 1);
        if self.refuses != 0 && self.calls.get().is_multiple_of(self.refuses) {
            return None;
        }
        let gap = if self.gaps && self.below(3) == 0 { UNIT * self.below(300) } else { 0 };
        let more = if self.below(3) == 0 { UNIT * self.below(200) } else { 0 };
        let start = self.end.get().checked_add(gap)?;
        let len = len.checked_next_multiple_of(UNIT)?.checked_add(more)?;
        let end = start.checked_add(len).filter(|&end| end <= size_of_val(&*self.memory))?;
        self.end.set(end);
        // SAFETY: in the box, whose bytes are used through these pointers alone.
        Some((unsafe { NonNull::from(&*self.memory).cast::<u8>().add(start) }, len))
    }

    fn initial(&self) -> Option<(NonNull<u8>, usize)> {
        if self.below(2) == 0 { self.grow(0) } else { None }
    }
}

/// A block, filled from its own stamp on.
struct Block {
    first: NonNull<u8>,
    layout: Layout,
    stamp: u8,
}

impl Block {
    fn fill(first: NonNull<u8>, layout: Layout, stamp: u8) -> Self {
        assert_eq!(first.addr().get() % layout.align(), 0);
        for index in 0..layout.size() {
            // SAFETY: ours alone.
            unsafe { first.add(index).write(stamp.wrapping_add(index as u8)) };
        }
        Self { first, layout, stamp }
    }

    /// The first `len` bytes are what they were, at the place where they are now.
    fn check(&self, now: NonNull<u8>, len: usize) {
        for index in 0..len {
            // SAFETY: live.
            let byte = unsafe { now.add(index).read() };
            assert_eq!(byte, self.stamp.wrapping_add(index as u8), "byte {index} of {len}");
        }
    }

    fn check_all(&self) {
        self.check(self.first, self.layout.size());
    }
}

fn size(rng: &mut Rng) -> usize {
    let log2 = rng.below(13);
    (1 << log2) + rng.below(1 << log2)
}

/// Changes a block somehow. Whatever is refused leaves it as it was.
fn change(alloc: &impl Allocator, rng: &mut Rng, block: Block) -> Option<Block> {
    let old = block.layout;
    let new = if rng.below(3) == 0 { old.size() + 1 + rng.below(old.size()) } else { size(rng) };
    let kept = old.size().min(new);
    block.check_all();
    // SAFETY: live, with this layout; followed as it moves.
    unsafe {
        match rng.below(4) {
            0 => {
                alloc.free(block.first, old);
                None
            }
            1 => {
                if alloc.resize(block.first, old, new) {
                    block.check(block.first, kept);
                    return Some(Block::fill(block.first, layout(new, old.align()), block.stamp));
                }
                Some(block)
            }
            2 => match alloc.remap(block.first, old, new) {
                Some(moved) => {
                    block.check(moved.cast(), kept);
                    Some(Block::fill(moved.cast(), layout(new, old.align()), block.stamp))
                }
                None => Some(block),
            },
            _ => {
                let align = if rng.below(4) == 0 { 1 << rng.below(10) } else { old.align() };
                match alloc.realloc(block.first, old, layout(new, align)) {
                    Ok(moved) => {
                        block.check(moved.cast(), kept);
                        Some(Block::fill(moved.cast(), layout(new, align), block.stamp))
                    }
                    Err(_) => Some(block),
                }
            }
        }
    }
}

/// Plays a program and frees all. Returns how often the source was asked, and how much it gave.
fn play(source: Moody, seed: u64, steps: usize) -> usize {
    let alloc = BreakAllocator::over(source);
    let mut rng = Rng::new(seed);
    let mut blocks: Vec<Block> = Vec::new();
    for step in 0..steps {
        let full = blocks.len() > 60;
        if blocks.is_empty() || !full && rng.below(2) == 0 {
            let align = if rng.below(6) == 0 { 1 << rng.below(13) } else { 1 << rng.below(4) };
            let layout = layout(size(&mut rng), align);
            if let Ok(block) = alloc.alloc(layout) {
                assert!(block.len() >= layout.size());
                blocks.push(Block::fill(block.cast(), layout, step as u8));
            }
        } else {
            let at = rng.below(blocks.len());
            let block = blocks.swap_remove(at);
            blocks.extend(change(&alloc, &mut rng, block));
        }
        if step % 64 == 0 {
            blocks.iter().for_each(Block::check_all);
        }
    }
    blocks.iter().for_each(Block::check_all);
    for block in blocks {
        // SAFETY: live, and given up.
        unsafe { alloc.free(block.first, block.layout) };
    }
    alloc.source().calls.get()
}

#[test]
fn a_source_that_leaves_gaps_and_gives_more_is_no_harm() {
    for seed in 0..SEEDS {
        play(Moody::new(1 << 20, seed, 0, seed.is_multiple_of(2)), seed, 1000);
    }
}

#[test]
fn a_source_that_refuses_at_any_call_is_no_harm() {
    for seed in 0..SEEDS {
        let calls = play(Moody::new(1 << 19, seed, 0, false), seed, 300);
        assert!(calls > 2);
        for refuses in 1..calls.min(8) {
            play(Moody::new(1 << 19, seed, refuses, refuses.is_multiple_of(2)), seed, 300);
        }
    }
}

/// Without gaps all that is free is one block in the end, but for the map.
#[test]
fn what_was_freed_in_whatever_order_is_one_block_again() {
    for seed in 0..SEEDS {
        let source = Moody::new(1 << 18, seed, 0, false);
        let memory = size_of_val(&*source.memory);
        let alloc = BreakAllocator::over(source);
        let mut rng = Rng::new(seed);
        let mut blocks: Vec<Block> = Vec::new();
        let next = |rng: &mut Rng| layout(size(rng), 1 << rng.below(8));
        while let Some(block) = Some(next(&mut rng))
            .and_then(|layout| Some(Block::fill(alloc.alloc(layout).ok()?.cast(), layout, 1)))
        {
            blocks.push(block);
        }
        let mut order: Vec<_> = (0..blocks.len()).collect();
        rng.shuffle(&mut order);
        for index in order {
            blocks[index].check_all();
            // SAFETY: live, and given up.
            unsafe { alloc.free(blocks[index].first, blocks[index].layout) };
        }
        let given = alloc.source().end.get();
        assert!(given > memory / 2);
        assert!(alloc.alloc(layout(given - given / 32 - 512, 8)).is_ok(), "seed {seed}: {given}");
    }
}
