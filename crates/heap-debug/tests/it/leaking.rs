//! Leaks: what is told of them, when a test fails for them, and that nothing stays behind.

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_core::{Allocator, Global};
use heap_debug::{Check, DebugAllocator, DebugConfig, Format, LeakScope, leak_check};
use heap_test::TestAllocator;

use crate::child;

const CONFIG: DebugConfig = DebugConfig::new().format(Format::Silent).stack_trace_frames(24);
/// Aligned to 8 where a `u64` is to 4, too.
const LAYOUT: Layout = Layout::new::<Aligned>();

#[repr(align(8))]
struct Aligned {
    _words: [u64; 5],
}

#[inline(never)]
fn forget<A: Allocator>(debug: &DebugAllocator<A>, size: usize) -> NonNull<u8> {
    let layout = Layout::from_size_align(size, 8).expect("small");
    Allocator::alloc(debug, layout).expect("there is memory").cast()
}

/// D-DB-01, D-DB-21, D-SA-02
#[test]
fn leaks_are_grouped_by_site_largest_first_and_counting_changes_nothing() {
    let debug = DebugAllocator::with_config(CONFIG);
    for _ in 0..3 {
        forget(&debug, 40);
    }
    forget(&debug, 100_000);
    for _ in 0..2 {
        let report = debug.detect_leaks();
        assert_eq!((report.blocks(), report.bytes()), (4, 100_120));
        let sites: Vec<_> = report.sites().iter().map(|site| (site.blocks, site.bytes, site.size)).collect();
        assert_eq!(sites, [(1, 100_000, 100_000), (3, 120, 40)]);
        assert_ne!(report.sites()[0].allocated, report.sites()[1].allocated);
        let text = report.to_string();
        assert!(text.contains("leaking::forget") && text.contains("100120 bytes in 4 blocks"), "{text}");
    }
    assert_eq!(debug.deinit(), Check::Leak);
}

/// D-DB-02
#[test]
fn without_leaks_nothing_is_said() {
    let debug = DebugAllocator::with_config(CONFIG);
    // SAFETY: live, and freed once, with its layout.
    unsafe { Allocator::free(&debug, forget(&debug, 40), LAYOUT) };
    assert!(debug.detect_leaks().is_empty());
    assert_eq!(debug.detect_leaks().to_string(), "no leaks\n");
    assert_eq!(debug.deinit(), Check::Ok);
}

/// D-DB-22, W-34: also what was leaked goes back.
#[test]
fn leaked_blocks_go_back_to_the_backing_allocator() {
    let backing = TestAllocator::new();
    let debug = DebugAllocator::new_in(&backing, CONFIG);
    for size in [1, 40, 5000, 100_000] {
        forget(&debug, size);
    }
    assert_eq!(debug.deinit(), Check::Leak);
    let debug = DebugAllocator::new_in(&backing, CONFIG);
    forget(&debug, 1);
    debug.deinit_without_leak_checks();
}

/// Blocks without traces are told apart by their layouts.
#[test]
fn untraced_leaks_are_grouped_by_layout() {
    let debug = DebugAllocator::new_in(Global, CONFIG.stack_trace_frames(0));
    for size in [40, 48, 40] {
        forget(&debug, size);
    }
    let report = debug.detect_leaks();
    let sites: Vec<_> = report.sites().iter().map(|site| (site.blocks, site.size)).collect();
    assert_eq!(sites, [(2, 40), (1, 48)]);
    drop(report);
    assert_eq!(debug.deinit(), Check::Leak);
}

/// D-DB-14
#[test]
fn a_resize_takes_the_trace_over_when_it_is_told_to() {
    for replaces in [false, true] {
        let debug = DebugAllocator::with_config(CONFIG.resize_stack_traces(replaces));
        let block = forget(&debug, 40);
        let before = debug.detect_leaks().sites()[0].allocated;
        // SAFETY: a live block, with its layout.
        assert!(unsafe { debug.resize(block, LAYOUT, 39) });
        assert_eq!(debug.detect_leaks().sites()[0].allocated != before, replaces);
        assert_eq!(debug.deinit(), Check::Leak);
    }
}

