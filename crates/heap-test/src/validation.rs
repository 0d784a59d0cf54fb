//! [`ValidationAllocator`]: stands between a client and an allocator and holds both to the contract.

use core::alloc::Layout;
use core::ptr::NonNull;
use std::backtrace::Backtrace;
use std::sync::{Mutex, MutexGuard, PoisonError};

use heap_core::{AllocError, Allocator, Owns, Reset, UsableSize, Usage};

use crate::fault::Fault;
use crate::shadow::Shadow;

/// An allocator that checks what goes through it against its own records.
///
/// It sees misaligned, short and overlapping blocks of the allocator; and the client's double and foreign frees, wrong
/// sizes and wrong alignments. Nothing on the allocation path panics: a wrong free is recorded and not passed on, a
/// wrong block is recorded and not handed out. The records are read with [`faults`](Self::faults), and **dropping the
/// allocator panics when faults are left in them**. Each call costs a lock and O(log n) in the live blocks.
///
/// The records use the global allocator, so it cannot be that itself.
///
/// # Invariants
///
/// - **V1** Every block that the client holds, and only those, is in the records, with the client's layout.
///
/// ```
/// use core::alloc::Layout;
/// use heap_core::{Allocator, Global};
/// use heap_test::{Fault, ValidationAllocator};
/// let checked = ValidationAllocator::new(Global);
/// let block = checked.alloc(Layout::new::<u64>())?.cast();
/// // SAFETY: wrong on purpose, twice; neither call reaches `Global`.
/// unsafe { checked.free(block, Layout::new::<u32>()) };
/// unsafe { checked.free(block.add(4), Layout::new::<u64>()) };
/// let faults = checked.take_faults();
/// assert!(matches!(faults[..], [Fault::WrongAlign { .. }, Fault::NotLive { .. }]));
/// // SAFETY: and now as it must be.
/// unsafe { checked.free(block, Layout::new::<u64>()) };
/// # Ok::<(), heap_core::AllocError>(())
/// ```
#[derive(Debug)]
#[doc(alias = "validationWrap")]
pub struct ValidationAllocator<A> {
    inner: A,
    books: Mutex<Books>,
}

#[derive(Debug)]
struct Books {
    shadow: Shadow,
    faults: Vec<Fault>,
    /// Where the first fault was found.
    trace: Option<Backtrace>,
}

impl Books {
    const EMPTY: Self = Self { shadow: Shadow::new(), faults: Vec::new(), trace: None };

    /// Notes a fault; says whether there was none.
    fn clean(&mut self, result: Result<(), Fault>) -> bool {
        if let Err(fault) = result {
            self.trace.get_or_insert_with(Backtrace::capture);
            self.faults.push(fault);
            return false;
        }
        true
    }
}

impl<A> ValidationAllocator<A> {
    /// Checks what goes to and from `inner`.
    pub const fn new(inner: A) -> Self {
        Self { inner, books: Mutex::new(Books::EMPTY) }
    }

    /// The faults seen so far, in order.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        self.books().faults.clone()
    }

    /// Takes the faults out of the records, so that dropping the allocator does not panic over them.
    #[must_use]
    pub fn take_faults(&self) -> Vec<Fault> {
        core::mem::take(&mut self.books().faults)
    }

    /// The blocks that are live, by address, with the client's layouts.
    #[must_use]
    pub fn live(&self) -> Vec<(usize, Layout)> {
        self.books().shadow.iter().collect()
    }

    /// The allocator behind.
    #[must_use]
    pub const fn inner(&self) -> &A {
        &self.inner
    }

    /// The records; also after a panic elsewhere, which cannot have left them half written.
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a new block (V1), or notes what is wrong with it.
    fn enter(&self, block: NonNull<[u8]>, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let mut books = self.books();
        let entered = books.shadow.insert(block.cast::<u8>().addr().get(), block.len(), layout);
        if books.clean(entered) { Ok(block) } else { Err(AllocError) }
    }
}

