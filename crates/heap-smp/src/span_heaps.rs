//! The span heaps of a process: one for each group of processors, so that on a large machine few threads meet at a lock.
//!
//! A request asks the heap of the group whose processor runs it; what is freed goes back to the heap of its segment. But memory is
//! everybody's: before one heap touches what is not resident, resident memory of all others is used where it fits, and before
//! a request is refused, all that is free anywhere. No thread holds the locks of two heaps, but for a fork and to begin.
//! Machines of few processors have one group, and one heap.

#[cfg(test)]
mod tests;

use crossbeam_utils::CachePadded;

use crate::board::Board;
use crate::config::{HEAPS, Settings};
use crate::directory::Directory;
use crate::division::{Division, Plan};
use crate::lock::{Guard, Lock};
use crate::segment::{PRIVATE, Purpose, Segment, Span};
use crate::span_heap::{Boards, Counts, Grown, SpanHeap, Taken};

/// Addresses are so few that free ones of other heaps are used before a heap gets another segment than its first.
const FEW_ADDRESSES: bool = usize::BITS < 64;

/// Pieces of segments that are got from the system for one request at the most: others may take what one got.
const PIECES: usize = 4;

/// The heaps. Lock order: by number.
///
/// # Invariants
///
/// - **F1** A heap but the first is used only by threads that saw the division, which was set after all heaps were configured.
#[derive(Debug)]
pub(crate) struct SpanHeaps {
    pub(crate) division: Division,
    heaps: [CachePadded<Lock<SpanHeap>>; HEAPS],
    boards: Boards,
}

impl SpanHeaps {
    /// All zeros, so that static ones take no room in the executable.
    pub(crate) const fn new() -> Self {
        Self {
            division: Division::new(),
            heaps: [const { CachePadded::new(Lock::new(SpanHeap::new())) }; HEAPS],
            boards: [const { CachePadded::new(Board::new()) }; HEAPS],
        }
    }

    /// Takes the settings over and divides, if no allocator brought its own settings before.
    pub(crate) fn configure(&'static self, settings: &Settings) {
        if self.division.is_set() {
            return;
        }
        let plan = Plan::of_machine(settings);
        // Until it is open again nobody else divides.
        let mut first = self.heaps[0].lock();
        if self.division.is_set() {
            return;
        }
        let count = plan.count().min(HEAPS);
        let boards = if count > 1 { Some(&self.boards) } else { None };
        for (number, heap) in self.heaps.iter().enumerate().take(count).skip(1) {
            heap.lock().configure(settings, number, count, boards);
        }
        first.configure(settings, 0, count, boards);
        self.division.set(plan);
    }

    /// Heaps that are used.
    #[inline]
    fn count(&self) -> usize {
        self.division.count().min(HEAPS)
    }

