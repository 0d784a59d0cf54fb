//! Integration tests of heap-compose. `stacks` shows composition; spec tests keep their numbers in the doc lines.

mod support;

mod stacks;
mod parts;
mod failing;
mod routing;
mod affix;
mod cascade;
mod free_list;
mod scoped;
mod inspect;
mod limit;
mod stats;
mod zeroize;
mod foreign;
mod aborts;
#[cfg(feature = "parking_lot")]
mod threads;
