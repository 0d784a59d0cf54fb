//! The hot paths, each in a function that `cargo xtask asm` can find: compiled as in a user's crate, with neither
//! link-time optimisation nor anything else that a plain release build lacks.

use core::alloc::{GlobalAlloc, Layout};
use core::hint::black_box;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use heap_arena::{Arena, FixedBuffer};
use heap_core::{Allocator, Global};
use heap_pool::{Pool, SyncPool};
use heap_smp::{SmpAllocator, by_address};

static SMP: SmpAllocator = SmpAllocator::new();

const SMALL: Layout = Layout::new::<[u64; 3]>();

fn first(block: Result<NonNull<[u8]>, heap_core::AllocError>) -> Option<NonNull<u8>> {
    block.ok().map(NonNull::cast)
}

#[unsafe(no_mangle)]
fn hot_arena_alloc_small(arena: &Arena) -> Option<NonNull<u8>> {
    first(arena.alloc(SMALL))
}

#[unsafe(no_mangle)]
fn hot_arena_alloc(arena: &Arena, layout: Layout) -> Option<NonNull<u8>> {
    first(arena.alloc(layout))
}

#[unsafe(no_mangle)]
fn hot_fixed_alloc(buffer: &FixedBuffer<'_>, layout: Layout) -> Option<NonNull<u8>> {
    first(buffer.alloc(layout))
}

#[unsafe(no_mangle)]
fn hot_pool_create(pool: &Pool<[u64; 3]>) -> Option<NonNull<[u64; 3]>> {
    pool.create([0; 3]).ok()
}

/// # Safety
///
/// `item` is a live one of this pool, and given up.
#[unsafe(no_mangle)]
unsafe fn hot_pool_destroy(pool: &Pool<[u64; 3]>, item: NonNull<[u64; 3]>) {
    // SAFETY: from the caller.
    unsafe { pool.destroy(item) }
}

#[unsafe(no_mangle)]
fn hot_sync_pool_create(pool: &SyncPool<[u64; 3]>) -> Option<NonNull<[u64; 3]>> {
    pool.create([0; 3]).ok()
}

/// # Safety
///
/// As for `hot_pool_destroy`.
#[unsafe(no_mangle)]
unsafe fn hot_sync_pool_destroy(pool: &SyncPool<[u64; 3]>, item: NonNull<[u64; 3]>) {
    // SAFETY: from the caller.
    unsafe { pool.destroy(item) }
}

#[unsafe(no_mangle)]
fn hot_smp_alloc_small() -> *mut u8 {
    // SAFETY: the layout has bytes.
    unsafe { GlobalAlloc::alloc(&SMP, SMALL) }
}

#[unsafe(no_mangle)]
fn hot_smp_alloc(layout: Layout) -> *mut u8 {
    // SAFETY: the callers of this file pass layouts with bytes.
    unsafe { GlobalAlloc::alloc(&SMP, layout) }
}

/// # Safety
///
/// `block` is live, was allocated with `SMALL`, and is given up.
#[unsafe(no_mangle)]
unsafe fn hot_smp_free_small(block: *mut u8) {
    // SAFETY: from the caller.
    unsafe { GlobalAlloc::dealloc(&SMP, block, SMALL) }
}

/// # Safety
///
/// `block` is live, was allocated with `layout`, and is given up.
#[unsafe(no_mangle)]
unsafe fn hot_smp_free(block: *mut u8, layout: Layout) {
    // SAFETY: from the caller.
    unsafe { GlobalAlloc::dealloc(&SMP, block, layout) }
}

/// # Safety
///
/// `block` is live, was allocated with `layout`, and is given up.
#[unsafe(no_mangle)]
unsafe fn hot_global_free(block: NonNull<u8>, layout: Layout) {
    // SAFETY: from the caller.
    unsafe { Global.free(block, layout) }
}

/// `malloc`: the slow path is `alloc_slow`.
#[unsafe(no_mangle)]
fn hot_c_malloc(size: usize) -> *mut u8 {
    match by_address::alloc_fast(size) {
        block if block.is_null() => by_address::alloc_slow(size),
        block => block,
    }
}

/// `free`.
///
/// # Safety
///
/// `block` is live, came from `hot_c_malloc`, and is given up.
#[unsafe(no_mangle)]
unsafe fn hot_c_free(block: NonNull<u8>) {
    // SAFETY: from the caller.
    unsafe {
        if !by_address::free_fast(block) {
            by_address::free_slow(block);
        }
    }
}

fn main() {
    let layout = black_box(Layout::new::<[u8; 100]>());
    let arena = Arena::new();
    assert!(hot_arena_alloc_small(&arena).is_some() && hot_arena_alloc(&arena, layout).is_some());
    let mut bytes = [MaybeUninit::uninit(); 256];
    assert!(hot_fixed_alloc(&FixedBuffer::new(&mut bytes), layout).is_some());
    let (pool, shared) = (Pool::new(), SyncPool::new());
    let (mine, ours) = (hot_pool_create(&pool), hot_sync_pool_create(&shared));
    assert!(mine.is_some() && ours.is_some());
    let (small, other) = (hot_smp_alloc_small(), hot_smp_alloc(layout));
    assert!(!small.is_null() && !other.is_null());
    let block = first(Global.alloc(layout));
    // SAFETY: each is live, goes back with its own layout, and is not used again.
    unsafe {
        mine.into_iter().for_each(|item| hot_pool_destroy(&pool, item));
        ours.into_iter().for_each(|item| hot_sync_pool_destroy(&shared, item));
        hot_smp_free_small(small);
        hot_smp_free(other, layout);
        block.into_iter().for_each(|block| hot_global_free(block, layout));
        NonNull::new(hot_c_malloc(100)).into_iter().for_each(|block| hot_c_free(block));
    }
}
