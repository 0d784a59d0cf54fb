//! Zig's own checking allocator behind the C ABI of `export.zig`, as it comes in a safe release build:
//! `SafeAllocator` where there is one (Zig 0.17), else `DebugAllocator` (Zig 0.15). Names are those of `export.zig`,
//! so that one Rust front serves both.

const std = @import("std");

const has_safe = @hasDecl(std.heap, "SafeAllocator");

var instance = if (has_safe)
    std.heap.SafeAllocator.init(std.heap.page_allocator, .{})
else
    std.heap.DebugAllocator(.{}){};

fn alignment(log2: u8) std.mem.Alignment {
    return @enumFromInt(log2);
}

/// Null when out of memory.
export fn zig_smp_alloc(len: usize, align_log2: u8) ?[*]u8 {
    return instance.allocator().rawAlloc(len, alignment(align_log2), @returnAddress());
}

export fn zig_smp_free(block: [*]u8, len: usize, align_log2: u8) void {
    instance.allocator().rawFree(block[0..len], alignment(align_log2), @returnAddress());
}

/// Null when the caller has to allocate, copy and free itself.
export fn zig_smp_remap(block: [*]u8, len: usize, align_log2: u8, new_len: usize) ?[*]u8 {
    return instance.allocator().rawRemap(block[0..len], alignment(align_log2), new_len, @returnAddress());
}
