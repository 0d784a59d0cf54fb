//! What the raw page calls promise, on the platform that runs the tests.

use heap_os::pages::{self, Access, HugePages, page_size};

/// D-PS-01, U-PS-01, U-PS-02, D-PS-02
#[test]
fn the_page_size_is_one_power_of_two_within_its_bounds() {
    let size = page_size();
    assert!(size.is_power_of_two());
    assert!((heap_os::PAGE_SIZE_MIN..=heap_os::PAGE_SIZE_MAX).contains(&size));
    assert_eq!(heap_os::default_query_page_size(), size);
    let threads: Vec<_> = (0..8).map(|_| std::thread::spawn(page_size)).collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), size);
    }
}

/// D-PS-03
#[cfg(target_os = "linux")]
#[test]
fn the_page_size_is_what_the_kernel_says() {
    // AT_PAGESZ (6) of the auxiliary vector.
    let auxv = std::fs::read("/proc/self/auxv").unwrap();
    let words: Vec<usize> = auxv
        .chunks_exact(size_of::<usize>())
        .map(|word| usize::from_ne_bytes(word.try_into().unwrap()))
        .collect();
    let entry = words.chunks_exact(2).find(|pair| pair[0] == 6).unwrap();
    assert_eq!(entry[1], page_size());
}

#[test]
fn a_decommitted_range_reads_as_zero_and_its_neighbours_keep_their_content() {
    let page = page_size();
    let base = pages::map(4 * page).unwrap();
    // SAFETY: all ranges lie in this mapping, which is unmapped last.
    unsafe {
        base.write_bytes(7, 4 * page);
        pages::decommit(base.add(page), 2 * page).unwrap();
        pages::commit(base.add(page), 2 * page).unwrap();
        for (index, expected) in [(0, 7), (page - 1, 7), (page, 0), (3 * page - 1, 0), (3 * page, 7)] {
            assert_eq!(base.add(index).read(), expected, "byte {index}");
        }
        pages::unmap(base, 4 * page).unwrap();
    }
}

#[test]
fn a_reserved_range_is_committed_piece_by_piece() {
    let page = page_size();
    let base = pages::reserve(1 << 30, 1 << 21).unwrap();
    assert_eq!(base.addr().get() % (1 << 21), 0);
    // SAFETY: all ranges lie in this mapping, which is unmapped last.
    unsafe {
        pages::commit(base.add(16 * page), page).unwrap();
        base.add(16 * page).write_bytes(1, page);
        pages::commit(base.add(15 * page), 3 * page).unwrap();
        assert_eq!(base.add(16 * page).read(), 1, "committing twice keeps the content");
        assert_eq!(base.add(15 * page).read(), 0);
        pages::unmap(base, 1 << 30).unwrap();
    }
}

#[test]
fn ranges_off_the_page_are_refused() {
    let page = page_size();
    let base = pages::map(2 * page).unwrap();
    // SAFETY: all ranges lie in this mapping; the calls are refused before anything happens.
    unsafe {
        for (at, len) in [(1, page), (0, page + 1), (0, 0), (0, usize::MAX & !(page - 1))] {
            let at = base.add(at);
            let refusals = [
                pages::commit(at, len),
                pages::decommit(at, len),
                pages::unmap(at, len),
                pages::protect(at, len, Access::None),
                pages::advise_huge(at, len, HugePages::Advise),
                pages::prefault(at, len),
                pages::advise_free(at, len),
            ];
            for refusal in refusals {
                assert_eq!(refusal.unwrap_err().code, heap_os::OsError::ABSURD);
            }
            assert_eq!(pages::remap(at, len, page, true), None);
            assert!(pages::move_pages(at, len, base).is_err());
        }
        pages::unmap(base, 2 * page).unwrap();
    }
}

#[test]
fn remap_keeps_the_content_and_adds_zero() {
    if !pages::REMAPS {
        return;
    }
    let page = page_size();
    let base = pages::map(2 * page).unwrap();
    // SAFETY: one mapping, followed as it moves, unmapped last.
    unsafe {
        base.write_bytes(5, 2 * page);
        let grown = pages::remap(base, 2 * page, 64 * page, true).unwrap();
        assert_eq!((grown.read(), grown.add(2 * page - 1).read(), grown.add(2 * page).read()), (5, 5, 0));
        let shrunk = pages::remap(grown, 64 * page, page, false).unwrap();
        assert_eq!((shrunk, shrunk.read()), (grown, 5));
        pages::unmap(shrunk, page).unwrap();
    }
}

#[test]
fn moved_pages_arrive_and_leave_zero_behind() {
    if !pages::MOVES_PAGES {
        return;
    }
    let page = page_size();
    let base = pages::map(8 * page).unwrap();
    // SAFETY: all ranges lie in this mapping, which is unmapped last.
    unsafe {
        base.write_bytes(9, 8 * page);
        let (from, to) = (base.add(page), base.add(5 * page));
        from.write_bytes(3, 2 * page);
        pages::move_pages(from, 2 * page, to).unwrap();
        for (index, expected) in [(0, 9), (1, 0), (2, 0), (3, 9), (4, 9), (5, 3), (6, 3), (7, 9)] {
            assert_eq!(base.add(index * page).read(), expected, "page {index}");
        }
        from.write_bytes(1, 2 * page);
        pages::unmap(base, 8 * page).unwrap();
    }
}

#[test]
fn a_refused_move_leaves_both_ranges_as_they_were_or_zero() {
    if !pages::MOVES_PAGES {
        return;
    }
    let page = page_size();
    let base = pages::map(4 * page).unwrap();
    // SAFETY: all ranges lie in this mapping, which is unmapped last. The ranges of the move overlap, which the kernel
    // refuses.
    unsafe {
        base.write_bytes(9, 4 * page);
        let refused = pages::move_pages(base, 2 * page, base.add(page)).unwrap_err();
        assert!(!refused.target_lost);
        assert_eq!((base.read(), base.add(page).read()), (9, 9));
        pages::unmap(base, 4 * page).unwrap();
    }
}

#[test]
fn advice_keeps_the_content() {
    let page = page_size();
    let len = 1 << 22;
    let base = pages::map_aligned(len, 1 << 21).unwrap();
    // SAFETY: all ranges lie in this mapping, which is unmapped last.
    unsafe {
        base.write_bytes(6, page);
        for huge in [HugePages::Advise, HugePages::Off] {
            _ = pages::advise_huge(base, len, huge);
        }
        if pages::prefault(base, len).is_ok() {
            assert_eq!(base.add(len - 1).read(), 0);
        }
        _ = pages::prefer_node(base, len, 0);
        assert_eq!(base.read(), 6);
        pages::unmap(base, len).unwrap();
    }
}

#[test]
fn the_clock_does_not_go_back_and_moves_on() {
    let start = pages::now_ms();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let mut last = start;
    while last < start + 20 {
        let now = pages::now_ms();
        assert!(now >= last);
        last = now;
        assert!(std::time::Instant::now() < deadline, "the clock stands still");
    }
}

#[test]
fn processors_are_counted_from_one() {
    assert!(pages::cpu_count() >= 1);
    if cfg!(target_os = "linux") {
        assert_eq!(pages::cpu_count(), std::thread::available_parallelism().unwrap().get());
        assert!(pages::current_cpu().is_some());
    }
}

#[cfg(unix)]
#[test]
fn fork_handlers_register() {
    unsafe extern "C" fn nothing() {}
    // SAFETY: the handler does nothing.
    assert!(unsafe { pages::at_fork(Some(nothing), None, Some(nothing)) } || cfg!(miri));
}
