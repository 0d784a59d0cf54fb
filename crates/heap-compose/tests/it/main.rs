//! Integration tests of heap-compose. `stacks` shows composition; spec tests keep their numbers in the doc lines.

mod support;

mod stacks;
mod parts;
