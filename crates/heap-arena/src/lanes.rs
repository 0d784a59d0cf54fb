//! The lanes of an arena, of which only those are made that threads have asked for.
//!
//! Lanes take 128 bytes each; to write them all would cost a small arena more than all that it is used for. The first one is
//! there from the start: it is that of the thread which was first to use such an arena, most often the only one.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;

use crate::atomic::{AtomicBool, AtomicUsize, Ordering, const_fn};
use crate::lane::{Lane, LaneMark};
use crate::lane_id;

/// Up to `N` lanes, each for the thread with its number.
///
/// # Invariants
///
/// - **M1** The first `ready` lanes, at most `N`, are initialised; whoever sees the number sees them so: raising it is a
///   release, reading it an acquire. It only grows.
/// - **M2** Only the thread that set `preparing` writes to the lanes from `ready` on, and raises that.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Lanes<const N: usize> {
    /// Lane 0 (with `N` = 0, nobody's).
    first: Lane,
    /// Lanes from 1 on; the last is nobody's, because `N - 1` cannot be said.
    others: [UnsafeCell<MaybeUninit<Lane>>; N],
    ready: AtomicUsize,
    preparing: AtomicBool,
}

// SAFETY: of the lanes that are initialised, each is used by one thread (L1), because numbers are held by one thread at a
// time (N1); the others by the one thread that prepares them (M2).
unsafe impl<const N: usize> Sync for Lanes<N> {}
// SAFETY: a lane points to bytes that go where the arena goes.
unsafe impl<const N: usize> Send for Lanes<N> {}

const _: () = assert!(size_of::<Lane>() == align_of::<Lane>(), "no gap between lanes");

/// What was left of the lane of the thread that made the mark.
///
/// The others have nothing afterwards: what they had left is lost until an earlier mark, and once, since it is nothing from then on. To note it for
/// each took a scope of ten values twice as long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LanesMark {
    id: usize,
    left: LaneMark,
}

impl<const N: usize> Lanes<N> {
    const_fn! {
        /// The first lane is ready.
        pub(crate) const fn new() -> Self {
            Self {
                first: Lane::new(),
                others: [const { UnsafeCell::new(MaybeUninit::uninit()) }; N],
                ready: AtomicUsize::new(if N == 0 { 0 } else { 1 }),
                preparing: AtomicBool::new(false),
            }
        }
    }

    /// This thread's lane, if it has one that is ready.
    #[inline(always)]
    pub(crate) fn mine(&self) -> Option<&Lane> {
        if N == 0 {
            return None;
        }
        let id = lane_id::current();
        // Acquire: pairs with `prepare`.
        if id < self.ready.load(Ordering::Acquire) { Some(self.lane(id)) } else { None }
    }

    /// This thread's lane, made ready if it has a number for one. `None` also while another thread is making some ready:
    /// nobody waits.
    #[cold]
    #[inline(never)]
    pub(crate) fn settle(&self) -> Option<&Lane> {
        if N == 0 {
            return None;
        }
        let mut id = lane_id::current();
        if id == lane_id::UNASKED {
            id = lane_id::settle();
        }
        if id < N && id >= self.ready.load(Ordering::Relaxed) {
            self.prepare(id);
        }
        self.mine()
    }

    /// Makes the lanes up to that of the number ready, unless another thread is at it.
    fn prepare(&self, id: usize) {
        // Acquire: pairs with the release below, so that we see which lanes are ready.
        if self.preparing.swap(true, Ordering::Acquire) {
            return;
        }
        let ready = self.ready.load(Ordering::Relaxed);
        // Lane `n` is number `n - 1` of the others; the first has long been ready.
        for lane in self.others.get(ready.saturating_sub(1)..id).into_iter().flatten() {
            // SAFETY: M2: we are the one thread, and the lane is not ready.
            unsafe { (*lane.get()).write(Lane::new()) };
        }
        // Release: pairs with `mine`.
        self.ready.store(ready.max(id + 1), Ordering::Release);
        self.preparing.store(false, Ordering::Release);
    }

    /// A lane that is ready.
    #[inline(always)]
    fn lane(&self, id: usize) -> &Lane {
        // `repr(C)`: the first and the others are one array, and the pointer is to all of it.
        let lanes = core::ptr::from_ref(self).cast::<Lane>();
        // SAFETY: M1: `id < ready <= N`, so it is there and initialised, and nobody writes to it as a whole any more.
        unsafe { &*lanes.add(id) }
    }

    /// What is left of this thread's lane.
    ///
    /// # Safety
    ///
    /// No other thread uses the lanes meanwhile.
    #[inline]
    pub(crate) unsafe fn mark(&self) -> LanesMark {
        match self.mine() {
            Some(lane) => LanesMark { id: lane_id::current(), left: lane.mark() },
            None => LanesMark { id: lane_id::NO_LANE, left: LaneMark::NONE },
        }
    }

    /// Gives the lane of the mark what it had left, and the others nothing.
    ///
    /// # Safety
    ///
    /// `mark` is of these lanes; no byte that they have taken or given out since is used any more; and no other thread uses
    /// them meanwhile.
    #[inline]
    pub(crate) unsafe fn rewind(&self, mark: &LanesMark) {
        for id in 0..self.ready.load(Ordering::Relaxed) {
            // SAFETY: the caller's promise.
            unsafe { self.lane(id).rewind(if id == mark.id { mark.left } else { LaneMark::NONE }) };
        }
    }

    /// Leaves nothing to the lanes.
    ///
    /// # Safety
    ///
    /// No byte of theirs is used any more, and no other thread uses them meanwhile.
    pub(crate) unsafe fn reset(&self) {
        for id in 0..self.ready.load(Ordering::Relaxed) {
            // SAFETY: nothing is left to have.
            unsafe { self.lane(id).rewind(LaneMark::NONE) };
        }
    }
}
