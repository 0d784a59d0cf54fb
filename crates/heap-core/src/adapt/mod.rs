//! Adapters: one file for each foreign allocator trait.
