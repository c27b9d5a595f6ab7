// SPDX-License-Identifier: LGPL-2.1-or-later
//! A daemon for show: an ordinary process with a private directory.
#![allow(clippy::disallowed_methods, reason = "the tool starts a daemon and times it; it is no driver")]

use crate::model::options;
use crate::tool::words;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const KEY_SIZE: usize = 4096;
const PATIENCE: Duration = Duration::from_secs(10);

/// The daemon and its directory.
pub(super) struct Daemon {
    process: Child,
    directory: PathBuf,
    keep: bool,
    /// Loopback port that it listens on.
    pub(super) port: u16,
}

impl Daemon {
    /// Makes a directory and a key, starts the daemon, waits until it listens.
    pub(super) fn start(program: Option<&Path>, keep: bool) -> Result<Self, String> {
        let program = program.map_or_else(find_daemon, |path| Ok(path.to_path_buf()))?;
        let directory =
            private_directory().map_err(|problem| format!("cannot make a state directory: {problem}"))?;
        let key = directory.join("authkey");
        make_key(&key).map_err(|problem| format!("cannot make a key in {}: {problem}", key.display()))?;
        println!("  state    {}", directory.display());
        println!("  key      {KEY_SIZE} random bytes, mode 0600");
        let port = free_port().map_err(|problem| format!("no free port on loopback: {problem}"))?;
        let begun = Instant::now();
        let process = Command::new(&program)
            .env(options::REMOTE_ADDRESS.variable, "127.0.0.1")
            .env(options::REMOTE_PORT.variable, port.to_string())
            .env(options::AUTHKEY_LOCATION.variable, &key)
            .env(options::LOG_FILE.variable, directory.join("daemon.log"))
            .env(options::LOG_FACILITY.variable, "none")
            .env("HA_RSCTMP", &directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|problem| format!("cannot start {}: {problem}", program.display()))?;
        let mut daemon = Self { process, directory, keep, port };
        daemon.wait_until_listening()?;
        println!(
            "  daemon   {} on 127.0.0.1:{port}, listening after {}",
            program.display(),
            words::time(begun.elapsed())
        );
        Ok(daemon)
    }

    /// File with its key.
    pub(super) fn key(&self) -> PathBuf {
        self.directory.join("authkey")
    }

    /// File by which the resource knows that it runs.
    pub(super) fn resource_state(&self) -> PathBuf {
        self.directory.join("resource.state")
    }

    /// The end of the daemon's log, for a failed show.
    pub(super) fn show_log(&self) {
        let text = fs::read_to_string(self.directory.join("daemon.log")).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        eprintln!("The end of the daemon's log:");
        for line in lines.iter().skip(lines.len().saturating_sub(15)) {
            eprintln!("  {line}");
        }
    }

    /// Asks it to end and waits.
    pub(super) fn stop(&mut self) -> Result<(), String> {
        let begun = Instant::now();
        let pid = i32::try_from(self.process.id())
            .map_err(|_| "the daemon's process id is out of range".to_owned())?;
        kill(Pid::from_raw(pid), Signal::SIGTERM)
            .map_err(|problem| format!("cannot end the daemon: {problem}"))?;
        while begun.elapsed() < PATIENCE {
            if let Some(status) = self.process.try_wait().map_err(|problem| problem.to_string())? {
                println!(
                    "\n  daemon   SIGTERM, ended with {status} after {}\n",
                    words::time(begun.elapsed())
                );
                return if status.success() {
                    Ok(())
                } else {
                    Err(format!("the daemon ended with {status}"))
                };
            }
            sleep(Duration::from_millis(2));
        }
        Err(format!("the daemon did not end within {PATIENCE:?}"))
    }

    fn wait_until_listening(&mut self) -> Result<(), String> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                return Ok(());
            }
            if let Ok(Some(status)) = self.process.try_wait() {
                self.show_log();
                return Err(format!(
                    "the daemon ended at once with {status}; does another Pacemaker daemon run on this machine?"
                ));
            }
            sleep(Duration::from_millis(1));
        }
        Err(format!("the daemon does not listen after {PATIENCE:?}"))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // After a clean stop both are no-ops.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if self.keep {
            println!("Kept: {}", self.directory.display());
        } else {
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

/// The daemon that was built with this program, else the installed one.
fn find_daemon() -> Result<PathBuf, String> {
    let beside = std::env::current_exe().ok().map(|own| own.with_file_name("pacemaker-remoted"));
    let installed = ["/usr/sbin/pacemaker-remoted", "/usr/local/sbin/pacemaker-remoted"].map(PathBuf::from);
    beside.into_iter().chain(installed).find(|path| path.is_file()).ok_or_else(|| {
        "no pacemaker-remoted beside this program or installed; name one with --daemon".to_owned()
    })
}

fn private_directory() -> io::Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt;
    let path = std::env::temp_dir().join(format!("pcmk-remote-demo.{}", uuid::Uuid::new_v4().simple()));
    fs::DirBuilder::new().mode(0o700).create(&path)?;
    Ok(path)
}

fn make_key(path: &Path) -> io::Result<()> {
    let mut key = zeroize::Zeroizing::new(vec![0; KEY_SIZE]);
    fs::File::open("/dev/urandom")?.read_exact(&mut key)?;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(&key)
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
