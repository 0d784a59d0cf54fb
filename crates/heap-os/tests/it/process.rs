//! What can only be seen from outside, or needs a process of its own: faults, limits, the list of mappings.

use std::alloc::Layout;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::ptr::NonNull;

use heap_core::Allocator;
use heap_os::{
    Access, GuardedPageAllocator, NEXT_MMAP_ADDR_HINT, PageAllocator, Reservation, page_size, pages,
};
use rustix::process::{Resource, Rlimit, setrlimit};

const SIGSEGV: i32 = 11;
const SIGBUS: i32 = 7;

/// Runs `body` in a process that runs nothing else: this test once more, alone. In that process returns `None` after
/// `body`, which must succeed; in this one returns how the other ended.
fn alone(test: &str, body: impl FnOnce()) -> Option<ExitStatus> {
    const MARK: &str = "HEAP_OS_TEST_ALONE";
    if std::env::var_os(MARK).is_some() {
        body();
        return None;
    }
    let name = if test.contains("::") { test.to_owned() } else { format!("process::{test}") };
    let output = heap_test::itself()
        .args([&name[..], "--exact", "--test-threads=1", "--nocapture"])
        .env(MARK, "1")
        .output()
        .unwrap();
    if !output.status.success() && output.status.signal().is_none() {
        panic!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    }
    Some(output.status)
}

/// Asserts that `body` dies of a memory fault.
fn faults(test: &str, body: impl FnOnce()) {
    if let Some(status) = alone(test, body) {
        let signal = status.signal();
        assert!(signal == Some(SIGSEGV) || signal == Some(SIGBUS), "{status}");
    }
}

/// Asserts that `body` succeeds.
pub(crate) fn succeeds(test: &str, body: impl FnOnce()) {
    if let Some(status) = alone(test, body) {
        assert!(status.success(), "{status}");
    }
}

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

/// The process's mappings: start and end of each. Read line by line into the same short buffer: a process that can get no
/// further mapping must be able to look, and one of 32 bits has little memory left then.
fn mappings(mut look: impl FnMut(usize, usize)) {
    let mut file = BufReader::with_capacity(4096, File::open("/proc/self/maps").unwrap());
    let mut line = String::with_capacity(256);
    while file.read_line(&mut line).unwrap() > 0 {
        let (start, rest) = line.split_once('-').unwrap();
        let (end, _) = rest.split_once(' ').unwrap();
        look(usize::from_str_radix(start, 16).unwrap(), usize::from_str_radix(end, 16).unwrap());
        line.clear();
    }
}

/// How many mappings are as `wanted`.
fn count(wanted: impl Fn(usize, usize) -> bool) -> usize {
    let mut count = 0;
    mappings(|start, end| count += usize::from(wanted(start, end)));
    count
}

fn mapped_bytes() -> usize {
    let mut bytes = 0;
    mappings(|start, end| bytes += end - start);
    bytes
}

/// D-PA-02
#[test]
fn pages_that_a_block_shrank_away_from_fault() {
    faults("pages_that_a_block_shrank_away_from_fault", || {
        let page = page_size();
        let block = PageAllocator.alloc(layout(4 * page, 1)).unwrap().cast::<u8>();
        // SAFETY: our block; the last line is the misuse under test.
        unsafe {
            block.write_bytes(1, 4 * page);
            assert!(PageAllocator.resize(block, layout(4 * page, 1), 2 * page));
            assert_eq!(block.add(2 * page - 1).read(), 1);
            block.add(2 * page).write_volatile(1);
        }
    });
}

#[test]
fn a_freed_block_faults() {
    faults("a_freed_block_faults", || {
        let block = PageAllocator.alloc(layout(1, 1)).unwrap().cast::<u8>();
        // SAFETY: our block; the last line is the misuse under test.
        unsafe {
            PageAllocator.free(block, layout(1, 1));
            block.write_volatile(1);
        }
    });
}

#[test]
fn reserved_addresses_fault_until_they_are_committed() {
    faults("reserved_addresses_fault_until_they_are_committed", || {
        let space = Reservation::new(1 << 30).unwrap();
        space.commit(0..page_size()).unwrap();
        // SAFETY: the first is committed; the last is the misuse under test.
        unsafe {
            space.ptr().write_volatile(1);
            space.ptr().add(page_size()).write_volatile(1);
        }
    });
}

#[test]
fn a_guard_page_in_a_reservation_faults() {
    faults("a_guard_page_in_a_reservation_faults", || {
        let page = page_size();
        let mut space = Reservation::new(3 * page).unwrap();
        space.commit(0..3 * page).unwrap();
        space.protect(page..2 * page, Access::None).unwrap();
        // SAFETY: the neighbours are committed; the last is the misuse under test.
        unsafe {
            space.ptr().write_volatile(1);
            space.ptr().add(2 * page).write_volatile(1);
            space.ptr().add(page).write_volatile(1);
        }
    });
}

