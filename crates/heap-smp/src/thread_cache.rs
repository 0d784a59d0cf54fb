//! What one thread keeps at hand: the whole fast path of this crate.
//!
//! A bin is a list of free blocks linked through themselves, and a count of how many more it takes. Sizes up to 1 KiB
//! have a bin for every 8 bytes, so that the bin's place is the size with its low bits dropped and no table is read; bins
//! that round to the same size class trade in the same chains. Rust hands the layout back on free, so a free looks at
//! nothing but the layout and the bin.
//!
//! The cache lies in thread-local storage that starts as zeros and has no destructor: an access is an address, and
//! stays legal while the thread's other destructors run. All zeros *is* the state "not used yet": every
//! bin is empty and full at once, so the first call of each kind takes the slow path, which looks closer.

#[cfg(feature = "malloc")]
mod lend;
#[cfg(feature = "malloc")]
pub(crate) mod c_cache;
mod own_first;
mod owned;

use core::alloc::Layout;
use core::cell::Cell;
use core::ptr::{self, NonNull};

use heap_core::SizeClasses;
use heap_os::prefetch;

use crate::chain::Link;
use crate::config::{SMALL_MAX, Settings, UNIT};
use crate::core_heap::CORE;
use crate::floor::Floor;
use crate::large;
use crate::seat;
use crate::size::{CLASS, CLASSES};

/// Requests below this many bytes have a bin for each step of [`SizeClasses::STEP`].
const FINE_MAX: usize = 1024;
const FINE_BINS: usize = FINE_MAX / SizeClasses::STEP;
/// The class of the first bin after those.
const FIRST_COARSE: usize = SizeClasses::count_up_to(FINE_MAX);
const BINS: usize = FINE_BINS + CLASSES - FIRST_COARSE;

/// Bytes that the first refill of a bin brings; each further one brings twice as many, up to a chain.
const FIRST_REFILL: usize = 512;

/// How far a thread's cache is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Life {
    /// All zeros: never used.
    New,
    /// In use; the thread's exit will call [`ThreadCache::retire`].
    Active,
    /// The thread is exiting and the cache was emptied: blocks go straight home.
    Retired,
}

/// The bins of one thread.
///
/// # Invariants
///
/// - **T1** `heads[b]` lists free blocks of `class_of_bin(b)` that belong to this thread alone, and `room[b]` more fit:
///   their number and `room[b]` make a full chain of the class. Or both are zero: the bin was never filled, or is retired.
/// - **T2** `spare[b]` is null or a full chain.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct ThreadCache {
    heads: [Cell<*mut Link>; BINS],
    room: [Cell<usize>; BINS],
    spare: [Cell<*mut Link>; BINS],
    /// Blocks that the next refill asks for; zero: the first.
    fill: [Cell<u8>; BINS],
    /// The bin ran full since it last ran empty.
    freeing: [Cell<bool>; BINS],
    life: Cell<Life>,
}

#[cfg(feature = "std")]
std::thread_local! {
    static CACHE: ThreadCache = const { ThreadCache::new() };
    static EXIT: ExitHook = const { ExitHook };
}

/// Empties the cache when the thread exits. Apart from the cache, so that the cache itself has no destructor.
#[cfg(feature = "std")]
struct ExitHook;

#[cfg(feature = "std")]
impl Drop for ExitHook {
    fn drop(&mut self) {
        CACHE.with(ThreadCache::retire);
    }
}

/// The bin of a layout, or `None` for one that no slab serves.
#[inline(always)]
pub(crate) fn bin_of(layout: Layout) -> Option<usize> {
    // The size rounded up to the alignment, less one. A size of zero wraps to the largest and is no slab's.
    let last = layout.size().wrapping_sub(1) | (layout.align() - 1);
    if last < FINE_MAX {
        return Some(last / SizeClasses::STEP);
    }
    if last < SMALL_MAX && layout.align() <= UNIT {
        return Some(FINE_BINS - FIRST_COARSE + SizeClasses::class_of(last + 1));
    }
    None
}

/// The class whose blocks a bin holds.
pub(crate) const fn class_of_bin(bin: usize) -> usize {
    if bin < FINE_BINS {
        SizeClasses::class_of((bin + 1) * SizeClasses::STEP)
    } else {
        bin - FINE_BINS + FIRST_COARSE
    }
}

