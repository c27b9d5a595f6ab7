// SPDX-License-Identifier: LGPL-2.1-or-later
//! Running as a container's first process: settings from a file, and a parent that reaps.
mod environment_file;
mod init;

use super::environment::Environment;
use crate::model::{options, site};
use crate::sys::fork::{Forked, fork_single_threaded};
use nix::sys::signal::SigSet;
use std::ffi::OsStr;
use std::io;
use std::path::Path;

/// How much of an init this process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Not at all.
    Off,
    /// It reads the settings file.
    Variables,
    /// It also leaves a parent behind that reaps and passes signals on.
    Full,
}

/// Decides the mode, completes the environment, and in full mode divides the process. Must be called before
/// the first thread starts and before a log or a runtime exists. In full mode only the child returns; the
/// parent ends when the child does. The texts are warnings for the log; an error is fatal
/// (`ExitCode::OsError`).
pub fn enter(environment: &mut Environment) -> io::Result<(Mode, Vec<String>)> {
    enter_with(environment, std::process::id() == 1, Path::new(site::CONTAINER_SETTINGS))
}

/// [`enter`] with the facts about this process given.
pub fn enter_with(
    environment: &mut Environment,
    is_first_process: bool,
    file: &Path,
) -> io::Result<(Mode, Vec<String>)> {
    let mut warnings = Vec::new();
    let mode = mode(environment, is_first_process, &mut warnings);
    if mode != Mode::Off {
        load(environment, file, &mut warnings);
    }
    if mode == Mode::Full {
        if environment.option(&options::LOG_FILE).is_none() {
            environment.set_option(&options::LOG_FILE, OsStr::new(site::CONTAINER_LOG_FILE));
        }
        leave_init_behind()?;
    }
    Ok((mode, warnings))
}

fn mode(environment: &Environment, is_first_process: bool, warnings: &mut Vec<String>) -> Mode {
    if is_first_process {
        return Mode::Full;
    }
    let Some(setting) = environment.option(&options::REMOTE_PID1) else { return Mode::Off };
    match &*setting.text() {
        "full" => Mode::Full,
        "vars" => Mode::Variables,
        "default" => Mode::Off,
        other => {
            let (variable, problem) = (setting.variable, options::REMOTE_PID1.value.problem());
            warnings.push(format!("{variable} is \"{other}\": {problem}; using default instead"));
            Mode::Off
        }
    }
}

fn load(environment: &mut Environment, file: &Path, warnings: &mut Vec<String>) {
    let name = file.display();
    match std::fs::read(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => warnings.push(format!("cannot read {name}: {error}")),
        Ok(text) => {
            let contents = environment_file::parse(&text);
            for line in contents.bad_lines {
                warnings.push(format!("{name}: line {line} is ignored: not of the form NAME=value"));
            }
            for (variable, value) in contents.variables {
                environment.set_default(variable, value);
            }
        }
    }
}

fn leave_init_behind() -> io::Result<()> {
    // Blocked before the fork, so that no SIGCHLD is lost between it and the first wait.
    let before = SigSet::thread_get_mask()?;
    SigSet::all().thread_block()?;
    match fork_single_threaded() {
        Ok(Forked::Parent(child)) => std::process::exit(init::run(child)),
        Ok(Forked::Child) => {
            before.thread_set_mask()?;
            // A session of its own: the terminal's signals are init's.
            nix::unistd::setsid()?;
            Ok(())
        }
        Err(error) => {
            before.thread_set_mask()?;
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(value: &str, is_first_process: bool) -> (Mode, usize) {
        let mut warnings = Vec::new();
        let environment = Environment::from_iter([("PCMK_remote_pid1", value)]);
        (mode(&environment, is_first_process, &mut warnings), warnings.len())
    }

    #[test]
    fn modes() {
        assert_eq!(decide("", false), (Mode::Off, 0));
        assert_eq!(decide("default", false), (Mode::Off, 0));
        assert_eq!(decide("vars", false), (Mode::Variables, 0));
        assert_eq!(decide("full", false), (Mode::Full, 0));
        assert_eq!(decide("yes", false), (Mode::Off, 1));
        assert_eq!(decide("default", true), (Mode::Full, 0));
    }

    #[test]
    fn the_file_completes_the_environment() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("env");
        std::fs::write(&file, "PCMK_remote_port=4000\nPATH=/file\nbroken\n").unwrap();
        let mut environment = Environment::from_iter([("PCMK_remote_pid1", "vars"), ("PATH", "/outside")]);
        let (mode, warnings) = enter_with(&mut environment, false, &file).unwrap();
        assert_eq!(mode, Mode::Variables);
        assert_eq!(environment.get("PCMK_remote_port"), Some(OsStr::new("4000")));
        assert_eq!(environment.get("PATH"), Some(OsStr::new("/outside")));
        assert!(warnings.len() == 1 && warnings[0].contains("line 3"), "{warnings:?}");
    }

    #[test]
    fn without_a_mode_or_a_file_nothing_changes() {
        let missing = Path::new("/nowhere/at/all");
        let mut environment = Environment::from_iter([("A", "b")]);
        let before = environment.clone();
        assert_eq!(enter_with(&mut environment, false, missing).unwrap(), (Mode::Off, vec![]));
        assert_eq!(environment, before);
    }
}
