//! Replaying a [`Program`] over an allocator, beside the second set of books.
#![forbid(unsafe_code)]

use core::alloc::Layout;
use core::fmt;

use heap_core::Allocator;

use crate::block::Block;
use crate::fault::Fault;
use crate::limits::Limits;
use crate::program::{Op, Program, SLOTS};
use crate::shadow::Shadow;

/// The longest program that a failure prints, in steps.
const PRINTED: usize = 64;

/// What a replay did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Calls of the allocator.
    pub calls: u64,
    /// Blocks refused after the total of the [`Limits`] was used up.
    pub refused: u64,
    /// Changes of size that the allocator agreed to make in place or by remapping.
    pub resized: u64,
    /// The largest sum of requested bytes that were live at once.
    pub high_water: usize,
}

/// Where a replay found a broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Index of the step in the program; the number of steps when it was found at the end.
    pub step: usize,
    /// What was broken.
    pub fault: Fault,
    /// The program.
    pub program: Program,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, fault, program } = self;
        let len = program.ops().len();
        write!(f, "step {step} of {len}: {fault}")?;
        if len > PRINTED { write!(f, "\n(the program is in the failure)") } else { write!(f, "\n{program}") }
    }
}

impl std::error::Error for Failure {}

impl Program {
    /// Replays the program, with a [`Shadow`] beside the allocator and a pattern in every block.
    ///
    /// Blocks left over are checked and freed at the end. Complexity O(n log n) and the bytes of the blocks.
    ///
    /// # Errors
    ///
    /// The first broken promise. Blocks that are live then are not freed.
    pub fn run<A: Allocator + ?Sized>(&self, allocator: &A, limits: &Limits) -> Result<Summary, Failure> {
        let mut replay = Replay::new(allocator, limits);
        for (step, &op) in self.ops().iter().enumerate() {
            if let Err(fault) = replay.step(op, step as u64) {
                replay.give_up();
                return Err(Failure { step, fault, program: self.clone() });
            }
        }
        let failure = |fault| Failure { step: self.ops().len(), fault, program: self.clone() };
        replay.finish().map_err(failure)
    }
}

/// The state of a replay on one thread.
struct Replay<'a, A: Allocator + ?Sized> {
    allocator: &'a A,
    limits: &'a Limits,
    slots: [Option<Block<'a, A>>; SLOTS],
    shadow: Shadow,
    /// The cost of what was asked for so far, the count that [`Limits::total`] bounds.
    asked: usize,
    live: usize,
    summary: Summary,
}

impl<'a, A: Allocator + ?Sized> Replay<'a, A> {
    fn new(allocator: &'a A, limits: &'a Limits) -> Self {
        let slots = [const { None }; SLOTS];
        Self {
            allocator,
            limits,
            slots,
            shadow: Shadow::new(),
            asked: 0,
            live: 0,
            summary: Summary::default(),
        }
    }

    fn step(&mut self, op: Op, stamp: u64) -> Result<(), Fault> {
        match op {
            Op::Alloc(slot, size, align) => self.alloc(slot, size, align, |a, l| Block::alloc(a, l, stamp)),
            Op::Zeroed(slot, size, align) => {
                self.alloc(slot, size, align, |a, l| Block::alloc_zeroed(a, l, stamp))
            }
            Op::Free(slot) => self.free(slot),
            Op::Resize(slot, size) => self.change(slot, size, None, |block, new| block.resize(new.size())),
            Op::Remap(slot, size) => self.change(slot, size, None, |block, new| block.remap(new.size())),
            Op::Realloc(slot, size, align) => {
                self.change(slot, size, Some(align), |block, new| block.realloc(new).map(|()| true))
            }
            Op::Claim(slot) => {
                if let Some(block) = &mut self.slots[usize::from(slot) % SLOTS] {
                    self.live -= block.layout().size();
                    block.claim_usable();
                    self.live += block.layout().size();
                }
                Ok(())
            }
            Op::Hand(slot) => self.slots[usize::from(slot) % SLOTS].iter_mut().try_for_each(Block::check),
        }
    }

