//! [`Mapping`]: bytes with an owner, in memory or in a file, through memmap2.

use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;
use std::fs::File;
use std::io;

use memmap2::{MmapMut, MmapOptions};

use crate::error::OsError;
use crate::pages::{self, HugePages, page_size};

/// A slice of bytes that is a mapping: anonymous, or the content of a file.
///
/// The buffer of a fixed-buffer allocator or an arena, when it should be large, leave by itself, or outlive the process
/// in a file. Its address never changes, also when the value moves. Readable and writable; dropping unmaps it, and for
/// a file the system writes the changes out in its own time: [`flush`](Self::flush) waits for that.
///
/// ```
/// use heap_os::Mapping;
///
/// let mut buffer = Mapping::anonymous(1 << 20)?;
/// assert!(buffer.iter().all(|&byte| byte == 0));
/// buffer[0] = 1;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Mapping {
    map: MmapMut,
    of_file: bool,
}

impl Mapping {
    /// `len` bytes of zero, private to this process. `len` need not be in whole pages; zero is allowed.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn anonymous(len: usize) -> io::Result<Self> {
        Ok(Self { map: MmapOptions::new().len(len).map_anon()?, of_file: false })
    }

    /// The whole content of a file, shared: what is written here is written there. To have room, give the file its
    /// length first ([`File::set_len`]).
    ///
    /// # Errors
    ///
    /// What the system says: the file must be open for reading and writing.
    ///
    /// # Safety
    ///
    /// While the mapping lives nobody else changes these bytes of the file, in this process or in another, or makes the
    /// file shorter: the first is a data race, the second a fault at the next touch.
    pub unsafe fn of_file(file: &File) -> io::Result<Self> {
        // SAFETY: the caller's promise is the same.
        Ok(Self { map: unsafe { MmapOptions::new().map_mut(file) }?, of_file: true })
    }

    /// The content of a file, as a private copy: what is written here is not written there.
    ///
    /// # Errors
    ///
    /// What the system says: the file must be open for reading.
    ///
    /// # Safety
    ///
    /// As for [`of_file`](Self::of_file): pages not yet written to still show the file.
    pub unsafe fn copy_of_file(file: &File) -> io::Result<Self> {
        // SAFETY: the caller's promise is the same.
        Ok(Self { map: unsafe { MmapOptions::new().map_copy(file) }?, of_file: false })
    }

    /// Whether changes go to a file.
    #[must_use]
    pub const fn is_of_file(&self) -> bool {
        self.of_file
    }

    /// The first byte; dangling when the length is zero. Valid for reads and writes of the whole length as long as the
    /// mapping lives, subject to Rust's rules on borrows.
    #[must_use]
    pub fn ptr(&self) -> NonNull<u8> {
        NonNull::new(self.map.as_ptr().cast_mut()).unwrap_or(NonNull::dangling())
    }

    /// Writes all changes to the file and waits. Nothing to do for memory.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn flush(&self) -> io::Result<()> {
        if self.of_file { self.map.flush() } else { Ok(()) }
    }

    /// Advises on huge pages, for all whole pages of the mapping.
    ///
    /// # Errors
    ///
    /// [`OsError`]: refused or unsupported; nothing has changed.
    pub fn advise_huge(&self, huge: HugePages) -> Result<(), OsError> {
        // SAFETY: memmap2 maps from a page's start, or maps nothing, which is refused; no content changes.
        unsafe { pages::advise_huge(self.ptr(), self.map.len() & !(page_size() - 1), huge) }
    }
}

impl Deref for Mapping {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.map
    }
}

impl DerefMut for Mapping {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.map
    }
}

impl AsRef<[u8]> for Mapping {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl AsMut<[u8]> for Mapping {
    fn as_mut(&mut self) -> &mut [u8] {
        self
    }
}
