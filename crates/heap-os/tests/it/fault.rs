//! Refusals on order, and that nothing is lost when they come.

use std::alloc::Layout;

use heap_core::Allocator;
use heap_os::fault::{Calls, Plan, mapped_bytes_of_this_thread};
use heap_os::pages::{self, page_size};
use heap_os::{OsError, PageAllocator};

/// Maps, reserves, commits, decommits and unmaps; gives everything back on any refusal.
fn program() -> Result<(), OsError> {
    let page = page_size();
    let aligned = pages::map_aligned(page, 1 << 25)?;
    let step = || {
        let reserved = pages::reserve(8 * page, 1 << 26)?;
        // SAFETY: in the mapping just made.
        let inner = unsafe {
            pages::commit(reserved, page).and_then(|()| {
                reserved.write_bytes(1, page);
                pages::decommit(reserved, page)
            })
        };
        give_back(reserved, 8 * page);
        inner
    };
    let result = step();
    give_back(aligned, page);
    result
}

/// Unmaps, asking again when refused.
fn give_back(base: std::ptr::NonNull<u8>, len: usize) {
    // SAFETY: a whole mapping of this test, not used again.
    while unsafe { pages::unmap(base, len) }.is_err() {}
}

/// Bad input 49, 50: each call refused in turn; afterwards nothing is mapped that was not before.
#[test]
fn every_single_refusal_is_survived_and_nothing_stays_mapped() {
    let before = mapped_bytes_of_this_thread();
    let calls = Calls::MAP.and(Calls::COMMIT).and(Calls::DECOMMIT).and(Calls::PROTECT);
    let mut hit = 0;
    for k in 0.. {
        let guard = Plan::nth(k).of(calls).on_this_thread();
        let result = program();
        if guard.refused() == 0 {
            assert_eq!(result, Ok(()));
            break;
        }
        hit += 1;
        drop(guard);
        assert_eq!(mapped_bytes_of_this_thread(), before, "call {k} refused: {result:?}");
    }
    assert!(hit >= 4, "{hit} calls");
}

#[test]
fn sticky_and_periodic_refusals_follow_their_plan() {
    let page = page_size();
    let outcomes = |plan: Plan| -> Vec<bool> {
        let guard = plan.of(Calls::MAP).on_this_thread();
        let outcomes = (0..6).map(|_| pages::map(page).map(|base| give_back(base, page)).is_ok()).collect();
        assert_eq!(guard.seen(), 6);
        outcomes
    };
    assert_eq!(outcomes(Plan::from(2)), [true, true, false, false, false, false]);
    assert_eq!(outcomes(Plan::every(3)), [true, true, false, true, true, false]);
    assert_eq!(outcomes(Plan::nth(4)), [true, true, true, true, false, true]);
    assert!(pages::map(page).map(|base| give_back(base, page)).is_ok(), "the order ended with its guard");
}

#[test]
fn an_order_for_this_thread_leaves_others_alone() {
    let _guard = Plan::from(0).on_this_thread();
    let page = page_size();
    assert_eq!(pages::map(page).unwrap_err().code, OsError::ORDERED);
    let other = std::thread::spawn(move || pages::map(page).map(|base| give_back(base, page)));
    assert!(other.join().unwrap().is_ok());
}

/// D-PA-07
#[test]
fn a_resize_within_the_last_page_takes_no_system_call() {
    let page = page_size();
    let layout = |size| Layout::from_size_align(size, 1).unwrap();
    let block = PageAllocator.alloc(layout(2 * page)).unwrap().cast::<u8>();
    // Sees every call and refuses none.
    let guard = Plan::nth(u64::MAX).on_this_thread();
    // SAFETY: our block, with the layout it has by then.
    unsafe {
        assert!(PageAllocator.resize(block, layout(2 * page), page + 1));
        assert_eq!(PageAllocator.remap(block, layout(page + 1), 2 * page - 1).unwrap().len(), 2 * page);
        assert_eq!(guard.seen(), 0);
        PageAllocator.free(block, layout(2 * page - 1));
        assert_eq!(guard.seen(), 1);
    }
}
