//! [`ArenaState`]: an arena without its child. Everything an arena does beside the fast path is here, or, where it
//! goes back, in `back`.

use core::alloc::Layout;
use core::cell::Cell;
use core::ptr::NonNull;

use heap_core::{AllocError, Allocator};

use crate::bump::Bump;
use crate::chunk::{Chunk, Header, chain};
use crate::drops::DropList;
use crate::growth;

mod back;

pub use back::ArenaMark;

/// The size of a chunk's header in bytes.
const HEADER: usize = size_of::<Header>();

/// An arena without its child: what to store where the child is known from elsewhere.
///
/// [`Arena::into_state`](crate::Arena::into_state) makes one, [`Arena::promote`](crate::Arena::promote) makes it an arena
/// again. Dropping a state that has chunks leaks them.
///
/// # Invariants
///
/// - **S1** The chunks of the chain and the spare are live (K1 to K3), each of them once.
/// - **S2** `bump` spans the payload of the chain's head, or is empty when there is none.
/// - **S3** `held` is the sum of the sizes of the chain and the spare.
/// - **S4** `sealed` is the sum of the bytes used in the chunks below the head.
/// - **S5** `high_water` is at least what was in use each time that the head changed, and `highest`, since then, at least
///   where the cursor was each time that it went back; it is not below the head's payload.
/// - **S6** While the child is asked for a longer head, `growing` is set. It may call us meanwhile (where a function of the
///   client's sees each of its calls): what it was told of the head must hold until it is done, and afterwards nothing
///   else is what it was.
#[derive(Debug)]
#[doc(alias = "State")]
#[must_use = "dropping the state of an arena leaks its chunks"]
pub struct ArenaState {
    pub(crate) bump: Bump,
    head: Cell<Option<Chunk>>,
    /// The largest chunk that a rewind has emptied: the next round's.
    spare: Cell<Option<Chunk>>,
    held: Cell<usize>,
    limit: Cell<usize>,
    sealed: Cell<usize>,
    high_water: Cell<usize>,
    highest: Cell<NonNull<u8>>,
    growing: Cell<bool>,
    pub(crate) drops: DropList,
}

impl ArenaState {
    /// An empty arena's state. Allocates nothing.
    pub const fn new() -> Self {
        Self {
            bump: Bump::empty(),
            head: Cell::new(None),
            spare: Cell::new(None),
            held: Cell::new(0),
            limit: Cell::new(usize::MAX),
            sealed: Cell::new(0),
            high_water: Cell::new(0),
            highest: Cell::new(NonNull::dangling()),
            growing: Cell::new(false),
            drops: DropList::new(),
        }
    }

    /// What the fast path could not serve: from the spare, a larger head, or a new chunk.
    #[cold]
    #[inline(never)]
    pub(crate) fn alloc_slow<A: Allocator>(
        &self,
        child: &A,
        layout: Layout,
    ) -> Result<NonNull<u8>, AllocError> {
        if !self.use_spare(layout) && !self.grow_head(child, layout) {
            self.add_chunk(child, layout)?;
        }
        self.bump.try_alloc(layout).ok_or(AllocError)
    }

    /// Makes the spare the head, if the layout fits it.
    #[inline]
    fn use_spare(&self, layout: Layout) -> bool {
        self.spare.get().is_some_and(|spare| self.use_chunk(spare, layout))
    }

    /// Makes the spare, `spare`, the head, if the layout fits it.
    #[cold]
    fn use_chunk(&self, spare: Chunk, layout: Layout) -> bool {
        // SAFETY: S1: live, so its payload is in its block.
        let (start, end) = unsafe { (spare.base().add(HEADER), spare.end()) };
        if crate::bump::fit(start.addr().get(), end.addr().get(), layout).is_none() {
            return false;
        }
        self.spare.set(None);
        self.push_head(spare);
        true
    }

    /// Makes the head long enough for the layout, where the child can do that in place.
    #[inline]
    fn grow_head<A: Allocator>(&self, child: &A, layout: Layout) -> bool {
        if self.head.get().is_none() {
            return false;
        }
        let cursor = self.bump.cursor().addr().get();
        // A layout promises that its size and padding do not overflow together; the cursor may still be high up.
        let end = cursor.checked_add(layout.size() + (layout.align() - 1));
        let padded = end.map(|end| ((end - layout.size()) & !(layout.align() - 1)) + layout.size());
        padded.is_some_and(|end| self.grow_head_to(child, end))
    }

