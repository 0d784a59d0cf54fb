//! [`List`]: spans in a row, through links of their own.

use core::ptr;

use crate::span::{Links, Span};

/// A doubly linked list of spans, over their links `all` or `some`.
///
/// # Invariants
///
/// - **N0** All zero is an empty list.
/// - **N1** From `head` over `next` to `tail` and back over `prev`; each member in no other list over the same links.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List<const ALL: bool> {
    head: *const Span,
    tail: *const Span,
}

impl<const ALL: bool> List<ALL> {
    #[inline]
    fn links(span: &Span) -> &Links {
        if ALL { &span.all } else { &span.some }
    }

    /// The first member. The reference is good for the instance's life (P1).
    #[inline]
    pub(crate) fn first<'a>(&self) -> Option<&'a Span> {
        // SAFETY: N1 and P1: null or a record.
        unsafe { self.head.as_ref() }
    }

    /// The member behind another.
    fn after<'a>(span: &Span) -> Option<&'a Span> {
        // SAFETY: N1 and P1.
        unsafe { Self::links(span).next.get().as_ref() }
    }

    /// All members; one that was returned may leave the list before the next is asked for only at the end.
    pub(crate) fn iter<'a>(self) -> impl Iterator<Item = &'a Span> {
        core::iter::successors(self.first(), |&span| Self::after(span))
    }

    pub(crate) fn push_back(&mut self, span: &Span) {
        let links = Self::links(span);
        links.prev.set(self.tail);
        links.next.set(ptr::null());
        // SAFETY: N1 and P1.
        match unsafe { self.tail.as_ref() } {
            Some(tail) => Self::links(tail).next.set(span),
            None => self.head = span,
        }
        self.tail = span;
    }

    /// Takes a member out.
    pub(crate) fn remove(&mut self, span: &Span) {
        let links = Self::links(span);
        let (prev, next) = (links.prev.replace(ptr::null()), links.next.replace(ptr::null()));
        // SAFETY: N1 and P1.
        match unsafe { prev.as_ref() } {
            Some(prev) => Self::links(prev).next.set(next),
            None => self.head = next,
        }
        // SAFETY: N1 and P1.
        match unsafe { next.as_ref() } {
            Some(next) => Self::links(next).prev.set(prev),
            None => self.tail = prev,
        }
    }

    pub(crate) fn pop_front<'a>(&mut self) -> Option<&'a Span> {
        let span = self.first()?;
        self.remove(span);
        Some(span)
    }
}