/// The bytes of the slot that serves a layout, or `None` for one that no slab serves.
#[inline]
pub(crate) fn slot_size(layout: Layout) -> Option<usize> {
    bin_of(layout).map(|bin| CLASS[class_of_bin(bin)].slot as usize)
}

/// A block for `layout`; null when there is no memory.
#[cfg(feature = "std")]
#[inline]
pub(crate) fn alloc(layout: Layout, settings: &Settings) -> *mut u8 {
    match bin_of(layout) {
        Some(bin) => CACHE.with(|cache| cache.take(bin, settings)),
        None => large::alloc(&CORE, layout, settings),
    }
}

/// As [`alloc`], for a block whose first `len` bytes will be written at once.
#[cfg(feature = "std")]
#[inline]
pub(crate) fn alloc_to_fill(layout: Layout, len: usize, settings: &Settings) -> *mut u8 {
    match bin_of(layout) {
        Some(bin) => CACHE.with(|cache| cache.take(bin, settings)),
        None => large::alloc_to_fill(&CORE, layout, len, settings),
    }
}

/// Takes a block back.
///
/// # Safety
///
/// `block` came from [`alloc`] with a layout of the same bin or size class, is not free, and is not used again.
#[cfg(feature = "std")]
#[inline]
pub(crate) unsafe fn free(block: NonNull<u8>, layout: Layout) {
    match bin_of(layout) {
        // SAFETY: the caller's promise is the same.
        Some(bin) => CACHE.with(|cache| unsafe { cache.put(bin, block) }),
        // SAFETY: the caller's promise is the same.
        None => unsafe { large::free(&CORE, block, layout) },
    }
}

impl ThreadCache {
    pub(crate) const fn new() -> Self {
        Self {
            heads: [const { Cell::new(ptr::null_mut()) }; BINS],
            room: [const { Cell::new(0) }; BINS],
            spare: [const { Cell::new(ptr::null_mut()) }; BINS],
            fill: [const { Cell::new(0) }; BINS],
            freeing: [const { Cell::new(false) }; BINS],
            life: Cell::new(Life::New),
        }
    }

    /// Pops a block of a bin.
    #[inline(always)]
    fn take(&self, bin: usize, settings: &Settings) -> *mut u8 {
        let head = self.heads[bin].get();
        if head.is_null() {
            return self.alloc_slow(bin, settings);
        }
        // SAFETY: T1: `head` is a free block of ours.
        let next = unsafe { (*head).next };
        self.heads[bin].set(next);
        prefetch::read(next.cast());
        self.room[bin].set(self.room[bin].get() + 1);
        head.cast()
    }

    /// Pushes a block on a bin.
    ///
    /// # Safety
    ///
    /// The block is free, of the bin's class, and the caller gives it up.
    #[inline(always)]
    unsafe fn put(&self, bin: usize, block: NonNull<u8>) {
        let (room, full) = self.room[bin].get().overflowing_sub(1);
        self.room[bin].set(room);
        if full {
            // SAFETY: the caller's promise is the same.
            return unsafe { self.free_slow(bin, block) };
        }
        let link = block.as_ptr().cast::<Link>();
        // SAFETY: the block is the caller's to give; a slot is at least a link long, and aligned.
        unsafe { link.write(Link { next: self.heads[bin].get() }) };
        self.heads[bin].set(link);
    }

    /// The bin is empty: takes the spare chain, one from the depot, or fresh slots.
    #[cold]
    #[inline(never)]
    fn alloc_slow(&self, bin: usize, settings: &Settings) -> *mut u8 {
        let class = class_of_bin(bin);
        if self.life.get() != Life::Active {
            if !self.start(settings) {
                return CORE.refill(class, 1).0.cast();
            }
            // To start may allocate and free: the bin may have blocks by now.
            return self.take(bin, settings);
        }
        self.refill(&CORE, bin, class)
    }

    /// Fills an empty bin from `floor` and pops a block of it; null when there is no memory.
    fn refill(&self, floor: &impl Floor, bin: usize, class: usize) -> *mut u8 {
        floor.on_refill();
        self.freeing[bin].set(false);
        let full = CLASS[class].chain as usize;
        let mut chain = self.spare[bin].replace(ptr::null_mut());
        let mut count = full;
        if chain.is_null() {
            chain = floor.pop_chain(class);
        }
        if chain.is_null() {
            let want = self.next_fill(bin, class);
            (chain, count) = floor.refill(class, want);
            if chain.is_null() {
                return ptr::null_mut();
            }
        }
        // SAFETY: the chain has at least one block, and is ours.
        let next = unsafe { (*chain).next };
        self.heads[bin].set(next);
        prefetch::read(next.cast());
        self.room[bin].set(full - (count - 1));
        chain.cast()
    }