    /// Makes the head reach to the address `end`, where the child can do that in place.
    fn grow_head_to<A: Allocator>(&self, child: &A, end: usize) -> bool {
        let Some(head) = self.head.get().filter(|_| !self.growing.get()) else { return false };
        let least = end - head.base().addr().get();
        // SAFETY: S1.
        let size = unsafe { head.size() };
        let Some(plan) = growth::larger_chunk(size, least, self.held.get(), self.room()) else {
            return false;
        };
        self.growing.set(true);
        // SAFETY: S1; the chunk only grows, so all its bytes in use stay.
        let grown = unsafe { head.resize(child, plan) };
        self.growing.set(false);
        if !grown {
            return false;
        }
        // SAFETY: S1.
        self.held.set(self.held.get() - size + unsafe { head.size() });
        if self.head.get() != Some(head) {
            return false;
        }
        // SAFETY: S1; S2: the cursor is in this chunk, whose end has moved up.
        unsafe { self.bump.set(self.bump.cursor(), head.end()) };
        true
    }

    /// Puts a new chunk on top, for the layout at least. Gives the spare up where nothing else helps.
    fn add_chunk<A: Allocator>(&self, child: &A, layout: Layout) -> Result<(), AllocError> {
        let chunk = match self.create_chunk(child, layout) {
            Ok(chunk) => chunk,
            Err(error) => self.create_chunk_instead(child, layout, error)?,
        };
        // SAFETY: just created.
        self.held.set(self.held.get() + unsafe { chunk.size() });
        self.push_head(chunk);
        Ok(())
    }

    /// The layout does not fit the spare; without it, child and limit may have the room.
    #[cold]
    #[inline(never)]
    fn create_chunk_instead<A: Allocator>(
        &self,
        child: &A,
        layout: Layout,
        error: AllocError,
    ) -> Result<Chunk, AllocError> {
        self.free_spare(child).then_some(()).ok_or(error)?;
        self.create_chunk(child, layout)
    }

    #[inline]
    fn create_chunk<A: Allocator>(&self, child: &A, layout: Layout) -> Result<Chunk, AllocError> {
        let room = self.room();
        let plan = growth::new_chunk(HEADER, layout, self.held.get(), room).ok_or(AllocError)?;
        Chunk::create(child, plan, None, |extra| extra.min(room - plan.wanted))
    }

    /// Starts allocating from a chunk, which is in no chain, and which `held` counts.
    #[inline(always)]
    fn push_head(&self, chunk: Chunk) {
        // SAFETY: S1: both live.
        unsafe { chunk.set_prev(self.head.get()) };
        if self.head.get().is_some() {
            self.sealed.set(self.used());
            self.high_water.set(self.high_water());
        }
        // SAFETY: a live chunk without blocks.
        unsafe { self.start_at(Some(chunk)) };
    }

    /// Makes a chunk the head, or none, and sets the cursor to its payload (S2, S5).
    ///
    /// # Safety
    ///
    /// The chunk is live, and the bytes of its payload are nobody's.
    #[inline]
    unsafe fn start_at(&self, head: Option<Chunk>) {
        let (start, end) = match head {
            // SAFETY: live, as promised.
            Some(chunk) => unsafe { (chunk.base().add(HEADER), chunk.end()) },
            None => (Bump::empty().end(), Bump::empty().end()),
        };
        self.head.set(head);
        self.highest.set(start);
        // SAFETY: the payload of a live chunk, or nothing.
        unsafe { self.bump.set(start, end) };
    }

    /// Gives the spare back to the child; whether there was one.
    #[inline]
    fn free_spare<A: Allocator>(&self, child: &A) -> bool {
        let Some(spare) = self.spare.take() else { return false };
        // SAFETY: S1; no block is in a spare.
        unsafe {
            self.held.set(self.held.get() - spare.size());
            spare.free(child);
        }
        true
    }

    /// Makes sure that `bytes` more can be allocated without a call to the child.
    pub(crate) fn reserve<A: Allocator>(&self, child: &A, bytes: usize) -> Result<(), AllocError> {
        let layout = Layout::from_size_align(bytes, 1).map_err(|_| AllocError)?;
        if bytes <= self.bump.room() || self.use_spare(layout) || self.grow_head(child, layout) {
            return Ok(());
        }
        self.add_chunk(child, layout)
    }

