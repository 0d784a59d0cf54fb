//! What one thread keeps at hand, for the feature `checked`: free blocks of each class, in no order that a client can guess.
//!
//! The blocks are listed beside each other in the cache, not linked through themselves: a free block holds nothing but
//! zeros, so there is no link that a stray write could bend, and a write shows when the block is lent again. What is lent
//! is drawn at random from at least [`HELD`] blocks. Blocks travel between caches and homes in lists of addresses; the depots,
//! which need links, stay empty.

use core::cell::Cell;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use crate::config::{CHAIN_MAX, Settings};
use crate::core_heap::{CORE, CoreHeap};
use crate::process;
use crate::seat;
use crate::secret::Random;
use crate::size::{CLASS, CLASSES};

/// Bytes that the first refill of a class brings beyond what is held; each further one brings twice as many.
const FIRST_REFILL: usize = 512;

/// Blocks of a class that are kept, as far as memory allows, to draw from: half a chain at the most.
const HELD: usize = 16;

const fn held(class: usize) -> usize {
    let half = CLASS[class].chain as usize / 2;
    if half < HELD { half } else { HELD }
}

/// Most blocks of a class.
const fn capacity(class: usize) -> usize {
    CLASS[class].chain as usize + held(class)
}

/// Where each class's places begin; the last entry is their number.
const START: [usize; CLASSES + 1] = {
    let mut start = [0; CLASSES + 1];
    let mut class = 0;
    while class < CLASSES {
        start[class + 1] = start[class] + capacity(class);
        class += 1;
    }
    start
};

/// What lies beneath a cache: where blocks of each class come from and go to.
pub(crate) trait Homes {
    /// Takes up to `out.len()` blocks of the class, without links, and returns how many. Zero: no memory.
    fn take_blocks(&self, class: usize, out: &mut [MaybeUninit<NonNull<u8>>]) -> usize;

    /// Brings blocks home, without links.
    ///
    /// # Safety
    ///
    /// They are free blocks of the class, all different, and the caller gives them up; the slice is initialised.
    unsafe fn give_blocks(&self, class: usize, blocks: &mut [MaybeUninit<NonNull<u8>>]);
}

impl Homes for CoreHeap {
    fn take_blocks(&self, class: usize, out: &mut [MaybeUninit<NonNull<u8>>]) -> usize {
        self.take_blocks(class, out)
    }

    unsafe fn give_blocks(&self, class: usize, blocks: &mut [MaybeUninit<NonNull<u8>>]) {
        // SAFETY: the caller's promise is the same.
        unsafe { self.give_blocks(class, blocks) }
    }
}

/// How far a thread's cache is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Life {
    /// All zeros: never used.
    New,
    /// In use; the thread's exit will empty it.
    Active,
    /// The thread is exiting and the cache was emptied: blocks go straight home.
    Retired,
}

/// The blocks at hand.
///
/// # Invariants
///
/// - **R1** The first `count[c]` places from `START[c]` on hold free blocks of class `c`, all different, that belong to this
///   thread alone, or to the private heap that has the cache; `count[c] <= capacity(c)`.
#[derive(Debug)]
pub(crate) struct Cache {
    places: [Cell<Option<NonNull<u8>>>; START[CLASSES]],
    count: [Cell<u16>; CLASSES],
    /// Blocks that the next refill asks for; zero: the first.
    fill: [Cell<u8>; CLASSES],
    random: Random,
    life: Cell<Life>,
}

thread_local! {
    static CACHE: Cache = const { Cache::new() };
    static EXIT: ExitHook = const { ExitHook };
}

/// Empties the cache when the thread exits. Apart from the cache, so that the cache itself has no destructor.
struct ExitHook;

impl Drop for ExitHook {
    fn drop(&mut self) {
        CACHE.with(|cache| {
            cache.life.set(Life::Retired);
            seat::leave();
            cache.give_all(&CORE);
        });
    }
}

