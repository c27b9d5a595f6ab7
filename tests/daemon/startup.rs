// SPDX-License-Identifier: LGPL-2.1-or-later
//! Starting, not starting, and signals.
use crate::node::{KEY, LOG, Start, await_log, connect, log_text, make_key, serving};
use crate::place::{eventually, isolated};
use nix::sys::signal::Signal;
use pcmk_remote_rs::model::Request;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

/// The daemon gives up with exit code 100 and a line that holds `words`.
pub(crate) fn refuses_to_start(start: Start, words: &[&str]) {
    let (code, ..) = start.run();
    await_log(words);
    assert_eq!(code, Some(100), "{}", log_text());
    assert!(!log_text().contains("Ready: "), "{}", log_text());
}

#[test]
fn sigterm_ends_it_with_and_without_clients() {
    isolated(|| {
        assert_eq!(serving().stop(), Some(0));
        let daemon = Start::new().ready();
        let mut client = connect("c").unwrap();
        assert_eq!(client.call(Request::Poke).unwrap().rc, 0);
        assert_eq!(daemon.stop(), Some(0));
        assert!(client.call(Request::Poke).is_err());
        // Nothing of it is left in the way of the next.
        let daemon = Start::new().ready();
        connect("c").unwrap();
        daemon.signal(Signal::SIGINT);
        let mut daemon = daemon;
        assert_eq!(daemon.wait().code(), Some(0));
    });
}

#[test]
fn sighup_reopens_the_log_and_other_signals_change_nothing() {
    isolated(|| {
        let daemon = serving();
        fs::rename(LOG, "/var/log/pacemaker/old").unwrap();
        daemon.signal(Signal::SIGHUP);
        await_log(&["opened anew", "SIGHUP"]);
        for signal in [Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGTRAP] {
            daemon.signal(signal);
            await_log(&[signal.as_str(), "no effect"]);
        }
        daemon.signal(Signal::SIGPIPE);
        connect("c").unwrap().call(Request::Poke).unwrap();
        // Rotation without a signal.
        fs::rename(LOG, "/var/log/pacemaker/older").unwrap();
        connect("after").unwrap();
        await_log(&["after", "connected"]);
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn words_on_the_command_line() {
    isolated(|| {
        for (argument, code) in [("--help", 0), ("--version", 0), ("--no-such-option", 64)] {
            let (ended, stdout, stderr) = Start::new().argument(argument).run();
            assert_eq!(ended, Some(code), "{argument}");
            assert_eq!(stdout.is_empty(), code != 0, "{argument}: {stdout}");
            assert_eq!(stderr.contains(argument), code != 0, "{argument}: {stderr}");
        }
        assert!(!fs::exists(LOG).unwrap());
    });
}

#[test]
fn a_port_or_a_name_that_is_taken_is_fatal() {
    isolated(|| {
        make_key(64);
        let other = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 3121)).unwrap();
        refuses_to_start(Start::new(), &["3121", "in use", "PCMK_remote_port"]);
        drop(other);
        fs::remove_file(LOG).unwrap();
        let first =
            Start::new().argument("--port").argument("4000").env("PCMK_logfile", "/var/log/first").spawn();
        eventually("the first daemon serves", || {
            fs::read_to_string("/var/log/first").is_ok_and(|text| text.contains("Ready: "))
        });
        refuses_to_start(Start::new(), &["lrmd", "crit"]);
        assert_eq!(first.stop(), Some(0));
        // On a host where Pacemaker itself runs.
        fs::remove_file(LOG).unwrap();
        // As libqb writes names: with zeroes up to the end.
        let name = SocketAddr::from_abstract_name(format!("{:\0<107}", "pacemakerd")).unwrap();
        let _cluster = UnixListener::bind_addr(&name).unwrap();
        refuses_to_start(Start::new(), &["crit", "pacemakerd"]);
    });
}

#[test]
fn tls_settings_that_it_cannot_keep_are_fatal() {
    isolated(|| {
        make_key(64);
        refuses_to_start(Start::new().env("PCMK_tls_priorities", "NORMAL:+WONDERFUL"), &["WONDERFUL"]);
        fs::remove_file(LOG).unwrap();
        let certificates = Start::new()
            .env("PCMK_ca_file", "/etc/a")
            .env("PCMK_cert_file", "/etc/b")
            .env("PCMK_key_file", "/etc/c");
        refuses_to_start(certificates, &["X.509 CA file /etc/a", "does not exist"]);
        fs::remove_file(LOG).unwrap();
        refuses_to_start(Start::new().env("PCMK_remote_address", "no.such.name."), &["no.such.name."]);
        fs::remove_file(LOG).unwrap();
        refuses_to_start(Start::new().env("PCMK_remote_address", "192.0.2.1"), &["192.0.2.1"]);
    });
}

#[test]
fn it_serves_every_address_that_is_configured() {
    isolated(|| {
        make_key(64);
        let daemon = Start::new()
            .env("PCMK_remote_address", "127.0.0.2, ::1 localhost")
            .env("PCMK_remote_port", "4001")
            .ready();
        for host in ["127.0.0.2", "::1", "127.0.0.1"] {
            let target = pcmk_remote_rs::driver::blocking::Target::new(host, 4001).with_key_file(KEY);
            pcmk_remote_rs::driver::blocking::Client::connect(&target, "c").unwrap();
        }
        assert_eq!(daemon.stop(), Some(0));
    });
}
