//! The depot of a size class: a few places where threads leave and take whole chains, one atomic operation each.
//!
//! Not a linked stack: taking from one would read a link inside a chain that another thread may just have taken (ABA). A
//! place holds a chain or nothing; `swap` and `compare_exchange` on it are all there is.

use core::ptr;

use crate::chain::Link;
use crate::sync::{AtomicPtr, Ordering};

/// Places of one class: two cache lines. Two are enough for a model, and let it finish.
pub(crate) const PLACES: usize = if cfg!(loom) { 2 } else { 16 };

/// Full chains of one class that belong to no thread.
///
/// # Invariants
///
/// - **P1** A place is null or the first block of a full chain that is owned by the place alone.
///
/// Places are filled from the first on and emptied from the last on, so that one look at either end mostly tells whether it is
/// empty or full. Threads that come at once may leave gaps; nothing relies on there being none.
#[derive(Debug)]
pub(crate) struct Depot {
    places: [AtomicPtr<Link>; PLACES],
}

impl Depot {
    #[cfg(not(loom))]
    pub(crate) const fn new() -> Self {
        Self { places: [const { AtomicPtr::new(ptr::null_mut()) }; PLACES] }
    }

    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self { places: core::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())) }
    }

    /// Leaves a full chain, which the caller gives up. `false`: no place is free, the chain is still the caller's.
    /// At most the first `places` are used.
    pub(crate) fn push(&self, chain: *mut Link, places: usize) -> bool {
        // Filled from the first on: the last one taken, and it is full, as far as the next chain goes.
        if !seems(&self.places[places.min(PLACES) - 1], true) {
            return false;
        }
        for place in self.places.iter().take(places) {
            if seems(place, true)
                // Release pairs with the acquire in `pop`: the links are written before the chain is seen.
                && place.compare_exchange(ptr::null_mut(), chain, Ordering::Release, Ordering::Relaxed).is_ok()
            {
                return true;
            }
        }
        false
    }

    /// Takes a full chain, or null if it seems empty. The last places first: what was left there last is warmest.
    pub(crate) fn pop(&self) -> *mut Link {
        // Emptied down to the first: if that is free, the rest is, too, or was filled just now.
        if seems(&self.places[0], false) { self.pop_any() } else { ptr::null_mut() }
    }

    /// As [`pop`](Self::pop); null only if each place was empty when it was looked at.
    pub(crate) fn pop_any(&self) -> *mut Link {
        for place in self.places.iter().rev() {
            if seems(place, false) {
                let chain = place.swap(ptr::null_mut(), Ordering::Acquire);
                if !chain.is_null() {
                    return chain;
                }
            }
        }
        ptr::null_mut()
    }

    /// Chains that it holds.
    #[cfg(not(loom))]
    pub(crate) fn count(&self) -> usize {
        // Relaxed: a look in passing.
        self.places.iter().filter(|place| !place.load(Ordering::Relaxed).is_null()).count()
    }

    /// A sum over what the places hold: the same again, most likely, if nothing was left or taken. Zero: empty.
    #[cfg(not(loom))]
    pub(crate) fn trace(&self) -> usize {
        let sum =
            |sum: usize, place: &AtomicPtr<Link>| sum.wrapping_add(place.load(Ordering::Relaxed).addr());
        self.places.iter().fold(0, sum)
    }
}

/// Whether a place is worth an attempt: a plain load that spares an atomic operation which would fail. The models do without it:
/// loom remembers one reader of a location, so the look of one thread would hide the other's.
#[inline]
fn seems(place: &AtomicPtr<Link>, empty: bool) -> bool {
    cfg!(loom) || place.load(Ordering::Relaxed).is_null() == empty
}
