//! The integration tests of heap-malloc, in one binary.
