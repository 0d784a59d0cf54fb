//! What `operator new` does without memory: it calls the program's new-handler as long as there is one, then throws
//! `std::bad_alloc`. Handler and exception belong to the C++ library, so both are looked up by name (GNU's and LLVM's);
//! without one, a message and the end.

use core::ffi::{CStr, c_void};

use heap_os::symbol;

use crate::end::end;
use crate::errno;
use heap_smp::by_address;

/// What `new` fails with: a function of the C++ library that throws `std::bad_alloc`.
const THROW: [&CStr; 2] = [c"_ZSt17__throw_bad_allocv", c"_ZNSt3__117__throw_bad_allocEv"];
/// `std::get_new_handler`.
const HANDLER: &CStr = c"_ZSt15get_new_handlerv";

/// A C++ function without arguments that may throw.
type Thrower = unsafe extern "C-unwind" fn();
type GetHandler = unsafe extern "C" fn() -> Option<Thrower>;

/// A block of `size` bytes aligned to `align`, or null and `errno`.
#[inline(always)]
pub(crate) extern "C" fn may(size: usize, align: usize) -> *mut c_void {
    if align == 1 {
        return crate::malloc::malloc(size);
    }
    if !align.is_power_of_two() {
        return errno::failed(errno::EINVAL);
    }
    errno::block(|| by_address::alloc_aligned(size, align))
}

/// The program's new-handler.
extern "C" fn handler() -> Option<Thrower> {
    let found = symbol(HANDLER)?;
    // SAFETY: `std::get_new_handler` has this signature in every C++ library.
    let get = unsafe { core::mem::transmute::<*mut c_void, GetHandler>(found.as_ptr()) };
    // SAFETY: it may be called at any time.
    unsafe { get() }
}

/// The function that throws `std::bad_alloc`. Ends the process where there is nobody who could.
extern "C" fn thrower() -> Thrower {
    match THROW.into_iter().find_map(symbol) {
        // SAFETY: the function takes nothing and returns nothing, in both libraries.
        Some(found) => unsafe { core::mem::transmute::<*mut c_void, Thrower>(found.as_ptr()) },
        None => end(b"heap-malloc: out of memory in operator new\n"),
    }
}

/// A block of `size` bytes aligned to `align`, whatever it takes.
#[cfg(not(standalone))]
#[cold]
#[inline(never)]
pub(crate) extern "C-unwind" fn must_slow(size: usize, align: usize) -> *mut c_void {
    loop {
        let block = may(size, align);
        if !block.is_null() {
            return block;
        }
        match handler() {
            // SAFETY: a new-handler takes nothing, and may throw: no frame of ours between here and C++ has anything to
            // drop, and all are "C-unwind".
            Some(handler) => unsafe { handler() },
            // SAFETY: as above.
            None => unsafe { thrower()() },
        }
    }
}

/// A block of `size` bytes aligned to `align`, whatever it takes.
///
/// Rust that is compiled with `panic = "abort"` lets no exception pass, so what calls C++ is no Rust. Said to be "C":
/// its caller, which has nothing left to do, jumps here and is gone when something is thrown (`new.cpp` tests each form).
#[cfg(standalone)]
#[cold]
#[unsafe(naked)]
pub(crate) extern "C" fn must_slow(size: usize, align: usize) -> *mut c_void {
    core::arch::naked_asm!(
        ".cfi_startproc",
        "push rbx",
        ".cfi_adjust_cfa_offset 8",
        ".cfi_rel_offset rbx, 0",
        "push r14",
        ".cfi_adjust_cfa_offset 8",
        ".cfi_rel_offset r14, 0",
        "sub rsp, 8",
        ".cfi_adjust_cfa_offset 8",
        "mov rbx, rdi",
        "mov r14, rsi",
        "2:",
        "mov rdi, rbx",
        "mov rsi, r14",
        "call {may}",
        "test rax, rax",
        "jnz 3f",
        "call {handler}",
        "test rax, rax",
        "jnz 4f",
        "call {thrower}",
        "4:",
        "call rax",
        "jmp 2b",
        "3:",
        "add rsp, 8",
        ".cfi_adjust_cfa_offset -8",
        "pop r14",
        ".cfi_adjust_cfa_offset -8",
        "pop rbx",
        ".cfi_adjust_cfa_offset -8",
        "ret",
        ".cfi_endproc",
        may = sym may,
        handler = sym handler,
        thrower = sym thrower,
    )
}
