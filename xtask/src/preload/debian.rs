//! Programs that this machine lacks, from Debian's packages: unpacked below the target folder, not installed.
//!
//! Nothing of the system is changed, and no rights are needed. Where there is no such system or no network, the caller
//! says what is missing.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Folders of an unpacked package that programs and libraries are found in.
const PROGRAMS: [&str; 2] = ["usr/bin", "bin"];
const LIBRARIES: [&str; 5] =
    ["usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib", "lib"];

/// Where packages are unpacked.
#[derive(Debug)]
pub(crate) struct Debian {
    folder: PathBuf,
}

impl Debian {
    /// Packages go below `work`.
    pub(crate) fn below(work: &Path) -> Self {
        Self { folder: work.join("debian") }
    }

    fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    /// Whether a command is on the search path, or was unpacked.
    pub(crate) fn has_command(&self, name: &str) -> bool {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let unpacked = PROGRAMS.iter().map(|folder| self.root().join(folder));
        std::env::split_paths(&path).chain(unpacked).any(|folder| folder.join(name).is_file())
    }

    /// The file `name` among the unpacked libraries.
    pub(crate) fn library(&self, name: &str) -> Option<PathBuf> {
        LIBRARIES.iter().map(|folder| self.root().join(folder).join(name)).find(|path| path.exists())
    }

    /// Has `command` find what was unpacked, after what is installed.
    pub(crate) fn show_to(&self, command: &mut Command) {
        let root = self.root();
        if !root.exists() {
            return;
        }
        for (name, folders) in [("PATH", &PROGRAMS[..]), ("LD_LIBRARY_PATH", &LIBRARIES[..])] {
            let old = std::env::var_os(name).unwrap_or_default();
            let old = std::env::split_paths(&old).filter(|path| !path.as_os_str().is_empty());
            let all = old.chain(folders.iter().map(|folder| root.join(folder)));
            command.env(name, std::env::join_paths(all).unwrap_or_else(|_| OsString::new()));
        }
    }

    /// Fetches packages, with what they need and this machine lacks, and unpacks them.
    ///
    /// # Errors
    ///
    /// Why not, in a line.
    pub(crate) fn fetch(&self, packages: &[&str]) -> Result<(), String> {
        for tool in ["apt-get", "dpkg-deb"] {
            if !self.has_command(tool) {
                return Err(format!("no {tool} to fetch it with"));
            }
        }
        for folder in ["archives/partial", "lists/partial", "root"] {
            fs::create_dir_all(self.folder.join(folder)).map_err(|error| error.to_string())?;
        }
        let install = [&["--download-only", "install"][..], packages].concat();
        // The system's lists first: they may be there, and are large.
        let fetched = self.apt(&install, false) || self.apt(&["update"], true) && self.apt(&install, true);
        if !fetched {
            return Err(format!("Debian's packages {} cannot be fetched", packages.join(" ")));
        }
        let archives = fs::read_dir(self.folder.join("archives")).map_err(|error| error.to_string())?;
        for archive in archives.flatten().map(|entry| entry.path()) {
            if archive.extension().is_some_and(|kind| kind == "deb") {
                let mut command = Command::new("dpkg-deb");
                command.arg("--extract").arg(&archive).arg(self.root());
                if !succeeds(&mut command) {
                    return Err(format!("{} cannot be unpacked", archive.display()));
                }
                let _ = fs::remove_file(&archive);
            }
        }
        Ok(())
    }

    fn apt(&self, args: &[&str], own_lists: bool) -> bool {
        let folder = |name: &str| format!("{}/", self.folder.join(name).display());
        let mut command = Command::new("apt-get");
        command.args(["--yes", "--quiet=2", "--no-install-recommends"]);
        let mut options = vec![
            "Debug::NoLocking=true".to_owned(),
            "APT::Sandbox::User=".to_owned(),
            "Acquire::Retries=1".to_owned(),
            "Acquire::http::Timeout=20".to_owned(),
            format!("Dir::Cache={}", folder("")),
            format!("Dir::Cache::archives={}", folder("archives")),
        ];
        if own_lists {
            options.push(format!("Dir::State::lists={}", folder("lists")));
        }
        options.iter().for_each(|option| _ = command.args(["-o", option]));
        succeeds(command.args(args))
    }
}

fn succeeds(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_unpacked_is_found_after_what_is_installed() {
        let work = crate::preload::programs::Place::open().unwrap().file("debian-test");
        let debian = Debian::below(&work);
        fs::create_dir_all(debian.root().join("usr/bin")).unwrap();
        fs::create_dir_all(debian.root().join("usr/lib")).unwrap();
        fs::write(debian.root().join("usr/bin/no-such-program"), "").unwrap();
        fs::write(debian.root().join("usr/lib/libnothing.so"), "").unwrap();
        assert!(debian.has_command("no-such-program") && debian.has_command("sh"));
        assert!(!debian.has_command("no-such-program-either"));
        assert!(debian.library("libnothing.so").is_some() && debian.library("libc.so.7").is_none());
        let mut command = Command::new("sh");
        debian.show_to(&mut command);
        let output = command.args(["-c", "echo $PATH"]).output().unwrap();
        let path = String::from_utf8(output.stdout).unwrap();
        let ours = debian.root().join("usr/bin").display().to_string();
        assert!(path.find("/bin").unwrap() < path.find(&ours).unwrap(), "{path}");
        fs::remove_dir_all(&work).unwrap();
    }
}
