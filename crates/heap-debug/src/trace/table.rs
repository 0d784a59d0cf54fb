//! The traces of the whole process, each stored once: look-ups take no lock.

use core::alloc::Layout;
use core::ptr::{self, NonNull};

use heap_os::pages;

use crate::lock::Lock;
use crate::store::Store;
use crate::sync::{AtomicPtr, AtomicU32, Ordering};
use crate::thread;

/// Distinct traces that can be stored; what comes later has none. A large program has some ten thousand.
pub(crate) const MAX_TRACES: usize = 1 << 18;
/// Places of the hash table: at most half of them in use, so runs of probes stay short.
const PLACES: usize = 2 * MAX_TRACES;

/// The one table.
pub(crate) static TABLE: Table = Table::new();

/// A hash table of traces.
///
/// # Invariants
///
/// - **T1** `places` and `records` are null, or mappings of `PLACES` numbers and `MAX_TRACES` pointers, forever.
/// - **T2** A place is 0 or the number of a record. A record is a word (its length and hash) and so many frames; once
///   published it never changes.
pub(crate) struct Table {
    places: AtomicPtr<AtomicU32>,
    records: AtomicPtr<AtomicPtr<usize>>,
    writer: Lock<Writer>,
}

#[derive(Debug)]
struct Writer {
    store: Store,
    count: u32,
}

impl Table {
    const fn new() -> Self {
        Self {
            places: AtomicPtr::new(ptr::null_mut()),
            records: AtomicPtr::new(ptr::null_mut()),
            writer: Lock::new(Writer { store: Store::new(), count: 0 }),
        }
    }

    /// The frames of a trace; none for number 0.
    pub(crate) fn frames(&self, number: u32) -> &'static [usize] {
        let Some(record) = self.record(number) else { return &[] };
        // SAFETY: T2: a length and so many frames, which never change.
        unsafe { core::slice::from_raw_parts(record.add(1).as_ptr(), record.read() & 0xFF) }
    }

    fn record(&self, number: u32) -> Option<NonNull<usize>> {
        // Acquire in both loads pairs with the releases in `insert`.
        let records = NonNull::new(self.records.load(Ordering::Acquire))?;
        if number == 0 || number as usize >= MAX_TRACES {
            return None;
        }
        // SAFETY: T1, and the number is in range.
        NonNull::new(unsafe { records.add(number as usize).as_ref() }.load(Ordering::Acquire))
    }

    /// The number of a trace, new or known; 0 when it is empty or the table is full.
    #[inline]
    pub(crate) fn intern(&self, frames: &[usize]) -> u32 {
        if frames.is_empty() {
            return 0;
        }
        let hash = hash(frames);
        self.find(frames, hash).unwrap_or_else(|_| self.insert(frames, hash).unwrap_or(0))
    }

    /// The number of a known trace, or the place where it belongs.
    #[inline]
    fn find(&self, frames: &[usize], hash: usize) -> Result<u32, usize> {
        // Acquire pairs with the release in `tables`.
        let Some(places) = NonNull::new(self.places.load(Ordering::Acquire)) else { return Err(0) };
        let mut place = hash % PLACES;
        loop {
            // SAFETY: T1, and `place < PLACES`. Acquire pairs with the release in `insert`.
            let number = unsafe { places.add(place).as_ref() }.load(Ordering::Acquire);
            if number == 0 {
                return Err(place);
            }
            if let Some(record) = self.record(number) {
                // SAFETY: T2.
                let word = unsafe { record.read() };
                if word == header(frames, hash) && self.frames(number) == frames {
                    return Ok(number);
                }
            }
            place = (place + 1) % PLACES;
        }
    }

    #[cold]
    #[inline(never)]
    fn insert(&self, frames: &[usize], hash: usize) -> Option<u32> {
        let mut writer = self.writer.lock(thread::token()).ok()?;
        let (places, records) = self.tables()?;
        // Another thread may have been faster.
        let place = match self.find(frames, hash) {
            Ok(number) => return Some(number),
            Err(place) => place,
        };
        let number = writer.count + 1;
        if number as usize >= MAX_TRACES {
            return None;
        }
        let record = writer.store.take(Layout::array::<usize>(frames.len() + 1).ok()?)?.cast::<usize>();
        // SAFETY: fresh, of that length. Establishes T2.
        unsafe {
            record.write(header(frames, hash));
            record.add(1).copy_from_nonoverlapping(NonNull::from(frames).cast(), frames.len());
        }
        writer.count = number;
        // SAFETY: T1, and both indices are in range. Release pairs with the acquires in `record` and `find`.
        unsafe {
            records.add(number as usize).as_ref().store(record.as_ptr(), Ordering::Release);
            places.add(place).as_ref().store(number, Ordering::Release);
        }
        Some(number)
    }

    /// Both tables, mapped by the first writer.
    fn tables(&self) -> Option<(NonNull<AtomicU32>, NonNull<AtomicPtr<usize>>)> {
        if let Some(places) = NonNull::new(self.places.load(Ordering::Acquire)) {
            return Some((places, NonNull::new(self.records.load(Ordering::Acquire))?));
        }
        let records = pages::map(MAX_TRACES * size_of::<AtomicPtr<usize>>()).ok()?;
        let Ok(places) = pages::map(PLACES * size_of::<AtomicU32>()) else {
            // SAFETY: just mapped, whole, used by nobody. A refusal leaks addresses.
            let _ = unsafe { pages::unmap(records, MAX_TRACES * size_of::<AtomicPtr<usize>>()) };
            return None;
        };
        // Zero is a null pointer and an empty place. Release pairs with the acquires in `record` and `find`.
        self.records.store(records.cast().as_ptr(), Ordering::Release);
        self.places.store(places.cast().as_ptr(), Ordering::Release);
        Some((places.cast(), records.cast()))
    }

    /// Closes the table to other threads' writing across a fork.
    pub(crate) fn close_for_fork(&self) {
        self.writer.close_for_fork(thread::token());
    }

    /// Opens it again.
    pub(crate) fn open_after_fork(&self, in_child: bool) {
        self.writer.open_after_fork(thread::token(), in_child);
    }
}

#[inline]
fn hash(frames: &[usize]) -> usize {
    let mut state = 0_u64;
    for &frame in frames {
        state = (state.rotate_left(23) ^ frame as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
    (state ^ (state >> 32)) as usize
}

/// The first word of a record: its length in the low byte, hash above.
#[inline]
fn header(frames: &[usize], hash: usize) -> usize {
    (hash & !0xFF) | frames.len()
}
