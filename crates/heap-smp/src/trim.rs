//! Pages of slabs that no client needs: when a class has been quiet, the pages whose slots are all home lose their contents.
//!
//! One block that is still out keeps a whole slab; it need not keep the slab's other pages resident.

use core::ptr::NonNull;

use heap_os::pages;

use crate::bits;
use crate::central::Slabs;
use crate::config::UNIT;
use crate::lock::Lock;
use crate::segment::Span;
use crate::size::Class;

/// Slabs looked at under one holding of the class's lock.
const SLABS_AT_ONCE: usize = 64;

/// Trims all slabs of a class that were not trimmed since they were last used, some under each holding of the class's
/// lock. Returns bytes.
pub(crate) fn trim(slabs: &Lock<Slabs>, class: &Class) -> usize {
    let mut bytes = 0;
    while trim_some(&mut slabs.lock(), class, &mut bytes) {}
    bytes
}

/// Trims some slabs. Says whether there may be more.
fn trim_some(slabs: &mut Slabs, class: &Class, bytes: &mut usize) -> bool {
    let mut left = SLABS_AT_ONCE;
    let mut next = slabs.first();
    while let Some(span) = NonNull::new(next) {
        // SAFETY: a listed span is a slab of this class, in books that are never unmapped.
        let span = unsafe { span.as_ref() };
        // SAFETY: S2: the lock of the class is held, and no other reference to the state is alive.
        let state = unsafe { &mut *span.slab.get() };
        next = state.next;
        if !state.trimmed {
            if left == 0 {
                return true;
            }
            left -= 1;
            state.trimmed = true;
            *bytes += trim_slab(span, class);
        }
    }
    false
}

/// Gives back the contents of the pages of a slab whose slots are all home. Returns bytes.
fn trim_slab(span: &Span, class: &Class) -> usize {
    let mut bytes = 0;
    let page = pages::page_size();
    let count = span.units() * UNIT / page;
    let mut from = 0;
    while from < count {
        let run = (from..count).take_while(|&at| is_free(span, class, at * page, page)).count();
        if run > 0 {
            let base = span.base().wrapping_add(from * page);
            // SAFETY: the pages are the slab's, and each of their slots is home (Z2), so nobody relies on their contents: a
            // slot's bytes mean something only while it is out. They stay accessible. If the system refuses, nothing is lost.
            let _ = NonNull::new(base).map(|base| unsafe {
                if pages::DECOMMIT_KEEPS_ACCESS {
                    pages::decommit(base, run * page)
                } else {
                    pages::advise_free(base, run * page)
                }
            });
            bytes += run * page;
        }
        from += run + 1;
    }
    bytes
}

/// Whether all slots that reach into `len` bytes at `offset` are home.
fn is_free(span: &Span, class: &Class, offset: usize, len: usize) -> bool {
    let slots = class.slots as usize;
    let first = class.slot_at(offset);
    let last = class.slot_at(offset + len - 1).min(slots - 1);
    // SAFETY: S2: the lock of the class is held; the words of slots up to `last` are in the slab's bitmap.
    let word = |at: usize| unsafe { span.bits().add(at).read() };
    first > last || bits::run_at(word, first, last + 1 - first) == last + 1 - first
}
