//! C++'s `operator new` and `operator delete`, in all forms, under their mangled names (64-bit).
//!
//! The sizes that `delete` gets are not used: programs that delete through a base class without a virtual destructor
//! run elsewhere, and run here.

use core::ffi::c_void;

use heap_smp::by_address;

use crate::bad_alloc::{may, must_slow};
use crate::malloc::free;

/// A block of `size` bytes aligned to `align`, whatever it takes.
#[inline(always)]
fn must(size: usize, align: usize) -> *mut c_void {
    let block =
        if align == 1 { by_address::alloc_fast(size) } else { by_address::alloc_aligned_fast(size, align) };
    if block.is_null() { must_slow(size, align) } else { block.cast() }
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
