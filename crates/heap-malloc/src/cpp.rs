//! C++'s `operator new` and `operator delete`, in all forms, under their mangled names (64-bit).
//!
//! A plain `new` must not return null. Without memory it does what the standard says: it calls the program's new-handler as
//! long as there is one, then throws `std::bad_alloc`. Handler and exception belong to the C++ library, so both are looked
//! up by name (GNU's and LLVM's); without one, a message and the end. The sizes that `delete` gets are not used: programs
//! that delete through a base class without a virtual destructor run elsewhere, and run here.

use core::ffi::{CStr, c_void};
use std::io::Write;

use heap_os::symbol;
use heap_smp::by_address;

use crate::errno;
use crate::malloc::free;

/// What `new` fails with: a function of the C++ library that throws `std::bad_alloc`.
const THROW: [&CStr; 2] = [c"_ZSt17__throw_bad_allocv", c"_ZNSt3__117__throw_bad_allocEv"];
/// `std::get_new_handler`.
const HANDLER: &CStr = c"_ZSt15get_new_handlerv";

/// A C++ function without arguments that may throw.
type Thrower = unsafe extern "C-unwind" fn();
type GetHandler = unsafe extern "C" fn() -> Option<Thrower>;

/// A block of `size` bytes aligned to `align`, whatever it takes.
#[inline(always)]
fn must(size: usize, align: usize) -> *mut c_void {
    let block =
        if align == 1 { by_address::alloc_fast(size) } else { by_address::alloc_aligned(size, align) };
    if block.is_null() { must_slow(size, align) } else { block.cast() }
}

#[cold]
#[inline(never)]
fn must_slow(size: usize, align: usize) -> *mut c_void {
    loop {
        let block = may(size, align);
        if !block.is_null() {
            return block;
        }
        match handler() {
            // SAFETY: a new-handler takes nothing, and may throw: no frame of ours between here and C++ has anything to
            // drop, and all are "C-unwind".
            Some(handler) => unsafe { handler() },
            None => throw(),
        }
    }
}

fn handler() -> Option<Thrower> {
    let found = symbol(HANDLER)?;
    // SAFETY: `std::get_new_handler` has this signature in every C++ library.
    let get = unsafe { core::mem::transmute::<*mut c_void, GetHandler>(found.as_ptr()) };
    // SAFETY: it may be called at any time.
    unsafe { get() }
}

/// Throws `std::bad_alloc`, or ends the process where there is nobody who could.
fn throw() {
    if let Some(found) = THROW.into_iter().find_map(symbol) {
        // SAFETY: the function takes nothing and returns nothing, in both libraries.
        let throw = unsafe { core::mem::transmute::<*mut c_void, Thrower>(found.as_ptr()) };
        // SAFETY: as for the handler above.
        unsafe { throw() }
    }
    let _ = std::io::stderr().write_all(b"heap-malloc: out of memory in operator new\n");
    std::process::abort()
}

/// A block of `size` bytes aligned to `align`, or null.
#[inline(always)]
fn may(size: usize, align: usize) -> *mut c_void {
    if align == 1 {
        return crate::malloc::malloc(size);
    }
    if !align.is_power_of_two() {
        return errno::failed(errno::EINVAL);
    }
    errno::block(|| by_address::alloc_aligned(size, align))
}

/// `operator new(size_t)`.
#[cfg_attr(all(feature = "exports", target_pointer_width = "64"), unsafe(export_name = "_Znwm"))]
pub extern "C-unwind" fn new(size: usize) -> *mut c_void {
    must(size, 1)
}

/// `operator new(size_t, align_val_t)`.
#[cfg_attr(
    all(feature = "exports", target_pointer_width = "64"),
    unsafe(export_name = "_ZnwmSt11align_val_t")
)]
pub extern "C-unwind" fn new_aligned(size: usize, align: usize) -> *mut c_void {
    must(size, align)
}

/// `operator new(size_t, nothrow_t const&)`: null without memory.
#[cfg_attr(
    all(feature = "exports", target_pointer_width = "64"),
    unsafe(export_name = "_ZnwmRKSt9nothrow_t")
)]
pub extern "C" fn new_nothrow(size: usize, _: *const c_void) -> *mut c_void {
    may(size, 1)
}

/// `operator new(size_t, align_val_t, nothrow_t const&)`: null without memory.
#[cfg_attr(
    all(feature = "exports", target_pointer_width = "64"),
    unsafe(export_name = "_ZnwmSt11align_val_tRKSt9nothrow_t")
)]
pub extern "C" fn new_aligned_nothrow(size: usize, align: usize, _: *const c_void) -> *mut c_void {
    may(size, align)
}

/// `operator new[](size_t)`.
#[cfg_attr(all(feature = "exports", target_pointer_width = "64"), unsafe(export_name = "_Znam"))]
pub extern "C-unwind" fn new_array(size: usize) -> *mut c_void {
    must(size, 1)
}

/// `operator new[](size_t, align_val_t)`.
#[cfg_attr(
    all(feature = "exports", target_pointer_width = "64"),
    unsafe(export_name = "_ZnamSt11align_val_t")
)]
pub extern "C-unwind" fn new_array_aligned(size: usize, align: usize) -> *mut c_void {
    must(size, align)
}

/// `operator new[](size_t, nothrow_t const&)`: null without memory.
#[cfg_attr(
    all(feature = "exports", target_pointer_width = "64"),
    unsafe(export_name = "_ZnamRKSt9nothrow_t")
)]
pub extern "C" fn new_array_nothrow(size: usize, _: *const c_void) -> *mut c_void {
    may(size, 1)
}

