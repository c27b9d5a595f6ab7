// SPDX-License-Identifier: LGPL-2.1-or-later
//! An agent that the kernel kills for lack of memory, in a control group that has little of it.
use crate::node::{Start, completion, connect, make_agent, make_key, register, serving, start_operation};
use crate::place::{eventually, isolated};
use pcmk_remote_rs::driver::blocking::Client;
use pcmk_remote_rs::model::ExecStatus;
use pcmk_remote_rs::wire::ipc::IpcLayout;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Enough for the daemon, and soon too little for an agent that hoards.
const LIMIT: &str = "100663296";

/// A control group of this test's own whose memory is limited.
struct SmallGroup(PathBuf);

impl SmallGroup {
    /// Below this process's own group, or else at the top: in the hierarchy that counts memory, be it of version 1
    /// or 2.
    fn make() -> Self {
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap();
        let mut parents = Vec::new();
        for line in groups.lines() {
            let (controllers, path) = line.split_once(':').unwrap().1.split_once(':').unwrap();
            let root = match controllers {
                "" => "/sys/fs/cgroup",
                _ if controllers.split(',').any(|name| name == "memory") => "/sys/fs/cgroup/memory",
                _ => continue,
            };
            parents.extend([PathBuf::from(format!("{root}{path}")), PathBuf::from(root)]);
        }
        let made = parents.iter().find_map(|parent| Self::below(parent));
        made.unwrap_or_else(|| {
            panic!("no control group with a memory limit can be made below any of {parents:?}: this test needs root \
                    and a writable cgroup hierarchy whose memory controller is enabled")
        })
    }

    fn below(parent: &Path) -> Option<Self> {
        let group = Self(parent.join(format!("pcmk-remote-rs-test-{}", std::process::id())));
        // Of version 2: the parent hands the controller on only if it is told to; perhaps it may not.
        let _ = fs::write(parent.join("cgroup.subtree_control"), "+memory");
        fs::create_dir(&group.0).ok()?;
        let limited = ["memory.max", "memory.limit_in_bytes"]
            .iter()
            .any(|file| group.0.join(file).exists() && fs::write(group.0.join(file), LIMIT).is_ok());
        // Where there is swap, none of it is to be used.
        for (file, value) in [("memory.swap.max", "0"), ("memory.swappiness", "0")] {
            if group.0.join(file).exists() {
                let _ = fs::write(group.0.join(file), value);
            }
        }
        limited.then_some(group)
    }

    fn members(&self) -> PathBuf {
        self.0.join("cgroup.procs")
    }
}

impl Drop for SmallGroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

/// What a busy hour took is not kept: five megabytes of output, and peers that came and went.
#[test]
fn an_idle_daemon_is_small_again() {
    isolated(|| {
        make_agent("Quiet", "exit 0");
        make_agent("Loud", "head -c 5000000 /dev/zero | tr '\\0' x");
        let daemon = serving();
        let mut client = connect("c").unwrap();
        for (resource, agent) in [("q", "Quiet"), ("l", "Loud")] {
            register(&mut client, resource, agent);
        }
        start_operation(&mut client, "q", "start", 0);
        completion(&mut client);
        let before = daemon.resident_kib();
        for _ in 0..3 {
            start_operation(&mut client, "l", "monitor", 0);
            assert_eq!(completion(&mut client).outcome.output.as_ref().map(String::len), Some(5_000_000));
        }
        let crowd: Vec<_> = (0..40).map(|number| connect(&format!("crowd-{number}")).unwrap()).collect();
        let locals: Vec<_> =
            (0..40).map(|_| Client::connect_local(IpcLayout::New, "local").unwrap()).collect();
        assert!(daemon.peak_kib() > before + 10_000, "{before} {}", daemon.peak_kib());
        drop((crowd, locals));
        eventually("the memory is given back", || daemon.resident_kib() < before + 2_000);
        assert_eq!(daemon.stop(), Some(0));
    });
}

/// Their messages are compressed beside the loop, and the client is read on when it has taken what it caused.
#[test]
fn local_clients_of_2_1_go_on_after_large_results() {
    isolated(|| {
        make_key(64);
        make_agent("Loud", "head -c 900000 /dev/zero | tr '\\0' x");
        let daemon = serving();
        let mut client = Client::connect_local(IpcLayout::Old, "local").unwrap();
        register(&mut client, "l", "Loud");
        for _ in 0..5 {
            start_operation(&mut client, "l", "monitor", 0);
            assert_eq!(completion(&mut client).outcome.output.as_ref().map(String::len), Some(900_000));
        }
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn an_agent_that_is_killed_for_lack_of_memory_says_so() {
    isolated(|| {
        let group = SmallGroup::make();
        make_key(64);
        // tail(1) keeps what it reads until there is a line's end.
        make_agent("Hoarder", "exec tail /dev/zero");
        make_agent("Victim", "kill -9 $$");
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "echo $$ >\"$1\" && exec \"$0\"", env!("CARGO_BIN_EXE_pacemaker-remoted")]);
        shell.arg(group.members());
        let daemon = Start::through(shell).ready();
        let pid = daemon.pid().to_string();
        assert!(fs::read_to_string(group.members()).unwrap().lines().any(|line| line == pid));
        let mut client = connect("c").unwrap();
        for (resource, agent, out_of_memory) in
            [("v", "Victim", false), ("h", "Hoarder", true), ("w", "Victim", false)]
        {
            register(&mut client, resource, agent);
            start_operation(&mut client, resource, "start", 0);
            let outcome = completion(&mut client).outcome.clone();
            let reason = outcome.reason.clone().unwrap_or_default();
            assert_eq!((outcome.exit.0, outcome.status), (1, ExecStatus::Error), "{outcome:?}");
            assert!(reason.contains("SIGKILL (9)"), "{reason}");
            assert_eq!(reason.contains("out of memory"), out_of_memory, "{agent}: {reason}");
        }
        assert_eq!(daemon.stop(), Some(0));
        eventually("the group is empty", || fs::read_to_string(group.members()).unwrap().is_empty());
    });
}
