//! Blocks too large for a segment: each has a mapping of its own, aligned to a segment, so that the directory finds it.

use core::alloc::Layout;
use core::ptr::{self, NonNull};

use heap_os::pages::{self, HugePages};

use crate::config::{SEGMENT, UNIT};
use crate::directory::{Directory, HugeRecord, Owner};
use crate::lock::Lock;
use crate::sync::Ordering;
use crate::violation::{Violation, report};

/// Bytes of records that are mapped at a time: whole pages on every target.
const RECORDS: usize = UNIT;

/// What is known of all huge blocks together.
#[derive(Debug)]
pub(crate) struct HugeState {
    spare: *mut HugeRecord,
    /// Blocks.
    pub(crate) count: usize,
    /// Bytes of their mappings.
    pub(crate) bytes: usize,
}

// SAFETY: the records are reached under the lock that guards this value.
unsafe impl Send for HugeState {}

/// The huge blocks of a heap. Lock order: after the span heap's lock is released, never inside it.
#[derive(Debug)]
pub(crate) struct Huge {
    pub(crate) state: Lock<HugeState>,
}

impl Huge {
    pub(crate) const fn new() -> Self {
        Self { state: Lock::new(HugeState { spare: ptr::null_mut(), count: 0, bytes: 0 }) }
    }
}

impl HugeState {
    /// A record that describes nothing.
    fn record(&mut self) -> Option<&'static HugeRecord> {
        if self.spare.is_null() {
            let records = pages::map(RECORDS).ok()?.cast::<HugeRecord>();
            for index in 0..RECORDS / size_of::<HugeRecord>() {
                // SAFETY: inside the fresh mapping; zeros are a valid record; records are never unmapped.
                let record = unsafe { records.add(index).as_ref() };
                record.next.store(self.spare, Ordering::Relaxed);
                self.spare = ptr::from_ref(record).cast_mut();
            }
        }
        // SAFETY: spare records are never unmapped.
        let record = unsafe { self.spare.as_ref() }?;
        self.spare = record.next.load(Ordering::Relaxed);
        Some(record)
    }

    fn retire(&mut self, record: &'static HugeRecord) {
        record.base.store(ptr::null_mut(), Ordering::Relaxed);
        record.next.store(self.spare, Ordering::Relaxed);
        self.spare = ptr::from_ref(record).cast_mut();
    }
}

fn mapped_len(size: usize) -> Option<usize> {
    size.checked_next_multiple_of(pages::page_size())
}

impl Huge {
    /// A block with a mapping of its own, which reads as zeros.
    pub(crate) fn alloc(
        &self,
        directory: &Directory,
        layout: Layout,
        huge_pages: bool,
    ) -> Option<NonNull<u8>> {
        let len = mapped_len(layout.size())?;
        let base = pages::map_aligned(len, layout.align().max(SEGMENT)).ok()?;
        if huge_pages {
            // SAFETY: mapped just above. Advice changes no contents; refusal is no loss.
            let _ = unsafe { pages::advise_huge(base, len, HugePages::Advise) };
        }
        let mut state = self.state.lock();
        if let Some(record) = state.record() {
            record.len.store(len, Ordering::Relaxed);
            record.base.store(base.as_ptr(), Ordering::Relaxed);
            // The stretch may already be shared with a small piece of a segment: it has one owner.
            if directory.claim(base.addr().get(), Owner::Huge(record)) {
                state.count += 1;
                state.bytes += len;
                return Some(base);
            }
            state.retire(record);
        }
        drop(state);
        // SAFETY: mapped above, and unused. If it stays mapped, it was never touched.
        let _ = unsafe { pages::unmap(base, len) };
        None
    }

    /// Unmaps a huge block.
    pub(crate) fn free(
        &self,
        directory: &Directory,
        record: &'static HugeRecord,
        block: NonNull<u8>,
        size: usize,
    ) {
        let mut state = self.state.lock();
        let len = check(record, block);
        if mapped_len(size) != Some(len) {
            report(Violation::WrongLayout, block.addr().get())
        }
        directory.disclaim(block.addr().get());
        state.retire(record);
        state.count -= 1;
        state.bytes -= len;
        drop(state);
        // SAFETY: the mapping is ours, and its only block was given up. The system refuses when that would make one mapping
        // too many; the memory goes back all the same, and only addresses are lost.
        unsafe {
            if pages::unmap(block, len).is_err() {
                let _ = pages::decommit(block, len);
            }
        }
    }

    /// Changes a huge block's size in place. `false`: the addresses behind it are taken, nothing has changed.
    ///
    /// # Safety
    ///
    /// `block` is a live huge block, and `record` its record.
    pub(crate) unsafe fn resize(
        &self,
        record: &'static HugeRecord,
        block: NonNull<u8>,
        new_size: usize,
    ) -> bool {
        let Some(new_len) = mapped_len(new_size) else { return false };
        let mut state = self.state.lock();
        let old_len = check(record, block);
        // SAFETY: the mapping is ours and of that length.
        if new_len != old_len && unsafe { pages::remap(block, old_len, new_len, false) }.is_none() {
            return false;
        }
        record.len.store(new_len, Ordering::Relaxed);
        state.bytes = state.bytes - old_len + new_len;
        true
    }

    /// Moves the pages of a huge block to a mapping for the longer layout `new`.
    ///
    /// # Safety
    ///
    /// As for [`resize`](Self::resize). After success the old block is gone.
    pub(crate) unsafe fn move_to(
        &self,
        directory: &Directory,
        record: &'static HugeRecord,
        block: NonNull<u8>,
        new: Layout,
        huge_pages: bool,
    ) -> Option<NonNull<u8>> {
        let old_len = record.len.load(Ordering::Relaxed);
        if new.size() < old_len {
            return None;
        }
        let fresh = self.alloc(directory, new, huge_pages)?;
        // SAFETY: both mappings are ours; the new one is longer and unused.
        if let Err(error) = unsafe { pages::move_pages(block, old_len, fresh) } {
            // A target that is lost is not ours to unmap: its record stays, and its addresses with it.
            if !error.target_lost {
                self.free(directory, find(directory, fresh)?, fresh, new.size());
            }
            return None;
        }
        self.free(directory, record, block, old_len);
        Some(fresh)
    }
}

/// The bytes mapped for a block. Aborts if the record is of another one. The state's lock is held.
fn check(record: &HugeRecord, block: NonNull<u8>) -> usize {
    let base = record.base.load(Ordering::Relaxed);
    if base.is_null() {
        report(Violation::DoubleFree, block.addr().get())
    }
    if base != block.as_ptr() {
        report(Violation::InteriorPointer, block.addr().get())
    }
    if record.tenant.load(Ordering::Relaxed) != 0 {
        report(Violation::WrongHeap, block.addr().get())
    }
    record.len.load(Ordering::Relaxed)
}

fn find(directory: &Directory, block: NonNull<u8>) -> Option<&'static HugeRecord> {
    match directory.owner_of(block.addr().get()) {
        Some(Owner::Huge(record)) => Some(record),
        _ => None,
    }
}
