//! The caches of C's threads: the same bins, found by the class of a block or by a bare size instead of a layout.
//!
//! A C library lives beneath everything, so these caches are not in Rust's thread-local storage, which a shared library
//! reaches through the dynamic loader, which allocates. Each thread has one word, which points to a cache in a mapping of
//! ours; the cache of a thread that ended waits for the next one.
//!
//! C may use of a block what it asked for rounded up to 16, and all blocks are aligned to 16. So of the bins that
//! trade in one class only the last is used: all sizes of a class share a bin, and a free, which knows the class
//! only, finds it.
//!
//! Because nobody gives a size back, a block may also be of a larger class than it need be: so the first few blocks of a
//! class come from a neighbour that has a slab already, and a small program touches a page for some classes
//! rather than for each.

use core::cell::Cell;
use core::ffi::c_void;
use core::ptr::{self, NonNull};

use heap_core::SizeClasses;
use heap_os::{pages, prefetch, thread};

use crate::chain::Link;
use crate::config::{SMALL_MAX, Settings, UNIT};
use crate::core_heap::CORE;
use crate::forks::{self, Locks, Whose};
use crate::lock::Lock;
use crate::pace;
use crate::process;
use crate::size::CLASSES;
use crate::thread_cache::lend;
pub(crate) use crate::thread_cache::lend::C_ALIGN;
use crate::thread_cache::{BINS, FINE_BINS, FINE_MAX, FIRST_COARSE, Life, ThreadCache, class_of_bin};

/// A library beneath other people's programs starts no thread: it would take their signals, and they count their threads.
pub(crate) static SETTINGS: Settings = Settings::new().background_thread(false);

/// The word of a thread whose cache was given back: it ends, and takes its blocks one by one.
const RETIRED: *mut u8 = ptr::without_provenance_mut(1);

/// A thread's cache, and its place in the list of those without a thread.
#[repr(C)]
struct CCache {
    bins: ThreadCache,
    next: Cell<*mut CCache>,
    /// Blocks that each bin had from a larger class.
    borrowed: [Cell<u8>; BINS],
}

/// Bytes that are mapped at a time, for some caches.
const MAPPED: usize = UNIT;
const _: () = assert!(size_of::<CCache>() <= MAPPED);

/// The cache of the first thread, which spares a mapping where there is no other.
struct FirstCache(CCache);

// SAFETY: `Spare` gives it to one thread at a time, as any other.
unsafe impl Sync for FirstCache {}

static FIRST: FirstCache = FirstCache(CCache {
    bins: ThreadCache::new(),
    next: Cell::new(ptr::null_mut()),
    borrowed: [const { Cell::new(0) }; BINS],
});

/// Caches without a thread.
struct Spare {
    first: *mut CCache,
    /// Caches that no thread had yet: the next one in a mapping, and how many.
    fresh: *mut CCache,
    left: usize,
    /// [`FIRST`] is some thread's, or was.
    began: bool,
}

// SAFETY: the caches in the list belong to no thread; the lock's holder alone reaches them.
unsafe impl Send for Spare {}

static SPARE: Lock<Spare> =
    Lock::new(Spare { first: ptr::null_mut(), fresh: ptr::null_mut(), left: 0, began: false });

/// The bin for the blocks of each class.
static BIN_OF_CLASS: [u8; CLASSES] = {
    let mut table = [0; CLASSES];
    let mut class = 0;
    while class < CLASSES {
        let bin = if class < FIRST_COARSE {
            SizeClasses::class_size(class) / SizeClasses::STEP - 1
        } else {
            FINE_BINS - FIRST_COARSE + class
        };
        assert!(bin < BINS && BINS <= u8::MAX as usize && class_of_bin(bin) == class);
        table[class] = bin as u8;
        class += 1;
    }
    table
};

/// The bin for sizes of `16 * index` bytes and up to 15 less, 0 included.
static BIN_OF_SIZE: [u8; FINE_MAX / C_ALIGN + 1] = {
    let mut table = [BIN_OF_CLASS[SizeClasses::class_of(C_ALIGN)]; FINE_MAX / C_ALIGN + 1];
    let mut index = 1;
    while index < table.len() {
        table[index] = BIN_OF_CLASS[SizeClasses::class_of(index * C_ALIGN)];
        index += 1;
    }
    table
};

/// A bin of C's.
///
/// # Invariants
///
/// - **K1** Below [`BINS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bin(u8);

impl Bin {
    /// The bin for a size in bytes, 0 included; `None` for one that no slab serves.
    #[inline(always)]
    pub(crate) fn of_size(size: usize) -> Option<Self> {
        if size <= FINE_MAX {
            // K1: the table's values are checked where it is made.
            return Some(Self(BIN_OF_SIZE[size.div_ceil(C_ALIGN)]));
        }
        (size <= SMALL_MAX).then(|| Self((FINE_BINS - FIRST_COARSE + SizeClasses::class_of(size)) as u8))
    }

