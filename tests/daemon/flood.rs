// SPDX-License-Identifier: LGPL-2.1-or-later
//! Peers with the key that ask too much or do not listen.
use crate::bystander::Bystander;
use crate::node::{KEY, Start, await_log, connect, context, log_text, make_key, serving};
use crate::peer::{Peer, dial, nameless_poke, request};
use crate::place::{eventually, isolated};
use pcmk_remote_rs::model::Request;
use pcmk_remote_rs::wire::frame::encode_header;
use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::process::Command;
use std::time::{Duration, Instant};

#[test]
fn a_flood_of_requests_leaves_turns_to_others() {
    isolated(|| {
        let daemon = serving();
        let bystander = Bystander::start();
        let mut flooder = Peer::connect(&fs::read(KEY).unwrap());
        // Nameless, so that it is told nothing: only its replies come back, and are thrown away.
        let mut reader = flooder.socket.try_clone().unwrap();
        let sink = std::thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            while matches!(reader.read(&mut buffer), Ok(1..)) {}
        });
        // Sealed in advance, so that the daemon's socket is never empty.
        let text = nameless_poke(1, "");
        let mut message = encode_header(1, text.len()).unwrap().to_vec();
        message.extend(text.bytes().chain([0]));
        let flood = flooder.seal(&message.repeat(40_000));
        let before = bystander.answered();
        flooder.socket.write_all(&flood).unwrap();
        flooder.socket.shutdown(Shutdown::Write).unwrap();
        // The daemon closes once it has answered everything.
        sink.join().unwrap();
        let answers = bystander.answered() - before;
        assert!(answers >= 5, "the bystander got {answers} answers meanwhile");
        bystander.noticed_nothing();
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn who_does_not_read_holds_others_up_for_a_while_and_is_cut_off() {
    isolated(|| {
        let daemon = serving();
        let key = fs::read(KEY).unwrap();
        let bystander = Bystander::start();
        let mut deaf = Peer::connect(&key);
        deaf.narrow();
        deaf.sign_on("deaf", false);
        let mut talker = Peer::connect(&key);
        let name = "n".repeat(1 << 20);
        let data = format!(
            r#"<lrmd_calldata><lrmd_rsc lrmd_rsc_id="{name}" lrmd_class="ocf" lrmd_provider="test" lrmd_type="x"/></lrmd_calldata>"#
        );
        // Each is told to everybody, the talker (who has a name as well) included.
        for id in 1..=90 {
            talker.send_text(&request("lrmd_rsc_register", id, &data));
            talker.text_with(&format!("lrmd_remote_msg_id=\"{id}\""));
        }
        await_log(&["Connection with 127.0.0.1", "ended", "it holds others up"]);
        assert!(daemon.peak_kib() < 64 * 1024, "{} KiB", daemon.peak_kib());
        drop(talker);
        eventually("memory is given back", || daemon.resident_kib() < 40 * 1024);
        bystander.noticed_nothing();
        drop(deaf);
        assert_eq!(daemon.stop(), Some(0));
    });
}

/// Half a message from each of many costs no more than what they sent.
#[test]
fn many_halves_of_messages_wait_cheaply() {
    isolated(|| {
        let daemon = serving();
        let key = fs::read(KEY).unwrap();
        let bystander = Bystander::start();
        let before = daemon.resident_kib();
        let mut peers = Vec::new();
        for _ in 0..40 {
            let mut peer = Peer::connect(&key);
            let header = encode_header(1, 19 << 20).unwrap();
            let sealed = peer.seal(&header);
            peer.socket.write_all(&sealed).unwrap();
            peer.send(&[b'x'; 20_000]);
            peers.push(peer);
        }
        bystander.noticed_nothing();
        let grown = daemon.resident_kib().saturating_sub(before);
        assert!(grown < 16 * 1024, "grew by {grown} KiB");
        drop(peers);
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn without_descriptors_those_who_are_there_are_served_on() {
    isolated(|| {
        make_key(64);
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "ulimit -n 96; exec \"$0\"", env!("CARGO_BIN_EXE_pacemaker-remoted")]);
        let daemon = Start::through(shell).ready();
        let bystander = Bystander::start();
        let mut there = connect("there").unwrap();
        let mut peers = Vec::new();
        let key = fs::read(KEY).unwrap();
        let context = context(&key);
        // With the key there is no other bound. Where the key cannot be read again, the one read before is used.
        while let Ok(peer) = Peer::over(dial(), &context) {
            peers.push(peer);
            assert!(peers.len() < 96);
        }
        await_log(&["error", "Cannot accept connections", "Too many open files"]);
        // It is tried again each second.
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(2500) {
            there.call(Request::Poke).unwrap().result().unwrap();
        }
        bystander.noticed_nothing();
        drop(peers);
        eventually("there is room again", || connect("c").is_ok());
        await_log(&["notice", "Connections are accepted again", "attempts had failed within"]);
        assert_eq!(log_text().matches("Cannot accept connections").count(), 1);
        assert_eq!(daemon.stop(), Some(0));
    });
}
