//! The integration tests of heap-malloc, in one binary: the functions called from Rust, and C programs on the library.

mod calls;
mod library;
mod loading;
mod misuse;
mod lives;
mod limits;