    /// The bin for the blocks of a class, which is one.
    #[inline(always)]
    pub(crate) fn of_class(class: usize) -> Self {
        debug_assert!(class < CLASSES);
        // SAFETY: a class is below `CLASSES`. K1: the table's values are checked where it is made.
        Self(unsafe { *BIN_OF_CLASS.get_unchecked(class) })
    }

    fn class(self) -> usize {
        class_of_bin(self.0 as usize)
    }

    #[inline(always)]
    fn of<T>(self, array: &[T; BINS]) -> &T {
        // SAFETY: K1.
        unsafe { array.get_unchecked(self.0 as usize) }
    }
}

/// The calling thread's cache, if it has one.
#[inline(always)]
fn cache() -> Option<&'static ThreadCache> {
    let word = thread::word();
    if word.addr() <= RETIRED.addr() {
        return None;
    }
    // SAFETY: `attach` alone sets other words: to a cache that is this thread's until `detach`, and mapped for ever.
    Some(unsafe { &*word.cast::<ThreadCache>() })
}

/// A block that is at hand, or null.
#[inline(always)]
pub(crate) fn take(bin: Bin) -> *mut u8 {
    let Some(cache) = cache() else { return ptr::null_mut() };
    let head = bin.of(&cache.heads).get();
    if !head.is_null() {
        // SAFETY: T1: `head` is a free block of ours.
        let next = unsafe { (*head).next };
        bin.of(&cache.heads).set(next);
        prefetch::read(next.cast());
        let room = bin.of(&cache.room);
        room.set(room.get().wrapping_add(1));
    }
    head.cast()
}

/// A block of the bin's class, or a longer one that is aligned to [`C_ALIGN`] only; null when there is no memory.
#[cold]
#[inline(never)]
pub(crate) fn take_slow(bin: Bin) -> *mut u8 {
    if let Some(cache) = attach() {
        let block = borrow(cache, bin);
        if !block.is_null() {
            return block;
        }
    }
    take_own_slow(bin)
}

/// A block of the bin's class; null when there is no memory.
#[cold]
#[inline(never)]
pub(crate) fn take_own_slow(bin: Bin) -> *mut u8 {
    pace::tick_if_due();
    let Some(cache) = attach() else { return CORE.refill(bin.class(), 1).0.cast() };
    // Once more: to attach may allocate and free.
    match take(bin) {
        block if block.is_null() => cache.refill(&CORE, bin.0 as usize, bin.class()),
        block => block,
    }
}

/// A block of a larger class, if the bin's class has no slab yet and was lent few blocks.
#[cold]
fn borrow(bins: &ThreadCache, bin: Bin) -> *mut u8 {
    let class = bin.class();
    // SAFETY: `attach` gives out the bins of a `CCache` only, which they are the first field of.
    let cache = unsafe { &*ptr::from_ref(bins).cast::<CCache>() };
    let borrowed = bin.of(&cache.borrowed);
    if borrowed.get() as usize >= lend::blocks(class) {
        return ptr::null_mut();
    }
    if CORE.class_counts(class).0 > 0 {
        // For good: to ask each time would cost a lock where the class is in use.
        borrowed.set(u8::MAX);
        return ptr::null_mut();
    }
    // The smallest that has blocks; where none has, the largest gets a slab, for all who may borrow there.
    let mut lenders = lend::lenders(class).peekable();
    while let Some(class) = lenders.next() {
        let lender = Bin::of_class(class);
        let mut block = take(lender);
        if block.is_null() && (lenders.peek().is_none() || CORE.class_counts(class).1 > 0) {
            block = bins.refill(&CORE, lender.0 as usize, class);
        }
        if !block.is_null() {
            borrowed.set(borrowed.get() + 1);
            return block;
        }
    }
    ptr::null_mut()
}

/// Takes a block back if there is room for it, and says whether there was.
///
/// # Safety
///
/// The block is free, of the bin's class, and the caller gives it up, if it is taken.
#[inline(always)]
pub(crate) unsafe fn put(bin: Bin, block: NonNull<u8>) -> bool {
    let Some(cache) = cache() else { return false };
    let room = bin.of(&cache.room);
    if room.get() == 0 {
        return false;
    }
    room.set(room.get() - 1);
    let link = block.as_ptr().cast::<Link>();
    // SAFETY: the block is the caller's to give; a slot is at least a link long, and aligned.
    unsafe { link.write(Link { next: bin.of(&cache.heads).get() }) };
    bin.of(&cache.heads).set(link);
    true
}