impl<A: Allocator> ValidationAllocator<A> {
    /// Changes a live block by `change`, which answers with the new block or refuses, and keeps V1.
    ///
    /// The lock is held all through: memory that `change` gives up may be another thread's before it returns.
    fn change<E>(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: (usize, usize),
        change: impl FnOnce() -> Result<NonNull<[u8]>, E>,
    ) -> Option<Result<NonNull<[u8]>, E>> {
        let (mut books, addr) = (self.books(), block.addr().get());
        let fits = books.shadow.fits(addr, old);
        if !books.clean(fits) {
            return None;
        }
        let changed = match change() {
            Ok(changed) => changed,
            Err(refused) => return Some(Err(refused)),
        };
        let removed = books.shadow.remove(addr, old);
        let clean = books.clean(removed);
        let to = changed.cast::<u8>().addr().get();
        // A block that was shrunk to nothing in place keeps its address and has left the records.
        let entered = match Layout::from_size_align(new.0, new.1) {
            Ok(layout) if layout.size() != 0 => books.shadow.insert(to, changed.len(), layout),
            Ok(_) => Ok(()),
            Err(_) => Err(Fault::WrongLength { addr: to, len: changed.len(), layout: old }),
        };
        (books.clean(entered) && clean).then_some(Ok(changed))
    }
}

// SAFETY: blocks are those of `A` and pass through unchanged, so the contract is that of `A`; a call that breaks it
// is not passed on.
unsafe impl<A: Allocator> Allocator for ValidationAllocator<A> {
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.enter(self.inner.alloc(layout)?, layout)
    }

    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        let changed = self.change(block, layout, (new_size, layout.align()), || {
            // SAFETY: V1: the block is live with this layout.
            let agreed = unsafe { self.inner.resize(block, layout, new_size) };
            if agreed { Ok(NonNull::slice_from_raw_parts(block, new_size)) } else { Err(()) }
        });
        matches!(changed, Some(Ok(_)))
    }

    unsafe fn remap(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
        // SAFETY: V1: the block is live with this layout.
        let remap = || unsafe { self.inner.remap(block, layout, new_size) }.ok_or(());
        self.change(block, layout, (new_size, layout.align()), remap)?.ok()
    }

    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        let mut books = self.books();
        let removed = books.shadow.remove(block.addr().get(), layout);
        let clean = books.clean(removed);
        // From here on the address may be another thread's.
        drop(books);
        if clean {
            // SAFETY: V1: the block was live with this layout, and has just left the records.
            unsafe { self.inner.free(block, layout) }
        }
    }

    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.enter(self.inner.alloc_zeroed(layout)?, layout)
    }

    unsafe fn realloc(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: V1: the block is live with this layout.
        let realloc = || unsafe { self.inner.realloc(block, old, new) };
        self.change(block, old, (new.size(), new.align()), realloc).unwrap_or(Err(AllocError))
    }
}

// SAFETY: blocks are those of `A`.
unsafe impl<A: Allocator + Owns> Owns for ValidationAllocator<A> {
    fn owns(&self, block: NonNull<u8>) -> bool {
        self.inner.owns(block)
    }
}

// SAFETY: blocks are those of `A`, and so is the answer; the records learn of it, as it may be passed back.
unsafe impl<A: UsableSize> UsableSize for ValidationAllocator<A> {
    unsafe fn usable_size(&self, block: NonNull<u8>, layout: Layout) -> usize {
        let mut books = self.books();
        let fits = books.shadow.fits(block.addr().get(), layout);
        if !books.clean(fits) {
            return layout.size();
        }
        // SAFETY: V1: the block is live with this layout.
        let usable = unsafe { self.inner.usable_size(block, layout) };
        let replaced = books.shadow.replace(block.addr().get(), layout, block.addr().get(), usable, layout);
        books.clean(replaced);
        usable
    }
}

/// Forgets all live blocks; the faults stay.
impl<A: Reset> Reset for ValidationAllocator<A> {
    fn reset(&mut self) {
        self.inner.reset();
        self.books().shadow = Shadow::new();
    }
}

impl<A: Usage> Usage for ValidationAllocator<A> {
    fn used(&self) -> usize {
        self.inner.used()
    }
    fn capacity(&self) -> usize {
        self.inner.capacity()
    }
}

/// Panics when faults are left in the records, unless a panic is under way.
impl<A> Drop for ValidationAllocator<A> {
    fn drop(&mut self) {
        let books = self.books();
        if !books.faults.is_empty() && !std::thread::panicking() {
            let list: String = books.faults.iter().map(|fault| format!("\n  {fault}")).collect();
            let trace = books.trace.as_ref().map(ToString::to_string).unwrap_or_default();
            panic!(
                "{} faults in the use of an allocator:{list}\nthe first one here:\n{trace}",
                books.faults.len()
            );
        }
    }
}
