//! What the tests share: a child that keeps books, may fail and may refuse, and short ways to say things.

use std::alloc::Layout;
use std::cell::{Cell, RefCell};
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::{Barrier, Mutex};

use heap_core::{AllocError, Allocator, Global};

/// Calls that a [`Meter`] has served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Calls {
    pub(crate) alloc: usize,
    pub(crate) resize: usize,
    pub(crate) free: usize,
}

/// The global allocator with books: every free must match a live block exactly.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    pub(crate) calls: Cell<Calls>,
    live: RefCell<Vec<(usize, Layout)>>,
    /// Bytes that may be live at once; none below.
    budget: Cell<Option<usize>>,
    /// Whether blocks may change size in place, within the room of 64 KiB that each then gets.
    in_place: bool,
    /// What blocks are rounded up to, as pages are.
    granule: usize,
}

/// The room that each block of an `in_place` meter really has.
const ROOM: usize = 64 << 10;

impl Meter {
    pub(crate) fn in_place() -> Self {
        Self { in_place: true, ..Self::default() }
    }

    pub(crate) fn pages() -> Self {
        Self { granule: 4096, ..Self::default() }
    }

    pub(crate) fn live_bytes(&self) -> usize {
        self.live.borrow().iter().map(|(_, layout)| layout.size()).sum()
    }

    pub(crate) fn live_blocks(&self) -> usize {
        self.live.borrow().len()
    }

    /// Sizes of the live blocks, oldest first.
    pub(crate) fn sizes(&self) -> Vec<usize> {
        self.live.borrow().iter().map(|(_, layout)| layout.size()).collect()
    }

    /// From now on at most `bytes` more.
    pub(crate) fn allow(&self, bytes: usize) {
        self.budget.set(Some(self.live_bytes() + bytes));
    }

    pub(crate) fn allow_all(&self) {
        self.budget.set(None);
    }

    fn count(&self, change: impl FnOnce(&mut Calls)) {
        let mut calls = self.calls.get();
        change(&mut calls);
        self.calls.set(calls);
    }

    fn real(&self, layout: Layout) -> Layout {
        let room = if self.in_place { ROOM } else { 0 };
        Layout::from_size_align(layout.size().max(room), layout.align()).unwrap()
    }

    fn within_budget(&self, more: usize) -> bool {
        self.budget.get().is_none_or(|budget| self.live_bytes() + more <= budget)
    }
}

// SAFETY: the blocks are `Global`'s; sizes above the request are within its blocks.
unsafe impl Allocator for Meter {
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let size = layout.size().checked_next_multiple_of(self.granule.max(1)).ok_or(AllocError)?;
        let layout = Layout::from_size_align(size, layout.align()).map_err(|_| AllocError)?;
        if !self.within_budget(size) {
            return Err(AllocError);
        }
        let block = Global.alloc(self.real(layout))?;
        self.live.borrow_mut().push((block.addr().get(), layout));
        self.count(|calls| calls.alloc += 1);
        Ok(NonNull::slice_from_raw_parts(block.cast(), size))
    }

    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        let more = new_size.saturating_sub(layout.size());
        if !self.in_place || new_size > ROOM || !self.within_budget(more) {
            return false;
        }
        let mut live = self.live.borrow_mut();
        let entry = live.iter_mut().find(|entry| **entry == (block.addr().get(), layout));
        entry.expect("resized what is not live").1 =
            Layout::from_size_align(new_size, layout.align()).unwrap();
        self.count(|calls| calls.resize += 1);
        true
    }

    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        let fits = |&(addr, live): &(usize, Layout)| {
            addr == block.addr().get()
                && live.align() == layout.align()
                && (layout.size()..layout.size() + self.granule.max(1)).contains(&live.size())
        };
        let at = self.live.borrow().iter().position(fits).expect("freed what is not live");
        let (_, live) = self.live.borrow_mut().remove(at);
        self.count(|calls| calls.free += 1);
        // SAFETY: allocated in `alloc` with the real layout of the recorded one.
        unsafe { Global.free(block, self.real(live)) };
    }
}

/// A meter that threads share.
#[derive(Default)]
pub(crate) struct SharedMeter(pub(crate) Mutex<Meter>);

impl SharedMeter {
    pub(crate) fn over(meter: Meter) -> Self {
        Self(Mutex::new(meter))
    }
}

// SAFETY: the meter's, one thread at a time.
unsafe impl Allocator for SharedMeter {
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.0.lock().unwrap().alloc(layout)
    }
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        // SAFETY: the caller's promise is the same.
        unsafe { self.0.lock().unwrap().resize(block, layout, new_size) }
    }
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise is the same.
        unsafe { self.0.lock().unwrap().free(block, layout) }
    }
}

pub(crate) fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

/// A block's first address.
pub(crate) fn at<T: ?Sized>(block: NonNull<T>) -> usize {
    block.addr().get()
}

/// A buffer that lives for ever, for allocators that conformance cases move about.
pub(crate) fn buffer(len: usize) -> &'static mut [MaybeUninit<u8>] {
    Box::leak(Box::new_uninit_slice(len))
}

/// How many threads the tests start at once.
pub(crate) const THREADS: usize = 8;

/// Runs `work` on [`THREADS`] threads that start together; gives each its number.
pub(crate) fn together<R: Send>(work: impl Fn(usize) -> R + Sync) -> Vec<R> {
    let barrier = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        let start = |nth| {
            let (barrier, work) = (&barrier, &work);
            scope.spawn(move || {
                barrier.wait();
                work(nth)
            })
        };
        let threads: Vec<_> = (0..THREADS).map(start).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Fails if two of the blocks `(address, length)` share a byte.
pub(crate) fn assert_disjoint(mut blocks: Vec<(usize, usize)>) {
    blocks.sort_unstable();
    assert!(blocks.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0), "blocks overlap");
}
