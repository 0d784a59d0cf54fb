//! Replaying one [`Program`] a thread over one allocator, with blocks that change hands.
#![forbid(unsafe_code)]

use core::alloc::Layout;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use heap_core::Allocator;

use crate::block::Block;
use crate::fault::Fault;
use crate::limits::Limits;
use crate::program::{Op, Program, SLOTS};
use crate::replay::Failure;
use crate::sync::{AtomicUsize, Ordering};

impl Program {
    /// Replays the programs at the same time, one a thread; `Op::Hand` gives a block to the next thread, which
    /// checks it and frees it. The limits are those of all threads together.
    ///
    /// There are no books that would make the threads wait for each other: that two blocks overlap shows in their
    /// content. Which step meets which is chance, so a failure may not come again. Returns the number of calls of the
    /// allocator.
    ///
    /// # Errors
    ///
    /// A broken promise that a thread has found, with the program of that thread.
    ///
    /// # Panics
    ///
    /// When the allocator panics.
    pub fn run_on_threads<A: Allocator + Sync + ?Sized>(
        programs: &[Self],
        allocator: &A,
        limits: &Limits,
    ) -> Result<u64, Failure> {
        let asked = &AtomicUsize::new(0);
        let (mut senders, receivers): (Vec<_>, Vec<_>) = programs.iter().map(|_| channel()).unzip();
        senders.rotate_left(usize::from(!programs.is_empty()));
        thread::scope(|scope| {
            let threads = programs.iter().zip(senders).zip(receivers).zip(0..);
            let threads = threads.map(|(((program, next), inbox), thread)| {
                scope.spawn(move || {
                    let slots = [const { None }; SLOTS];
                    Worker { allocator, limits, asked, slots, next, inbox, thread, calls: 0 }.run(program)
                })
            });
            let threads: Vec<_> = threads.collect();
            threads.into_iter().map(|thread| thread.join().expect("the allocator has panicked")).sum()
        })
    }
}

/// One thread of a replay.
struct Worker<'a, A: Allocator + ?Sized> {
    allocator: &'a A,
    limits: &'a Limits,
    /// What all threads have asked for, counted before they ask.
    asked: &'a AtomicUsize,
    slots: [Option<Block<'a, A>>; SLOTS],
    next: Sender<Block<'a, A>>,
    inbox: Receiver<Block<'a, A>>,
    thread: u64,
    calls: u64,
}

impl<A: Allocator + ?Sized> Worker<'_, A> {
    fn run(mut self, program: &Program) -> Result<u64, Failure> {
        let failure = |step, fault| Failure { step, fault, program: program.clone() };
        for (step, &op) in program.ops().iter().enumerate() {
            let stamp = (self.thread << 32) + step as u64;
            if let Err(fault) = self.step(op, stamp) {
                self.slots.into_iter().flatten().for_each(Block::forget);
                return Err(failure(step, fault));
            }
        }
        let Self { slots, next, inbox, mut calls, .. } = self;
        // The inbox ends when the thread before has dropped its sender.
        drop(next);
        let mut left = slots.into_iter().flatten().chain(inbox).inspect(|_| calls += 1);
        left.try_for_each(Block::free).map_err(|fault| failure(program.ops().len(), fault))?;
        drop(left);
        Ok(calls)
    }

    fn step(&mut self, op: Op, stamp: u64) -> Result<(), Fault> {
        while let Ok(block) = self.inbox.try_recv() {
            self.free(Some(block))?;
        }
        match op {
            Op::Alloc(slot, size, align) | Op::Zeroed(slot, size, align) => {
                let old = self.take(slot);
                self.free(old)?;
                let Ok(layout) = Layout::from_size_align(size, align) else { return Ok(()) };
                let alloc = if matches!(op, Op::Alloc(..)) { Block::alloc } else { Block::alloc_zeroed };
                self.count(layout);
                let result = alloc(self.allocator, layout, stamp);
                self.put(slot, result)
            }
            Op::Free(slot) => {
                let block = self.take(slot);
                self.free(block)
            }
            Op::Resize(slot, size) => {
                self.change(slot, size, None, |block, new| block.resize(new.size()).map(|_| ()))
            }
            Op::Remap(slot, size) => {
                self.change(slot, size, None, |block, new| block.remap(new.size()).map(|_| ()))
            }
            Op::Realloc(slot, size, align) => self.change(slot, size, Some(align), Block::realloc),
            Op::Claim(slot) => {
                self.slots[usize::from(slot) % SLOTS].iter_mut().for_each(Block::claim_usable);
                Ok(())
            }
            Op::Hand(slot) => {
                // The next thread may have failed and left: then it is this thread's to free.
                let back = self.take(slot).and_then(|block| self.next.send(block).err());
                self.free(back.map(|back| back.0))
            }
        }
    }
}

impl<'a, A: Allocator + ?Sized> Worker<'a, A> {
    fn free(&mut self, block: Option<Block<'a, A>>) -> Result<(), Fault> {
        self.calls += u64::from(block.is_some());
        block.map_or(Ok(()), Block::free)
    }

    fn take(&mut self, slot: u8) -> Option<Block<'a, A>> {
        self.slots[usize::from(slot) % SLOTS].take()
    }

    /// Keeps a new block, or forgives a refusal that the limits allow.
    fn put(&mut self, slot: u8, result: Result<Block<'a, A>, Fault>) -> Result<(), Fault> {
        match result {
            Ok(block) => self.slots[usize::from(slot) % SLOTS] = Some(block),
            Err(Fault::Refused { .. }) if self.may_refuse() => {}
            Err(fault) => return Err(fault),
        }
        Ok(())
    }

    /// Counts a request before it is made. AcqRel pairs with [`may_refuse`](Self::may_refuse): the request is
    /// not made before it is counted.
    fn count(&mut self, layout: Layout) {
        self.calls += 1;
        self.asked.fetch_add(self.limits.cost(layout), Ordering::AcqRel);
    }

    /// Whether the total of the limits is used up, so that a refusal is forgiven. A read-modify-write, as it sees the
    /// latest count.
    fn may_refuse(&self) -> bool {
        self.asked.fetch_add(0, Ordering::AcqRel) > self.limits.total
    }

    fn change(
        &mut self,
        slot: u8,
        size: usize,
        align: Option<usize>,
        make: impl FnOnce(&mut Block<'a, A>, Layout) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let Some(mut block) = self.take(slot) else { return Ok(()) };
        let Ok(new) = Layout::from_size_align(size, align.unwrap_or(block.layout().align())) else {
            return Ok(());
        };
        self.count(new);
        match make(&mut block, new) {
            Ok(()) => {}
            Err(Fault::Refused { .. }) if self.may_refuse() => {}
            Err(fault) => return Err(fault),
        }
        self.slots[usize::from(slot) % SLOTS] = Some(block);
        Ok(())
    }
}