/// `operator new[](size_t, align_val_t, nothrow_t const&)`: null without memory.
#[cfg_attr(
    all(feature = "exports", target_pointer_width = "64"),
    unsafe(export_name = "_ZnamSt11align_val_tRKSt9nothrow_t")
)]
pub extern "C" fn new_array_aligned_nothrow(size: usize, align: usize, _: *const c_void) -> *mut c_void {
    may(size, align)
}

/// `operator delete(void*)`.
///
/// # Safety
///
/// As for [`free`].
#[cfg_attr(all(feature = "exports", target_pointer_width = "64"), unsafe(export_name = "_ZdlPv"))]
pub unsafe extern "C" fn delete(block: *mut c_void) {
    // SAFETY: the caller's promise is the same.
    unsafe { free(block) }
}

/// `operator delete(void*, size_t)`.
///
/// # Safety
///
/// As for [`free`].
#[cfg_attr(all(feature = "exports", target_pointer_width = "64"), unsafe(export_name = "_ZdlPvm"))]
pub unsafe extern "C" fn delete_sized(block: *mut c_void, _: usize) {
    // SAFETY: the caller's promise is the same.
    unsafe { free(block) }
}

/// `operator delete(void*, align_val_t)`.
///
/// # Safety
///
/// As for [`free`].
#[cfg_attr(
    all(feature = "exports", target_pointer_width = "64"),
    unsafe(export_name = "_ZdlPvSt11align_val_t")
)]
pub unsafe extern "C" fn delete_aligned(block: *mut c_void, _: usize) {
    // SAFETY: the caller's promise is the same.
    unsafe { free(block) }
}

/// `operator delete(void*, size_t, align_val_t)`.
///
/// # Safety
///
/// As for [`free`].
#[cfg_attr(
    all(feature = "exports", target_pointer_width = "64"),
    unsafe(export_name = "_ZdlPvmSt11align_val_t")
)]
pub unsafe extern "C" fn delete_sized_aligned(block: *mut c_void, _: usize, _: usize) {
    // SAFETY: the caller's promise is the same.
    unsafe { free(block) }
}

/// `operator delete(void*, nothrow_t const&)`.
///
/// # Safety
///
/// As for [`free`].
#[cfg_attr(
    all(feature = "exports", target_pointer_width = "64"),
    unsafe(export_name = "_ZdlPvRKSt9nothrow_t")
)]
pub unsafe extern "C" fn delete_nothrow(block: *mut c_void, _: *const c_void) {
    // SAFETY: the caller's promise is the same.
    unsafe { free(block) }
}

/// `operator delete(void*, align_val_t, nothrow_t const&)`.
///
/// # Safety
///
/// As for [`free`].
#[cfg_attr(
    all(feature = "exports", target_pointer_width = "64"),
    unsafe(export_name = "_ZdlPvSt11align_val_tRKSt9nothrow_t")
)]
pub unsafe extern "C" fn delete_aligned_nothrow(block: *mut c_void, _: usize, _: *const c_void) {
    // SAFETY: the caller's promise is the same.
    unsafe { free(block) }
}

/// `operator delete[](void*)`.
///
/// # Safety
///
/// As for [`free`].
#[cfg_attr(all(feature = "exports", target_pointer_width = "64"), unsafe(export_name = "_ZdaPv"))]
pub unsafe extern "C" fn delete_array(block: *mut c_void) {
    // SAFETY: the caller's promise is the same.
    unsafe { free(block) }
}

/// `operator delete[](void*, size_t)`.
///
/// # Safety
///
/// As for [`free`].
#[cfg_attr(all(feature = "exports", target_pointer_width = "64"), unsafe(export_name = "_ZdaPvm"))]
pub unsafe extern "C" fn delete_array_sized(block: *mut c_void, _: usize) {
    // SAFETY: the caller's promise is the same.
    unsafe { free(block) }
}

/// `operator delete[](void*, align_val_t)`.
///
/// # Safety
///
/// As for [`free`].
#[cfg_attr(
    all(feature = "exports", target_pointer_width = "64"),
    unsafe(export_name = "_ZdaPvSt11align_val_t")
)]
pub unsafe extern "C" fn delete_array_aligned(block: *mut c_void, _: usize) {
    // SAFETY: the caller's promise is the same.
    unsafe { free(block) }
}

/// `operator delete[](void*, size_t, align_val_t)`.
///
/// # Safety
///
/// As for [`free`].
#[cfg_attr(
    all(feature = "exports", target_pointer_width = "64"),
    unsafe(export_name = "_ZdaPvmSt11align_val_t")
)]
pub unsafe extern "C" fn delete_array_sized_aligned(block: *mut c_void, _: usize, _: usize) {
    // SAFETY: the caller's promise is the same.
    unsafe { free(block) }
}

/// `operator delete[](void*, nothrow_t const&)`.
///
/// # Safety
///
/// As for [`free`].
#[cfg_attr(
    all(feature = "exports", target_pointer_width = "64"),
    unsafe(export_name = "_ZdaPvRKSt9nothrow_t")
)]
pub unsafe extern "C" fn delete_array_nothrow(block: *mut c_void, _: *const c_void) {
    // SAFETY: the caller's promise is the same.
    unsafe { free(block) }
}

/// `operator delete[](void*, align_val_t, nothrow_t const&)`.
///
/// # Safety
///
/// As for [`free`].
#[cfg_attr(
    all(feature = "exports", target_pointer_width = "64"),
    unsafe(export_name = "_ZdaPvSt11align_val_tRKSt9nothrow_t")
)]
pub unsafe extern "C" fn delete_array_aligned_nothrow(block: *mut c_void, _: usize, _: *const c_void) {
    // SAFETY: the caller's promise is the same.
    unsafe { free(block) }
}
