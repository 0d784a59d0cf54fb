//! What the system knows about this process. Nothing here allocates, so that reading changes nothing.
//!
//! Memory and page faults come from Linux's `/proc`; elsewhere they read as zero.

use std::fs::File;
use std::io::Read;

/// Resident memory in KiB, now and at its highest.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Resident {
    pub(crate) now_kib: u64,
    pub(crate) peak_kib: u64,
}

/// Page faults since the process started: those served from memory, and those that read a disk.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) minor: u64,
    pub(crate) major: u64,
}

/// The fields `VmRSS` and `VmHWM` of `/proc/self/status`.
pub(crate) fn resident() -> Resident {
    let mut buffer = [0; 8_192];
    let status = read("/proc/self/status", &mut buffer);
    Resident { now_kib: status_field(status, b"VmRSS:"), peak_kib: status_field(status, b"VmHWM:") }
}

/// The fields 10 and 12 of `/proc/self/stat`, counted after the command's name, which may hold spaces.
pub(crate) fn faults() -> Faults {
    let mut buffer = [0; 2_048];
    let stat = read("/proc/self/stat", &mut buffer);
    let after_name = stat.iter().rposition(|&byte| byte == b')').map_or(&[][..], |end| &stat[end + 1..]);
    let mut fields = after_name.split(|&byte| byte == b' ').filter(|field| !field.is_empty());
    // The first field here is the third of the file.
    let minor = fields.nth(7).map_or(0, number);
    let major = fields.nth(1).map_or(0, number);
    Faults { minor, major }
}

/// As much of a file as the buffer holds; nothing if it cannot be read.
fn read<'buffer>(path: &str, buffer: &'buffer mut [u8]) -> &'buffer [u8] {
    let Ok(mut file) = File::open(path) else { return &[] };
    let mut len = 0;
    while let Ok(count @ 1..) = file.read(&mut buffer[len..]) {
        len += count;
    }
    &buffer[..len]
}

fn status_field(status: &[u8], name: &[u8]) -> u64 {
    let mut lines = status.split(|&byte| byte == b'\n');
    lines.find_map(|line| line.strip_prefix(name)).map_or(0, |rest| number(rest.trim_ascii_start()))
}

/// The decimal number that `text` starts with.
fn number(text: &[u8]) -> u64 {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |value, &digit| value * 10 + u64::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_name() {
        let status = b"Name:\tx\nVmHWM:\t  1234 kB\nVmRSS:\t     900 kB\n";
        assert_eq!(status_field(status, b"VmHWM:"), 1_234);
        assert_eq!(status_field(status, b"VmRSS:"), 900);
        assert_eq!(status_field(status, b"VmSwap:"), 0);
    }

    #[test]
    fn touching_memory_raises_resident_size_and_faults() {
        let (before, faults_before) = (resident(), faults());
        let block = vec![1_u8; 64 << 20];
        let (after, faults_after) = (resident(), faults());
        assert_eq!(block.iter().map(|&byte| u64::from(byte)).sum::<u64>(), 64 << 20);
        if before.now_kib > 0 {
            assert!(after.now_kib > before.now_kib + (60 << 10), "{before:?} {after:?}");
            assert!(after.peak_kib >= after.now_kib);
            assert!(faults_after.minor > faults_before.minor);
        }
    }
}
