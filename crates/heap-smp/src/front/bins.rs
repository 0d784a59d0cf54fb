//! What the owner of a private heap has at hand, in the default build: bins as a thread has them.

pub(crate) use crate::thread_cache::ThreadCache as Bins;
