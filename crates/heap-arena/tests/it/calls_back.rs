//! A child that asks the arena above it for memory while it serves it: where a function of the client sees each call of
//! the child's, as `heap_compose::Inspect` has it, that can happen without a line of unsafe code.

use std::alloc::Layout;
use std::cell::{Cell, RefCell};
use std::ptr::NonNull;

use heap_arena::{Arena, SyncArena};
use heap_core::{AllocError, Allocator};
use heap_test::Rng;

use crate::support::{Meter, layout};

/// A meter that calls a function before and after each call.
struct Calling {
    meter: Meter,
    call: RefCell<Option<Box<dyn Fn()>>>,
    depth: Cell<usize>,
}

impl Calling {
    fn leaked(meter: Meter) -> &'static Self {
        Box::leak(Box::new(Self { meter, call: RefCell::default(), depth: Cell::new(0) }))
    }

    fn called(&self) {
        if self.depth.get() < 2 {
            self.depth.set(self.depth.get() + 1);
            self.call.borrow().iter().for_each(|call| call());
            self.depth.set(self.depth.get() - 1);
        }
    }
}

// SAFETY: the meter's; what is called changes no block.
unsafe impl Allocator for Calling {
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.called();
        let block = self.meter.alloc(layout);
        self.called();
        block
    }
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        self.called();
        // SAFETY: the caller's promise is the same.
        let done = unsafe { self.meter.resize(block, layout, new_size) };
        self.called();
        done
    }
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        self.called();
        // SAFETY: the caller's promise is the same.
        unsafe { self.meter.free(block, layout) };
        self.called();
    }
}

/// A client whose blocks are filled with numbers of their own.
struct Client<A: 'static> {
    arena: &'static A,
    rng: RefCell<Rng>,
    live: RefCell<Vec<(NonNull<u8>, Layout, u8)>>,
    next: Cell<u8>,
}

impl<A: Allocator + 'static> Client<A> {
    fn leaked(arena: &'static A, seed: u64) -> &'static Self {
        let (rng, live) = (RefCell::new(Rng::new(seed)), RefCell::default());
        Box::leak(Box::new(Self { arena, rng, live, next: Cell::new(0) }))
    }

    fn below(&self, end: usize) -> usize {
        self.rng.borrow_mut().below(end)
    }

    fn fill(&self, block: NonNull<u8>, layout: Layout) {
        let mark = self.next.get();
        self.next.set(mark.wrapping_add(1));
        // SAFETY: ours alone.
        unsafe { block.write_bytes(mark, layout.size()) };
        self.live.borrow_mut().push((block, layout, mark));
    }

    /// One operation at random, often on the newest block.
    fn step(&self) {
        let newest = self.live.borrow().len();
        let some = if newest > 0 && self.below(3) == 0 { self.below(newest) } else { newest.wrapping_sub(1) };
        let size = 1 + if self.below(20) == 0 { self.below(9000) } else { self.below(300) };
        if newest == 0 || self.below(2) == 0 {
            let layout = layout(size, 1 << self.below(6));
            if let Ok(block) = self.arena.alloc(layout) {
                self.fill(block.cast(), layout);
            }
            return;
        }
        let (block, old, mark) = self.live.borrow_mut().remove(some);
        check(block, old.size(), mark);
        // SAFETY: live, and taken off the books while it is changed.
        unsafe {
            if self.below(4) == 0 {
                self.arena.free(block, old);
            } else if self.arena.resize(block, old, size) {
                check(block, old.size().min(size), mark);
                self.fill(block, layout(size, old.align()));
            } else {
                check(block, old.size(), mark);
                self.live.borrow_mut().push((block, old, mark));
            }
        }
    }

    fn check_all(&self) {
        self.live.borrow().iter().for_each(|&(block, layout, mark)| check(block, layout.size(), mark));
    }
}

fn check(block: NonNull<u8>, len: usize, mark: u8) {
    // SAFETY: a live block of the client's, initialised.
    let bytes = unsafe { NonNull::slice_from_raw_parts(block, len).as_ref() };
    assert!(bytes.iter().all(|&byte| byte == mark), "overwritten");
}

fn run<A: Allocator + 'static>(make: impl Fn(&'static Calling) -> A, pages: bool) {
    for seed in 0..100 {
        let child = Calling::leaked(if pages { Meter::pages() } else { Meter::in_place() });
        let arena: &'static A = Box::leak(Box::new(make(child)));
        let client = Client::leaked(arena, seed);
        *child.call.borrow_mut() = Some(Box::new(|| client.step()));
        for _ in 0..200 {
            client.step();
        }
        client.check_all();
    }
}

#[test]
fn an_arena_keeps_its_blocks_apart_when_its_child_asks_it_for_some() {
    run(Arena::new_in, false);
    run(Arena::new_in, true);
}

#[test]
fn a_shared_arena_keeps_its_blocks_apart_when_its_child_asks_it_for_some() {
    run(SyncArena::<_, 16>::new_in, false);
    run(SyncArena::<_, 16>::new_in, true);
    run(SyncArena::<_, 0>::new_in, false);
}
