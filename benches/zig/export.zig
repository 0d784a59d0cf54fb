//! Zig's own `std.heap.smp_allocator` behind a C ABI, so that a Rust program can run on it.
//!
//! Alignments are given as their binary logarithm. Compiles with Zig 0.15 and 0.17.

const std = @import("std");

const heap = std.heap.smp_allocator;

fn alignment(log2: u8) std.mem.Alignment {
    return @enumFromInt(log2);
}

/// Null when out of memory.
export fn zig_smp_alloc(len: usize, align_log2: u8) ?[*]u8 {
    return heap.rawAlloc(len, alignment(align_log2), @returnAddress());
}

export fn zig_smp_free(block: [*]u8, len: usize, align_log2: u8) void {
    heap.rawFree(block[0..len], alignment(align_log2), @returnAddress());
}

/// Null when the caller has to allocate, copy and free itself.
export fn zig_smp_remap(block: [*]u8, len: usize, align_log2: u8, new_len: usize) ?[*]u8 {
    return heap.rawRemap(block[0..len], alignment(align_log2), new_len, @returnAddress());
}
