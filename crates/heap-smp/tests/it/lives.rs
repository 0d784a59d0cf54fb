//! At the edges of lives: before `main`, in the destructors of a thread's locals on either side of the allocator's own, on
//! threads that nobody in Rust started.
#![cfg(unix)]

use std::alloc::Layout;
use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr::{NonNull, null, null_mut};
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use heap_core::Allocator;
use heap_os::fault::Plan;
use heap_smp::SmpAllocator;

use crate::child;

const SMP: SmpAllocator = SmpAllocator::new();

/// Runs `body` on a thread of C's and waits for its end: nothing of Rust's has run on it before.
fn on_a_bare_thread(body: extern "C" fn(*mut c_void) -> *mut c_void) {
    let mut thread = std::mem::MaybeUninit::uninit();
    // SAFETY: the thread gets no argument, and is joined once.
    unsafe {
        assert_eq!(libc::pthread_create(thread.as_mut_ptr(), null(), body, null_mut()), 0);
        assert_eq!(libc::pthread_join(thread.assume_init(), null_mut()), 0);
    }
}

/// What the constructor below left.
static EARLY: AtomicPtr<Vec<String>> = AtomicPtr::new(null_mut());

/// Called by the loader, before `main` and before Rust's own start.
extern "C" fn constructor() {
    let boxes: Vec<_> = (0..1000).map(|number| number.to_string()).collect();
    // Little enough not to start the helper thread, which the other tests do not expect.
    drop((vec![1_u8; 300_000], vec![1_u8; 20 << 20]));
    EARLY.store(Box::into_raw(Box::new(boxes)), Ordering::Release);
}

// SAFETY: the section holds pointers to functions that the loader calls, each once, with arguments that this one ignores.
#[used]
#[cfg_attr(target_os = "linux", unsafe(link_section = ".init_array"))]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func"))]
static CONSTRUCTOR: extern "C" fn() = constructor;

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
#[test]
fn blocks_from_before_main_are_as_good_as_any() {
    let early = NonNull::new(EARLY.swap(null_mut(), Ordering::Acquire)).expect("the constructor ran");
    // SAFETY: made by `Box::into_raw`, and taken out of its place once.
    let boxes = *unsafe { Box::from_raw(early.as_ptr()) };
    assert!(
        boxes.len() == 1000 && boxes.iter().enumerate().all(|(number, held)| *held == number.to_string())
    );
    // Freed elsewhere than they were made.
    std::thread::spawn(move || drop(boxes)).join().unwrap();
    assert_eq!(SMP.validate(), Ok(()));
}

/// Blocks that another thread made for destructors to free.
static MADE_ELSEWHERE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());
/// In which order the destructors ran, as digits.
static ORDER: AtomicUsize = AtomicUsize::new(0);

/// Frees its own blocks and others' when its thread ends, and allocates.
struct Leaves {
    name: usize,
    held: RefCell<Vec<Vec<u8>>>,
}

impl Drop for Leaves {
    fn drop(&mut self) {
        ORDER.store(ORDER.load(Ordering::Relaxed) * 10 + self.name, Ordering::Relaxed);
        assert!(self.held.borrow().iter().all(|bytes| bytes.iter().all(|&byte| byte == 5)));
        self.held.borrow_mut().clear();
        let others = MADE_ELSEWHERE.lock().unwrap().pop();
        assert!(others.is_some_and(|bytes| bytes.iter().all(|&byte| byte == 9)));
        // All sizes, among them large ones; some are left for whoever comes after.
        let made: Vec<_> = (0..18).map(|log2| vec![9_u8; 1 << log2]).collect();
        MADE_ELSEWHERE.lock().unwrap().extend(made.into_iter().skip(17));
    }
}

thread_local! {
    static BEFORE: Leaves = const { Leaves { name: 1, held: RefCell::new(Vec::new()) } };
    static AFTER: Leaves = const { Leaves { name: 2, held: RefCell::new(Vec::new()) } };
}

extern "C" fn destructors_on_both_sides(_: *mut c_void) -> *mut c_void {
    // Registered while the thread has not yet allocated, so it runs after the allocator's own; the other way round for the second.
    BEFORE.with(|_| ());
    BEFORE.with(|leaves| leaves.held.borrow_mut().extend((0..40).map(|n| vec![5; n * 40])));
    AFTER.with(|_| ());
    AFTER.with(|leaves| leaves.held.borrow_mut().extend((0..40).map(|n| vec![5; n * 2000])));
    null_mut()
}

#[test]
fn destructors_before_and_after_the_allocators_own_may_do_all() {
    child::passes("lives::destructors_before_and_after_the_allocators_own_may_do_all", || {
        MADE_ELSEWHERE.lock().unwrap().extend((1..100).map(|n| vec![9; n * 100]));
        let mut settled = 0;
        for round in 0..200 {
            ORDER.store(0, Ordering::Relaxed);
            on_a_bare_thread(destructors_on_both_sides);
            assert_eq!(ORDER.load(Ordering::Relaxed) % 100 / 10 + ORDER.load(Ordering::Relaxed) % 10, 3);
            let now = SMP.stats().slab_bytes;
            if round == 50 {
                settled = now;
            }
            assert!(round < 50 || now <= settled + (1 << 20), "{round}: {settled} -> {now}");
        }
        assert_eq!(SMP.validate(), Ok(()));
    });
}

/// Which call of the system is refused first, on the bare thread; and whether all further ones are.
static REFUSED: (AtomicUsize, AtomicUsize) = (AtomicUsize::new(0), AtomicUsize::new(0));
/// Calls that were refused there.
static HITS: AtomicUsize = AtomicUsize::new(0);

extern "C" fn first_calls_are_refused(_: *mut c_void) -> *mut c_void {
    let first = REFUSED.0.load(Ordering::Relaxed) as u64;
    let plan = if REFUSED.1.load(Ordering::Relaxed) == 0 { Plan::nth(first) } else { Plan::from(first) };
    let guard = plan.on_this_thread();
    // Sizes whose slabs are large, so that a thread's first block asks the system for memory.
    for size in [20_000, 100_000, 3 << 20, 20 << 20, 64] {
        let layout = Layout::from_size_align(size, 8).unwrap();
        let Ok(block) = SMP.alloc(layout) else { continue };
        // SAFETY: the block is ours and that long, and not used again.
        unsafe {
            block.cast::<u8>().write(1);
            SMP.free(block.cast(), layout);
        }
    }
    HITS.fetch_add(guard.refused() as usize, Ordering::Relaxed);
    null_mut()
}

#[test]
fn a_thread_may_begin_while_the_system_refuses() {
    child::passes("lives::a_thread_may_begin_while_the_system_refuses", || {
        for lasting in [0, 1] {
            REFUSED.1.store(lasting, Ordering::Relaxed);
            for first in 0..12 {
                SMP.purge();
                REFUSED.0.store(first, Ordering::Relaxed);
                on_a_bare_thread(first_calls_are_refused);
                assert_eq!(SMP.validate(), Ok(()));
                let stats = SMP.stats();
                // A run that is kept because the system would not open its guard again is no loss.
                let kept = stats.run_bytes == 0 || cfg!(feature = "checked");
                assert!(kept && stats.huge_bytes == 0, "nothing is lost");
            }
        }
        assert!(HITS.load(Ordering::Relaxed) >= 4, "hardly anything was refused");
    });
}