    /// All heaps that are used, in the order of their locks.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Lock<SpanHeap>> {
        self.heaps[..self.count()].iter().map(|heap| &**heap)
    }

    /// The heap that serves a group's threads; [`PRIVATE`]: the calling thread.
    fn near(&self, group: usize) -> usize {
        (if group == PRIVATE { self.division.here() } else { group }) % HEAPS
    }

    /// The heap that serves the calling thread.
    pub(crate) fn here(&self) -> Guard<'_, SpanHeap> {
        self.heaps[self.near(PRIVATE)].lock()
    }

    /// The heap that a segment belongs to.
    #[inline]
    pub(crate) fn of(&self, segment: &Segment) -> &Lock<SpanHeap> {
        &self.heaps[segment.heap() % HEAPS]
    }

    /// All heaps but one, its neighbours first.
    fn beside(&self, near: usize) -> impl Iterator<Item = usize> {
        let count = self.count();
        (1..count).map(move |at| (near + at) % count)
    }

    /// Has one heap do something, and gives back what is owed then.
    fn ask<T>(&self, at: usize, what: impl FnOnce(&mut SpanHeap) -> Option<T>) -> Option<T> {
        let mut heap = self.heaps[at].lock();
        let answer = what(&mut heap);
        let owed = heap.owed();
        drop(heap);
        if owed > 0 {
            self.pay(at, owed);
        }
        answer
    }

    /// Gives so many dirty units back to the system, whole huge pages of all heaps first.
    #[cold]
    fn pay(&self, near: usize, mut owed: usize) {
        for whole in [true, false] {
            for at in [near].into_iter().chain(self.beside(near)) {
                if owed > 0 && self.boards[at].reach() > 0 {
                    owed -= self.heaps[at].lock().decommit(owed, whole).min(owed);
                }
            }
        }
    }

    /// Takes a run of `units` whose address is a multiple of `align` units, from the heap of a `group` if it can be ([`PRIVATE`]: of the
    /// calling thread's), and describes it as one span. `None`: no heap has one, and the system gives no more.
    #[inline]
    pub(crate) fn take(
        &self,
        directory: &Directory,
        group: usize,
        units: usize,
        align: usize,
        purpose: Purpose,
    ) -> Option<Taken> {
        if !self.division.is_divided() {
            return self.heaps[0].lock().take(directory, units, align, purpose);
        }
        self.take_divided(directory, self.near(group), units, align, purpose)
    }

    /// As [`take`](Self::take), where there are several heaps.
    #[inline(never)]
    fn take_divided(
        &self,
        directory: &Directory,
        near: usize,
        units: usize,
        align: usize,
        purpose: Purpose,
    ) -> Option<Taken> {
        self.take_resident_divided(near, units, align, purpose).or_else(|| {
            let free = |heap: &mut SpanHeap| heap.take_free(units, align, purpose);
            let fresh = |heap: &mut SpanHeap| {
                free(heap).or_else(|| {
                    let waits = FEW_ADDRESSES && !heap.segments().is_empty();
                    if waits || !heap.grow_whole(directory) {
                        return None;
                    }
                    free(heap)
                })
            };
            self.ask(near, fresh).or_else(|| self.take_scarce(directory, near, units + align - 1, free))
        })
    }

    /// As [`take`](Self::take), where the heap `near` has none, and got no segment from the system: from others, or from a piece.
    #[cold]
    #[inline(never)]
    fn take_scarce(
        &self,
        directory: &Directory,
        near: usize,
        units: usize,
        free: impl Fn(&mut SpanHeap) -> Option<Taken>,
    ) -> Option<Taken> {
        let lent = self.beside(near).find_map(|at| self.ask(at, &free));
        let taken = lent.or_else(|| {
            let more = FEW_ADDRESSES && self.heaps[near].lock().grow_whole(directory);
            if more { self.ask(near, &free) } else { None }
        });
        taken.or_else(|| {
            for _ in 0..PIECES {
                let grown = self.heaps[near].lock().grow_piece(directory, units)?;
                let at = match grown {
                    Grown::Here => near,
                    Grown::Elsewhere(piece) => {
                        let at = piece.heap() % HEAPS;
                        self.heaps[at].lock().add(piece);
                        at
                    }
                };
                if let Some(taken) = self.ask(at, &free) {
                    return Some(taken);
                }
            }
            None
        })
    }

    /// As [`take`](Self::take), but only where all of the run is resident.
    #[inline]
    pub(crate) fn take_resident(
        &self,
        group: usize,
        units: usize,
        align: usize,
        purpose: Purpose,
    ) -> Option<Taken> {
        if !self.division.is_divided() {
            return self.heaps[0].lock().take_resident(units, align, purpose);
        }
        self.take_resident_divided(self.near(group), units, align, purpose)
    }

    /// As [`take_resident`](Self::take_resident), where there are several heaps.
    #[inline(never)]
    fn take_resident_divided(
        &self,
        near: usize,
        units: usize,
        align: usize,
        purpose: Purpose,
    ) -> Option<Taken> {
        let resident = |heap: &mut SpanHeap| heap.take_resident(units, align, purpose);
        self.ask(near, resident).or_else(|| {
            // V2.
            let mut may_have = self.beside(near).filter(|&at| self.boards[at].reach() >= units);
            may_have.find_map(|at| self.ask(at, resident))
        })
    }

    /// Makes a span longer in place. `false`: the units behind it are not free.
    pub(crate) fn extend(&self, segment: &'static Segment, span: &Span, units: usize) -> bool {
        self.ask(segment.heap() % HEAPS, |heap| heap.extend(segment, span, units)).is_some()
    }

    /// The sums over all heaps, each as it was at one moment.
    pub(crate) fn counts(&self) -> Counts {
        self.iter().fold(Counts::default(), |all, heap| all.and(&heap.lock().counts))
    }

    /// Closes all locks, so that a fork finds every heap whole.
    pub(crate) fn lock_for_fork(&self) {
        // Who divides holds the first, so the count stays from here on.
        self.heaps[0].lock_for_fork();
        self.iter().skip(1).for_each(Lock::lock_for_fork);
    }

    /// Opens them again.
    ///
    /// # Safety
    ///
    /// This thread called [`lock_for_fork`](Self::lock_for_fork) before the fork.
    pub(crate) unsafe fn unlock_after_fork(&self) {
        // SAFETY: the caller's promise is the same.
        self.iter().rev().for_each(|heap| unsafe { heap.unlock_after_fork() });
    }
}

/// The heaps, for one who gives back many runs: keeps the lock of the heap that the last one went to, and no two.
#[derive(Debug)]
pub(crate) struct WayBack<'a> {
    heaps: &'a SpanHeaps,
    held: Option<Guard<'a, SpanHeap>>,
}

impl<'a> WayBack<'a> {
    pub(crate) fn new(heaps: &'a SpanHeaps) -> Self {
        Self { heaps, held: None }
    }

    /// The heap of a segment, with its lock held.
    pub(crate) fn to(&mut self, segment: &Segment) -> &mut SpanHeap {
        let held = self.held.take().filter(|heap| heap.number() == segment.heap());
        self.held.insert(held.unwrap_or_else(|| self.heaps.of(segment).lock()))
    }
}