    /// How many blocks a refill asks for: few at first, twice as many each time, a chain at the most.
    fn next_fill(&self, bin: usize, class: usize) -> usize {
        let known = &CLASS[class];
        let first = (FIRST_REFILL / known.slot as usize).clamp(1, known.chain as usize);
        let want = (self.fill[bin].get() as usize).max(first);
        self.fill[bin].set((want * 2).min(known.chain as usize) as u8);
        want
    }

    /// The bin is full (or was never used): its chain becomes the spare one, and a second spare goes to the depot. A thread
    /// that only frees keeps no spare: each block that it holds may keep a page from going back.
    #[cold]
    #[inline(never)]
    unsafe fn free_slow(&self, bin: usize, block: NonNull<u8>) {
        // T1 again: the count went below zero.
        self.room[bin].set(0);
        let class = class_of_bin(bin);
        if self.life.get() != Life::Active {
            if self.start(&Settings::DEFAULT) {
                // To start may allocate and free: there may be room by now.
                // SAFETY: the caller's promise is the same.
                return unsafe { self.put(bin, block) };
            }
            let link = block.as_ptr().cast::<Link>();
            // SAFETY: the block is the caller's to give; a list of one.
            return unsafe {
                link.write(Link { next: ptr::null_mut() });
                CORE.bring_home(class, link)
            };
        }
        // SAFETY: there is no room, as was noted above; the block is the caller's promise, for both.
        unsafe {
            if !self.put_beneath_own(&CORE, bin, class, block) {
                self.make_room(&CORE, bin, class);
                self.put(bin, block);
            }
        }
    }

    /// Empties a bin that is full or was never used into `floor`: see [`free_slow`](Self::free_slow).
    fn make_room(&self, floor: &impl Floor, bin: usize, class: usize) {
        // T1: no room, so the list is a full chain, or the bin was never used.
        let chain = self.heads[bin].replace(ptr::null_mut());
        let kept = if self.freeing[bin].replace(true) { ptr::null_mut() } else { chain };
        let spare = self.spare[bin].replace(kept);
        for chain in [spare, if kept.is_null() { chain } else { ptr::null_mut() }] {
            if !chain.is_null() {
                // SAFETY: T1, T2: a full chain, and nothing of ours points to it any more.
                unsafe { floor.push_chain(class, chain) }
            }
        }
        self.room[bin].set(CLASS[class].chain as usize);
        // Last, when T1 holds: to start a thread may allocate and free.
        floor.on_room_made();
    }

    /// Begins to use the cache of a new thread. `false`: it is retired, and must not be filled.
    fn start(&self, settings: &Settings) -> bool {
        if self.life.get() == Life::Retired {
            return false;
        }
        // First, because to register a destructor may allocate, and come here again.
        self.life.set(Life::Active);
        crate::process::start(settings);
        #[cfg(feature = "std")]
        if EXIT.try_with(|_| ()).is_err() {
            // The thread's destructors have already run: nobody would empty the cache.
            self.retire();
            return false;
        }
        seat::take();
        true
    }

    /// Gives all blocks away, and fills no bin again.
    fn retire(&self) {
        self.life.set(Life::Retired);
        seat::leave();
        self.flush(&CORE);
    }

    /// Gives all blocks to `floor`: full chains to the depot, the rest home.
    fn flush(&self, floor: &impl Floor) {
        for bin in 0..BINS {
            let spare = self.spare[bin].replace(ptr::null_mut());
            let list = self.heads[bin].replace(ptr::null_mut());
            self.room[bin].set(0);
            self.fill[bin].set(0);
            let class = class_of_bin(bin);
            // SAFETY: T1 and T2: a full chain and a list of free blocks, which nothing of ours points to any more.
            unsafe {
                if !spare.is_null() {
                    floor.push_chain(class, spare);
                }
                // Nothing, as a rule: a thread uses few classes, and each home has a lock.
                if !list.is_null() {
                    floor.bring_home(class, list);
                }
            }
        }
    }
}

/// Gives the calling thread's cached blocks away.
#[cfg(feature = "std")]
pub(crate) fn flush_this_thread() {
    CACHE.with(|cache| {
        if cache.life.get() == Life::Active {
            cache.flush(&CORE);
        }
    });
}
