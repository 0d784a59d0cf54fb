//! Eight threads, against one that does the work of all.

use std::alloc::{GlobalAlloc, Layout};
use std::hint::black_box;
use std::time::Instant;

use heap_debug::{DebugAllocator, DebugConfig};

use crate::{Line, ROUNDS};

const THREADS: usize = 8;
const BLOCKS: usize = 64;
const TURNS: usize = 1000;

static DEBUG: DebugAllocator = DebugAllocator::with_config(DebugConfig::new().stack_trace_frames(0));

/// The work of one thread: batches of blocks of several sizes.
fn work() {
    let mut blocks = [std::ptr::null_mut(); BLOCKS];
    for turn in 0..TURNS {
        let layout = Layout::array::<u8>(16 + turn % 7 * 40).unwrap_or(Layout::new::<u64>());
        for block in &mut blocks {
            // SAFETY: the size is not zero.
            *block = black_box(unsafe { DEBUG.alloc(layout) });
        }
        for block in blocks {
            // SAFETY: from this allocator, with this layout, once.
            unsafe { DEBUG.dealloc(block, layout) };
        }
    }
}

pub(crate) fn run() {
    let (mut one, mut eight) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        (0..THREADS).for_each(|_| work());
        one = one.min(start.elapsed().as_nanos() as f64);
        let start = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(work);
            }
        });
        eight = eight.min(start.elapsed().as_nanos() as f64);
    }
    let pairs = (THREADS * TURNS * BLOCKS) as f64;
    for (subject, time) in [("one thread", one), ("eight threads", eight)] {
        let case = "the work of eight threads";
        Line { ns: Some(time / pairs), ratio: Some(time / one), ..Line::new(case, subject) }.print();
    }
}
