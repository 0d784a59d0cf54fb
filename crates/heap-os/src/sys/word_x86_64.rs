//! The word in the static block of thread-local storage, at a distance from the thread pointer that the loader writes
//! into a table once ("initial exec").
//!
//! Rust's own thread-local storage has no such model on stable: in a shared library it calls `__tls_get_addr`, which
//! allocates when the program has loaded further libraries. A large block of this kind could not be loaded after the
//! start; 8 bytes fit what glibc holds ready for that.

use core::arch::{asm, global_asm};

global_asm!(
    ".pushsection .tbss.heap_os_0_1_thread_word,\"awT\",@nobits",
    ".hidden heap_os_0_1_thread_word",
    ".globl heap_os_0_1_thread_word",
    ".type heap_os_0_1_thread_word, @object",
    ".size heap_os_0_1_thread_word, 8",
    ".p2align 3",
    "heap_os_0_1_thread_word: .zero 8",
    ".popsection",
);

#[inline(always)]
pub(crate) fn word() -> *mut u8 {
    let word;
    // SAFETY: reads the calling thread's copy of the word above, which exists as long as the thread.
    unsafe {
        asm!(
            "mov {word}, qword ptr [rip + heap_os_0_1_thread_word@GOTTPOFF]",
            "mov {word}, qword ptr fs:[{word}]",
            word = out(reg) word,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    word
}

#[inline]
pub(crate) fn set_word(word: *mut u8) {
    // SAFETY: writes the calling thread's copy of the word above, which nothing else does.
    unsafe {
        asm!(
            "mov {place}, qword ptr [rip + heap_os_0_1_thread_word@GOTTPOFF]",
            "mov qword ptr fs:[{place}], {word}",
            place = out(reg) _,
            word = in(reg) word,
            options(nostack, preserves_flags),
        );
    }
}
