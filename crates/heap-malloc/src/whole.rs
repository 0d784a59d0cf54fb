//! Questions to the heap: `malloc_usable_size`, `malloc_trim`, `mallinfo` and friends.

use core::ffi::{c_int, c_void};
use core::ptr::NonNull;

use heap_smp::by_address;

use crate::errno;
use crate::malloc::free;

/// The bytes of a block that may be used: at least what was asked for. 0 for null and for foreign pointers.
///
/// # Safety
///
/// `block` is null or a live block. (Of others nothing is read; the answer means nothing.)
#[cfg_attr(feature = "exports", unsafe(no_mangle))]
pub unsafe extern "C" fn malloc_usable_size(block: *mut c_void) -> usize {
    NonNull::new(block.cast()).and_then(by_address::block_size).unwrap_or(0)
}

/// Gives free memory back to the system, all of it whatever `pad` says. 1 if there was any, else 0.
#[cfg_attr(feature = "exports", unsafe(no_mangle))]
pub extern "C" fn malloc_trim(pad: usize) -> c_int {
    let _ = pad;
    c_int::from(errno::kept(by_address::purge))
}

/// What glibc's `mallinfo2` returns, in bytes but for the counts.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MallInfo2 {
    /// Memory in segments, used or not.
    pub arena: usize,
    /// Free runs: 1 if there is any free memory.
    pub ordblks: usize,
    /// 0.
    pub smblks: usize,
    /// Blocks with mappings of their own, a count.
    pub hblks: usize,
    /// Their bytes.
    pub hblkhd: usize,
    /// 0.
    pub usmblks: usize,
    /// 0.
    pub fsmblks: usize,
    /// Bytes that are with the program, or cached for it by threads.
    pub uordblks: usize,
    /// Bytes that are free, resident or not.
    pub fordblks: usize,
    /// Bytes that are free and resident: what `malloc_trim` can give back.
    pub keepcost: usize,
}

/// As [`MallInfo2`], for the old `mallinfo`: what does not fit is the largest number.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MallInfo {
    /// The fields of [`MallInfo2`], in their order.
    pub fields: [c_int; 10],
}

/// What the heap holds.
#[cfg_attr(feature = "exports", unsafe(no_mangle))]
#[must_use]
pub extern "C" fn mallinfo2() -> MallInfo2 {
    let stats = errno::kept(by_address::stats);
    let used = stats.slot_bytes + stats.run_bytes;
    let arena = stats.reserved_bytes.max(used);
    MallInfo2 {
        arena,
        ordblks: usize::from(arena > used),
        hblks: stats.huge_blocks,
        hblkhd: stats.huge_bytes,
        uordblks: used,
        fordblks: arena - used,
        keepcost: stats.free_resident_bytes,
        ..MallInfo2::default()
    }
}

/// As [`mallinfo2`], in the numbers of old programs.
#[cfg_attr(feature = "exports", unsafe(no_mangle))]
#[must_use]
pub extern "C" fn mallinfo() -> MallInfo {
    let all = mallinfo2();
    let fields = [
        all.arena,
        all.ordblks,
        all.smblks,
        all.hblks,
        all.hblkhd,
        all.usmblks,
        all.fsmblks,
        all.uordblks,
        all.fordblks,
        all.keepcost,
    ];
    MallInfo { fields: fields.map(|value| c_int::try_from(value).unwrap_or(c_int::MAX)) }
}

/// Takes note of nothing: there is nothing here to tune by these numbers. 1, as if it had.
#[cfg_attr(feature = "exports", unsafe(no_mangle))]
pub extern "C" fn mallopt(_parameter: c_int, _value: c_int) -> c_int {
    1
}

/// Writes what [`mallinfo2`] says to the standard error stream, a line each. Allocates nothing.
#[cfg_attr(feature = "exports", unsafe(no_mangle))]
pub extern "C" fn malloc_stats() {
    let all = mallinfo2();
    errno::kept(|| {
        line(b"heap-malloc: bytes in segments", all.arena);
        line(b"heap-malloc: bytes in use there", all.uordblks);
        line(b"heap-malloc: bytes free and resident", all.keepcost);
        line(b"heap-malloc: bytes in mappings of their own", all.hblkhd);
    });
}

/// Writes a name and a number.
fn line(name: &[u8], mut value: usize) {
    let mut text = [b' '; 80];
    let at = text.len() - 1;
    text[at] = b'\n';
    let mut first = at;
    loop {
        first -= 1;
        text[first] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    let len = name.len().min(first);
    text[..len].copy_from_slice(&name[..len]);
    let _ = heap_os::stderr::write(&text);
}

/// As `free`: what programs of long ago call.
///
/// # Safety
///
/// As for [`free`].
#[cfg_attr(feature = "exports", unsafe(no_mangle))]
pub unsafe extern "C" fn cfree(block: *mut c_void) {
    // SAFETY: the caller's promise is the same.
    unsafe { free(block) }
}