#[test]
fn the_byte_behind_a_guarded_block_faults() {
    faults("the_byte_behind_a_guarded_block_faults", || {
        let block = GuardedPageAllocator.alloc(layout(100, 4)).unwrap().cast::<u8>();
        // SAFETY: our block; the last line is the misuse under test.
        unsafe {
            block.write_bytes(1, 100);
            block.add(100).write_volatile(1);
        }
    });
}

#[test]
fn the_page_before_a_guarded_block_faults() {
    faults("the_page_before_a_guarded_block_faults", || {
        let page = page_size();
        let block = GuardedPageAllocator.alloc(layout(2 * page, 1 << 16)).unwrap().cast::<u8>();
        // SAFETY: our block; the last line is the misuse under test.
        unsafe {
            block.write_bytes(1, 2 * page);
            block.sub(1).write_volatile(1);
        }
    });
}

/// D-PA-03, the rest of it: nothing stays mapped. D-PA-09: nor after a thousand tiny blocks.
#[test]
fn what_is_freed_is_unmapped_to_the_last_page() {
    succeeds("what_is_freed_is_unmapped_to_the_last_page", || {
        let blocks = Vec::with_capacity(1000);
        for round in 0..3 {
            let before = mapped_bytes();
            for log2 in 0..=30 {
                let block = PageAllocator.alloc(layout(page_size(), 1 << log2)).unwrap().cast::<u8>();
                // SAFETY: our block.
                unsafe {
                    block.write(1);
                    PageAllocator.free(block, layout(page_size(), 1 << log2));
                }
            }
            let mut blocks = blocks.clone();
            for _ in 0..1000 {
                blocks.push(PageAllocator.alloc(layout(8, 8)).unwrap().cast::<u8>());
            }
            for block in blocks {
                // SAFETY: our blocks.
                unsafe { PageAllocator.free(block, layout(8, 8)) };
            }
            // The first round may make the C library map something.
            assert!(round == 0 || mapped_bytes() == before, "{before} bytes became {}", mapped_bytes());
        }
    });
}

/// Bad input 48, 50: addresses come free, memory does not: commit is refused, the reservation stays and can be given
/// back; what is smaller is still served.
#[test]
fn under_a_limit_on_memory_commit_is_refused_and_nothing_else() {
    succeeds("under_a_limit_on_memory_commit_is_refused_and_nothing_else", || {
        let limit = Rlimit { current: Some(64 << 20), maximum: Some(64 << 20) };
        setrlimit(Resource::Data, limit).unwrap();
        // On 32 bits there are not so many.
        let space =
            Reservation::new(if usize::BITS < 64 { 5 << 28 } else { 1 << (usize::BITS - 24) }).unwrap();
        let refused = space.commit(0..1 << 30).unwrap_err();
        assert_eq!(refused.call, "mprotect");
        space.commit(0..1 << 20).unwrap();
        assert!(PageAllocator.alloc(layout(1 << 30, 1)).is_err());
        assert!(PageAllocator.alloc(layout(1 << 30, 1 << 30)).is_err());
        let block = PageAllocator.alloc(layout(1 << 20, 1 << 21)).unwrap().cast::<u8>();
        // SAFETY: our block, refused growth leaves it.
        unsafe {
            block.write(1);
            assert!(PageAllocator.remap(block, layout(1 << 20, 1 << 21), 1 << 30).is_none());
            assert_eq!(block.read(), 1);
            PageAllocator.free(block, layout(1 << 20, 1 << 21));
        }
    });
}

/// Bad input 51: locked pages refuse the plain advice; what is decommitted reads as zero all the same.
#[test]
fn locked_pages_are_decommitted_to_zero() {
    let page = page_size();
    let base = pages::map(4 * page).unwrap();
    // SAFETY: all in this mapping, which is unmapped last.
    unsafe {
        // Where not even this much may be locked there is nothing to see.
        let locked = rustix::mm::mlock(base.as_ptr().cast(), 4 * page).is_ok();
        base.write_bytes(7, 4 * page);
        pages::decommit(base.add(page), page).unwrap();
        assert_eq!(
            (base.read(), base.add(page).read(), base.add(2 * page).read()),
            (7, 0, 7),
            "locked: {locked}"
        );
        pages::unmap(base, 4 * page).unwrap();
    }
}

