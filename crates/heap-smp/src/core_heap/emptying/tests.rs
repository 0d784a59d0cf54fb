//! Unit tests of what goes home and when: before memory that is not resident is touched, and before a request is refused.

use core::alloc::Layout;
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};
use std::vec::Vec;

use heap_core::SizeClasses;
use heap_os::fault::{Calls, Plan};

use super::*;
use crate::chain;
use crate::config::{CHAIN_MAX, RUN_MAX, Settings, UNITS};
use crate::core_heap::tests::{LINE, chains, take};
use crate::depot::PLACES;
use crate::large;
use crate::reclaim::Watch;
use crate::segment::Purpose;
use crate::validate::validate;

/// Units that may be resident.
fn resident(heap: &CoreHeap) -> usize {
    let counts = heap.spans.counts();
    counts.in_use + counts.dirty
}

/// A number of chains is no multiple of it.
const STRIDE: usize = 1021;

/// Chains of so many bytes, whose blocks lie each in another slab, as those of a program that frees in no order.
fn mixed(heap: &CoreHeap, class: usize, bytes: usize) -> Vec<*mut Link> {
    let full = CLASS[class].chain as usize;
    let all = chains(heap, class, bytes / CLASS[class].chain_bytes());
    let mut blocks = Vec::new();
    for mut head in all {
        while let Some(block) = NonNull::new(head) {
            blocks.push(block);
            // SAFETY: the chains are ours.
            head = unsafe { block.read() }.next;
        }
    }
    let apart = blocks.len() / full;
    let pick =
        |first: usize| blocks[first..].iter().step_by(apart).map(|block| block.cast()).collect::<Vec<_>>();
    // SAFETY: free blocks of ours, in one chain each.
    (0..apart).map(|at| unsafe { chain::link(&pick(at * STRIDE % apart)) }).collect()
}

fn push_all(heap: &CoreHeap, class: usize, chains: impl IntoIterator<Item = *mut Link>) {
    // SAFETY: the tests give full chains, each once.
    chains.into_iter().for_each(|chain| unsafe { heap.push_chain(class, chain) });
}

/// Full chains of a class from a group's home, also where its slabs hold no whole number of them.
fn whole(heap: &CoreHeap, group: usize, class: usize, chains: usize) -> Vec<*mut Link> {
    let full = CLASS[class].chain as usize;
    let mut blocks = take(heap, group, class, chains * full);
    // SAFETY: they were just taken; each chain's are different ones.
    let link = |blocks: &mut [MaybeUninit<NonNull<u8>>]| unsafe {
        chain::link(&*(ptr::from_mut(blocks) as *const [NonNull<u8>]))
    };
    blocks.chunks_mut(full).map(link).collect()
}

/// As if the group's depot were full of others.
fn overflow(heap: &CoreHeap, group: usize, class: usize, chains: impl IntoIterator<Item = *mut Link>) {
    let overflow = &heap.groups.get(group).overflows[class];
    // SAFETY: as above.
    chains.into_iter().for_each(|chain| unsafe {
        overflow.push(chain, CLASS[class].chain_bytes(), &heap.waiting);
    });
}

/// Takes all units that are free, from a system that gives no more.
fn exhaust(heap: &CoreHeap) {
    for units in (1..=UNITS).rev() {
        while heap.spans.take(&heap.directory, 0, units, 1, Purpose::Run).is_some() {}
    }
}

fn run(heap: &CoreHeap, bytes: usize) -> *mut u8 {
    large::alloc(heap, Layout::from_size_align(bytes, 8).unwrap(), &Settings::new())
}

#[test]
fn when_the_system_gives_no_more_all_that_waits_serves_the_blocks_of_another_class() {
    static HEAP: CoreHeap = CoreHeap::new();
    HEAP.configure(&Settings::new());
    let (other, bytes) = (SizeClasses::class_of(128), 4 << 20);
    let all = mixed(&HEAP, LINE, bytes);
    let refused = Plan::from(0).of(Calls::MAP).on_this_thread();
    exhaust(&HEAP);
    push_all(&HEAP, LINE, all);
    let full = CLASS[other].chain as usize;
    let served = (0..).take_while(|_| HEAP.refill(other, full).1 == full).count();
    let served = served * CLASS[other].chain_bytes();
    // Slabs of the feature `checked` have guards behind some of them, drawn at random: a few units more or less.
    let is_all = if cfg!(feature = "checked") { served >= bytes / 4 * 3 } else { served == bytes };
    assert!(is_all, "{served} of {bytes}");
    assert_eq!((refused.refused() > 0, validate(&HEAP)), (true, Ok(())));
}

