//! [`SbrkAllocator`] over the real program break, which others move, too.

use std::ptr::NonNull;

use heap_core::Allocator;
use heap_os::{ProgramBreak, SbrkAllocator};

use crate::growing::layout;
use crate::process::succeeds;

/// U-BR-12 and D-SB-08 over the real program break, which this process's own heap moves, too.
#[test]
fn the_program_break_serves_blocks_between_the_c_heaps_own() {
    succeeds("program_break::the_program_break_serves_blocks_between_the_c_heaps_own", || {
        // SAFETY: this process has one thread: nobody moves the break at the same time.
        let alloc = SbrkAllocator::over(unsafe { ProgramBreak::new() });
        let mut blocks = Vec::new();
        for round in 1..500_usize {
            let size = round * 37;
            let block = alloc.alloc(layout(size, 8)).unwrap().cast::<u8>();
            // SAFETY: our block.
            unsafe { block.write_bytes(round as u8, size) };
            blocks.push((block, size, round as u8));
            // The C heap, and so the break, moves now and then.
            std::hint::black_box(vec![1_u8; round * 50]).leak();
        }
        for (block, size, number) in blocks {
            // SAFETY: our blocks.
            unsafe {
                assert_eq!((block.read(), block.add(size - 1).read()), (number, number));
                alloc.free(block, layout(size, 8));
            }
        }
    });
}

/// Others who move the break do so by any number of bytes.
#[test]
fn blocks_at_a_program_break_at_an_odd_address_are_aligned_and_do_not_overlap() {
    unsafe extern "C" {
        fn sbrk(len: isize) -> *mut u8;
    }
    succeeds(
        "program_break::blocks_at_a_program_break_at_an_odd_address_are_aligned_and_do_not_overlap",
        || {
            // SAFETY: this process has one thread: nobody moves the break at the same time.
            let alloc = SbrkAllocator::over(unsafe { ProgramBreak::new() });
            let mut blocks = Vec::new();
            for round in 1..40_u8 {
                // SAFETY: as above.
                let others = unsafe { sbrk(3) };
                assert_ne!(others.addr(), usize::MAX);
                // SAFETY: just given to us.
                unsafe { others.write_bytes(round, 3) };
                blocks.push((NonNull::new(others).unwrap(), 3, round));
                let size = usize::from(round) * 3001;
                let block = alloc.alloc(layout(size, 8)).unwrap().cast::<u8>();
                assert_eq!(block.addr().get() % 8, 0);
                // SAFETY: our block.
                unsafe { block.write_bytes(round, size) };
                blocks.push((block, size, round));
            }
            for (block, size, number) in blocks {
                // SAFETY: our blocks.
                let bytes = unsafe { NonNull::slice_from_raw_parts(block, size).as_ref() };
                assert!(bytes.iter().all(|&byte| byte == number), "round {number}");
            }
        },
    );
}
