#![doc = include_str!("../README.md")]
#![no_std]

#[cfg(test)]
extern crate std;

mod error;
mod sys;
#[cfg(feature = "fault-injection")]
pub mod fault;
mod page_size;
mod aligned;
pub mod pages;

pub use error::{MoveError, OsError};
pub use page_size::{PAGE_SIZE_MAX, PAGE_SIZE_MIN, default_query_page_size, page_size};
