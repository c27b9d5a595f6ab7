// SPDX-License-Identifier: LGPL-2.1-or-later
//! Keys and certificates that change under a daemon at work.
use crate::bystander::Bystander;
use crate::certificates::{TLS_1_2, TLS_1_3, connect, pki, start, start_through};
use crate::clock::{LIBRARY, SHIFT, build_library, set_calendar};
use crate::node::{KEY, PORT, Start, await_log, context, log_text, make_key, serving};
use crate::peer::{Peer, dial};
use crate::place::{eventually, isolated};
use nix::sys::signal::Signal;
use pcmk_remote_rs::driver::blocking::{Client, Target};
use pcmk_remote_rs::model::Request;
use pcmk_remote_rs::model::certificate_files::CertificateFiles;
use pcmk_remote_rs::sys::tls::{ClientContext, Policy, Psk, TlsVersion};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const SECOND: &str = "/etc/pacemaker/second";

/// The daemon's own files.
fn own() -> CertificateFiles {
    let path = |name: &str| format!("/etc/pacemaker/{name}.pem").into();
    CertificateFiles { ca: path("ca"), crl: Some(path("crl")), cert: path("cert"), key: path("key") }
}

/// Writes one of the daemon's files.
fn put(to: &Path, from: &Path) {
    fs::write(to, fs::read(from).unwrap()).unwrap();
    fs::set_permissions(to, fs::Permissions::from_mode(0o640)).unwrap();
}

fn put_all(files: &CertificateFiles) {
    let own = own();
    put(&own.ca, &files.ca);
    put(&own.key, &files.key);
    put(&own.cert, &files.cert);
    put(&own.crl.unwrap(), files.crl.as_ref().unwrap());
}

/// How often the log says so.
fn said(words: &str) -> usize {
    log_text().matches(words).count()
}

const BAD: &str = "are not used, those from before stay in use";

