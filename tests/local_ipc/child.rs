// SPDX-License-Identifier: LGPL-2.1-or-later
//! A client in a process of its own, as somebody else or to be killed: this test program once more.
use super::peer::{Peer, Release};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::Permissions;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use tempfile::TempDir;

const SERVER: &str = "LOCAL_IPC_TEST_SERVER";
pub(crate) const NOBODY: u32 = 65_534;
pub(crate) const ROOT: Identity = Identity { uid: 0, gid: 0, group: None };

#[derive(Clone, Copy)]
pub(crate) struct Identity {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Its only supplementary group.
    pub(crate) group: Option<u32>,
}

pub(crate) struct Child {
    process: Mutex<std::process::Child>,
    _folder: TempDir,
}

impl Child {
    /// Starts a client that connects, says `echo hello` and waits.
    pub(crate) fn start(server: &str, identity: Identity) -> Self {
        let groups = identity.group.map_or("--clear-groups".to_owned(), |group| format!("--groups={group}"));
        // Where anybody may run it.
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        let program = folder.path().join("client");
        std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        let process = Command::new("setpriv")
            .args([format!("--reuid={}", identity.uid), format!("--regid={}", identity.gid), groups])
            .arg(program)
            .args(["--ignored", "--exact", "child::client", "--nocapture"])
            .env(SERVER, server)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { process: Mutex::new(process), _folder: folder }
    }

    pub(crate) fn wait_for_line(&self, wanted: &str) {
        let output = self.process.lock().unwrap().stdout.take().expect("one wait for each child");
        let mut seen = Vec::new();
        for line in BufReader::new(output).lines() {
            let line = line.unwrap();
            if line.ends_with(wanted) {
                return;
            }
            seen.push(line);
        }
        panic!("the client did not say '{wanted}' but {seen:?}");
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = self.process.lock().unwrap().id();
        kill(Pid::from_raw(i32::try_from(pid).unwrap()), signal).unwrap();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let mut process = self.process.lock().unwrap();
        let _ = process.kill();
        let _ = process.wait();
    }
}

#[test]
#[ignore = "runs in the children that other tests start"]
fn client() {
    let server = std::env::var(SERVER).expect("started by another test");
    match Peer::connect(&server, Release::Old) {
        Err(errno) => println!("refused {errno:?}"),
        Ok(mut peer) => {
            println!("answered {}", peer.ask("echo hello").text);
            let _ = peer.event(-1);
        }
    }
}
