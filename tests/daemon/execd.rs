// SPDX-License-Identifier: LGPL-2.1-or-later
//! The cluster node's daemon: what it is told on its command line, and how it ends. What it executes is tested by
//! Pacemaker's own suite (tests/cts) and in clusters (tests/cluster).
use crate::node::{KEY, LOG, Start, await_log, log_text};
use crate::place::isolated;
use nix::sys::signal::Signal;
use std::fs;
use std::net::{Ipv4Addr, TcpStream};

fn execd() -> Start {
    Start::execd()
}

#[test]
fn words_on_the_command_line_of_the_executor() {
    isolated(|| {
        for (argument, code) in [("--help", 0), ("--version", 0), ("-$", 0), ("--no-such-option", 64)] {
            let (ended, stdout, stderr) = execd().argument(argument).run();
            assert_eq!(ended, Some(code), "{argument}: {stderr}");
            assert_eq!(stdout.is_empty(), code != 0, "{argument}: {stdout}");
        }
        assert!(!fs::exists(LOG).unwrap());
    });
}

#[test]
fn an_executor_needs_no_key_listens_nowhere_and_ends_with_zero() {
    isolated(|| {
        assert!(!fs::exists(KEY).unwrap());
        for signal in [Signal::SIGTERM, Signal::SIGINT] {
            let mut daemon = execd().argument("-V").ready();
            assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, crate::node::PORT)).is_err());
            daemon.signal(signal);
            assert_eq!(daemon.wait().code(), Some(0));
        }
        await_log(&["Exiting with code 0"]);
    });
}

#[test]
fn a_log_file_can_be_named_on_the_command_line() {
    isolated(|| {
        fs::create_dir("/run/elsewhere").unwrap();
        let mut daemon = execd().argument("-l").argument("/run/elsewhere/log").spawn();
        crate::place::eventually("its first words", || {
            fs::read_to_string("/run/elsewhere/log").is_ok_and(|text| text.contains("successfully started"))
        });
        daemon.signal(Signal::SIGTERM);
        assert_eq!(daemon.wait().code(), Some(0));
    });
}

#[test]
fn a_second_executor_gives_up_for_good_and_disturbs_nobody() {
    isolated(|| {
        let first = execd().ready();
        let (code, ..) = execd().run();
        assert_eq!(code, Some(100), "{}", log_text());
        await_log(&["crit", "lrmd"]);
        assert_eq!(first.stop(), Some(0));
    });
}
