//! Integration tests of heap-arena. Spec tests keep their numbers in the doc lines.

mod support;

mod arena;
mod arena_reset;
mod scope;
mod typed;