#[test]
fn certificates_change_at_a_connection_and_at_sighup_and_sessions_stay() {
    isolated(|| {
        let set = |name: &str, list: &str| pki::files(name, name, "root", list);
        put_all(&set("node", "none"));
        let daemon = start(&own()).ready();
        let mut session = connect("rsa2048", "").unwrap();
        let mut poke = move || session.call(Request::Poke).unwrap().result().unwrap();
        // At the next connection, and to that: the client itself is revoked.
        put_all(&set("p384", "rsa2048-listed"));
        connect("rsa2048", TLS_1_2).unwrap_err();
        await_log(&["notice", "New certificates are in use", "CN=p384"]);
        drop(connect("node", "").unwrap());
        poke();
        // Half a set, then no key at all, are told once each, however many connections come.
        put(&own().key, &set("node", "none").key);
        for _ in 0..5 {
            drop(connect("node", "").unwrap());
        }
        await_log(&["error", BAD, "cert.pem", "does not belong to the key in"]);
        assert_eq!(said(BAD), 1, "{}", log_text());
        fs::remove_file(own().key).unwrap();
        daemon.signal(Signal::SIGHUP);
        await_log(&["error", BAD, "key.pem", "it does not exist"]);
        await_log(&["notice", "Keys and certificates were read again"]);
        daemon.signal(Signal::SIGHUP);
        eventually("both signals are seen", || said("Keys and certificates were read again") == 2);
        assert_eq!(said(BAD), 2, "{}", log_text());
        drop(connect("node", "").unwrap());
        // At SIGHUP, without a connection.
        put_all(&set("node", "none"));
        daemon.signal(Signal::SIGHUP);
        await_log(&["notice", "New certificates are in use", "CN=node"]);
        poke();
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn certificates_that_could_not_be_read_for_want_of_descriptors_are_read_later() {
    isolated(|| {
        let set = |name: &str| pki::files(name, name, "root", "none");
        put_all(&set("node"));
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "ulimit -n 48; exec \"$0\"", env!("CARGO_BIN_EXE_pacemaker-remoted")]);
        let daemon = start_through(shell, &own()).ready();
        let mut there = Vec::new();
        while let Ok(client) = connect("rsa2048", "") {
            there.push(client);
            assert!(there.len() < 48);
        }
        await_log(&["error", "Cannot accept connections", "Too many open files"]);
        put_all(&set("p384"));
        // A file that was changed a moment ago is read again anyway.
        eventually("the change is past", || {
            let changed = fs::metadata(own().crl.unwrap()).unwrap().modified().unwrap();
            changed.elapsed().is_ok_and(|age| age > Duration::from_secs(3))
        });
        daemon.signal(Signal::SIGHUP);
        await_log(&["error", BAD, "Too many open files"]);
        there.clear();
        eventually("the new set is in use", || {
            connect("node", "").is_ok() && said("New certificates are in use") == 1
        });
        assert_eq!(said(BAD), 1, "{}", log_text());
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn a_second_key_is_accepted_only_where_it_is_configured() {
    isolated(|| {
        let key = make_key(4096);
        fs::write(SECOND, [9; 700]).unwrap();
        fs::set_permissions(SECOND, fs::Permissions::from_mode(0o640)).unwrap();
        let daemon = Start::new().ready();
        assert!(Peer::over(dial(), &context(&[9; 700])).is_err());
        assert_eq!(daemon.stop(), Some(0));
        fs::remove_file(crate::node::LOG).unwrap();
        let daemon = Start::new().env("PCMK_authkey_second_location", SECOND).ready();
        await_log(&["warning", "PCMK_authkey_second_location is set", SECOND, "accepted, too"]);
        let bystander = Bystander::start();
        drop(Peer::connect(&key));
        drop(Peer::connect(&[9; 700]));
        await_log(&["notice", "authenticated (TLS 1.3", "with the second key"]);
        assert!(Peer::over(dial(), &context(&[8; 700])).is_err());
        await_log(&["failed before it was authenticated", "another key"]);
        let old = Policy { max: TlsVersion::Tls12, ..Policy::default() };
        let at_1_2 = |key: &[u8]| ClientContext::new(&Psk::new(key.to_vec()).unwrap(), &old).unwrap();
        drop(Peer::over(dial(), &at_1_2(&key)).unwrap());
        assert!(Peer::over(dial(), &at_1_2(&[9; 700])).is_err());
        // The rotation's end.
        fs::copy(SECOND, KEY).unwrap();
        fs::remove_file(SECOND).unwrap();
        drop(Peer::over(dial(), &at_1_2(&[9; 700])).unwrap());
        bystander.noticed_nothing();
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn a_key_counts_beside_certificates_only_where_it_is_configured() {
    isolated(|| {
        make_key(4096);
        let files = pki::files("node", "node", "root", "-");
        let with_key = |priorities: &str| {
            Client::connect(&Target::new("127.0.0.1", PORT).with_tls_priorities(priorities), "with-a-key")
        };
        let daemon = start(&files).env("PCMK_tls_accept_psk", "no").ready();
        assert!(with_key("").is_err() && with_key(TLS_1_2).is_err());
        assert_eq!(daemon.stop(), Some(0));
        fs::remove_file(crate::node::LOG).unwrap();
        let daemon = start(&files).env("PCMK_tls_accept_psk", "yes").ready();
        await_log(&["warning", "PCMK_tls_accept_psk is set", "beside those with certificates"]);
        for priorities in ["", TLS_1_3, TLS_1_2] {
            with_key(priorities).unwrap().call(Request::Poke).unwrap().result().unwrap();
            connect("p384", priorities).unwrap().call(Request::Poke).unwrap().result().unwrap();
            for refused in ["foreign", "expired"] {
                connect(refused, priorities).unwrap_err();
            }
            let target = Target::new("127.0.0.1", PORT).with_key_file(files.ca.to_str().unwrap());
            Client::connect(&target.with_tls_priorities(priorities), "with-another-key").unwrap_err();
        }
        await_log(&["failed before it was authenticated", "another key"]);
        await_log(&["failed before it was authenticated", "certificate has expired"]);
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn an_end_that_comes_near_is_told_by_a_daemon_that_runs() {
    const DAY: i64 = 24 * 60 * 60;
    isolated(|| {
        build_library();
        fs::write(SHIFT, [0; 8]).unwrap();
        let daemon = start(&pki::files("soon", "soon", "root", "-")).env("LD_PRELOAD", LIBRARY).ready();
        let told = || said("The certificate of this node in");
        await_log(&["warning", "The certificate of this node in", "expires on", "in 9 days"]);
        for (number, (days, level, words)) in
            [(4, "warning", "in 5 days"), (9, "error", "hours"), (11, "error", "has expired on")]
                .into_iter()
                .enumerate()
        {
            set_calendar(days * DAY);
            for _ in 0..2 {
                drop(connect("p384", "").unwrap());
            }
            await_log(&[level, "The certificate of this node in", words]);
            assert_eq!(told(), number + 2, "{}", log_text());
        }
        set_calendar(12 * DAY);
        daemon.signal(Signal::SIGHUP);
        eventually("it is told again each day", || told() == 5);
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn a_daemon_with_a_key_reads_it_again_at_sighup() {
    isolated(|| {
        let daemon = serving();
        let bystander = Bystander::start();
        fs::write(KEY, "").unwrap();
        daemon.signal(Signal::SIGHUP);
        await_log(&["error", KEY, "it is empty", "stays in use"]);
        await_log(&["notice", "Keys and certificates were read again"]);
        bystander.noticed_nothing();
        assert_eq!(daemon.stop(), Some(0));
    });
}
