//! Broken promises end the process with a message that names them.

use crate::library::aborts;

#[test]
fn pointers_that_are_not_blocks_are_refused() {
    for name in ["stack", "static", "mapped", "never"] {
        aborts("misuse.c", &[name], "foreign pointer");
    }
}

#[test]
fn pointers_into_blocks_are_refused() {
    for name in ["interior", "interior-large", "interior-huge"] {
        aborts("misuse.c", &[name], "pointer");
    }
}

#[test]
fn double_frees_are_found() {
    for name in ["double", "double-large", "double-aba", "double-thread"] {
        aborts("misuse.c", &[name], "double free");
    }
    aborts("misuse.c", &["double-huge"], "foreign pointer");
}

#[test]
fn sizes_of_another_class_are_refused() {
    for name in ["sized", "sized-large", "aligned-sized"] {
        aborts("misuse.c", &[name], "wrong layout");
    }
}
