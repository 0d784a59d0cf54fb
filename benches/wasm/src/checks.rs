//! What an allocator of the whole memory must withstand. Each function is for an instance of its own.

use core::alloc::Layout;
use core::ptr::{NonNull, null_mut};

use heap_core::Allocator;
use heap_os::{BreakAllocator, PageAllocator, WholeWasmMemory};

// SAFETY: the only one in this module, which has no C library.
static WHOLE: BreakAllocator<WholeWasmMemory> = BreakAllocator::over(unsafe { WholeWasmMemory::new() });

/// Somebody else grows the memory before the allocator is first used. How many bytes of theirs are overwritten: 0.
#[unsafe(no_mangle)]
pub extern "C" fn pages_first() -> usize {
    let page = Layout::new::<[u8; 1 << 16]>();
    let Ok(theirs) = PageAllocator.alloc(page) else { return usize::MAX };
    let theirs = theirs.cast::<u8>();
    // SAFETY: our blocks.
    unsafe {
        theirs.write_bytes(7, page.size());
        for _ in 0..200 {
            if let Ok(block) = WHOLE.alloc(Layout::new::<[u64; 125]>()) {
                block.cast::<u8>().write_bytes(9, block.len());
            }
        }
        (0..page.size()).filter(|&index| theirs.add(index).read() != 7).count()
    }
}

/// Blocks, linked to one another, each with its size in its second word.
struct Chain {
    last: *mut usize,
    blocks: usize,
}

impl Chain {
    fn add(&mut self, size: usize) -> bool {
        let Ok(layout) = Layout::from_size_align(size, 8) else { return false };
        let Ok(block) = WHOLE.alloc(layout) else { return false };
        let block: NonNull<usize> = block.cast();
        // SAFETY: our block, of two words at least.
        unsafe {
            block.write(self.last.addr());
            block.add(1).write(size);
        }
        self.last = block.as_ptr();
        self.blocks += 1;
        true
    }

    /// Whether all blocks are what they were.
    fn is_whole(&self) -> bool {
        let (mut block, mut seen) = (self.last, 0);
        while !block.is_null() && seen <= self.blocks {
            seen += 1;
            // SAFETY: a block of the chain; where that was overwritten, some word of this memory.
            let (next, size) = unsafe { (block.read(), block.add(1).read()) };
            if !size.is_power_of_two() || next % 8 != 0 {
                return false;
            }
            block = core::ptr::with_exposed_provenance_mut(next);
        }
        seen == self.blocks
    }
}

/// The memory becomes as large as it can be, up to the last address. Whether blocks were handed out twice: 0.
#[unsafe(no_mangle)]
pub extern "C" fn to_the_top() -> usize {
    let mut chain = Chain { last: null_mut(), blocks: 0 };
    let mut size = 1 << 24;
    while size >= 16 {
        if !chain.add(size) {
            size /= 2;
        }
    }
    // Too much for what is left, more and less so; then what may still be found.
    for size in (1..200).rev().map(|mebibytes| mebibytes << 20) {
        // They need not be given.
        let _ = Layout::from_size_align(size, 8).map(|layout| WHOLE.alloc(layout));
    }
    for _ in 0..5000 {
        chain.add(4096);
    }
    usize::from(!chain.is_whole())
}
