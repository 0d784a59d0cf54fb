//! Heap profiles: the numbers are right, and the files are what their readers expect.

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_core::Allocator;
use heap_debug::{DebugAllocator, DebugConfig, HeapProfile, Measure};

const EVERY: DebugConfig = DebugConfig::new().profile(Some(0)).stack_trace_frames(0);

#[inline(never)]
fn rows(debug: &DebugAllocator, count: usize) -> Vec<NonNull<u8>> {
    (0..count).map(|_| Allocator::alloc(debug, Layout::new::<[u64; 5]>()).expect("memory").cast()).collect()
}

#[inline(never)]
fn column(debug: &DebugAllocator) -> NonNull<u8> {
    Allocator::alloc(debug, Layout::new::<[u64; 1000]>()).expect("memory").cast()
}

/// Ten rows come, and go but for two; then a column comes.
fn recorded() -> (DebugAllocator, HeapProfile) {
    let debug = DebugAllocator::with_config(EVERY);
    let blocks = rows(&debug, 10);
    // SAFETY: each is live, and freed once.
    blocks[2..]
        .iter()
        .for_each(|&block| unsafe { Allocator::free(&debug, block, Layout::new::<[u64; 5]>()) });
    column(&debug);
    let profile = debug.profile();
    (debug, profile)
}

#[test]
fn each_site_has_what_it_allocated_what_lives_and_what_lived_at_the_top() {
    let (debug, profile) = recorded();
    let numbers: Vec<_> = profile.sites().iter().map(|site| site.counts).collect();
    let [column, rows] = numbers[..] else { panic!("two sites: {numbers:?}") };
    assert_eq!((column.total_bytes, column.live_bytes, column.total_blocks), (8000, 8000, 1));
    assert_eq!((rows.total_bytes, rows.total_blocks), (400, 10));
    assert_eq!((rows.live_bytes, rows.live_blocks), (80, 2));
    assert_eq!((rows.high_water_bytes, rows.high_water_blocks), (400, 10));
    assert_eq!((rows.at_high_water_bytes, rows.at_high_water_blocks), (80, 2));
    debug.deinit_without_leak_checks();
}

#[test]
fn folded_stacks_end_with_the_function_and_its_number() {
    let (debug, profile) = recorded();
    let mut text = Vec::new();
    profile.write_folded(Measure::TotalBytes, &mut text).expect("a vector takes everything");
    let text = String::from_utf8(text).expect("names are text");
    assert!(text.lines().any(|line| line.ends_with("profiles::column 8000")), "{text}");
    assert!(
        text.lines().any(|line| line.contains(";it::profiles::rows") && line.ends_with(" 400")),
        "{text}"
    );
    assert!(text.lines().all(|line| line.contains("recorded")), "{text}");
    debug.deinit_without_leak_checks();
}

#[test]
fn the_dhat_file_has_what_its_viewer_demands() {
    let (debug, profile) = recorded();
    let mut text = Vec::new();
    profile.write_dhat(&mut text).expect("a vector takes everything");
    let file: serde_json::Value = serde_json::from_slice(&text).expect("it is JSON");
    assert_eq!(
        (&file["dhatFileVersion"], &file["bklt"], &file["te"]),
        (&2.into(), &true.into(), &8400.into())
    );
    let frames = file["ftbl"].as_array().expect("a table");
    for site in file["pps"].as_array().expect("a list") {
        for field in ["tb", "tbk", "tl", "mb", "mbk", "gb", "gbk", "eb", "ebk"] {
            assert!(site[field].is_u64(), "{field} in {site}");
        }
        let stack = site["fs"].as_array().expect("a list");
        assert!(stack.iter().all(|number| number.as_u64().is_some_and(|n| (n as usize) < frames.len())));
        let names: Vec<_> =
            stack.iter().map(|n| frames[n.as_u64().unwrap_or(0) as usize].to_string()).collect();
        assert!(names.iter().any(|name| name.contains("profiles::recorded")), "{names:?}");
    }
    debug.deinit_without_leak_checks();
}

/// A reader of the few kinds of fields that pprof's format has.
fn fields(mut bytes: &[u8]) -> Vec<(u64, u64, &[u8])> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let value = varint(&mut bytes);
        let content = if key & 7 == 2 { value as usize } else { 0 };
        let (content, rest) = bytes.split_at(content);
        fields.push((key >> 3, value, content));
        bytes = rest;
    }
    fields
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let len = bytes.iter().position(|byte| byte & 0x80 == 0).expect("it ends") + 1;
    let (number, rest) = bytes.split_at(len);
    *bytes = rest;
    number.iter().rev().fold(0, |value, byte| value << 7 | u64::from(byte & 0x7F))
}

#[test]
fn the_pprof_file_names_its_values_and_sums_them_up() {
    let (debug, profile) = recorded();
    let mut file = Vec::new();
    profile.write_pprof(&mut file).expect("a vector takes everything");
    let fields_of_file = fields(&file);
    let strings: Vec<_> = fields_of_file.iter().filter(|field| field.0 == 6).map(|field| field.2).collect();
    assert_eq!((strings[0], strings[1], strings[2]), (&b""[..], &b"alloc_objects"[..], &b"count"[..]));
    assert!(strings.iter().any(|text| text.ends_with(b"profiles::column")));
    let mut sums = [0; 4];
    for (_, _, sample) in fields_of_file.iter().filter(|field| field.0 == 2) {
        let values = fields(sample).into_iter().find(|field| field.0 == 2).expect("it has values");
        let mut packed = values.2;
        sums.iter_mut().for_each(|sum| *sum += varint(&mut packed));
    }
    assert_eq!(sums, [11, 8400, 3, 8080]);
    debug.deinit_without_leak_checks();
}

/// One in so many bytes is an estimate of all.
#[test]
fn a_sampled_profile_estimates_the_whole() {
    let debug = DebugAllocator::with_config(EVERY.profile(Some(4096)));
    let blocks = rows(&debug, 50_000);
    let total: usize = debug.profile().sites().iter().map(|site| site.counts.live_bytes).sum();
    assert!((1_700_000..2_300_000).contains(&total), "{total} of 2000000");
    // SAFETY: each is live, and freed once.
    blocks.iter().for_each(|&block| unsafe { Allocator::free(&debug, block, Layout::new::<[u64; 5]>()) });
    assert!(debug.profile().sites().iter().all(|site| site.counts.live_bytes == 0));
}

#[test]
fn without_a_profile_there_is_none() {
    let debug = DebugAllocator::new();
    rows(&debug, 3);
    assert!(debug.profile().sites().is_empty());
    debug.deinit_without_leak_checks();
}

#[cfg(feature = "flamegraph")]
#[test]
fn the_flame_graph_is_a_picture_with_the_functions() {
    let (debug, profile) = recorded();
    let mut svg = Vec::new();
    profile.write_flamegraph(Measure::LiveBytes, &mut svg).expect("a vector takes everything");
    let svg = String::from_utf8(svg).expect("it is text");
    assert!(svg.contains("<svg") && svg.contains("profiles::column"));
    debug.deinit_without_leak_checks();
}
