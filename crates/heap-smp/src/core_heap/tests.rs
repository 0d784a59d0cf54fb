//! Unit tests of the shared half: where blocks go, and what is lent when memory is short.

use std::vec::Vec;

use heap_os::fault::{Calls, Plan};

use super::*;
use crate::config::UNITS;
use crate::depot::PLACES;
use crate::overflow::serves;
use crate::segment::Purpose;
use crate::validate::validate;

/// Takes blocks of a class from a group's home.
pub(super) fn take(
    heap: &CoreHeap,
    group: usize,
    class: usize,
    count: usize,
) -> Vec<MaybeUninit<NonNull<u8>>> {
    let mut blocks = std::vec![MaybeUninit::uninit(); count];
    let mut taken = 0;
    while taken < count {
        let more = heap.groups.get(group).homes[class].take(heap.ground(group), class, &mut blocks[taken..]);
        assert!(more > 0, "there is memory");
        taken += more;
    }
    blocks
}

/// Slots of each group's home that are out.
fn out(heap: &CoreHeap, class: usize) -> Vec<usize> {
    let out = |(slabs, _, free): (usize, usize, usize)| slabs * CLASS[class].slots as usize - free;
    heap.homes(class).map(|home| out(home.counts())).collect()
}

#[test]
fn blocks_go_home_to_the_group_that_opened_their_slab_whoever_frees_them() {
    static HEAP: CoreHeap = CoreHeap::new();
    HEAP.configure(&Settings::new().processor_groups(4));
    for class in [0, 7, CLASSES - 1] {
        let mut all: Vec<_> = (0..4).map(|group| take(&HEAP, group, class, 20 + group)).collect();
        assert_eq!(out(&HEAP, class), [20, 21, 22, 23]);
        assert_eq!(validate(&HEAP), Ok(()));
        // One of each group in turn: no neighbour in the list is of the same slab.
        let mut mixed: Vec<_> = (0..20).flat_map(|at| [0, 1, 2, 3].map(|group| all[group][at])).collect();
        // SAFETY: taken above, each given once.
        unsafe { HEAP.give_blocks(class, &mut mixed) };
        assert_eq!(out(&HEAP, class), [0, 1, 2, 3]);
        // SAFETY: as above.
        (0..4).for_each(|group| unsafe { HEAP.give_blocks(class, &mut all[group][20..]) });
        assert_eq!(out(&HEAP, class), [0; 4]);
        assert_eq!(validate(&HEAP), Ok(()));
    }
}

#[test]
fn threads_of_two_processors_share_a_cache_line_only_where_their_halves_of_a_slab_meet() {
    static HEAP: CoreHeap = CoreHeap::new();
    HEAP.configure(&Settings::new());
    for size in [8, 16, 24, 48, 256] {
        let class = heap_core::SizeClasses::class_of(size);
        let corners = [0, 1].map(Corner::of_processor);
        let mut owners = std::collections::HashMap::new();
        // Two slabs in all, in turn a few blocks for each.
        let (mut blocks, mut shared) = (Vec::new(), 0);
        while blocks.len() < 2 * CLASS[class].slots as usize {
            for (owner, corner) in corners.into_iter().enumerate() {
                let mut some = [MaybeUninit::uninit(); 20];
                let ground = Ground { corner, ..HEAP.ground(0) };
                let count = HEAP.groups.get(0).homes[class].take(ground, class, &mut some);
                for block in &some[..count] {
                    // SAFETY: `take` wrote the first `count`.
                    let line = unsafe { block.assume_init() }.addr().get() / 64;
                    shared += usize::from(*owners.entry(line).or_insert(owner) != owner);
                }
                blocks.extend_from_slice(&some[..count]);
            }
        }
        assert!(shared <= blocks.len() / 20, "{size}: {shared} of {}", blocks.len());
        assert_eq!(validate(&HEAP), Ok(()));
        // SAFETY: taken above, each given once.
        unsafe { HEAP.give_blocks(class, &mut blocks) };
        assert_eq!((out(&HEAP, class), validate(&HEAP)), (std::vec![0], Ok(())));
    }
}