/// Bad input 52, 53: when the process has as many mappings as it may have, holes cannot be cut: raw `unmap` says so and
/// the range stays usable; `free` keeps it aside and unmaps it later.
#[test]
fn out_of_mappings_nothing_is_lost() {
    let max: usize = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap().trim().parse().unwrap();
    if max > 1 << 18 {
        // It would take too long to get there.
        return;
    }
    succeeds("out_of_mappings_nothing_is_lost", || {
        let page = page_size();
        // Side by side, so that they are one mapping to the kernel: the first few may fill gaps between others.
        NEXT_MMAP_ADDR_HINT.store(0);
        let many: Vec<_> =
            (0..100).map(|_| PageAllocator.alloc(layout(page, 1)).unwrap().cast::<u8>()).collect();
        let row = |three: &&[NonNull<u8>]| {
            three.windows(2).all(|two| two[0].addr().get() == two[1].addr().get() + page)
        };
        let blocks = many.windows(3).find(row).expect("three in a row");
        // SAFETY: our blocks.
        unsafe { blocks.iter().for_each(|block| block.write(1)) };
        let stripes = Reservation::new(2 * (max + 8) * page).unwrap();
        let mut refused = None;
        for index in 0..max {
            let range = 2 * index * page..(2 * index + 1) * page;
            if let Err(error) = stripes.commit(range) {
                refused = Some((index, error));
                break;
            }
        }
        let (last, error) = refused.expect("more mappings than there may be");
        assert_eq!(error.call, "mprotect");
        assert!(PageAllocator.alloc(layout(page, 1)).is_err() || count(|_, _| true) >= max - 2);
        // SAFETY: a page in the middle of the reservation's last, uncommitted part; on refusal it is still ours.
        unsafe {
            let hole = stripes.ptr().add((2 * last + 4) * page);
            let error = pages::unmap(hole, page).unwrap_err();
            assert_eq!(error.call, "munmap");
            // The middle one of three blocks in one mapping cannot be cut out now.
            PageAllocator.free(blocks[1], layout(page, 1));
            assert_eq!((blocks[0].read(), blocks[2].read()), (1, 1));
        }
        let middle = blocks[1].addr().get();
        let is_mapped = || count(|start, end| start <= middle && middle < end) > 0;
        assert!(is_mapped(), "set aside, since the system refused");
        drop(stripes);
        // SAFETY: our blocks.
        unsafe {
            PageAllocator.free(blocks[0], layout(page, 1));
            PageAllocator.free(blocks[2], layout(page, 1));
        }
        assert!(!is_mapped(), "given back as soon as that went");
    });
}

/// Bad input 49, 50 and section 7: a program over the page allocator with each call to the system refused in turn, once, from
/// then on, and every second, third and seventh. When it is over and the system well again, nothing is lost.
#[cfg(feature = "fault-injection")]
#[test]
fn whatever_the_system_refuses_nothing_is_lost() {
    use heap_os::fault::{Plan, mapped_bytes};

    /// Over-aligned and plain blocks that grow, move, shrink and go.
    fn program() {
        let page = page_size();
        for align in [1, 1 << 16, 1 << 21, 1, 1 << 25, 1 << 13] {
            let mut size = 3 * page;
            let Ok(block) = PageAllocator.alloc(layout(size, align)) else { continue };
            let mut block = block.cast::<u8>();
            // SAFETY: one block, followed as it moves; within its size.
            unsafe {
                block.write(1);
                for new_size in [8 * page, 2 * page, 64 * page] {
                    if let Ok(moved) =
                        PageAllocator.realloc(block, layout(size, align), layout(new_size, align))
                    {
                        (block, size) = (moved.cast(), new_size);
                    }
                    assert_eq!((block.read(), block.addr().get() % align), (1, 0));
                    block.add(size - 1).write(2);
                }
                PageAllocator.free(block, layout(size, align));
            }
            let guarded = GuardedPageAllocator.alloc(layout(100, align));
            if let Ok(block) = guarded {
                // SAFETY: our block.
                unsafe { GuardedPageAllocator.free(block.cast(), layout(100, align)) };
            }
        }
    }

    succeeds("whatever_the_system_refuses_nothing_is_lost", || {
        let plans: [fn(u64) -> Plan; 2] = [Plan::nth, Plan::from];
        let mut points = 0;
        for plan in plans {
            for k in 0.. {
                let guard = plan(k).on_all_threads();
                program();
                if guard.refused() == 0 {
                    break;
                }
                points += 1;
                drop(guard);
                program();
                assert_eq!(mapped_bytes(), 0, "{:?}", plan(k));
            }
        }
        for n in [2, 3, 7] {
            let guard = Plan::every(n).on_all_threads();
            program();
            assert!(guard.refused() > 0);
            drop(guard);
            program();
            assert_eq!(mapped_bytes(), 0, "every {n}");
        }
        assert!(points > 80, "{points} points");
    });
}
