//! Spec 15.13: alignment arithmetic.

use core::alloc::Layout;
use core::ptr::without_provenance_mut;

use heap_core::{Alignment, NotAPowerOfTwo};

fn of(bytes: usize) -> Alignment {
    Alignment::new(bytes).unwrap()
}

/// U-AM-01
#[test]
fn a_pointer_is_aligned_by_whole_elements_or_not_at_all() {
    let align =
        |addr, bytes| of(bytes).align_pointer::<u8>(without_provenance_mut(addr)).map(<*mut u8>::addr);
    assert_eq!(align(0x123, 0x200), Some(0x200));
    assert_eq!(align(0x200, 0x200), Some(0x200));
    assert_eq!(align(usize::MAX - 6, 8), None, "the next multiple is past the end");
    assert_eq!(align(usize::MAX - 7, 8), Some(usize::MAX - 7));

    let words =
        |addr, bytes| of(bytes).align_pointer::<u32>(without_provenance_mut(addr)).map(<*mut u32>::addr);
    assert_eq!(words(0x124, 0x10), Some(0x130));
    assert_eq!(words(0x122, 0x10), None, "14 bytes away: inside the fourth u32");
    let nothing = |addr, bytes| of(bytes).align_pointer::<()>(without_provenance_mut(addr));
    assert_eq!(nothing(0x10, 0x10).map(<*mut ()>::addr), Some(0x10));
    assert_eq!(nothing(0x11, 0x10), None, "no number of empty values reaches it");
}

/// U-AM-02
#[test]
fn forward_is_the_next_multiple() {
    for (addr, align, next) in [
        (0, 1, 0),
        (1, 1, 1),
        (0, 2, 0),
        (1, 2, 2),
        (2, 2, 2),
        (3, 2, 4),
        (0, 8, 0),
        (1, 8, 8),
        (7, 8, 8),
        (8, 8, 8),
        (9, 8, 16),
        (15, 8, 16),
        (16, 8, 16),
        (17, 8, 24),
    ] {
        assert_eq!(of(align).forward(addr), Some(next), "{addr} to {align}");
        assert_eq!(of(align).forward_wrapping(addr), next);
    }
}

/// U-AM-03
#[test]
fn a_multiple_is_aligned_and_nothing_else() {
    for (addr, align, aligned) in [
        (4, 4, true),
        (4, 8, false),
        (0, 16, true),
        (1, 1, true),
        (24, 8, true),
        (25, 8, false),
        (26, 2, true),
    ] {
        assert_eq!(of(align).is_aligned(addr), aligned, "{addr} to {align}");
    }
}

/// D-AM-01
#[test]
fn forward_backward_and_check_agree_at_both_ends_of_the_address_space() {
    for log2 in 0..usize::BITS {
        let align = Alignment::from_log2(log2).unwrap();
        assert_eq!((align.log2(), align.bytes(), align.mask()), (log2, 1 << log2, (1 << log2) - 1));
        for near in [0, align.bytes(), align.bytes().wrapping_mul(2), usize::MAX] {
            for addr in (0..=4).flat_map(|d| [near.wrapping_add(d), near.wrapping_sub(d)]) {
                let down = align.backward(addr);
                assert!(down <= addr && addr - down < align.bytes() && align.is_aligned(down));
                assert_eq!(align.is_aligned(addr), addr % align.bytes() == 0);
                // The next multiple: the last one if that is it, else one further, which may not exist.
                let up = if down == addr { Some(addr) } else { down.checked_add(align.bytes()) };
                assert_eq!(align.forward(addr), up, "{addr:#x} to {align:?}");
                assert_eq!(align.forward_wrapping(addr), up.unwrap_or(0));
            }
        }
    }
    assert_eq!(Alignment::from_log2(usize::BITS), None);
}

/// D-AM-02
#[test]
fn alignments_are_ordered_and_made_of_powers_of_two_only() {
    assert!(of(1) < of(2) && of(2) < of(1 << 20));
    assert_eq!((of(8).max(of(64)), of(8).min(of(64))), (of(64), of(8)));
    assert_eq!((Alignment::MIN.bytes(), Alignment::MAX.bytes()), (1, 1 << (usize::BITS - 1)));
    assert_eq!((Alignment::of::<u8>(), Alignment::of::<u32>()), (of(1), of(4)));
    assert_eq!(Alignment::of_layout(Layout::from_size_align(5, 32).unwrap()), of(32));
    assert_eq!(usize::from(of(4096)), 4096);
    for bytes in [0, 3, 6, 12, 4095, usize::MAX] {
        assert_eq!(Alignment::new(bytes), None);
        assert_eq!(Alignment::try_from(bytes), Err(NotAPowerOfTwo { bytes }));
    }
    assert_eq!(NotAPowerOfTwo { bytes: 3 }.to_string(), "3 bytes is not an alignment: not a power of two");
    assert_eq!(format!("{:?}", of(16)), "Alignment(16)");
}
