//! The pages of the workspace that show code, so that what they show is compiled and run as doc tests.

/// The front page.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[derive(Debug)]
pub struct Readme;