#[test]
fn when_the_system_gives_no_more_all_that_waits_serves_a_large_block() {
    static HEAP: CoreHeap = CoreHeap::new();
    HEAP.configure(&Settings::new());
    let all = mixed(&HEAP, LINE, 4 << 20);
    let _refused = Plan::from(0).of(Calls::MAP).on_this_thread();
    exhaust(&HEAP);
    let long = RUN_MAX.min(4 << 20);
    assert!(run(&HEAP, long).is_null());
    push_all(&HEAP, LINE, all);
    assert!(!run(&HEAP, long).is_null());
    assert_eq!((HEAP.waiting.bytes(), validate(&HEAP)), (0, Ok(())));
}

#[test]
fn large_blocks_touch_little_fresh_memory_though_chains_wait_in_no_order() {
    static HEAP: CoreHeap = CoreHeap::new();
    HEAP.configure(&Settings::new());
    let bytes = 8 << 20;
    overflow(&HEAP, 0, LINE, mixed(&HEAP, LINE, bytes));
    let before = resident(&HEAP);
    (0..bytes >> 18).for_each(|_| assert!(!run(&HEAP, 1 << 18).is_null()));
    let after = resident(&HEAP);
    assert!(after <= before + before / 4, "{before} {after}");
}

/// So many bytes wait in chains without order; slabs of another class for as many touch at most a quarter of it afresh.
fn slabs_touch_little(heap: &'static CoreHeap, settings: Settings, bytes: usize) {
    heap.configure(&settings);
    let other = SizeClasses::class_of(128);
    overflow(heap, 0, LINE, mixed(heap, LINE, bytes));
    let before = resident(heap);
    chains(heap, other, bytes / CLASS[other].chain_bytes());
    let after = resident(heap);
    assert!(after <= before + before / 4, "{before} {after}");
}

#[test]
fn slabs_in_huge_pages_touch_little_fresh_memory_though_chains_wait_in_no_order() {
    static HEAP: CoreHeap = CoreHeap::new();
    slabs_touch_little(&HEAP, Settings::new().huge_pages_from(0), 16 << 20);
}

#[test]
fn a_few_chains_that_wait_do_not_keep_most_slabs_open_while_fresh_memory_is_touched() {
    static HEAP: CoreHeap = CoreHeap::new();
    slabs_touch_little(&HEAP, Settings::new().huge_pages_from(usize::MAX), (16 << 20) + (200 << 10));
}

#[test]
fn no_call_brings_more_home_than_some_milliseconds_allow() {
    static HEAP: CoreHeap = CoreHeap::new();
    HEAP.configure(&Settings::new());
    let class = SizeClasses::class_of(16);
    push_all(&HEAP, class, chains(&HEAP, class, (6 << 20) / CLASS[class].chain_bytes()));
    let before = HEAP.in_depot(class);
    assert!(!run(&HEAP, RUN_MAX.min(8 << 20)).is_null());
    let brought = before - HEAP.in_depot(class);
    assert!((BLOCKS_AT_ONCE / 2..=BLOCKS_AT_ONCE).contains(&brought), "{brought}");
    // Neither does a tick that a client waits for.
    HEAP.drain_depot(class);
    push_all(&HEAP, class, chains(&HEAP, class, (6 << 20) / CLASS[class].chain_bytes()));
    let mut watch = Watch::by_call();
    let mut ticks = 0;
    while HEAP.in_depot(class) > 0 {
        let before = HEAP.in_depot(class);
        watch.tick(&HEAP);
        ticks += 1;
        assert!(before - HEAP.in_depot(class) <= BLOCKS_AT_ONCE + 20 * CHAIN_MAX && ticks < 10);
    }
    assert_eq!(validate(&HEAP), Ok(()));
}

#[test]
fn one_overflow_that_is_filled_again_and_again_does_not_let_another_one_grow() {
    static HEAP: CoreHeap = CoreHeap::new();
    HEAP.configure(&Settings::new().processor_groups(2).huge_pages_from(usize::MAX));
    // Chains of the first class come and go in one group; blocks of the other one are given back in another group than they come from.
    let (busy, passed) = (SizeClasses::class_of(4096), LINE);
    let count = (2 << 20) / CLASS[busy].chain_bytes();
    // As many stay out, so that no slab closes, and those that went home are had again without fresh memory.
    let mut live = whole(&HEAP, 0, busy, 2 * count);
    let coming = live.iter().copied().step_by(2).collect::<Vec<_>>();
    live.retain(|chain| !coming.contains(chain));
    overflow(&HEAP, 0, busy, coming);
    let before = resident(&HEAP) * UNIT;
    let mut most = 0;
    for _ in 0..2000 {
        overflow(&HEAP, 1, passed, chains(&HEAP, passed, 1));
        let gone = count - HEAP.groups.get(0).overflows[busy].chains();
        overflow(&HEAP, 0, busy, whole(&HEAP, 0, busy, gone));
        most = most.max(resident(&HEAP) * UNIT);
    }
    assert!(most <= before + (4 << 20), "{before} {most}");
    assert_eq!(validate(&HEAP), Ok(()));
}

