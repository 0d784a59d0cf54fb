//! What the owner of a private heap has at hand, with the feature `checked`: blocks to draw from, as a thread has them.

pub(crate) use crate::checked_cache::Cache as Bins;
