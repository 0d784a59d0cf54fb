//! How large the next chunk is: a pure function of what is held and what is asked.
//!
//! The wish is to double: to have in the new chunk as much as is held already, so that the number of chunks is
//! logarithmic in the bytes handed out. Where memory or the limit does not allow it, the least size that serves the
//! request is taken instead.
#![forbid(unsafe_code)]

use core::alloc::Layout;

/// The alignment of chunks in bytes: what `malloc` gives on 64-bit systems. Larger ones are padded for.
pub(crate) const CHUNK_ALIGN: usize = 16;

/// The first chunk's size in bytes, header included: small, because programs have many small arenas.
pub(crate) const FIRST_CHUNK: usize = 512;

/// Sizes in bytes, header included, for a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Serves the request at hand.
    pub(crate) least: usize,
    /// Serves later ones too.
    pub(crate) wanted: usize,
}

/// The bytes that a block may need from a chunk's first payload byte on, padding included.
const fn span_of(layout: Layout) -> Option<usize> {
    layout.size().checked_add(layout.align().saturating_sub(CHUNK_ALIGN))
}

/// A new chunk for a layout: as large as `wish`, if it may have `room` bytes at most. `None`: there is no such size.
pub(crate) const fn new_chunk(header: usize, layout: Layout, wish: usize, room: usize) -> Option<Plan> {
    let Some(span) = span_of(layout) else { return None };
    let Some(least) = header.checked_add(span) else { return None };
    if least > room {
        return None;
    }
    Some(Plan { least, wanted: clamp(if wish > FIRST_CHUNK { wish } else { FIRST_CHUNK }, least, room) })
}

/// A larger size for a chunk of `size` bytes which must become `least` bytes long: `wish` bytes more, if it may have
/// `room` bytes more at most.
pub(crate) const fn larger_chunk(size: usize, least: usize, wish: usize, room: usize) -> Option<Plan> {
    let most = size.saturating_add(room);
    if least > most {
        return None;
    }
    Some(Plan { least, wanted: clamp(size.saturating_add(wish), least, most) })
}

/// `wanted`, but within `least..=most`.
const fn clamp(wanted: usize, least: usize, most: usize) -> usize {
    if wanted < least {
        least
    } else if wanted > most {
        most
    } else {
        wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AMPLE: usize = usize::MAX;

    fn bytes(size: usize) -> Layout {
        Layout::from_size_align(size, 1).unwrap()
    }

    #[test]
    fn the_total_doubles_with_each_chunk() {
        let mut held = 0;
        let sizes = [512, 512, 1024, 2048, 4096, 8192];
        for size in sizes {
            let plan = new_chunk(16, bytes(100), held, AMPLE).unwrap();
            assert_eq!(plan, Plan { least: 116, wanted: size });
            held += plan.wanted;
        }
    }

    #[test]
    fn a_large_request_gets_a_chunk_of_its_own_size() {
        assert_eq!(new_chunk(16, bytes(5000), 1024, AMPLE), Some(Plan { least: 5016, wanted: 5016 }));
    }

    #[test]
    fn only_alignment_beyond_the_chunks_is_padded_for() {
        let least = |align| {
            new_chunk(16, Layout::from_size_align(64, align).unwrap(), 0, AMPLE).map(|plan| plan.least)
        };
        assert_eq!((least(8), least(16), least(4096)), (Some(80), Some(80), Some(80 + 4080)));
    }

    #[test]
    fn the_room_shortens_the_wish_and_refuses_the_rest() {
        assert_eq!(new_chunk(16, bytes(100), 512, 188), Some(Plan { least: 116, wanted: 188 }));
        assert_eq!(new_chunk(16, bytes(100), 512, 115), None);
        assert_eq!(larger_chunk(512, 600, 512, 188), Some(Plan { least: 600, wanted: 700 }));
        assert_eq!(larger_chunk(512, 701, 512, 188), None);
    }

    #[test]
    fn absurd_requests_have_no_size_or_one_that_no_layout_has() {
        let most = bytes(isize::MAX as usize);
        let plan = new_chunk(16, most, 0, AMPLE).unwrap();
        assert!(Layout::from_size_align(plan.least, CHUNK_ALIGN).is_err());
        let steep = Layout::from_size_align(1, 1 << (usize::BITS - 2)).unwrap();
        assert!(
            new_chunk(usize::MAX / 2, steep, 0, AMPLE).is_some_and(|plan| plan.least > isize::MAX as usize)
        );
        assert_eq!(new_chunk(usize::MAX - 10, most, 0, AMPLE), None);
    }
}
