//! Facts about the machine and the tools, for the record. What cannot be found out is left empty.
#![forbid(unsafe_code)]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use super::record::Machine;

/// Looks around; `root` is the workspace.
pub(crate) fn gather(root: &Path) -> Machine {
    Machine {
        cpu: cpu(&read("/proc/cpuinfo"))
            .or_else(|| said(root, "sysctl", &["-n", "machdep.cpu.brand_string"]))
            .unwrap_or_default(),
        cores: std::thread::available_parallelism().map_or(0, usize::from),
        memory_mib: memory_mib(&read("/proc/meminfo")).unwrap_or(0),
        kernel: said(root, "uname", &["-srm"]).unwrap_or_default(),
        libc: said(root, "getconf", &["GNU_LIBC_VERSION"]).unwrap_or_default(),
        huge_pages: chosen(&read("/sys/kernel/mm/transparent_hugepage/enabled")).unwrap_or_default(),
        page_bytes: said(root, "getconf", &["PAGESIZE"]).and_then(|text| text.parse().ok()).unwrap_or(0),
        rustc: said(root, "rustc", &["--version"]).unwrap_or_default(),
        commit: commit(root),
        date: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or_else(|_| String::new(), |time| date(time.as_secs())),
        load: read("/proc/loadavg").split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0.0),
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The output of a program, without the line ends; `None` when it fails or says nothing.
fn said(root: &Path, program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).current_dir(root).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

/// The commit, and whether files differ from it.
fn commit(root: &Path) -> String {
    let Some(commit) = said(root, "git", &["rev-parse", "--short=12", "HEAD"]) else { return String::new() };
    let changed = said(root, "git", &["status", "--porcelain", "--untracked-files=no"]).is_some();
    if changed { format!("{commit} with changes") } else { commit }
}

fn cpu(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    let name = line.split_once(':')?.1.trim();
    let virtual_machine =
        cpuinfo.lines().any(|line| line.starts_with("flags") && line.contains(" hypervisor"));
    Some(if virtual_machine { format!("{name} (virtual machine)") } else { name.to_owned() })
}

fn memory_mib(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find(|line| line.starts_with("MemTotal:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib / 1024)
}

/// The word in brackets: `madvise` of `always [madvise] never`.
fn chosen(setting: &str) -> Option<String> {
    let (_, rest) = setting.split_once('[')?;
    rest.split_once(']').map(|(word, _)| word.to_owned())
}

/// Seconds since 1970 as a date and time in UTC.
///
/// Days to year, month and day as in Howard Hinnant's "chrono-compatible low-level date algorithms": the year
/// begins in March, so the leap day is its last, and eras of 400 years repeat.
fn date(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02}", second / 3600, second % 3600 / 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), "1970-01-01 00:00");
        assert_eq!(date(951_782_400), "2000-02-29 00:00");
        assert_eq!(date(1_709_251_199), "2024-02-29 23:59");
        assert_eq!(date(1_769_879_100), "2026-01-31 17:05");
        assert_eq!(date(4_107_542_400), "2100-03-01 00:00");
    }

    #[test]
    fn the_kernels_files_are_understood() {
        assert_eq!(chosen("always [madvise] never\n").as_deref(), Some("madvise"));
        assert_eq!(chosen(""), None);
        assert_eq!(memory_mib("MemTotal:        8039840 kB\nMemFree: 1 kB\n"), Some(7851));
        let info = "processor : 0\nmodel name\t: Fast CPU 3000\nflags\t\t: fpu hypervisor lm\n";
        assert_eq!(cpu(info).as_deref(), Some("Fast CPU 3000 (virtual machine)"));
        assert_eq!(cpu("model name : Plain\nflags : fpu\n").as_deref(), Some("Plain"));
        assert_eq!(cpu(""), None);
    }
}
