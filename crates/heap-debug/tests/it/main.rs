//! What a debug allocator is, what it finds, and what it says.

mod child;
mod client;
mod conform;
mod sizes;
mod findings;
#[cfg(unix)]
mod forks;
mod instances;
mod leaking;
mod mutex;
mod planted;
mod seeds;
mod profiles;
mod robust;
mod violations;
