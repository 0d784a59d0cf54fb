//! What both pools of items do alike: stamped on [`Pool`](crate::Pool) and [`SyncPool`](crate::SyncPool).
//!
//! A macro, because the methods are inherent ones: nobody has to import a trait to use a pool. Each is a line; what is
//! behind it is in [`item`](crate::item), once.

/// The operations on items of type `T`, and the traits, of a pool whose slots are those of its field `raw`.
macro_rules! typed_pool {
    ([$($generics:tt)*] $pool:ty) => {
        impl<$($generics)*> $pool {
            /// Gets `count` more slots from the child at once: one call, whatever the count.
            ///
            /// ```
            /// use heap_pool::Pool;
            /// let pool = Pool::<u64>::new();
            /// pool.preheat(1000)?;
            /// assert!(pool.slots() >= 1000);
            /// # Ok::<(), heap_core::AllocError>(())
            /// ```
            ///
            /// # Errors
            ///
            /// [`AllocError`] when the child refuses; the slots that were there still are.
            #[doc(alias = "addCapacity")]
            pub fn preheat(&self, count: usize) -> Result<(), AllocError> {
                self.raw.preheat(count)
            }

            /// Moves a value into a slot. O(1), but for a call to the child when there are no more slots.
            ///
            /// The pointer is good for reads and writes until the item is destroyed, the pool is reset or dropped; the client
            /// makes no references of it that overlap with those of [`iter_mut`](Self::iter_mut).
            ///
            /// # Errors
            ///
            /// [`AllocError`] when no slot is free and the child refuses, or the pool may not grow; the value is dropped.
            /// [`create_with`](Self::create_with) makes it only when there is a slot.
            #[inline]
            pub fn create(&self, value: T) -> Result<NonNull<T>, AllocError> {
                crate::item::create(self, value)
            }

            /// Moves what `value` returns into a slot; calls it only when there is one.
            ///
            /// # Errors
            ///
            /// As for [`create`](Self::create).
            #[inline]
            pub fn create_with(&self, value: impl FnOnce() -> T) -> Result<NonNull<T>, AllocError> {
                crate::item::create_with(self, value)
            }

            /// Moves a value into a slot and returns a box, which drops it and gives the slot back.
            ///
            /// # Errors
            ///
            /// As for [`create`](Self::create).
            #[inline]
            pub fn boxed(&self, value: T) -> Result<PoolBox<'_, T, Self>, AllocError> {
                let item = self.create(value)?;
                // SAFETY: a live item of this pool that nobody else knows.
                Ok(unsafe { PoolBox::from_raw(item, self) })
            }

            /// Drops an item and gives its slot back. O(1).
            ///
            /// Should the value's `Drop` panic, the slot is free none the less.
            ///
            /// # Safety
            ///
            /// `item` came from [`create`](Self::create) or [`PoolBox::into_raw`] and is live, and nobody uses it again. Of a
            /// shared pool, only a `T` that is [`Send`] is destroyed on another thread than the one that made it. (In checked
            /// builds, a wrong one ends the process with a message: see [`RawPool`](crate::RawPool).)
            #[inline]
            pub unsafe fn destroy(&self, item: NonNull<T>) {
                // SAFETY: the caller's promise is the same.
                unsafe { crate::item::destroy(self, item) };
            }

            /// Moves an item's value out and gives its slot back. O(1).
            ///
            /// # Safety
            ///
            /// As for [`destroy`](Self::destroy).
            #[inline]
            pub unsafe fn take_out(&self, item: NonNull<T>) -> T {
                // SAFETY: the caller's promise is the same.
                unsafe { crate::item::take_out(self, item) }
            }

            /// The live items, each once, in no particular order.
            ///
            /// It costs create and destroy nothing. Each call is O(slots), with a bit for each slot, which slabs have room for:
            /// no memory is asked for. Boxes are not among the items, since none can be left; forgotten and leaked ones are.
            ///
            /// ```
            /// use heap_pool::Pool;
            /// let mut pool = Pool::new();
            /// let [a, b, c] = [1, 2, 3].map(|n| pool.create(n));
            /// // SAFETY: a live item of this pool, not used again.
            /// unsafe { pool.destroy(b?) };
            /// pool.iter_mut().for_each(|n| *n *= 10);
            /// // SAFETY: live items, and the iterator is gone.
            /// assert_eq!(unsafe { (a?.read(), c?.read()) }, (10, 30));
            /// # Ok::<(), heap_core::AllocError>(())
            /// ```
            pub fn iter_mut(&mut self) -> IterMut<'_, T> {
                // SAFETY: W1: the pool is borrowed exclusively for as long. I1: a slot handed out holds a `T`: `create_with` has no
                // caller during an exclusive borrow, and gives its slot back if it unwinds. Nobody else uses it: no box is left,
                // and clients of `create` were told.
                unsafe { IterMut::new(self.raw.live_slots()) }
            }

            /// Drops all live items; all slots are kept and free. O(slots).
            ///
            /// Should a `Drop` panic, the items that were still to be dropped are forgotten.
            pub fn clear(&mut self) {
                // SAFETY: the pool stays borrowed. I1 as in `iter_mut`.
                unsafe {
                    crate::item::clear::<T, _>(&mut self.raw, |raw| raw.live_slots(), |raw| _ = raw.reset(ResetMode::RetainCapacity));
                }
            }

            /// Forgets all items **without dropping them**, and keeps of the slabs what `mode` says, in bytes of slots.
            ///
            /// What stays is used again without a call to the child: see [`RawPool::reset`](crate::RawPool::reset).
            pub fn reset(&mut self, mode: ResetMode) -> bool {
                self.raw.reset(mode)
            }

            /// How many slots there are, free ones and others. O(1).
            #[must_use]
            #[doc(alias = "capacity")]
            pub fn slots(&self) -> usize {
                self.raw.slots()
            }

            /// The size of a slot in bytes: what an item really takes.
            #[must_use]
            #[doc(alias = "item_size")]
            pub const fn slot_size(&self) -> usize {
                self.raw.slot_size()
            }

            /// The alignment of slots in bytes.
            #[must_use]
            #[doc(alias = "item_alignment")]
            pub const fn slot_align(&self) -> usize {
                self.raw.slot_align()
            }
        }

        impl<$($generics)*> crate::item::Sealed for $pool {}

        // SAFETY: the slots are made for the layout of `T`; each is handed out once.
        unsafe impl<$($generics)*> crate::item::Slots<T> for $pool {
            #[inline(always)]
            unsafe fn take(&self) -> Result<NonNull<T>, AllocError> {
                Ok(self.raw.alloc_slot()?.cast())
            }

            #[inline(always)]
            unsafe fn put(&self, slot: NonNull<T>) {
                // SAFETY: the caller's promise.
                unsafe { self.raw.free_slot(slot.cast()) };
            }

            #[inline(always)]
            fn check(&self, item: NonNull<T>) {
                self.raw.check_live(item.cast());
            }
        }

        impl<$($generics)*> heap_core::Reset for $pool {
            /// All slots are kept.
            fn reset(&mut self) {
                <$pool>::reset(self, ResetMode::RetainCapacity);
            }
        }

        /// In bytes of slots.
        impl<$($generics)*> heap_core::Usage for $pool {
            fn used(&self) -> usize {
                self.raw.used()
            }
            fn capacity(&self) -> usize {
                self.raw.capacity()
            }
        }
    };
}
pub(crate) use typed_pool;
