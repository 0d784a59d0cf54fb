//! The real programs: each a script that says how it is prepared and run.
//!
//! A script sees `$PRELOAD`, what to load beneath the program; `$WORK`, a folder of its own; `$FIXTURES`, where the
//! scripts are; `$ROOT`, the workspace. What it prints must not depend on the allocator.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;

use crate::preload::debian::Debian;
use crate::workspace;

/// A program of somebody else, or a small one of ours.
#[derive(Debug)]
pub(crate) struct Program {
    /// Also the name of its script, or the script's `$NAME`.
    pub(crate) name: &'static str,
    /// The name of its script.
    script: &'static str,
    /// Commands that it needs.
    needs: &'static [&'static str],
    /// Debian's packages that have them.
    packages: &'static [&'static str],
    prepares: bool,
}

const fn program(
    name: &'static str,
    needs: &'static [&'static str],
    packages: &'static [&'static str],
    prepares: bool,
) -> Program {
    Program { name, script: name, needs, packages, prepares }
}

/// A small program of ours in `stress`, which does little but allocate.
const fn stress(name: &'static str) -> Program {
    Program { name, script: "stress", needs: &["cc"], packages: &[], prepares: true }
}

static PROGRAMS: [Program; 23] = [
    program("python3", &["python3"], &["python3"], true),
    program("sqlite3", &["sqlite3"], &["sqlite3"], false),
    program("g++", &["g++"], &[], false),
    program("git", &["git"], &["git"], true),
    program("perl", &["perl"], &["perl"], false),
    program("node", &["node"], &["nodejs"], false),
    program(
        "redis",
        &["redis-server", "redis-benchmark", "redis-cli"],
        &["redis-server", "redis-tools"],
        false,
    ),
    program("lua", &["lua5.4"], &["lua5.4"], false),
    program("ruby", &["ruby"], &["ruby"], false),
    program("jq", &["jq"], &["jq"], true),
    program("xmllint", &["xmllint"], &["libxml2-utils"], true),
    program("gs", &["gs"], &["ghostscript"], false),
    program("z3", &["z3"], &["z3"], true),
    program("threads", &["g++"], &[], true),
    stress("numbers"),
    stress("order"),
    stress("replace"),
    stress("graph"),
    stress("growth"),
    stress("large"),
    stress("server"),
    stress("handover"),
    program("start", &["true"], &[], false),
];

/// The programs whose names contain one of `only`; all for none.
pub(crate) fn chosen(only: &[String]) -> Vec<&'static Program> {
    let wanted = |program: &&Program| only.is_empty() || only.iter().any(|name| program.name.contains(name));
    PROGRAMS.iter().filter(wanted).collect()
}

/// Folders that the scripts work in.
#[derive(Debug)]
pub(crate) struct Place {
    work: PathBuf,
    fixtures: PathBuf,
    /// What was unpacked because it is not installed.
    pub(crate) debian: Debian,
}

impl Place {
    /// # Errors
    ///
    /// When the folder cannot be made.
    pub(crate) fn open() -> anyhow::Result<Self> {
        let work = workspace::metadata()?.target_directory.join("preload").into_std_path_buf();
        fs::create_dir_all(&work).with_context(|| work.display().to_string())?;
        let debian = Debian::below(&work);
        Ok(Self { work, debian, fixtures: workspace::root().join("xtask/src/preload/programs") })
    }

    /// A file in the folder where scripts leave what they make.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.work.join(name)
    }
}

impl Program {
    /// Makes what the program needs.
    ///
    /// # Errors
    ///
    /// Why it cannot be run here, in one line.
    pub(crate) fn prepare(&self, place: &Place) -> Result<(), String> {
        if let Some(missing) = self.missing(place) {
            if self.packages.is_empty() {
                return Err(format!("{missing} is not installed"));
            }
            let fetched = place.debian.fetch(self.packages);
            fetched.map_err(|reason| format!("{missing} is not installed; {reason}"))?;
        }
        if let Some(missing) = self.missing(place) {
            return Err(format!("{missing} is in none of Debian's packages {}", self.packages.join(" ")));
        }
        for verb in if self.prepares { &["prepare", "run"][..] } else { &["run"] } {
            let output = self.command(place, verb, "").output().map_err(|error| error.to_string())?;
            if !output.status.success() {
                let text = String::from_utf8_lossy(&output.stderr);
                return Err(format!("cannot {verb}: {}", text.lines().next().unwrap_or_default()));
            }
        }
        Ok(())
    }

    /// The first command that is neither installed nor unpacked.
    fn missing(&self, place: &Place) -> Option<&'static str> {
        self.needs.iter().copied().find(|name| !place.debian.has_command(name))
    }

    /// The script, told to `verb`, with `preload` beneath the program.
    pub(crate) fn command(&self, place: &Place, verb: &str, preload: &str) -> Command {
        let mut command = Command::new("sh");
        self.arguments(&mut command, place, verb, preload);
        command
    }

    /// As [`command`](Self::command), run by the program `by`, whose arguments come first.
    pub(crate) fn command_by(&self, by: &Path, to: &Path, place: &Place, preload: &str) -> Command {
        let mut command = Command::new(by);
        command.arg(to).arg("sh");
        self.arguments(&mut command, place, "run", preload);
        command
    }

    fn arguments(&self, command: &mut Command, place: &Place, verb: &str, preload: &str) {
        command.arg(place.fixtures.join(format!("{}.sh", self.script))).arg(verb);
        place.debian.show_to(command);
        command
            .env("NAME", self.name)
            .env("PRELOAD", preload)
            .env("WORK", &place.work)
            .env("FIXTURES", &place.fixtures);
        command.env("ROOT", workspace::root()).stdin(Stdio::null());
    }

    /// What the program prints, and how it ended.
    ///
    /// # Errors
    ///
    /// When there is no shell.
    pub(crate) fn output(&self, place: &Place, preload: &str) -> anyhow::Result<String> {
        let output = self.command(place, "run", preload).output().context("sh")?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(format!("{}{}{}", text(&output.stdout), text(&output.stderr), output.status))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_has_a_script_that_a_shell_can_read() {
        let place = Place::open().unwrap();
        for program in &PROGRAMS {
            let script = place.fixtures.join(format!("{}.sh", program.script));
            let text = fs::read_to_string(&script).unwrap();
            assert!(text.starts_with("# ") && text.contains("\nrun)"), "{}", program.name);
            assert_eq!(text.contains("\nprepare)"), program.prepares, "{}", program.name);
            // A program before a pipe may fail unseen, and the same each time: gs once did nothing but say that it lacked a file.
            let pipes = text.matches(" | cksum").count() + text.matches(" | wc").count();
            assert_eq!(text.matches("|| kill $$").count(), pipes, "{}", program.name);
            assert!(Command::new("sh").arg("-n").arg(script).status().unwrap().success(), "{}", program.name);
            if program.script == "stress" {
                assert!(
                    place.fixtures.join(format!("stress/{}.c", program.name)).exists(),
                    "{}",
                    program.name
                );
            }
        }
    }

    #[test]
    fn programs_are_chosen_by_parts_of_their_names() {
        let names: Vec<_> =
            chosen(&["pyth".into(), "g++".into()]).iter().map(|program| program.name).collect();
        assert_eq!(names, ["python3", "g++"]);
        assert_eq!(chosen(&[]).len(), PROGRAMS.len());
    }
}
