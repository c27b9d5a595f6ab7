// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a message advises is done, and helps. Beside these: names of local servers (`startup`), certificates
//! (`certificates`, `demands`, `rotation`).
use crate::certificates::{connect as connect_with_certificate, pki, start};
use crate::node::{
    AGENTS, KEY, LOG, Start, await_log, completion, connect, make_agent, make_key, register, serving,
    start_operation,
};
use crate::place::{isolated, tmpfs_with};
use crate::startup::refuses_to_start;
use nix::mount::{MsFlags, mount};
use pcmk_remote_rs::driver::blocking::{Client, Target};
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;

/// Runs the monitor of an agent: its exit status and the reason.
fn monitored(client: &mut Client, agent: &str) -> (i32, String) {
    register(client, agent, agent);
    start_operation(client, agent, "monitor", 0);
    let result = completion(client);
    (result.outcome.exit.0, result.outcome.reason.as_deref().unwrap_or_default().to_owned())
}

#[test]
fn agents_that_cannot_run() {
    isolated(|| {
        let path = |name: &str| format!("{AGENTS}/{name}");
        let mode =
            |name: &str, mode| fs::set_permissions(path(name), fs::Permissions::from_mode(mode)).unwrap();
        make_agent("Plain", "exit 0");
        mode("Plain", 0o644);
        make_agent("Odd", "exit 0");
        fs::write(path("Odd"), "#!/opt/none/sh\nexit 0\n").unwrap();
        make_agent("Dos", "exit 0");
        fs::write(path("Dos"), "#!/bin/sh\r\nexit 0\n").unwrap();
        let daemon = serving();
        let mut client = connect("c").unwrap();
        let cures: [(&str, &str, &dyn Fn()); 4] = [
            ("Nowhere", "install the package", &|| make_agent("Nowhere", "exit 0")),
            ("Plain", "chmod a+x", &|| mode("Plain", 0o755)),
            ("Odd", "correct the #! line", &|| fs::write(path("Odd"), "#!/bin/sh\nexit 0\n").unwrap()),
            ("Dos", "carriage return", &|| fs::write(path("Dos"), "#!/bin/sh\nexit 0\n").unwrap()),
        ];
        for (agent, advice, cure) in cures {
            let (exit, reason) = monitored(&mut client, agent);
            assert!(exit != 0 && reason.contains(advice), "{agent}: {exit}: {reason}");
            cure();
            assert_eq!(monitored(&mut client, agent), (0, String::new()), "{agent}");
        }
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn agents_that_may_not_run() {
    isolated(|| {
        fs::create_dir_all(AGENTS).unwrap();
        tmpfs_with(AGENTS, MsFlags::MS_NOEXEC);
        make_agent("Shut", "exit 0");
        let daemon = serving();
        let mut client = connect("c").unwrap();
        let (exit, reason) = monitored(&mut client, "Shut");
        assert!(exit == 4 && reason.contains("noexec"), "{exit}: {reason}");
        let nothing: Option<&str> = None;
        mount(nothing, AGENTS, nothing, MsFlags::MS_REMOUNT, nothing).unwrap();
        assert_eq!(monitored(&mut client, "Shut"), (0, String::new()));
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn keys_that_are_missing_or_differ() {
    isolated(|| {
        let daemon = Start::new().ready();
        await_log(&["warn", "Remote connections will fail until there is a key"]);
        fs::write("/etc/pacemaker/other", [9; 4096]).unwrap();
        let target = Target::new("127.0.0.1", 3121).with_key_file("/etc/pacemaker/other");
        let refused = Client::connect(&target, "c").unwrap_err();
        assert!(refused.remedy().contains("no key yet"), "{refused}: {}", refused.remedy());
        make_key(4096);
        let refused = Client::connect(&target, "c").unwrap_err();
        assert!(refused.remedy().contains("copy the cluster's key"), "{refused}: {}", refused.remedy());
        fs::copy(KEY, "/etc/pacemaker/other").unwrap();
        Client::connect(&target, "c").unwrap();
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn hosts_that_are_not_found_or_do_not_listen() {
    isolated(|| {
        make_key(64);
        let named = Target::new("node-of-this-test", 4000);
        let refused = Client::connect(&named, "c").unwrap_err();
        assert!(refused.remedy().contains("/etc/hosts"), "{refused}: {}", refused.remedy());
        fs::write("/etc/hosts", "127.0.0.1 node-of-this-test\n").unwrap();
        let daemon = Start::new().ready();
        let refused = Client::connect(&named, "c").unwrap_err();
        assert!(refused.remedy().contains("PCMK_remote_port"), "{refused}: {}", refused.remedy());
        assert_eq!(daemon.stop(), Some(0));
        let daemon = Start::new().env("PCMK_remote_port", "4000").ready();
        Client::connect(&named, "c").unwrap();
        assert_eq!(daemon.stop(), Some(0));
        let refused = Client::connect(&named, "c").unwrap_err();
        assert!(refused.remedy().contains("is pacemaker_remote running"), "{refused}: {}", refused.remedy());
    });
}

#[test]
fn addresses_and_ports_that_cannot_be_served() {
    isolated(|| {
        make_key(64);
        let other = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 3121)).unwrap();
        refuses_to_start(Start::new(), &["crit", "3121", "in use", "PCMK_remote_port"]);
        assert_eq!(Start::new().env("PCMK_remote_port", "4000").ready().stop(), Some(0));
        drop(other);
        for wrong in ["192.0.2.7", "node-of-this-test"] {
            fs::remove_file(LOG).unwrap();
            refuses_to_start(
                Start::new().env("PCMK_remote_address", wrong),
                &["crit", wrong, "PCMK_remote_address"],
            );
            assert_eq!(Start::new().env("PCMK_remote_address", "127.0.0.1").ready().stop(), Some(0));
        }
    });
}

#[test]
fn settings_of_tls_that_do_not_fit() {
    isolated(|| {
        make_key(64);
        refuses_to_start(
            Start::new().env("PCMK_tls_priorities", "NORMAL:+NONSENSE"),
            &["crit", "NONSENSE", "docs/tls-priorities.md"],
        );
        assert_eq!(Start::new().env("PCMK_tls_priorities", "NORMAL").ready().stop(), Some(0));
        // One side has the key, the other one certificates.
        let daemon = Start::new().ready();
        let refused = connect_with_certificate("node", "NORMAL").unwrap_err();
        assert!(refused.remedy().contains("on both hosts, or on neither"), "{refused}: {}", refused.remedy());
        connect("c").unwrap();
        assert_eq!(daemon.stop(), Some(0));
        let daemon = start(&pki::files("node", "node", "root", "-")).ready();
        connect_with_certificate("node", "NORMAL").unwrap();
        assert_eq!(daemon.stop(), Some(0));
    });
}
