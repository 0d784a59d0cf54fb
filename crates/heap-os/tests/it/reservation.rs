//! [`Reservation`]: owned addresses.

use heap_os::{Access, HugePages, HugeSize, OsError, Reservation, page_size, pages};

#[test]
fn lengths_are_rounded_up_and_alignments_honoured() {
    let page = page_size();
    for log2 in [0, 12, 16, 21, 30] {
        let space = Reservation::aligned(page + 1, 1 << log2).unwrap();
        assert_eq!(space.len(), 2 * page);
        assert_eq!(space.ptr().addr().get() % (1 << log2), 0);
    }
}

#[test]
fn what_is_committed_is_zero_and_what_is_decommitted_is_zero_again() {
    let page = page_size();
    let mut space = Reservation::new(16 * page).unwrap();
    space.commit(4 * page..8 * page).unwrap();
    // SAFETY: committed.
    unsafe {
        let bytes = space.ptr().add(4 * page);
        assert_eq!((bytes.read(), bytes.add(4 * page - 1).read()), (0, 0));
        bytes.write_bytes(1, 4 * page);
    }
    space.decommit(4 * page..6 * page).unwrap();
    space.commit(4 * page..8 * page).unwrap();
    // SAFETY: committed.
    unsafe {
        let bytes = space.ptr().add(4 * page);
        assert_eq!((bytes.read(), bytes.add(2 * page - 1).read(), bytes.add(2 * page).read()), (0, 0, 1));
    }
}

#[test]
fn a_protected_page_is_usable_again_after_commit() {
    let page = page_size();
    let mut space = Reservation::new(page).unwrap();
    space.commit(0..page).unwrap();
    // SAFETY: committed.
    unsafe { space.ptr().write(5) };
    space.protect(0..page, Access::None).unwrap();
    space.protect(0..page, Access::Read).unwrap();
    // SAFETY: readable.
    assert_eq!(unsafe { space.ptr().read() }, 5);
    space.commit(0..page).unwrap();
    // SAFETY: committed.
    unsafe { space.ptr().write(6) };
}

#[test]
fn ranges_outside_or_off_the_page_are_refused() {
    let page = page_size();
    let mut space = Reservation::new(4 * page).unwrap();
    #[allow(clippy::reversed_empty_ranges, reason = "to be refused")]
    for range in [0..5 * page, page..page, 2 * page..page, 1..page, 0..1, 4 * page..5 * page, 0..usize::MAX] {
        let refusals = [
            space.commit(range.clone()),
            space.decommit(range.clone()),
            space.protect(range.clone(), Access::None),
            space.advise_huge(range.clone(), HugePages::Advise),
            space.prefault(range.clone()),
            space.prefer_node(range.clone(), 0),
        ];
        for refusal in refusals {
            assert_eq!(refusal.unwrap_err().code, OsError::ABSURD, "{range:?}");
        }
    }
    for absurd in [0, usize::MAX, isize::MAX as usize + 1] {
        assert!(Reservation::new(absurd).is_err());
    }
}

#[test]
fn a_reservation_can_be_given_up_and_taken_over() {
    let page = page_size();
    let space = Reservation::new(2 * page).unwrap();
    space.commit(0..page).unwrap();
    let (base, len) = space.into_raw();
    // SAFETY: given up just above; committed.
    let space = unsafe {
        base.write(9);
        Reservation::from_raw(base, len)
    };
    assert_eq!((space.ptr(), space.len()), (base, 2 * page));
    // SAFETY: committed.
    assert_eq!(unsafe { space.ptr().read() }, 9);
}

/// Where the administrator set none aside the refusal is clean; a length of half a huge page is refused in any case.
#[test]
fn explicit_huge_pages_are_given_or_refused() {
    let huge = 2 << 20;
    if let Ok(space) = Reservation::huge(huge, HugeSize::Mib2) {
        assert_eq!(space.ptr().addr().get() % huge, 0);
        // SAFETY: committed.
        unsafe {
            assert_eq!(space.ptr().read(), 0);
            space.ptr().write(1);
        }
    }
    assert_eq!(pages::map_huge(huge / 2, HugeSize::Mib2).unwrap_err().code, OsError::ABSURD);
    assert!(Reservation::huge(1 << (usize::BITS - 2), HugeSize::Gib1).is_err());
}

#[test]
fn prefaulted_memory_is_zero_and_there() {
    let page = page_size();
    let space = Reservation::new(64 * page).unwrap();
    space.commit(0..64 * page).unwrap();
    match space.prefault(0..64 * page) {
        Ok(()) => {
            // SAFETY: committed.
            assert_eq!(unsafe { space.ptr().add(63 * page).read() }, 0);
        }
        Err(refused) => assert!(refused.call == "madvise" || refused.is_unsupported()),
    }
}
