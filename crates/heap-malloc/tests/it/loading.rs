//! The ways into a process: beneath a program, linked into it, loaded by it later.

use crate::library::{Way, passes};

#[test]
fn constructors_and_exit_handlers_of_the_program_allocate() {
    passes("early.c", Way::Preloaded, &[]);
    passes("early.c", Way::Linked, &[]);
}

#[test]
fn the_library_can_be_loaded_late_used_by_threads_and_closed() {
    passes("late.c", Way::Named, &[]);
}

#[test]
fn libraries_with_thread_locals_can_be_loaded_under_it() {
    passes("modules.c", Way::Preloaded, &[env!("CARGO_TARGET_TMPDIR")]);
}

#[test]
fn cpp_programs_get_bad_alloc_and_their_new_handler() {
    passes("new.cpp", Way::Preloaded, &[]);
    passes("new.cpp", Way::Linked, &[]);
}

#[test]
fn the_first_blocks_of_each_size_and_alignment_are_whole() {
    passes("small.c", Way::Preloaded, &[]);
    passes("small.c", Way::Preloaded, &["aligned"]);
    passes("small.c", Way::Linked, &["aligned"]);
}

#[test]
fn no_function_of_the_c_and_cpp_libraries_is_forgotten() {
    passes("surface.c", Way::Named, &[]);
}

#[test]
fn plugins_come_and_go_and_programs_are_started() {
    passes("plugin.c", Way::Preloaded, &[env!("CARGO_TARGET_TMPDIR")]);
}