#[test]
fn what_the_depots_of_all_groups_hold_goes_home() {
    static HEAP: CoreHeap = CoreHeap::new();
    HEAP.configure(&Settings::new().processor_groups(3));
    let class = 7;
    let full = CLASS[class].chain as usize;
    for group in 0..3 {
        let (chain, count) = HEAP.groups.get(group).homes[class].take_list(HEAP.ground(group), class, full);
        assert_eq!(count, full);
        // To another group than the slab's.
        assert!(HEAP.groups.get((group + 1) % 3).depots[class].push(chain, 2, 2));
    }
    assert_eq!((HEAP.in_depot(class), out(&HEAP, class)), (3 * full, [full; 3].to_vec()));
    HEAP.drain_depot(class);
    assert_eq!((HEAP.in_depot(class), out(&HEAP, class)), (0, [0; 3].to_vec()));
    assert_eq!(validate(&HEAP), Ok(()));
}

#[test]
fn blocks_of_another_group_are_lent_when_the_system_gives_no_more() {
    static HEAP: CoreHeap = CoreHeap::new();
    HEAP.configure(&Settings::new().processor_groups(32));
    let (class, other) = (7, (HEAP.here() + 1) % 32);
    let mut blocks = take(&HEAP, other, class, 3);
    let refused = Plan::from(0).of(Calls::MAP).on_this_thread();
    for units in (1..=UNITS).rev() {
        while HEAP.spans.take(&HEAP.directory, 0, units, 1, Purpose::Run).is_some() {}
    }
    let (list, count) = HEAP.refill(class, 5);
    assert!(!list.is_null() && count == 5);
    // SAFETY: taken above, each given once.
    unsafe {
        HEAP.bring_home(class, list);
        HEAP.give_blocks(class, &mut blocks[1..]);
    }
    assert_eq!(out(&HEAP, class).iter().sum::<usize>(), 1);
    assert_eq!((refused.refused() > 0, validate(&HEAP)), (true, Ok(())));
}

/// 64 bytes.
pub(super) const LINE: usize = 7;

/// Takes `chains` full chains of a class from home, all before any is given back.
pub(super) fn chains(heap: &CoreHeap, class: usize, chains: usize) -> Vec<*mut Link> {
    let full = CLASS[class].chain as usize;
    let take = |_| match heap.refill(class, full) {
        (chain, count) if count == full => chain,
        _ => panic!("there is memory"),
    };
    (0..chains).map(take).collect()
}

#[test]
fn what_the_depot_has_no_place_for_waits_and_comes_back_before_slots_from_home() {
    static HEAP: CoreHeap = CoreHeap::new();
    HEAP.configure(&Settings::new());
    let all = chains(&HEAP, LINE, 40);
    let taken = out(&HEAP, LINE);
    // SAFETY: full chains, each given once.
    all.iter().for_each(|&chain| unsafe { HEAP.push_chain(LINE, chain) });
    assert_eq!((HEAP.in_depot(LINE), out(&HEAP, LINE)), (40 * CLASS[LINE].chain as usize, taken));
    assert_eq!(validate(&HEAP), Ok(()));
    let mut again: Vec<_> = (0..40).map(|_| HEAP.pop_chain(LINE)).collect();
    assert!(HEAP.pop_chain(LINE).is_null());
    let mut all = all;
    again.sort_unstable();
    all.sort_unstable();
    assert_eq!(again, all);
}

#[test]
fn blocks_too_short_to_wait_go_home() {
    static HEAP: CoreHeap = CoreHeap::new();
    HEAP.configure(&Settings::new());
    let all = chains(&HEAP, 0, PLACES + 5);
    // SAFETY: full chains, each given once.
    all.into_iter().for_each(|chain| unsafe { HEAP.push_chain(0, chain) });
    // On 32 bits none is too short.
    let kept = if serves(0) { PLACES + 5 } else { PLACES } * CLASS[0].chain as usize;
    assert_eq!((HEAP.in_depot(0), out(&HEAP, 0)), (kept, [kept].to_vec()));
}

#[test]
#[cfg(not(miri))]
fn a_heap_that_is_not_used_takes_no_room_in_the_executable() {
    static HEAP: CoreHeap = CoreHeap::new();
    // SAFETY: the bytes of a static, which nobody changes. Between its fields they are zeros, too.
    let bytes = unsafe { core::slice::from_raw_parts((&raw const HEAP).cast::<u8>(), size_of_val(&HEAP)) };
    assert!(bytes.iter().all(|&byte| byte == 0));
}
