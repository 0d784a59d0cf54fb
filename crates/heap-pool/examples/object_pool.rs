//! A simulation whose particles come and go: a pool gives each a place, and takes the places back.
//!
//! `cargo run -p heap-pool --example object_pool`

use std::ptr::NonNull;

use heap_core::AllocError;
use heap_pool::{Pool, PoolOptions, ResetMode, SyncPool};

#[derive(Debug)]
struct Particle {
    at: f32,
    speed: f32,
}

fn main() -> Result<(), AllocError> {
    by_pointer()?;
    by_box()?;
    with_a_budget()?;
    between_threads()
}

/// Pointers: the fastest way, and the client says when an item goes.
fn by_pointer() -> Result<(), AllocError> {
    let mut pool = Pool::new();
    let particles: Vec<NonNull<Particle>> = (0..1000)
        .map(|n| pool.create(Particle { at: 0.0, speed: n as f32 / 100.0 }))
        .collect::<Result<_, _>>()?;
    for particle in particles.into_iter().step_by(2) {
        // SAFETY: live items of this pool, each destroyed once.
        unsafe { pool.destroy(particle) };
    }
    // All that are live, without a list of them.
    for particle in pool.iter_mut() {
        particle.at += particle.speed;
    }
    let farthest = pool.iter_mut().map(|particle| particle.at).fold(0.0, f32::max);
    println!("{} particles left, the farthest at {farthest}; {pool:?}", pool.live());
    // The next level of the game: all at once, and the memory stays for it.
    pool.reset(ResetMode::RetainCapacity);
    Ok(())
}

/// Boxes: no unsafe code, and values are dropped.
fn by_box() -> Result<(), AllocError> {
    let names = Pool::new();
    let first = names.boxed(String::from("electron"))?;
    let second = names.boxed(String::from("muon"))?;
    println!("{first} and {second}");
    drop(first);
    println!("{} is left, of {} slots", names.live(), names.slots());
    Ok(())
}

/// A pool that may not grow: memory for sixteen, got once, and an error beyond that.
fn with_a_budget() -> Result<(), AllocError> {
    let pool = Pool::with_options(PoolOptions::new().growable(false));
    pool.preheat(16)?;
    let served = (0..20).filter(|&n| pool.create(n).is_ok()).count();
    println!("{served} of 20 served");
    Ok(())
}

/// A pool that threads share: made here, dropped there.
fn between_threads() -> Result<(), AllocError> {
    static JOBS: SyncPool<String> = SyncPool::new();
    let job = JOBS.boxed(String::from("a job"))?;
    let done = std::thread::spawn(move || job.to_uppercase()).join();
    println!("{}", done.unwrap_or_default());
    Ok(())
}
