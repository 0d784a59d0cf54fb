//! Integration tests of heap-pool. Spec tests keep their numbers in the doc lines.

mod boxes;
mod calls_back;
mod items;
mod parts;
mod random;
mod resets;
mod support;
mod threads;
mod violations;
