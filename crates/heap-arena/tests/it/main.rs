//! Integration tests of heap-arena. Spec tests keep their numbers in the doc lines.
#![cfg(not(loom))]

mod support;

mod arena;
mod arena_reset;
mod fixed;
mod scope;
mod scope_suites;
mod stack_fallback;
#[cfg(feature = "allocator-api")]
mod std_api;
mod sync_arena;
mod sync_arena_random;
mod calls_back;
mod marks_random;
mod sync_fixed;
mod sync_scope;
mod typed;
