//! [`Mapping`]: owned bytes, in memory or in a file.

use std::fs::{self, File, OpenOptions};
use std::path::PathBuf;

use heap_os::{HugePages, Mapping};

/// A file that is removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, content: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("heap-os-{}-{name}", std::process::id()));
        fs::write(&path, content).unwrap();
        Self(path)
    }

    fn open(&self) -> File {
        OpenOptions::new().read(true).write(true).open(&self.0).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        _ = fs::remove_file(&self.0);
    }
}

#[test]
fn anonymous_bytes_are_zero_writable_and_stay_where_they_are() {
    let mut mapping = Mapping::anonymous(100_001).unwrap();
    assert_eq!(mapping.len(), 100_001);
    assert!(mapping.iter().all(|&byte| byte == 0));
    mapping[100_000] = 7;
    let ptr = mapping.ptr();
    let moved = Box::new(mapping);
    assert_eq!((moved.ptr(), moved[100_000], moved.is_of_file()), (ptr, 7, false));
    moved.flush().unwrap();
    let mut moved = moved;
    moved.as_mut()[0] = 1;
    assert_eq!(Mapping::as_ref(&moved)[0], 1);
}

#[test]
fn an_empty_mapping_is_an_empty_slice() {
    let mapping = Mapping::anonymous(0).unwrap();
    assert!(mapping.is_empty());
    assert!(mapping.advise_huge(HugePages::Advise).is_err());
}

#[test]
fn what_is_written_to_a_mapped_file_is_in_the_file() {
    let file = Scratch::new("shared", &[1; 5000]);
    // SAFETY: nobody else knows the file.
    let mut mapping = unsafe { Mapping::of_file(&file.open()) }.unwrap();
    assert_eq!((mapping.len(), mapping[4999], mapping.is_of_file()), (5000, 1, true));
    mapping[4999] = 2;
    mapping.flush().unwrap();
    drop(mapping);
    assert_eq!(fs::read(&file.0).unwrap()[4999], 2);
}

#[test]
fn what_is_written_to_a_copy_of_a_file_is_not() {
    let file = Scratch::new("copy", &[1; 5000]);
    // SAFETY: nobody else knows the file.
    let mut mapping = unsafe { Mapping::copy_of_file(&file.open()) }.unwrap();
    mapping[0] = 2;
    drop(mapping);
    assert_eq!(fs::read(&file.0).unwrap()[0], 1);
}
