//! A debug allocator as the global one, without traces: the short way of `hot`, under a whole program.

use std::alloc::{GlobalAlloc, Layout};
use std::sync::mpsc;

use heap_debug::{DebugAllocator, DebugConfig, Format, Guard, OnViolation, ViolationKind};

const CONFIG: DebugConfig = DebugConfig::new()
    .on_violation(OnViolation::Record)
    .format(Format::Silent)
    .stack_trace_frames(0)
    .profile(Some(16 << 10))
    .guard(Guard::Sampled(1000));

#[global_allocator]
static GLOBAL: DebugAllocator = DebugAllocator::with_config(CONFIG);

/// Strings that one thread makes and another drops, maps that grow, blocks that move; then everything is looked at.
#[test]
fn a_program_with_threads_works_and_nothing_is_found_in_it() {
    let (sender, receiver) = mpsc::channel::<Vec<String>>();
    let makers: Vec<_> = (0..4)
        .map(|maker| {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for turn in 0..50 {
                    let words = (0..100).map(|word| format!("{maker} {turn} {word}").repeat(1 + word % 7));
                    sender.send(words.collect()).expect("somebody listens");
                }
            })
        })
        .collect();
    drop(sender);
    let mut lengths = std::collections::BTreeMap::new();
    for words in receiver {
        words.iter().for_each(|word| *lengths.entry(word.len()).or_insert(0) += 1);
    }
    makers.into_iter().for_each(|maker| maker.join().expect("no panic"));
    assert_eq!(lengths.values().sum::<i32>(), 4 * 50 * 100);
    assert_eq!(GLOBAL.check_all(), 0);
    let estimate: usize = GLOBAL.profile().sites().iter().map(|site| site.counts.total_bytes).sum();
    assert!(estimate > 500_000, "the profile saw {estimate} bytes");
}

/// All the kinds of a client's mistakes, in blocks that came the short way.
#[test]
fn misuse_is_found_on_the_short_way_as_on_the_long_one() {
    const LAYOUT: Layout = Layout::new::<[u64; 5]>();
    let debug = DebugAllocator::with_config(CONFIG.guard(Guard::Off).profile(None));
    let make = || {
        // SAFETY: the size is not zero.
        let block = unsafe { GlobalAlloc::alloc(&debug, LAYOUT) };
        assert!(!block.is_null());
        block
    };
    // Now the lock is biased, and there is a slab.
    let warm = make();
    // SAFETY: every mistake is meant, and found before it does harm.
    unsafe {
        debug.dealloc(warm, LAYOUT);
        let block = make();
        debug.dealloc(block, LAYOUT);
        debug.dealloc(block, LAYOUT);
        debug.dealloc(make().add(8), LAYOUT);
        debug.dealloc(make(), Layout::new::<[u64; 4]>());
        debug.dealloc(make(), Layout::new::<[u128; 3]>());
        let block = make();
        block.add(40).write(1);
        debug.dealloc(block, LAYOUT);
        let block = make();
        block.sub(1).write(1);
        debug.dealloc(block, LAYOUT);
        block.write(1);
    }
    debug.check_all();
    let kinds: Vec<_> = debug.violations().map(|found| found.kind).collect();
    use ViolationKind as Kind;
    let expected = [
        Kind::DoubleFree,
        Kind::InteriorPointer,
        Kind::WrongSize,
        Kind::WrongAlignment,
        Kind::WrongSize,
        Kind::WritePastEnd,
        Kind::WriteBeforeStart,
        Kind::WriteAfterFree,
    ];
    assert_eq!(kinds, expected);
    debug.deinit_without_leak_checks();
}

/// A write after free is found when the short way would hand the block out again.
#[test]
fn a_block_that_was_written_after_its_free_is_told_when_its_turn_comes() {
    const LAYOUT: Layout = Layout::new::<[u64; 8]>();
    let debug = DebugAllocator::with_config(CONFIG.guard(Guard::Off).profile(None).quarantine(1024));
    let turn = || {
        // SAFETY: the size is not zero; live, once.
        unsafe {
            let block = GlobalAlloc::alloc(&debug, LAYOUT);
            debug.dealloc(block, LAYOUT);
            block
        }
    };
    let stale = turn();
    // SAFETY: the misuse.
    unsafe { stale.add(63).write(0) };
    (0..10_000).for_each(|_| {
        turn();
    });
    let found: Vec<_> = debug.violations().map(|found| (found.kind, found.distance, found.damaged)).collect();
    assert_eq!(found, [(ViolationKind::WriteAfterFree, 63, 1)]);
}
