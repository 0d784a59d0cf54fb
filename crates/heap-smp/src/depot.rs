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
/// A thread fills the places from its corner's first on, round to the one before it, and empties first the half that begins there:
/// so as long as few chains wait, it gets back what it left, or what was left on its processor.
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
    /// At most the first `places` are used, those from `start` on before the ones below it.
    pub(crate) fn push(&self, chain: *mut Link, places: usize, start: usize) -> bool {
        let places = &self.places[..places.min(PLACES)];
        let (below, from) = places.split_at(start.min(places.len()));
        for place in from.iter().chain(below) {
            if seems(place, true)
                // Release pairs with the acquire in `take`: the links are written before the chain is seen.
                && place.compare_exchange(ptr::null_mut(), chain, Ordering::Release, Ordering::Relaxed).is_ok()
            {
                return true;
            }
        }
        false
    }

    /// Takes a full chain, or null: of the half of the first `places` that begins at `start`, the last one first, since it was left
    /// last and is warmest; else any.
    pub(crate) fn pop(&self, places: usize, start: usize) -> *mut Link {
        let places = &self.places[..places.min(PLACES)];
        let (below, from) = places.split_at(start.min(places.len()));
        let half = places.len() / 2;
        let (own, round) = (from.len().min(half), half.saturating_sub(from.len()));
        for place in below[..round].iter().rev().chain(from[..own].iter().rev()) {
            let chain = take(place);
            if !chain.is_null() {
                return chain;
            }
        }
        self.pop_any()
    }

    /// As [`pop`](Self::pop); null only if each place was empty when it was looked at.
    pub(crate) fn pop_any(&self) -> *mut Link {
        for place in self.places.iter().rev() {
            let chain = take(place);
            if !chain.is_null() {
                return chain;
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

/// What a place holds, or null.
#[inline]
fn take(place: &AtomicPtr<Link>) -> *mut Link {
    if seems(place, false) { place.swap(ptr::null_mut(), Ordering::Acquire) } else { ptr::null_mut() }
}

/// Whether a place is worth an attempt: a plain load that spares an atomic operation which would fail. The models do without it:
/// loom remembers one reader of a location, so the look of one thread would hide the other's.
#[inline]
fn seems(place: &AtomicPtr<Link>, empty: bool) -> bool {
    cfg!(loom) || place.load(Ordering::Relaxed).is_null() == empty
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Chains are only moved, never looked at.
    fn chain(number: usize) -> *mut Link {
        ptr::without_provenance_mut(16 * number)
    }

    #[test]
    fn a_thread_gets_back_what_it_left_last_as_long_as_little_waits() {
        for places in 2..=PLACES {
            let depot = Depot::new();
            let starts = [0, places / 2];
            for number in 1..=places / 2 {
                for (side, start) in starts.into_iter().enumerate() {
                    assert!(depot.push(chain(2 * number + side), places, start));
                }
            }
            for number in (1..=places / 2).rev() {
                for (side, start) in starts.into_iter().enumerate() {
                    assert_eq!(depot.pop(places, start), chain(2 * number + side), "{number} of {places}");
                }
            }
        }
    }

    #[test]
    fn every_place_is_filled_and_emptied_from_every_start() {
        for places in 2..=PLACES {
            for (start, other) in (0..places).flat_map(|start| (0..places).map(move |other| (start, other))) {
                let depot = Depot::new();
                (1..=places).for_each(|number| assert!(depot.push(chain(number), places, start)));
                assert!(!depot.push(chain(99), places, start) && depot.count() == places);
                let mut seen: Vec<_> = (0..places).map(|_| depot.pop(places, other)).collect();
                seen.sort_unstable();
                assert!(seen.into_iter().eq((1..=places).map(chain)) && depot.pop(places, other).is_null());
            }
        }
    }
}
