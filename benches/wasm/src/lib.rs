//! The same programs over one of several allocators, as a WebAssembly module.
//!
//! Every program returns a checksum of what it read back, which is the same for all allocators.
#![no_std]

extern crate alloc;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::hint::black_box;

#[cfg(feature = "heap")]
#[global_allocator]
static GLOBAL: heap_core::adapt::AsGlobal<heap_os::WasmAllocator> =
    heap_core::adapt::AsGlobal::new(heap_os::WasmAllocator::new());

#[cfg(feature = "heap-whole")]
#[global_allocator]
// SAFETY: the only one in this module, which has no C library.
static GLOBAL: heap_core::adapt::AsGlobal<heap_os::BreakAllocator<heap_os::WholeWasmMemory>> =
    heap_core::adapt::AsGlobal::new(heap_os::BreakAllocator::over(unsafe {
        heap_os::WholeWasmMemory::new()
    }));

#[cfg(feature = "talc")]
#[global_allocator]
static GLOBAL: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

#[cfg(feature = "dlmalloc")]
#[global_allocator]
static GLOBAL: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

#[cfg(not(any(feature = "heap", feature = "heap-whole", feature = "talc", feature = "dlmalloc")))]
mod bump {
    //! The least that links: what it costs is what every allocator's module costs without the allocator.
    use core::alloc::{GlobalAlloc, Layout};
    use core::cell::Cell;

    struct Bump(Cell<usize>);
    // SAFETY: one thread.
    unsafe impl Sync for Bump {}
    #[global_allocator]
    static GLOBAL: Bump = Bump(Cell::new(0));

    // SAFETY: blocks are never reused, and lie in memory that was grown for them.
    unsafe impl GlobalAlloc for Bump {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            let pages = layout.size().div_ceil(1 << 16);
            self.0.set(self.0.get() + 1);
            (core::arch::wasm32::memory_grow::<0>(pages) << 16) as *mut u8
        }
        unsafe fn dealloc(&self, _block: *mut u8, _layout: Layout) {}
    }
}

#[cfg(feature = "checks")]
mod checks;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// A small random sequence (xorshift), the same everywhere.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() >> 33) as usize % end
    }

    /// A size from 1 to 2^`log2`, each doubling as likely as the other.
    fn size(&mut self, log2: usize) -> usize {
        let doubling = self.below(log2);
        (1 << doubling) + self.below(1 << doubling)
    }
}

/// Keeps `live` buffers and replaces random ones by others of random size up to 2^`log2` bytes, `steps` times.
#[unsafe(no_mangle)]
pub extern "C" fn churn(live: usize, log2: usize, steps: usize) -> u64 {
    let mut rng = Rng(0x9e37_79b9_7f4a_7c15);
    let mut buffers: Vec<Box<[u8]>> = Vec::with_capacity(live);
    let mut sum = 0;
    for step in 0..live + steps {
        let size = rng.size(log2);
        let mut buffer = alloc::vec![0_u8; 0];
        buffer.reserve_exact(size);
        buffer.resize(size, 0);
        buffer[0] = step as u8;
        buffer[size - 1] ^= size as u8;
        let buffer = black_box(buffer.into_boxed_slice());
        if step < live {
            buffers.push(buffer);
        } else {
            let index = rng.below(live);
            let old = core::mem::replace(&mut buffers[index], buffer);
            sum = u64::wrapping_add(
                sum,
                u64::from(old[0]) + 3 * u64::from(old[old.len() - 1]) + old.len() as u64,
            );
        }
    }
    sum
}

/// Grows many vectors side by side, then drops every other one and grows the rest on.
#[unsafe(no_mangle)]
pub extern "C" fn grow(vectors: usize, len: usize) -> u64 {
    let mut all: Vec<Vec<u32>> = (0..vectors).map(|_| Vec::new()).collect();
    for round in 0..2 {
        for number in 0..len {
            for vector in &mut all {
                vector.push((number + round) as u32);
            }
        }
        let mut index = 0;
        all.retain(|_| {
            index += 1;
            index % 2 == 0
        });
    }
    all.iter().flatten().map(|&number| u64::from(number)).sum()
}

/// Builds and empties a map of boxed values.
#[unsafe(no_mangle)]
pub extern "C" fn map(entries: usize) -> u64 {
    let mut rng = Rng(0x2545_f491_4f6c_dd1d);
    let mut map = BTreeMap::new();
    for _ in 0..entries {
        let key = rng.below(4 * entries);
        map.insert(key, Box::new([key as u64; 3]));
    }
    let mut sum = 0;
    for _ in 0..entries {
        if let Some(value) = map.remove(&rng.below(4 * entries)) {
            sum += value[1];
        }
    }
    sum + map.len() as u64
}

/// The size of the memory in pages of 64 KiB.
#[unsafe(no_mangle)]
pub extern "C" fn pages() -> usize {
    core::arch::wasm32::memory_size::<0>()
}

/// Fills buffers with a number of its own, replaces and resizes them at random, and returns how many bytes were not what
/// they should be: 0, also when several threads do so at once.
#[unsafe(no_mangle)]
pub extern "C" fn soak(thread: u32, steps: usize) -> usize {
    let mut rng = Rng(0x9e37_79b9_7f4a_7c15 + u64::from(thread));
    let mut buffers: Vec<Vec<u8>> = Vec::new();
    let mut wrong = 0;
    for step in 0..steps {
        let mark = (step as u8) ^ (thread as u8);
        if buffers.len() < 100 {
            buffers.push(Vec::new());
        }
        let index = rng.below(buffers.len());
        let len = rng.size(12);
        let buffer = &mut buffers[index];
        if let Some(&first) = buffer.first() {
            wrong += buffer.iter().filter(|&&byte| byte != first).count();
        }
        if step % 3 == 0 {
            buffer.fill(mark);
            buffer.resize(len, mark);
            buffer.shrink_to_fit();
        } else {
            *buffer = alloc::vec![mark; len];
        }
    }
    wrong
}

/// The end of `len` fresh bytes: a stack for one more thread.
#[unsafe(no_mangle)]
pub extern "C" fn stack(len: usize) -> usize {
    Box::leak(alloc::vec![0_u128; len / 16].into_boxed_slice()).as_mut_ptr_range().end.addr()
}
