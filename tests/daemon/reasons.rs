// SPDX-License-Identifier: LGPL-2.1-or-later
//! What went wrong with an agent is said in the exit reason, whatever it was.
use crate::node::{AGENTS, completion, connect, execute, make_agent, register, serving, start_operation};
use crate::place::{isolated, tmpfs_with};
use nix::mount::MsFlags;
use pcmk_remote_rs::model::{Completion, ExecStatus, Millis};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// Exit, status, and words of the reason.
fn check(result: &Completion, exit: i32, status: ExecStatus, words: &[&str]) {
    let outcome = &result.outcome;
    assert_eq!((outcome.exit.0, outcome.status), (exit, status), "{outcome:?}");
    let reason = outcome.reason.as_deref().unwrap_or_default();
    for words in words {
        assert!(reason.contains(words), "'{words}' is not in '{reason}'");
    }
}

fn result_of(agent: &str) -> Box<Completion> {
    let mut client = connect("c").unwrap();
    register(&mut client, "r", agent);
    start_operation(&mut client, "r", "monitor", 0);
    completion(&mut client)
}

fn make_file(name: &str, content: &str, mode: u32) {
    let path = format!("{AGENTS}/{name}");
    fs::write(&path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn an_agent_that_cannot_run_says_why() {
    isolated(|| {
        make_agent("Here", "exit 0");
        make_file("Plain", "#!/bin/sh\n", 0o644);
        make_file("Odd", "#!/opt/none/perl -w\n", 0o755);
        make_file("Dos", "#!/bin/sh\r\nexit 0\r\n", 0o755);
        fs::create_dir(format!("{AGENTS}/Folder")).unwrap();
        let daemon = serving();
        for (agent, exit, status, words) in [
            ("Nowhere", 5, ExecStatus::NotInstalled, &["Nowhere", "install"][..]),
            ("Plain", 4, ExecStatus::Done, &["not executable", "chmod a+x"]),
            ("Odd", 5, ExecStatus::Done, &["interpreter /opt/none/perl", "No such file", "#! line"]),
            ("Dos", 5, ExecStatus::Done, &["interpreter /bin/sh", "carriage return"]),
            ("Folder", 4, ExecStatus::Done, &["is a directory"]),
        ] {
            check(&result_of(agent), exit, status, words);
        }
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn an_agent_that_may_not_run_says_why() {
    isolated(|| {
        fs::create_dir_all(AGENTS).unwrap();
        tmpfs_with(AGENTS, MsFlags::MS_NOEXEC);
        make_agent("Shut", "exit 0");
        let daemon = serving();
        check(&result_of("Shut"), 4, ExecStatus::Done, &["Shut", "Permission denied", "noexec"]);
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn an_agent_that_a_signal_ends_names_it() {
    isolated(|| {
        make_agent("Dying", "kill -$OCF_RESKEY_signal $$");
        let daemon = serving();
        for (signal, name) in [("TERM", "SIGTERM (15)"), ("HUP", "SIGHUP (1)"), ("KILL", "SIGKILL (9)")] {
            let mut client = connect("c").unwrap();
            register(&mut client, "r", "Dying");
            execute(&mut client, "r", "monitor", |operation| {
                operation.params = std::sync::Arc::new(std::iter::once(("signal", signal)).collect());
            });
            check(&completion(&mut client), 1, ExecStatus::Error, &["interrupted by signal", name]);
        }
        assert_eq!(daemon.stop(), Some(0));
    });
}

/// The limit is that of the run; what else took long is said beside it.
#[test]
fn a_timeout_says_what_took_how_long() {
    isolated(|| {
        make_agent("Slow", "exec sleep 600");
        let daemon = serving();
        let mut client = connect("c").unwrap();
        register(&mut client, "r", "Slow");
        let limited =
            |ms| move |operation: &mut pcmk_remote_rs::model::Execute| operation.timeout = Millis(ms);
        execute(&mut client, "r", "start", limited(1500));
        execute(&mut client, "r", "stop", limited(300));
        let words = ["start did not complete within 1.500s and was killed"];
        check(&completion(&mut client), 1, ExecStatus::Timeout, &words[..]);
        let words = ["stop did not complete within 300ms", "before that it had waited 1.", "for its turn"];
        check(&completion(&mut client), 1, ExecStatus::Timeout, &words);
        assert_eq!(daemon.stop(), Some(0));
    });
}