/// U-DB-19
#[test]
fn everything_kept_is_no_leak() {
    let debug = DebugAllocator::with_config(CONFIG.retain_metadata(true).never_unmap(true));
    for size in [40, 100_000, 40, 100_000] {
        let layout = Layout::from_size_align(size, 8).expect("small");
        // SAFETY: live, and freed once.
        unsafe { Allocator::free(&debug, forget(&debug, size), layout) };
    }
    assert_eq!(debug.deinit(), Check::Ok);
}

/// D-TA-01: a scope fails the test that leaks, with the place.
#[test]
fn a_scope_panics_with_what_it_left_behind() {
    let debug = DebugAllocator::with_config(CONFIG);
    forget(&debug, 8);
    let before_the_scope = debug.live_blocks();
    let sum = leak_check!(debug, { 1 + 2 });
    assert_eq!((sum, before_the_scope), (3, 1));
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let scope = LeakScope::enter(&debug);
        forget(&debug, 40);
        assert_eq!(scope.leaks().blocks(), 1);
    }));
    let message = panic.expect_err("it leaks");
    let message = message.downcast_ref::<String>().expect("a formatted message");
    assert!(message.contains("40 bytes in 1 block") && message.contains("leaking::forget"), "{message}");
    debug.deinit_without_leak_checks();
}

/// The messages, in a process of its own.
fn told(name: &str, format: Format) {
    if child::is_child(name) {
        let debug = DebugAllocator::with_config(CONFIG.format(format));
        for _ in 0..3 {
            forget(&debug, 40);
        }
        forget(&debug, 100_000);
        assert_eq!(debug.deinit(), Check::Leak);
        return;
    }
    let output = child::run(&format!("leaking::{name}"), name);
    assert!(output.status.success());
    child::assert_message(name, &child::message(&output));
}

/// D-DB-01, W-34
#[test]
fn leaks_told_as_text() {
    told("leaks_told_as_text", Format::Text);
}

/// D-DB-01
#[test]
fn leaks_told_as_json() {
    if child::is_child("leaks_told_as_json") {
        return told("leaks_told_as_json", Format::Json);
    }
    let output = child::run("leaking::leaks_told_as_json", "leaks_told_as_json");
    let text = String::from_utf8_lossy(&output.stderr);
    let report: serde_json::Value = serde_json::from_str(&text).expect("one JSON object");
    assert_eq!((&report["leaked_bytes"], &report["leaked_blocks"]), (&100_120.into(), &4.into()));
    let frames = report["sites"][1]["allocated"].as_array().expect("frames");
    let users = frames.iter().find(|frame| frame["user"] == true).expect("a frame of the user");
    let function = child::older_name(users["function"].as_str().expect("a name"));
    assert!(function.ends_with("leaking::forget"), "{users}");
}

/// D-DB-17
#[test]
fn each_operation_writes_a_line_when_asked_to() {
    const NAME: &str = "each_operation_writes_a_line_when_asked_to";
    if child::is_child(NAME) {
        let debug = DebugAllocator::with_config(CONFIG.verbose_log(true));
        let block = forget(&debug, 40);
        // SAFETY: a live block, with its layouts.
        unsafe {
            debug.resize(block, LAYOUT, 39);
            Allocator::free(&debug, block, Layout::from_size_align(39, 8).expect("small"));
        }
        return;
    }
    let output = child::run(&format!("leaking::{NAME}"), NAME);
    let lines = "heap-debug: alloc 40 bytes at ADDR (align 8)\nheap-debug: resize 39 bytes at ADDR (align 8)\n\
        heap-debug: free 39 bytes at ADDR (align 8)\n";
    assert_eq!(child::message(&output), lines);
}
