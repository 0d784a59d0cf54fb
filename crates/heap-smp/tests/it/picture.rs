//! Statistics and the heap map: they tell what is there, and can be read while the heap is used.

use std::alloc::Layout;
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use heap_core::{Allocator, HeapBox};
use heap_smp::{Heap, SmpAllocator};

use crate::child;

const SMP: SmpAllocator = SmpAllocator::new();

fn svg() -> String {
    let mut picture = String::new();
    SMP.map().write_svg(&mut picture).unwrap();
    picture
}

/// Pixels of all pieces of path of one style, in units of 16 KiB.
fn units_of(picture: &str, style: &str) -> usize {
    // A row is an eighth of a segment, which is shorter on 32 bits.
    let pixels = if usize::BITS < 64 { 32 } else { 4 };
    let mut units = 0;
    for path in picture.split("<path class=\"").skip(1) {
        let (class, rest) = path.split_once("\" d=\"").unwrap();
        if class == style {
            let pieces = rest.split_once('"').unwrap().0.split('M').skip(1);
            let wide =
                |piece: &str| piece.split_once('h').unwrap().1.split_once('v').unwrap().0.parse::<usize>();
            units += pieces.map(|piece| wide(piece).unwrap().div_ceil(pixels)).sum::<usize>();
        }
    }
    units
}

#[test]
fn the_map_shows_what_the_statistics_count() {
    child::passes("picture::the_map_shows_what_the_statistics_count", || {
        let mut picture = String::with_capacity(4 << 20);
        let heap = Heap::new();
        let small: Vec<_> = (0..5000).map(|n| HeapBox::new_in(|| [n as u64; 20], &heap).unwrap()).collect();
        let large = vec![1u8; 3 << 19];
        drop(vec![1u8; 1 << 20]);
        SMP.map().write_svg(&mut picture).unwrap();
        let stats = SMP.stats();
        assert!(stats.private_bytes >= small.len() * 160 && stats.run_bytes >= large.len());
        let unit = 16 << 10;
        assert_eq!(units_of(&picture, "p") * unit, stats.private_bytes, "dark edges");
        assert_eq!(units_of(&picture, "r") * unit, stats.run_bytes, "large blocks");
        assert_eq!(units_of(&picture, "d") * unit, stats.free_resident_bytes, "free and resident");
    });
}

#[test]
fn a_map_is_well_formed_and_says_what_its_colours_mean() {
    let picture = svg();
    assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"));
    let mut open = Vec::new();
    for tag in picture.split('<').skip(1) {
        let (tag, text) = tag.split_once('>').unwrap();
        assert!(!text.contains('>') && !text.contains('&'), "{text}");
        assert!(tag.matches('"').count().is_multiple_of(2), "{tag}");
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name.to_owned())),
            None if tag.ends_with('/') => {}
            None => open.push(tag.split(' ').next().unwrap().to_owned()),
        }
    }
    assert_eq!(open, [""; 0]);
    for text in ["Heap map", "a large block", "free, resident", "a private heap's", "Slots by size"] {
        assert!(picture.contains(text), "{text}");
    }
}

/// Whoever takes the text may allocate, from the heap that is drawn: no lock is held while it is written.
#[test]
fn a_map_can_be_drawn_by_all_threads_while_all_allocate() {
    child::passes("picture::a_map_can_be_drawn_by_all_threads_while_all_allocate", || {
        struct Allocating(usize);
        impl fmt::Write for Allocating {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0 += text.to_owned().len() + vec![0u8; 50_000].len();
                Ok(())
            }
        }
        static DONE: AtomicBool = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !DONE.load(Ordering::Relaxed) {
                        let heap = Heap::new();
                        let held: Vec<_> = (1..300)
                            .map(|n| (vec![n; n], heap.alloc(Layout::array::<u64>(n).unwrap())))
                            .collect();
                        assert!(
                            held.iter().all(|(numbers, block)| numbers[0] == numbers.len() && block.is_ok())
                        );
                    }
                });
            }
            for _ in 0..5 {
                let mut out = Allocating(0);
                SMP.map().write_svg(&mut out).unwrap();
                write!(out, "{}{}", SMP.map(), SMP.stats()).unwrap();
                assert!(out.0 > 50_000 * 100);
            }
            DONE.store(true, Ordering::Relaxed);
        });
        assert_eq!(SMP.validate(), Ok(()));
    });
}