    /// See [`Allocator::resize`].
    ///
    /// # Safety
    ///
    /// As there, for a block with memory.
    #[inline]
    pub(crate) unsafe fn resize<A: Allocator>(
        &self,
        child: &A,
        block: NonNull<u8>,
        layout: Layout,
        new_size: usize,
    ) -> bool {
        if !self.bump.is_last(block, layout.size()) {
            return new_size <= layout.size();
        }
        if new_size < layout.size() {
            self.note_highest();
        }
        // SAFETY: the caller's promise; the newest block.
        if unsafe { self.bump.resize_last(block, layout, new_size) } {
            return true;
        }
        // SAFETY: the same.
        unsafe { self.resize_slow(child, block, layout, new_size) }
    }

    /// Grows the newest block beyond its chunk, where the child can lengthen that.
    ///
    /// # Safety
    ///
    /// As for [`resize`](Self::resize); `block` is the newest.
    #[cold]
    #[inline(never)]
    unsafe fn resize_slow<A: Allocator>(
        &self,
        child: &A,
        block: NonNull<u8>,
        layout: Layout,
        new_size: usize,
    ) -> bool {
        let end = block.addr().get().checked_add(new_size);
        // SAFETY: the caller's promise; the newest block, still (S6).
        end.is_some_and(|end| self.grow_head_to(child, end))
            && self.bump.is_last(block, layout.size())
            && unsafe { self.bump.resize_last(block, layout, new_size) }
    }

    /// See [`Allocator::free`].
    ///
    /// # Safety
    ///
    /// As there, for a block with memory.
    #[inline]
    pub(crate) unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        if self.bump.is_last(block, layout.size()) {
            self.note_highest();
            // SAFETY: the caller's promise; the newest block.
            unsafe { self.bump.free_last(layout.size()) };
        }
    }

    /// Whether an address lies in a chunk of the chain.
    pub(crate) fn owns(&self, block: NonNull<u8>) -> bool {
        // SAFETY: S1.
        let inside = |chunk: Chunk| (chunk.base()..unsafe { chunk.end() }).contains(&block);
        // SAFETY: S1.
        unsafe { chain(self.head.get()) }.any(inside)
    }

    /// Bytes used in the head, padding included.
    #[inline]
    fn used_in_head(&self) -> usize {
        self.head.get().map_or(0, |head| self.bump.cursor().addr().get() - head.base().addr().get() - HEADER)
    }

    /// Bytes in use: blocks, padding, blocks freed out of order. O(1).
    #[inline]
    pub(crate) fn used(&self) -> usize {
        self.sealed.get() + self.used_in_head()
    }

    /// The most that was ever in use. O(1).
    pub(crate) fn high_water(&self) -> usize {
        let since = self.highest.get().max(self.bump.cursor()).addr().get() - self.bump.cursor().addr().get();
        self.high_water.get().max(self.used() + since)
    }

    /// To be called before the cursor goes back (S5).
    #[inline]
    fn note_highest(&self) {
        if self.bump.cursor() > self.highest.get() {
            self.highest.set(self.bump.cursor());
        }
    }

    /// Usable bytes of all chunks. O(chunks).
    pub(crate) fn capacity(&self) -> usize {
        // SAFETY: S1, for the chain and the spare.
        let chunks = unsafe { chain(self.head.get()) }.count() + usize::from(self.spare.get().is_some());
        self.held.get() - chunks * HEADER
    }

    /// How many chunks there are. O(chunks).
    pub(crate) fn chunks(&self) -> usize {
        // SAFETY: S1.
        unsafe { chain(self.head.get()) }.count() + usize::from(self.spare.get().is_some())
    }

    pub(crate) fn held(&self) -> usize {
        self.held.get()
    }

    /// Bytes that may be taken from the child until the limit is reached.
    fn room(&self) -> usize {
        self.limit.get().saturating_sub(self.held.get())
    }

    pub(crate) fn set_limit(&self, limit: usize) {
        self.limit.set(limit);
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit.get()
    }
}

// SAFETY: a state does nothing by itself. Who makes an arena of it promises that its child is the one that the chunks came
// from, and so that this child may be used there; values to drop are `Send`.
unsafe impl Send for ArenaState {}

impl Default for ArenaState {
    fn default() -> Self {
        Self::new()
    }
}
