//! The depot of a size class: a few places where threads leave and take whole chains, one atomic operation each.
//!
//! Not a linked stack: taking from one would read a link inside a chain that another thread may just have taken (ABA). A
//! place holds a chain or nothing; `swap` and `compare_exchange` on it are all there is.

use core::ptr;

use crate::chain::Link;
use crate::sync::{AtomicPtr, Ordering};

/// Places of one class: two cache lines. Two are enough for a model, and let it finish.
pub(crate) const PLACES: usize = if cfg!(loom) { 2 } else { 16 };

/// Parts of a depot, and of a slab, at whose firsts threads begin to look: as many as a group has processors.
pub(crate) const CORNERS: usize = 4;

/// Full chains of one class that belong to no thread. Aligned, so that its lines are its own.
///
/// # Invariants
///
/// - **P1** A place is null or the first block of a full chain that is owned by the place alone.
///
/// A thread fills the places from its corner's first on, round to the one before it, and empties first the half that begins there:
/// so as long as few chains wait, it gets back what it left, or what was left on its processor.
#[derive(Debug)]
#[repr(align(128))]
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

    /// Leaves a full chain, which the caller gives up. `false`: no place is free, as it seems, and the chain is still the caller's.
    /// At most the first `places` are used, those from the corner's first on before the ones below it.
    pub(crate) fn push(&self, chain: *mut Link, places: usize, corner: usize) -> bool {
        let places = self.first(places);
        if own_half(places, corner).any(|place| fill(place, chain)) {
            return true;
        }
        // Only now the other cache line. The other half is filled from its first on as well: if the last one is taken, it is full.
        let others = || own_half(places, corner + CORNERS / 2);
        others().next_back().is_some_and(|last| seems(last, true)) && others().any(|place| fill(place, chain))
    }

    /// Takes a full chain, or null if it seems empty: from the corner and the next one, the last place first, since it was filled last
    /// and is warmest; else any.
    pub(crate) fn pop(&self, places: usize, corner: usize) -> *mut Link {
        let places = self.first(places);
        for place in own_half(places, corner).rev() {
            let chain = take(place);
            if !chain.is_null() {
                return chain;
            }
        }
        if seem_empty(places) { ptr::null_mut() } else { self.pop_any() }
    }

    /// As [`push`](Self::push) for a thread that is alone: from the first place on.
    #[inline]
    pub(crate) fn push_alone(&self, chain: *mut Link, places: usize) -> bool {
        let places = self.first(places);
        seems(&places[places.len() - 1], true) && places.iter().any(|place| fill(place, chain))
    }

    /// As [`pop`](Self::pop) for a thread that is alone: the last one of all.
    #[inline]
    pub(crate) fn pop_alone(&self, places: usize) -> *mut Link {
        // Unless others, who have gone, left chains at their corners, it is empty if the first place is.
        if !seems(&self.places[0], false) && seem_empty(self.first(places)) {
            return ptr::null_mut();
        }
        self.pop_any()
    }

    /// The first `places`, of which there is one at the least.
    #[inline]
    fn first(&self, places: usize) -> &[AtomicPtr<Link>] {
        &self.places[..places.clamp(1, PLACES)]
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

/// The first of so many places that is a corner's, for numbers of corners that go on behind the last. In a slab as in a depot.
#[inline]
pub(crate) fn first_of(corner: usize, places: usize) -> usize {
    corner * places / CORNERS
}

/// The places of a corner and of the next one, in the order in which they are filled. Of sixteen, those of opposite corners are a cache
/// line each.
#[inline]
fn own_half(places: &[AtomicPtr<Link>], corner: usize) -> impl DoubleEndedIterator<Item = &AtomicPtr<Link>> {
    let count = places.len();
    let all = first_of(corner, count)..first_of(corner + CORNERS / 2, count);
    all.map(move |at| &places[if at < count { at } else { at - count }])
}

/// Whether no place seems taken: each corner is emptied down to its first place, so if those are free, the rest is, too, or was
/// filled just now.
#[inline]
fn seem_empty(places: &[AtomicPtr<Link>]) -> bool {
    !cfg!(loom) && (0..CORNERS).all(|corner| seems(&places[first_of(corner, places.len())], true))
}

/// Leaves a chain in a place, if it is free.
#[inline]
fn fill(place: &AtomicPtr<Link>, chain: *mut Link) -> bool {
    // Release pairs with the acquire in `take`: the links are written before the chain is seen.
    seems(place, true)
        && place.compare_exchange(ptr::null_mut(), chain, Ordering::Release, Ordering::Relaxed).is_ok()
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
    use std::vec::Vec;

    use super::*;

    /// Chains are only moved, never looked at.
    fn chain(number: usize) -> *mut Link {
        ptr::without_provenance_mut(16 * number)
    }

    #[test]
    fn a_thread_gets_back_what_it_left_last_as_long_as_little_waits() {
        for places in 2..=PLACES {
            let depot = Depot::new();
            // Opposite ones, as two processors have them.
            let corners = [0, 2];
            for number in 1..=places / 2 {
                for corner in corners {
                    assert!(depot.push(chain(4 * number + corner), places, corner));
                }
            }
            for number in (1..=places / 2).rev() {
                for corner in corners {
                    assert_eq!(depot.pop(places, corner), chain(4 * number + corner), "{number} of {places}");
                }
            }
        }
    }

    #[test]
    fn every_place_is_filled_and_emptied_from_every_corner() {
        for places in 2..=PLACES {
            for (filled, emptied) in (0..CORNERS).flat_map(|one| (0..CORNERS).map(move |other| (one, other)))
            {
                let depot = Depot::new();
                (1..=places).for_each(|number| assert!(depot.push(chain(number), places, filled)));
                assert!(!depot.push(chain(99), places, filled) && depot.count() == places);
                let mut seen: Vec<_> = (0..places).map(|_| depot.pop(places, emptied)).collect();
                seen.sort_unstable();
                assert!(seen.into_iter().eq((1..=places).map(chain)), "{places} {filled} {emptied}");
                assert!(depot.pop(places, emptied).is_null());
            }
        }
    }

    #[test]
    fn a_thread_that_is_alone_finds_what_others_left() {
        for places in 2..=PLACES {
            for corner in 0..CORNERS {
                let depot = Depot::new();
                assert!(depot.push(chain(1), places, corner));
                assert_eq!((depot.pop_alone(places), depot.pop_alone(places)), (chain(1), ptr::null_mut()));
            }
        }
    }
}