/// A free block of the class, drawn at random; `None`: no memory.
#[inline]
pub(crate) fn take(class: usize, settings: &Settings) -> Option<NonNull<u8>> {
    CACHE.with(|cache| {
        if cache.count[class].get() as usize > held(class) {
            cache.draw(class)
        } else {
            cache.take_slow(class, settings)
        }
    })
}

/// Takes a free block of the class.
///
/// # Safety
///
/// It is one, and the caller gives it up.
#[inline]
pub(crate) unsafe fn put(class: usize, block: NonNull<u8>) {
    CACHE.with(|cache| {
        let count = cache.count[class].get() as usize;
        if cache.life.get() != Life::Active || count == capacity(class) {
            // SAFETY: the caller's promise is the same.
            return unsafe { cache.put_slow(class, block) };
        }
        cache.places[START[class] + count].set(Some(block));
        cache.count[class].set(count as u16 + 1);
    });
}

/// Brings the calling thread's blocks home.
pub(crate) fn flush_this_thread() {
    CACHE.with(|cache| {
        if cache.life.get() == Life::Active {
            cache.give_all(&CORE);
        }
    });
}

impl Cache {
    pub(crate) const fn new() -> Self {
        Self {
            places: [const { Cell::new(None) }; START[CLASSES]],
            count: [const { Cell::new(0) }; CLASSES],
            fill: [const { Cell::new(0) }; CLASSES],
            random: Random::new(),
            life: Cell::new(Life::New),
        }
    }

    /// One of the blocks of a class; `None` if there is none.
    #[inline]
    fn draw(&self, class: usize) -> Option<NonNull<u8>> {
        let last = (self.count[class].get() as usize).checked_sub(1)?;
        let places = &self.places[START[class]..START[class + 1]];
        let drawn = places[self.random.below(last + 1)].replace(places[last].get());
        self.count[class].set(last as u16);
        drawn
    }

    #[cold]
    #[inline(never)]
    fn take_slow(&self, class: usize, settings: &Settings) -> Option<NonNull<u8>> {
        if self.life.get() != Life::Active && !self.start(settings) {
            let mut one = [MaybeUninit::uninit()];
            // SAFETY: so many were initialised.
            return (CORE.take_blocks(class, &mut one) == 1).then(|| unsafe { one[0].assume_init() });
        }
        if CORE.is_worth_watching() {
            process::help_by_call();
        }
        self.refill(&CORE, class);
        self.draw(class)
    }

    /// Has more blocks than are held, if there is memory.
    fn refill(&self, homes: &impl Homes, class: usize) {
        let chain = CLASS[class].chain as usize;
        let first = (FIRST_REFILL / CLASS[class].slot as usize).clamp(1, chain);
        let want = (self.fill[class].get() as usize).max(first);
        self.fill[class].set((want * 2).min(chain) as u8);
        let count = self.count[class].get() as usize;
        let mut fresh = [MaybeUninit::uninit(); CHAIN_MAX + HELD];
        let room = (held(class) + want).saturating_sub(count);
        let got = homes.take_blocks(class, &mut fresh[..room]);
        for (place, block) in self.places[START[class] + count..].iter().zip(&fresh[..got]) {
            // SAFETY: `take_blocks` initialised so many.
            place.set(Some(unsafe { block.assume_init() }));
        }
        self.count[class].set((count + got) as u16);
    }

    /// The cache has no room, or is not in use.
    #[cold]
    #[inline(never)]
    unsafe fn put_slow(&self, class: usize, block: NonNull<u8>) {
        if self.life.get() != Life::Active && !self.start(&Settings::DEFAULT) {
            // SAFETY: the caller's promise is the same.
            return unsafe { CORE.give_blocks(class, &mut [MaybeUninit::new(block)]) };
        }
        if self.count[class].get() as usize == capacity(class) {
            self.make_room(&CORE, class);
        }
        // SAFETY: the caller's promise is the same. There is room: to start may fill the cache, but not more than a chain.
        unsafe { put(class, block) };
        // Last, when R1 holds: to start a thread may allocate and free.
        if CORE.is_worth_watching() {
            process::start_helper();
        }
    }

