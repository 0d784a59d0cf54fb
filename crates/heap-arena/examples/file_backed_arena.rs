//! An arena in a file: what is allocated is written, without a copy and without a format in between.
//!
//! `cargo run -p heap-arena --example file_backed_arena`

use std::error::Error;
use std::fs::{self, File};

use heap_arena::{FixedBuffer, TypedAlloc};
use heap_os::Mapping;

/// One record of the file: words of fixed size, so that every bit pattern is a record.
#[repr(C)]
#[derive(Clone, Copy)]
struct Entry {
    /// Where the text is, in bytes from the file's start.
    offset: u64,
    len: u64,
}

/// Puts texts into the arena, and their table after them; returns the table's offset.
fn write(arena: &FixedBuffer<'_>, base: usize, lines: &[&str]) -> Result<usize, heap_core::AllocError> {
    let table = arena.alloc_slice_uninit::<Entry>(lines.len())?;
    let table_offset = table.as_ptr().addr() - base;
    for (entry, line) in table.iter_mut().zip(lines) {
        let text = arena.alloc_str(line)?;
        // An empty text has no place in the file.
        let offset = if text.is_empty() { 0 } else { text.as_ptr().addr() - base };
        entry.write(Entry { offset: offset as u64, len: text.len() as u64 });
    }
    Ok(table_offset)
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::temp_dir().join(format!("file_backed_arena.{}", std::process::id()));
    let lines = ["What is allocated here", "stays when the program ends.", ""];

    let file = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
    file.set_len(1 << 16)?;
    // SAFETY: a file of our own, which nobody else opens.
    let mut map = unsafe { Mapping::of_file(&file) }?;
    let base = map.as_ptr().addr();
    // SAFETY: only entries, which have no padding, and texts are written: every byte stays initialised.
    let arena = unsafe { FixedBuffer::from_bytes(&mut map) };
    let table = write(&arena, base, &lines)?;
    println!("{} of {} bytes used, table at {table}", arena.used(), arena.capacity());
    map.flush()?;
    drop(map);

    let bytes = fs::read(&path)?;
    let word = |at: usize| u64::from_ne_bytes(bytes[at..at + 8].try_into().expect("eight bytes")) as usize;
    for (nth, line) in lines.iter().enumerate() {
        let at = table + nth * size_of::<Entry>();
        let (offset, len) = (word(at), word(at + 8));
        let text = std::str::from_utf8(&bytes[offset..offset + len])?;
        println!("{offset:5}: {text:?}");
        assert_eq!(text, *line);
    }
    fs::remove_file(&path)?;
    Ok(())
}
