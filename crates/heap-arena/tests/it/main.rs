//! Integration tests of heap-arena. Spec tests keep their numbers in the doc lines.
#![cfg(not(loom))]

mod support;

mod arena;
mod arena_reset;
mod fixed;
mod scope;
mod stack_fallback;
mod sync_arena;
mod sync_arena_random;
mod sync_fixed;
mod typed;