#[test]
fn a_little_of_many_classes_is_watched_as_much_of_one() {
    static HEAP: CoreHeap = CoreHeap::new();
    HEAP.configure(&Settings::new());
    for (class, known) in CLASS.iter().enumerate().skip(1) {
        let few = (known.places as usize).min(PLACES) + (64 << 10) / known.chain_bytes();
        push_all(&HEAP, class, whole(&HEAP, 0, class, few));
    }
    assert!(HEAP.is_worth_watching());
    let mut watch = Watch::new();
    (0..4).for_each(|_| _ = watch.tick(&HEAP));
    assert_eq!((HEAP.waiting.bytes(), validate(&HEAP)), (0, Ok(())));
}

#[test]
fn what_waits_goes_home_before_fresh_memory_is_touched_for_another_class() {
    static HEAP: CoreHeap = CoreHeap::new();
    HEAP.configure(&Settings::new());
    // Of 128 bytes, so that chains fill slabs without a rest.
    let (other, bytes) = (SizeClasses::class_of(128), 6 << 20);
    let all = chains(&HEAP, LINE, bytes / CLASS[LINE].chain_bytes());
    let before = resident(&HEAP);
    // SAFETY: full chains, each given once.
    all.into_iter().for_each(|chain| unsafe { HEAP.push_chain(LINE, chain) });
    assert_eq!(HEAP.in_depot(LINE) * CLASS[LINE].slot as usize, bytes);
    chains(&HEAP, other, bytes / CLASS[other].chain_bytes() * 15 / 16);
    let after = resident(&HEAP);
    assert!(after <= before + before / 16, "{before} {after}");
    assert_eq!(validate(&HEAP), Ok(()));
}

#[test]
fn what_waits_goes_home_before_fresh_memory_is_touched_for_a_large_block() {
    static HEAP: CoreHeap = CoreHeap::new();
    HEAP.configure(&Settings::new());
    let all = chains(&HEAP, LINE, (1 << 20) / CLASS[LINE].chain_bytes());
    let before = resident(&HEAP);
    // SAFETY: full chains, each given once.
    all.into_iter().for_each(|chain| unsafe { HEAP.push_chain(LINE, chain) });
    let layout = Layout::from_size_align(512 << 10, 8).unwrap();
    assert!(!large::alloc(&HEAP, layout, &Settings::new()).is_null());
    assert_eq!((resident(&HEAP), validate(&HEAP)), (before, Ok(())));
}

#[test]
fn a_small_part_of_what_is_in_use_may_wait() {
    static HEAP: CoreHeap = CoreHeap::new();
    HEAP.configure(&Settings::new());
    let waiting = PLACES + 4;
    let mut all = chains(&HEAP, LINE, (2 << 20) / CLASS[LINE].chain_bytes());
    // SAFETY: full chains, each given once.
    all.drain(..waiting).for_each(|chain| unsafe { HEAP.push_chain(LINE, chain) });
    chains(&HEAP, SizeClasses::class_of(128), 1);
    assert_eq!(HEAP.in_depot(LINE), waiting * CLASS[LINE].chain as usize);
}

#[test]
fn a_large_block_brings_home_what_waits_though_there_is_resident_memory_for_it() {
    static HEAP: CoreHeap = CoreHeap::new();
    HEAP.configure(&Settings::new());
    let layout = Layout::from_size_align(512 << 10, 8).unwrap();
    let resident = NonNull::new(run(&HEAP, layout.size())).unwrap();
    push_all(&HEAP, LINE, chains(&HEAP, LINE, (2 << 20) / CLASS[LINE].chain_bytes()));
    // SAFETY: allocated above with this layout.
    unsafe { large::free(&HEAP, resident, layout) };
    HEAP.runs.drain(&HEAP.spans, &HEAP.directory);
    let waiting = HEAP.in_depot(LINE);
    assert!(!run(&HEAP, 300 << 10).is_null());
    assert!(HEAP.in_depot(LINE) <= waiting / 2, "{waiting} {}", HEAP.in_depot(LINE));
    assert_eq!(validate(&HEAP), Ok(()));
}