    fn alloc(
        &mut self,
        slot: u8,
        size: usize,
        align: usize,
        make: impl FnOnce(&'a A, Layout) -> Result<Block<'a, A>, Fault>,
    ) -> Result<(), Fault> {
        self.free(slot)?;
        let Ok(layout) = Layout::from_size_align(size, align) else { return Ok(()) };
        let must_serve = self.must_serve(layout);
        self.summary.calls += 1;
        match make(self.allocator, layout) {
            Ok(block) => {
                if let Err(fault) = self.shadow.insert(block.addr(), block.usable(), layout) {
                    block.forget();
                    return Err(fault);
                }
                self.grow_live(layout.size());
                self.slots[usize::from(slot) % SLOTS] = Some(block);
                Ok(())
            }
            Err(Fault::Refused { .. }) if !must_serve => {
                self.summary.refused += 1;
                Ok(())
            }
            Err(fault) => Err(fault),
        }
    }

    fn free(&mut self, slot: u8) -> Result<(), Fault> {
        let Some(block) = self.slots[usize::from(slot) % SLOTS].take() else { return Ok(()) };
        self.summary.calls += 1;
        self.live -= block.layout().size();
        self.strike(block.addr(), block.layout())?;
        block.free()
    }

    /// Strikes a block out of the books. One without bytes is not in them: when a resize took its bytes, its address
    /// may be another block's by now.
    fn strike(&mut self, addr: usize, layout: Layout) -> Result<(), Fault> {
        if layout.size() == 0 { Ok(()) } else { self.shadow.remove(addr, layout) }
    }

    fn change(
        &mut self,
        slot: u8,
        size: usize,
        align: Option<usize>,
        make: impl FnOnce(&mut Block<'a, A>, Layout) -> Result<bool, Fault>,
    ) -> Result<(), Fault> {
        let Some(mut block) = self.slots[usize::from(slot) % SLOTS].take() else { return Ok(()) };
        let (addr, old) = (block.addr(), block.layout());
        let Ok(new) = Layout::from_size_align(size, align.unwrap_or(old.align())) else { return Ok(()) };
        let must_serve = align.is_none() || self.must_serve(new);
        self.summary.calls += 1;
        match make(&mut block, new) {
            Ok(true) => {
                self.strike(addr, old)?;
                if size != 0
                    && let Err(fault) = self.shadow.insert(block.addr(), block.usable(), new)
                {
                    block.forget();
                    return Err(fault);
                }
                // An arena that grows a block in place takes from its total, too.
                let cost = if align.is_none() { self.limits.cost(new) } else { 0 };
                self.asked = self.asked.saturating_add(cost);
                self.live -= old.size();
                self.grow_live(size);
                self.summary.resized += 1;
            }
            Err(Fault::Refused { .. }) if !must_serve => self.summary.refused += 1,
            Ok(false) => {}
            Err(fault) => return Err(fault),
        }
        self.slots[usize::from(slot) % SLOTS] = Some(block);
        Ok(())
    }

    /// Counts a request, and says whether the limits oblige the allocator to serve it.
    fn must_serve(&mut self, layout: Layout) -> bool {
        self.asked = self.asked.saturating_add(self.limits.cost(layout));
        self.limits.allow(layout, 1) && self.asked <= self.limits.total
    }

    fn grow_live(&mut self, size: usize) {
        self.live += size;
        self.summary.high_water = self.summary.high_water.max(self.live);
    }

    fn finish(mut self) -> Result<Summary, Fault> {
        let freed = (0..SLOTS).try_for_each(|slot| self.free(slot as u8));
        let summary = self.summary;
        if freed.is_err() {
            self.give_up();
        }
        freed.map(|()| summary)
    }

    fn give_up(self) {
        self.slots.into_iter().flatten().for_each(Block::forget);
    }
}