/// Takes a block back.
///
/// # Safety
///
/// The block is free, of the bin's class, and the caller gives it up.
#[cold]
#[inline(never)]
pub(crate) unsafe fn put_slow(bin: Bin, block: NonNull<u8>) {
    pace::tick_if_due();
    if let Some(cache) = attach() {
        if bin.of(&cache.room).get() == 0 {
            // SAFETY: there is no room; the block is the caller's promise.
            if unsafe { cache.put_beneath_own(&CORE, bin.0 as usize, bin.class(), block) } {
                return;
            }
            cache.make_room(&CORE, bin.0 as usize, bin.class());
        }
        // SAFETY: the caller's promise is the same.
        if unsafe { put(bin, block) } {
            return;
        }
    }
    let link = block.as_ptr().cast::<Link>();
    // SAFETY: the block is the caller's to give, and long enough; a list of one.
    unsafe {
        link.write(Link { next: ptr::null_mut() });
        CORE.bring_home(bin.class(), link);
    }
}

/// The calling thread's cache, made if it has none. `None`: the thread is ending, or there is no memory.
fn attach() -> Option<&'static ThreadCache> {
    if thread::word().is_null() {
        watch_forks();
        let cache = SPARE.lock().take()?;
        // SAFETY: it is this thread's alone now.
        unsafe { &cache.as_ref().bins }.life.set(Life::Active);
        // First, because what follows may allocate, and come here again.
        thread::set_word(cache.as_ptr().cast());
        process::start(&SETTINGS);
        // SAFETY: `detach` locks for a moment, and does not unwind.
        if !unsafe { thread::at_exit(ended) } {
            // Nobody would empty the cache.
            detach();
        }
    }
    cache()
}

/// Empties the calling thread's cache and lets it go. What the thread does from now on, it does without one.
fn detach() {
    let Some(cache) = cache() else { return };
    let own = thread::word().cast::<CCache>();
    thread::set_word(RETIRED);
    cache.life.set(Life::Retired);
    cache.flush(&CORE);
    SPARE.lock().leave(own);
}

unsafe extern "C" fn ended(_: *mut c_void) {
    detach();
}

/// Gives the calling thread's cached blocks away.
pub(crate) fn flush() {
    if let Some(cache) = cache() {
        cache.flush(&CORE);
    }
}

impl Spare {
    /// A cache without blocks. What no thread had yet is not touched.
    fn take(&mut self) -> Option<NonNull<CCache>> {
        if let Some(cache) = NonNull::new(self.first) {
            // SAFETY: what is listed is mapped, and nobody else's.
            self.first = unsafe { cache.as_ref() }.next.get();
            return Some(cache);
        }
        if !self.began {
            self.began = true;
            return Some(NonNull::from(&FIRST.0));
        }
        if self.left == 0 {
            // Never unmapped; zeros are an empty cache.
            self.fresh = pages::map(MAPPED).ok()?.cast().as_ptr();
            self.left = MAPPED / size_of::<CCache>();
        }
        let cache = NonNull::new(self.fresh)?;
        self.left -= 1;
        // SAFETY: inside the mapping, or at its end.
        self.fresh = unsafe { self.fresh.add(1) };
        Some(cache)
    }

    fn leave(&mut self, cache: *mut CCache) {
        // SAFETY: the cache is nobody's any more, and mapped.
        unsafe { &*cache }.next.set(self.first);
        self.first = cache;
    }
}

/// Has the list of caches, and what watches the free memory, whole in the child of a fork.
fn watch_forks() {
    static LOCKS: Locks = Locks { close: lock_for_fork, mend: || {}, open: unlock_after_fork };
    forks::close_first(Whose::Caches, &LOCKS);
}

fn lock_for_fork() {
    pace::lock_for_fork();
    SPARE.lock_for_fork();
}

/// # Safety
///
/// This thread called [`lock_for_fork`] before the fork.
unsafe fn unlock_after_fork() {
    // SAFETY: the caller's promise is the same.
    unsafe {
        SPARE.unlock_after_fork();
        pace::unlock_after_fork();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_sizes_of_a_class_share_the_bin_that_a_free_finds() {
        for size in 0..=SMALL_MAX {
            let bin = Bin::of_size(size).unwrap();
            let slot = SizeClasses::class_size(bin.class());
            assert!(slot >= size.max(1) && slot.is_multiple_of(C_ALIGN), "{size}: {slot}");
            assert_eq!(bin, Bin::of_class(bin.class()), "{size}");
            assert_eq!(bin.class(), SizeClasses::class_of(size.max(1).next_multiple_of(C_ALIGN)), "{size}");
        }
        assert_eq!(Bin::of_size(SMALL_MAX + 1), None);
    }
}
