// SPDX-License-Identifier: LGPL-2.1-or-later
//! Keys that are missing, change, and have every size.
use crate::bystander::Bystander;
use crate::node::{KEY, Start, await_log, connect, context, log_text, make_key, serving};
use crate::peer::{Peer, dial};
use crate::place::isolated;
use nix::sys::stat::Mode;
use pcmk_remote_rs::driver::blocking::Stage;
use pcmk_remote_rs::sys::tls::{ClientContext, Policy, Psk};
use std::fs;

#[test]
fn a_key_may_come_later() {
    isolated(|| {
        let daemon = Start::new().ready();
        await_log(&["warning", "until there is a key", KEY, "does not exist"]);
        let any = context(&[1; 64]);
        assert!(Peer::over(dial(), &any).is_err());
        await_log(&["Refused connection from 127.0.0.1", "no key", KEY]);
        make_key(256);
        connect("c").unwrap();
        // A connection that is up does not mind what becomes of the file, and a key that was there stays in use.
        let bystander = Bystander::start();
        let good = context(&fs::read(KEY).unwrap());
        fs::write(KEY, "").unwrap();
        assert!(Peer::over(dial(), &any).is_err());
        await_log(&["error", KEY, "it is empty", "stays in use"]);
        fs::remove_file(KEY).unwrap();
        nix::unistd::mkfifo(KEY, Mode::from_bits_truncate(0o600)).unwrap();
        Peer::over(dial(), &good).unwrap();
        await_log(&["error", KEY, "not a regular file", "stays in use"]);
        fs::remove_file(KEY).unwrap();
        make_key(300);
        connect("c").unwrap();
        bystander.noticed_nothing();
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn a_changed_key_counts_from_the_next_handshake_on() {
    isolated(|| {
        let daemon = serving();
        let bystander = Bystander::start();
        fs::write(KEY, [7; 4096]).unwrap();
        Peer::connect(&[7; 4096]);
        let old: Vec<u8> = (0..4096).map(|at| u8::try_from(at % 251).unwrap()).collect();
        assert!(Peer::over(dial(), &context(&old)).is_err());
        await_log(&["failed before it was authenticated", "another key"]);
        bystander.noticed_nothing();
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn keys_of_every_size() {
    isolated(|| {
        let daemon = Start::new().ready();
        for size in [1, 256, 512, 513, 4096, 65535] {
            make_key(size);
            let client = connect("c").unwrap_or_else(|failure| panic!("{size}: {failure}"));
            assert!(client.describe().contains("TLS 1.3"), "{}", client.describe());
        }
        make_key(65536);
        assert!(Peer::over(dial(), &context(&[1])).is_err());
        await_log(&["error", "more than 65535 bytes", "stays in use"]);
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn a_wrong_key_and_a_wrong_identity_are_told_apart() {
    isolated(|| {
        let daemon = serving();
        let bystander = Bystander::start();
        let key = fs::read(KEY).unwrap();
        let psk = Psk::new(key).unwrap();
        let stranger = ClientContext::with_identity(&psk, &Policy::default(), "stranger").unwrap();
        assert!(Peer::over(dial(), &stranger).is_err());
        await_log(&["warning", "failed before it was authenticated", "'stranger'"]);
        fs::write("/etc/pacemaker/other", [9; 4096]).unwrap();
        let target = pcmk_remote_rs::driver::blocking::Target::new("127.0.0.1", 3121);
        let target = target.with_key_file("/etc/pacemaker/other");
        let failure = pcmk_remote_rs::driver::blocking::Client::connect(&target, "c").unwrap_err();
        assert_eq!(failure.stage(), Stage::Handshake, "{failure}");
        await_log(&["failed before it was authenticated", "another key"]);
        bystander.noticed_nothing();
        assert_eq!(daemon.stop(), Some(0));
        assert!(!log_text().contains("stranger connected"));
    });
}