#[test]
fn an_error_of_the_writer_ends_the_picture() {
    struct Full(usize);
    impl fmt::Write for Full {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0 = self.0.checked_sub(text.len()).ok_or(fmt::Error)?;
            Ok(())
        }
    }
    let whole = svg().len();
    for room in [0, 10, 1000, whole / 2] {
        assert_eq!(SMP.map().write_svg(&mut Full(room)), Err(fmt::Error), "{room}");
    }
}

#[test]
fn a_map_for_a_terminal_has_a_line_for_each_segment() {
    let text = SMP.map().to_string();
    let lines: Vec<_> = text.lines().collect();
    let (legend, segments) = lines.split_last().unwrap();
    assert!(legend.contains("one letter: 512 KiB") || usize::BITS < 64, "{legend}");
    assert!(!segments.is_empty());
    for line in segments {
        let (addr, letters) = line.split_once(' ').unwrap();
        assert!(addr.starts_with("0x") && letters.chars().count() == 64, "{line}");
    }
}

#[test]
fn statistics_can_be_read_by_people_and_programs() {
    let heap = Heap::new();
    let held: Vec<_> = (0..100).map(|n| HeapBox::new_in(|| [n; 6], &heap).unwrap()).collect();
    let stats = heap.stats();
    let text = stats.to_string();
    let class = stats.classes.iter().find(|class| class.slabs > 0).unwrap();
    assert_eq!((class.slot, class.slabs), (24, 1));
    assert!(class.slots - class.free >= held.len());
    let line = text.lines().last().unwrap().split_whitespace().collect::<Vec<_>>();
    let used = (class.slots - class.free).to_string();
    assert_eq!(line[..4], ["24", "B", "1", &used]);
    let mut json = String::new();
    stats.write_json(&mut json).unwrap();
    let expected = format!(
        "\"classes\":[{{\"slot\":24,\"slabs\":1,\"slots\":{},\"free\":{},\"in_depot\":0}}]}}",
        class.slots, class.free
    );
    assert!(json.ends_with(&expected), "{json}");
    assert!(json.contains("\"helper_running\":false"));
}

/// The checked heap has no depots.
#[cfg(not(feature = "checked"))]
#[test]
fn depots_and_what_went_back_are_counted() {
    child::passes("picture::depots_and_what_went_back_are_counted", || {
        // Blocks that another thread frees fill the depot.
        let held: Vec<Box<[u64; 30]>> = (0..10_000).map(|n| Box::new([n; 30])).collect();
        thread::spawn(move || drop(held)).join().unwrap();
        let stats = SMP.stats();
        let class = stats.classes.iter().find(|class| class.slot >= 240).unwrap();
        assert!(class.in_depot > 0 && class.in_depot <= class.slots - class.free, "{class:?}");
        assert!(stats.depot_bytes >= class.in_depot * class.slot && stats.depot_bytes <= stats.slot_bytes);
        // The longest run of 32 bits.
        drop(vec![1u8; 2 << 20]);
        let before = SMP.stats().returned_bytes;
        let purged = SMP.purge();
        let after = SMP.stats();
        assert!(purged >= 2 << 20, "{purged}");
        assert!(after.returned_bytes - before >= 2 << 20 && after.returned_bytes - before <= purged);
        assert_eq!((after.free_resident_bytes, after.depot_bytes), (0, 0));
    });
}
