//! The contract's own promises, under the numbers of the behavioural specification, and the ecosystem on our allocators.
#![allow(
    clippy::duplicate_mod,
    reason = "the foreign traits are one trait in three places: their cases are one file"
)]

mod support;

mod alignment;
mod contract;
mod items;
mod slices;
mod sentinel;
mod text;
mod owned;
mod site;
mod global_alloc;
mod public_items;

#[cfg(feature = "allocator-api2-02")]
mod api2_02;
#[cfg(feature = "allocator-api2-04")]
mod api2_04;
#[cfg(feature = "allocator-api")]
mod std_api;
