//! In the default build nobody remembers the state of a slot: whether it is home is all that the heap knows.

/// Nothing. `checked/states.rs` has what the feature `checked` keeps here.
#[derive(Debug)]
pub(crate) struct States;
