//! What a debug allocator is, what it finds, and what it says.

mod child;
mod conform;
mod sizes;
mod findings;
mod leaking;
mod planted;
mod profiles;
mod violations;
