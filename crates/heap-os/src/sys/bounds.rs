//! The smallest and the largest page size that a target may have, known when compiling.
//!
//! The values are those of the systems' own configuration; where a system lets the kernel choose, the bounds
//! differ and [`page_size`](crate::page_size()) asks at run time. Where nothing is known they are wide.

const KIB: usize = 1024;

/// (min, max) in bytes.
pub(crate) const PAGE_SIZE: (usize, usize) = bounds();

const fn bounds() -> (usize, usize) {
    let arm64 = cfg!(target_arch = "aarch64");
    let x86 = cfg!(any(target_arch = "x86", target_arch = "x86_64"));
    let mips = cfg!(any(
        target_arch = "mips",
        target_arch = "mips64",
        target_arch = "mips32r6",
        target_arch = "mips64r6"
    ));
    let powerpc = cfg!(any(target_arch = "powerpc", target_arch = "powerpc64"));
    if cfg!(target_family = "wasm") {
        (64 * KIB, 64 * KIB)
    } else if cfg!(target_vendor = "apple") {
        if arm64 { (16 * KIB, 16 * KIB) } else { (4 * KIB, 4 * KIB) }
    } else if x86 || cfg!(windows) {
        (4 * KIB, 4 * KIB)
    } else if cfg!(any(target_arch = "sparc", target_arch = "sparc64")) {
        (8 * KIB, 8 * KIB)
    } else if cfg!(any(target_os = "linux", target_os = "android")) {
        linux(arm64, mips, powerpc)
    } else if cfg!(target_os = "netbsd") {
        if arm64 {
            (4 * KIB, 64 * KIB)
        } else if mips || powerpc {
            (4 * KIB, 16 * KIB)
        } else {
            (4 * KIB, 8 * KIB)
        }
    } else if cfg!(any(target_os = "openbsd", target_os = "freebsd")) {
        (4 * KIB, 16 * KIB)
    } else {
        (4 * KIB, 64 * KIB)
    }
}

const fn linux(arm64: bool, mips: bool, powerpc: bool) -> (usize, usize) {
    if powerpc || cfg!(target_arch = "hexagon") {
        (4 * KIB, 256 * KIB)
    } else if arm64 || mips || cfg!(target_arch = "loongarch64") {
        (4 * KIB, 64 * KIB)
    } else if cfg!(any(
        target_arch = "riscv32",
        target_arch = "riscv64",
        target_arch = "s390x",
        target_arch = "arm"
    )) {
        (4 * KIB, 4 * KIB)
    } else {
        (4 * KIB, 64 * KIB)
    }
}

const _: () =
    assert!(PAGE_SIZE.0.is_power_of_two() && PAGE_SIZE.1.is_power_of_two() && PAGE_SIZE.0 <= PAGE_SIZE.1);
