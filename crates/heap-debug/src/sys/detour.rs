//! Lets a thread that a fault interrupted go on in a function of ours, on its own stack, as if the instruction that faulted had
//! called it: on Linux, for i386 and 64-bit ARM. (x86-64 has a walk of its own, which needs no such call.)
//!
//! # Invariants
//!
//! - **DT1** The four words at the stack pointer with which [`enter`] starts are where the thread was: an address behind that of
//!   the instruction, the stack pointer, the frame pointer and, on ARM, the link register. They stay there, since the function
//!   that it calls does not return; the unwinder finds them by the tables of `enter`.

use core::ffi::c_void;

/// The words of DT1, and where the stack is to begin, a multiple of 16.
fn leave_words(sp: usize, words: [usize; 4]) -> usize {
    let start = (sp - size_of_val(&words)) & !15;
    // SAFETY: below the stack pointer is nobody's, on processors where functions use nothing there; the thread's stack is there,
    // as it is for a call.
    unsafe { core::ptr::with_exposed_provenance_mut::<[usize; 4]>(start).write(words) };
    start
}

/// Lets the thread go on in `entry`, and says its stack pointer.
///
/// # Safety
///
/// `context` is what the system passed to the signal's handler.
#[cfg(target_arch = "x86")]
pub(crate) unsafe fn take(context: *mut c_void, entry: extern "C" fn() -> !) -> usize {
    // SAFETY: the caller's promise.
    let registers = unsafe { &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    let register = |index: i32| registers[index as usize] as usize;
    let sp = register(libc::REG_ESP);
    let start = leave_words(sp, [register(libc::REG_EIP) + 1, sp, register(libc::REG_EBP), 0]);
    registers[libc::REG_ESP as usize] = start as i32;
    registers[libc::REG_EAX as usize] = entry as usize as i32;
    registers[libc::REG_EIP as usize] = enter as *const () as i32;
    sp
}

/// As above.
///
/// # Safety
///
/// As above.
#[cfg(target_arch = "aarch64")]
pub(crate) unsafe fn take(context: *mut c_void, entry: extern "C" fn() -> !) -> usize {
    // SAFETY: the caller's promise.
    let registers = unsafe { &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext };
    let sp = registers.sp as usize;
    let words = [registers.pc as usize + 4, sp, registers.regs[29] as usize, registers.regs[30] as usize];
    registers.sp = leave_words(sp, words) as u64;
    registers.regs[9] = entry as usize as u64;
    registers.pc = enter as *const () as u64;
    sp
}

/// Calls the function whose address is in `eax`. In the tables: where the caller's frame starts, its address, its frame pointer
/// (DT1; registers 4, 8 and 5).
#[cfg(target_arch = "x86")]
#[unsafe(naked)]
unsafe extern "C" fn enter() -> ! {
    core::arch::naked_asm!(
        ".cfi_startproc",
        ".cfi_escape 0x0f, 3, 0x74, 4, 0x06",
        ".cfi_escape 0x10, 8, 2, 0x74, 0",
        ".cfi_escape 0x10, 5, 2, 0x74, 8",
        "call eax",
        "ud2",
        ".cfi_endproc",
    )
}

/// Calls the function whose address is in `x9`. In the tables, as above (registers 31, 96 and 29), the link register (30) too: the
/// address is in a column of its own, for the caller may have its own return address in that register still.
#[cfg(target_arch = "aarch64")]
#[unsafe(naked)]
unsafe extern "C" fn enter() -> ! {
    core::arch::naked_asm!(
        ".cfi_startproc",
        ".cfi_return_column 96",
        ".cfi_escape 0x0f, 3, 0x8f, 8, 0x06",
        ".cfi_escape 0x10, 96, 2, 0x8f, 0",
        ".cfi_escape 0x10, 29, 2, 0x8f, 16",
        ".cfi_escape 0x10, 30, 2, 0x8f, 24",
        "blr x9",
        "brk #1",
        ".cfi_endproc",
    )
}
