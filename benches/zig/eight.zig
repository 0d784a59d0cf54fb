//! The eight errors of `crates/heap-debug/examples/eight_errors.rs`, in Zig, on its own checking allocator as it comes: for
//! `docs/debugging.md`. The error is named by the environment variable ERROR.

const std = @import("std");

const has_safe = @hasDecl(std.heap, "SafeAllocator");

var instance = if (has_safe)
    std.heap.SafeAllocator.init(std.heap.page_allocator, .{})
else
    std.heap.DebugAllocator(.{}){};

fn make() [*]u8 {
    return instance.allocator().rawAlloc(40, .@"8", @returnAddress()).?;
}

fn give(block: [*]u8, len: usize, alignment: std.mem.Alignment) void {
    instance.allocator().rawFree(block[0..len], alignment, @returnAddress());
}

fn is(name: []const u8) bool {
    return std.mem.eql(u8, std.mem.span(std.c.getenv("ERROR") orelse return false), name);
}

pub fn main() void {
    // As in a real program, the block is not the only one.
    const other = make();
    const block = make();
    if (is("double-free")) {
        give(block, 40, .@"8");
        give(block, 40, .@"8");
    } else if (is("past-the-end")) {
        block[40] = 1;
        give(block, 40, .@"8");
    } else if (is("before-the-start")) {
        (block - 1)[0] = 1;
        give(block, 40, .@"8");
    } else if (is("write-after-free")) {
        give(block, 40, .@"8");
        block[8] = 1;
    } else if (is("wrong-size")) {
        give(block, 400, .@"8");
    } else if (is("wrong-alignment")) {
        give(block, 40, .@"1");
    } else if (is("interior-pointer")) {
        give(block + 16, 40, .@"8");
    } else if (is("leak")) {
        give(block, 40, .@"8");
        for (0..3) |_| _ = make();
    }
    give(other, 40, .@"8");
    _ = instance.deinit();
}