    /// Brings half of the blocks of a class home, drawn at random.
    fn make_room(&self, homes: &impl Homes, class: usize) {
        let half = self.count[class].get() as usize / 2;
        self.give(homes, class, half);
    }

    /// Brings `number` blocks of a class home.
    fn give(&self, homes: &impl Homes, class: usize, number: usize) {
        let mut blocks = [MaybeUninit::uninit(); CHAIN_MAX + HELD];
        let mut count = 0;
        while count < number
            && let Some(block) = self.draw(class)
        {
            blocks[count].write(block);
            count += 1;
        }
        if count > 0 {
            // SAFETY: R1: free blocks of ours, and no place holds them any more.
            unsafe { homes.give_blocks(class, &mut blocks[..count]) }
        }
    }

    /// Begins to use the cache of a new thread. `false`: it is retired, and must not be filled.
    fn start(&self, settings: &Settings) -> bool {
        if self.life.get() == Life::Retired {
            return false;
        }
        // First, because to register a destructor may allocate, and come here again.
        self.life.set(Life::Active);
        self.random.seed(core::ptr::from_ref(self).addr());
        process::start(settings);
        if EXIT.try_with(|_| ()).is_err() {
            // The thread's destructors have already run: nobody would empty the cache.
            self.life.set(Life::Retired);
            self.give_all(&CORE);
            return false;
        }
        seat::take();
        true
    }

    /// Brings all blocks home.
    pub(crate) fn give_all(&self, homes: &impl Homes) {
        for class in 0..CLASSES {
            self.give(homes, class, capacity(class));
            self.fill[class].set(0);
        }
    }
}

/// As a private heap's, used by its owner.
impl Cache {
    /// A heap begins to use the cache, which is empty.
    pub(crate) fn begin(&self) {
        self.random.seed(core::ptr::from_ref(self).addr());
    }

    /// A free block of the class, drawn at random; `None`: too few are at hand to draw from.
    #[inline]
    pub(crate) fn pop(&self, class: usize) -> Option<NonNull<u8>> {
        if self.count[class].get() as usize > held(class) { self.draw(class) } else { None }
    }

    /// A free block of the class; `None`: no memory.
    pub(crate) fn pop_slow(&self, homes: &impl Homes, class: usize) -> Option<NonNull<u8>> {
        if self.count[class].get() as usize <= held(class) {
            if CORE.is_worth_watching() {
                process::help_by_call();
            }
            self.refill(homes, class);
        }
        self.draw(class)
    }

    /// Takes a free block of the class.
    ///
    /// # Safety
    ///
    /// It is one of the heap's, and the caller gives it up.
    #[inline]
    pub(crate) unsafe fn push(&self, homes: &impl Homes, class: usize, block: NonNull<u8>) {
        let full = self.count[class].get() as usize == capacity(class);
        if full {
            self.make_room(homes, class);
        }
        let count = self.count[class].get() as usize;
        self.places[START[class] + count].set(Some(block));
        self.count[class].set(count as u16 + 1);
        // Last, when R1 holds: to start a thread may allocate and free.
        if full && CORE.is_worth_watching() {
            process::start_helper();
        }
    }

    /// Forgets all blocks: whoever called has taken their memory back, or gives it up.
    pub(crate) fn forget(&self) {
        self.count.iter().for_each(|count| count.set(0));
        self.fill.iter().for_each(|fill| fill.set(0));
    }

    /// Blocks of a class that are at hand.
    pub(crate) fn cached(&self, class: usize) -> usize {
        self.count[class].get() as usize
    }
}

const _: () = {
    let mut class = 0;
    while class < CLASSES {
        assert!(capacity(class) <= CHAIN_MAX + HELD && capacity(class) > held(class));
        class += 1;
    }
};
