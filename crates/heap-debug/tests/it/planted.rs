//! Random programs with errors planted in them: each is found, as what it is, and nothing else is.

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_core::Allocator;
use heap_debug::{Check, DebugAllocator, DebugConfig, Format, Guard, OnViolation, ViolationKind};
use heap_test::Rng;

use ViolationKind as Kind;

const STEPS: usize = 3000;

#[derive(Clone, Copy)]
struct Held {
    block: NonNull<u8>,
    layout: Layout,
}

/// A client that now and then does wrong, and knows what should be said of it.
struct Client<'a> {
    debug: &'a DebugAllocator,
    rng: Rng,
    live: Vec<Held>,
    freed: Vec<Held>,
    planted: Vec<Kind>,
}

impl Client<'_> {
    fn layout(&mut self) -> Layout {
        let size = match self.rng.below(20) {
            0 => 30_000 + self.rng.below(60_000),
            1..4 => 1 + self.rng.below(5000),
            _ => 1 + self.rng.below(200),
        };
        Layout::from_size_align(size, 1 << self.rng.below(7)).expect("small")
    }

    fn take(&mut self) -> Option<Held> {
        let len = self.live.len();
        (len > 0).then(|| self.live.swap_remove(self.rng.below(len)))
    }

    /// # Safety
    /// As of `Allocator::free`, or a mistake on purpose.
    unsafe fn free(&mut self, held: Held, layout: Layout) {
        // SAFETY: the caller's affair.
        unsafe { Allocator::free(self.debug, held.block, layout) };
        self.freed.push(held);
    }

    /// One step, right or wrong.
    ///
    /// # Safety
    /// The allocator finds what is wrong before it does harm.
    unsafe fn step(&mut self) {
        let choice = self.rng.below(40);
        if choice < 18 || self.live.is_empty() {
            let layout = self.layout();
            let block = Allocator::alloc(self.debug, layout).expect("there is memory").cast::<u8>();
            // SAFETY: live, of that size.
            unsafe { block.write_bytes(self.rng.below(256) as u8, layout.size()) };
            return self.live.push(Held { block, layout });
        }
        let Some(held) = self.take() else { return };
        let Held { block, layout } = held;
        // SAFETY: right, or one mistake of which the kind is noted.
        unsafe {
            match choice {
                18 => {
                    self.planted.push(Kind::WritePastEnd);
                    block.add(layout.size() + self.rng.below(8)).write(1);
                    self.free(held, layout);
                }
                19 => {
                    self.planted.push(Kind::WriteBeforeStart);
                    block.sub(1 + self.rng.below(16)).write(1);
                    self.free(held, layout);
                }
                20 | 21 => self.free_as_another(held, choice == 20),
                22 if layout.size() > 1 => {
                    self.planted.push(Kind::InteriorPointer);
                    let inside = 1 + self.rng.below(layout.size() - 1);
                    Allocator::free(self.debug, block.add(inside), layout);
                    self.live.push(held);
                }
                23 => {
                    self.planted.push(Kind::DoubleFree);
                    self.free(held, layout);
                    Allocator::free(self.debug, block, layout);
                }
                24 => {
                    self.planted.push(Kind::WriteAfterFree);
                    self.free(held, layout);
                    block.add(self.rng.below(layout.size())).write(1);
                    self.debug.check_all();
                }
                25 => {
                    self.planted.push(Kind::UseAfterFree);
                    self.free(held, layout);
                    self.debug.resize(block, layout, layout.size() + 1);
                }
                26..30 => self.resize(held),
                _ => self.free(held, layout),
            }
        }
    }

    /// # Safety
    /// The block is live, with that layout. The layout that is given back is the misuse.
    unsafe fn free_as_another(&mut self, held: Held, size_is_wrong: bool) {
        let (mut size, mut align) = (held.layout.size(), held.layout.align());
        if size_is_wrong {
            self.planted.push(Kind::WrongSize);
            size += 1 + self.rng.below(500);
        } else {
            self.planted.push(Kind::WrongAlignment);
            align *= 2;
        }
        let wrong = Layout::from_size_align(size, align).expect("small");
        // SAFETY: the caller's promise.
        unsafe { self.free(held, wrong) };
    }

    /// # Safety
    /// The block is live, with that layout.
    unsafe fn resize(&mut self, held: Held) {
        let size = 1 + self.rng.below(2 * held.layout.size());
        let new = Layout::from_size_align(size, held.layout.align()).expect("small");
        // SAFETY: the caller's promise.
        let moved = unsafe { Allocator::realloc(self.debug, held.block, held.layout, new) };
        self.live.push(Held { block: moved.expect("there is memory").cast(), layout: new });
    }
}

fn run(seed: u64, config: DebugConfig) {
    let config = config.on_violation(OnViolation::Record).format(Format::Silent).fill_limit(usize::MAX);
    let debug = DebugAllocator::with_config(config);
    let rng = Rng::new(seed);
    let mut client = Client { debug: &debug, rng, live: Vec::new(), freed: Vec::new(), planted: Vec::new() };
    for step in 0..STEPS {
        // SAFETY: the misuse is the test.
        unsafe { client.step() };
        let found: Vec<_> = debug.violations().map(|violation| violation.kind).collect();
        assert_eq!(found, client.planted, "seed {seed}, step {step}");
        debug.forget_violations();
        client.planted.clear();
    }
    assert_eq!(debug.live_blocks(), client.live.len());
    let live = core::mem::take(&mut client.live);
    // SAFETY: each is live, and freed once.
    live.into_iter().for_each(|held| unsafe { client.free(held, held.layout) });
    assert_eq!((debug.check_all(), debug.deinit()), (0, Check::Ok));
}

/// U-SA-02
#[test]
fn planted_errors_are_found_and_no_others() {
    for seed in 0..5 {
        run(seed, DebugConfig::new().stack_trace_frames(0));
        run(seed, DebugConfig::new().stack_trace_frames(0).slab_size(4096).shrink_in_place(false));
    }
}

/// U-SA-02: with traces, which must not change anything.
#[test]
fn planted_errors_are_found_with_traces_too() {
    run(100, DebugConfig::new().stack_trace_frames(6).resize_stack_traces(true));
    run(101, DebugConfig::new().stack_trace_frames(32).retain_metadata(true).guard(Guard::Off));
}
