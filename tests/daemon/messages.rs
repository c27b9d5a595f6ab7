// SPDX-License-Identifier: LGPL-2.1-or-later
//! Bytes inside TLS that are no messages, or odd ones.
use crate::bystander::Bystander;
use crate::node::{Daemon, KEY, await_log, serving};
use crate::peer::{End, Peer, request};
use crate::place::isolated;
use bzip2::Compression;
use bzip2::write::BzEncoder;
use pcmk_remote_rs::wire::frame::{HEADER_LEN, encode_header};
use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

const MIB: usize = 1024 * 1024;

/// The fields of a header that say how long things are.
struct Lengths {
    total: u32,
    offset: u32,
    compressed: u32,
    uncompressed: u32,
}

fn header(lengths: &Lengths, number: fn(u32) -> [u8; 4]) -> Vec<u8> {
    let Lengths { total, offset, compressed, uncompressed } = *lengths;
    let zero = number(0);
    let fields = [
        number(0xBADA_DBBD),
        number(1),
        zero,
        zero,
        zero,
        zero,
        number(total),
        number(offset),
        number(compressed),
        number(uncompressed),
    ];
    fields.concat()
}

fn compressed(text: &[u8], claimed: usize, number: fn(u32) -> [u8; 4]) -> Vec<u8> {
    let mut encoder = BzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).unwrap();
    let packed = encoder.finish().unwrap();
    let length = |count: usize| u32::try_from(count).unwrap();
    let lengths = Lengths {
        total: length(HEADER_LEN + packed.len()),
        offset: length(HEADER_LEN),
        compressed: length(packed.len()),
        uncompressed: length(claimed),
    };
    [header(&lengths, number), packed].concat()
}

fn plain(text: &str, number: fn(u32) -> [u8; 4]) -> Vec<u8> {
    let length = u32::try_from(text.len() + 1).unwrap();
    let lengths = Lengths { total: 40 + length, offset: 40, compressed: 0, uncompressed: length };
    [header(&lengths, number), text.as_bytes().to_vec(), vec![0]].concat()
}

fn attacker() -> Peer {
    let mut peer = Peer::connect(&fs::read(KEY).unwrap());
    peer.sign_on("attacker", false);
    peer
}

/// The bytes end the attacker's connection with a line that holds all `words`.
fn is_cut_off(bytes: &[u8], words: &[&str]) {
    let mut peer = attacker();
    peer.send(bytes);
    let end = peer.end();
    assert!(matches!(end, End::Goodbye | End::Closed), "{end:?}");
    await_log(&[&["Connection with 127.0.0.1", "ended"], words].concat());
}

fn attacked(attack: impl FnOnce(&Daemon) + Send + 'static) {
    isolated(|| {
        let daemon = serving();
        let bystander = Bystander::start();
        attack(&daemon);
        bystander.noticed_nothing();
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn lengths_that_lie_are_refused_before_anything_is_kept() {
    attacked(|daemon| {
        drop(attacker());
        let before = daemon.peak_kib();
        is_cut_off(&[0x41; 30_000], &["does not speak Pacemaker Remote", "41 41 41 41"]);
        for total in [1 << 30, u32::MAX, 21 << 20] {
            let lengths = Lengths { total, offset: 40, compressed: 0, uncompressed: total.wrapping_sub(40) };
            is_cut_off(&header(&lengths, u32::to_le_bytes), &[&total.to_string(), "exceeds the limit"]);
            is_cut_off(&header(&lengths, u32::to_be_bytes), &[&total.to_string(), "exceeds the limit"]);
        }
        let bomb = Lengths { total: 140, offset: 40, compressed: 100, uncompressed: 1 << 30 };
        is_cut_off(&header(&bomb, u32::to_le_bytes), &["decompressed", "1073741824"]);
        for (total, offset, compressed, uncompressed) in [
            (141, 40, 0, 100),
            (139, 40, 0, 100),
            (100, 0, 0, 100),
            (39, 39, 0, 0),
            (140, 0xffff_ffff, 0, 141),
        ] {
            let lengths = Lengths { total, offset, compressed, uncompressed };
            is_cut_off(&header(&lengths, u32::to_le_bytes), &["contradict", &format!("total {total}")]);
        }
        let grown = daemon.peak_kib() - before;
        assert!(grown < 4 * 1024, "grew by {grown} KiB");
    });
}

#[test]
fn bzip2_may_not_unpack_to_more_than_it_says() {
    attacked(|daemon| {
        drop(attacker());
        let before = daemon.peak_kib();
        // 200 MiB of zeroes in some hundred bytes.
        let zeroes = vec![0; 200 * MIB];
        is_cut_off(&compressed(&zeroes, 1000, u32::to_le_bytes), &["cannot decompress"]);
        is_cut_off(&compressed(b"<a/>\0", 5000, u32::to_le_bytes), &["cannot decompress"]);
        let mut damaged = compressed(b"<a/>\0", 5, u32::to_le_bytes);
        damaged[HEADER_LEN + 12] ^= 0xff;
        is_cut_off(&damaged, &["cannot decompress"]);
        let grown = daemon.peak_kib() - before;
        assert!(grown < 12 * 1024, "grew by {grown} KiB");
    });
}

#[test]
fn both_byte_orders_and_every_split_are_read() {
    attacked(|_| {
        let mut peer = attacker();
        let poke = |id| request("lrmd_rsc_poke", id, "");
        let reply = |id: u32| format!("lrmd_remote_msg_id=\"{id}\"");
        peer.send(&plain(&poke(10), u32::to_le_bytes));
        peer.text_with(&reply(10));
        peer.send(&plain(&poke(11), u32::to_be_bytes));
        peer.text_with(&reply(11));
        let text = poke(12) + "\0";
        peer.send(&compressed(text.as_bytes(), text.len(), u32::to_be_bytes));
        peer.text_with(&reply(12));
        // Many in one record.
        let many: Vec<u8> = (20..60).flat_map(|id| plain(&poke(id), u32::to_le_bytes)).collect();
        peer.send(&many);
        (20..60).for_each(|id| drop(peer.text_with(&reply(id))));
        // Every byte a record of its own, and each record in two pieces.
        for byte in plain(&poke(70), u32::to_le_bytes) {
            let sealed = peer.seal(&[byte]);
            let (first, second) = sealed.split_at(7);
            peer.socket.write_all(first).unwrap();
            peer.socket.write_all(second).unwrap();
        }
        peer.text_with(&reply(70));
    });
}

#[test]
fn garbage_instead_of_records() {
    attacked(|_| {
        let mut peer = attacker();
        peer.socket.write_all(b"not a record at all, but long enough for a header").unwrap();
        assert_ne!(peer.end(), End::Goodbye);
        await_log(&["Connection with 127.0.0.1", "ended", "TLS"]);
        let mut peer = attacker();
        let mut sealed = peer.seal(&plain("<a/>", u32::to_le_bytes));
        *sealed.last_mut().unwrap() ^= 1;
        peer.socket.write_all(&sealed).unwrap();
        assert!(matches!(peer.end(), End::Failed(_) | End::Closed));
        await_log(&["ended", "damaged on the way or forged"]);
    });
}

/// What is no request is skipped with a warning; the connection goes on.
#[test]
fn odd_messages_are_named_and_skipped() {
    attacked(|_| {
        let mut peer = attacker();
        let still_served = |peer: &mut Peer, id: u32| {
            peer.send_text(&request("lrmd_rsc_poke", id, ""));
            peer.text_with(&format!("lrmd_remote_msg_id=\"{id}\""));
        };
        let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
        let wide = format!("<a {}/>", (0..300_000).map(|n| format!("a{n}=\"1\" ")).collect::<String>());
        let same = format!("<a {}/>", "x=\"1\" ".repeat(300_000));
        let odd = [
            "",
            "<",
            "text",
            "<a",
            "<a></b>",
            "<?xml version=\"1.0\"?>",
            "<lrmd_command/>",
            "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
        ];
        for (number, text) in odd.iter().copied().chain([deep.as_str(), &wide, &same]).enumerate() {
            peer.send_text(text);
            still_served(&mut peer, 100 + u32::try_from(number).unwrap());
        }
        await_log(&["warning", "Ignored a message from 127.0.0.1"]);
        let deep_request = request("lrmd_rsc_info", 200, &deep);
        peer.send_text(&deep_request);
        still_served(&mut peer, 201);
    });
}

#[test]
fn nineteen_megabytes_are_a_message() {
    attacked(|daemon| {
        let mut peer = attacker();
        let value = "x".repeat(19 * MIB);
        let data = format!(
            r#"<lrmd_calldata><lrmd_rsc lrmd_rsc_id="big" lrmd_rsc_userdata_str="{value}"/></lrmd_calldata>"#
        );
        peer.send_text(&request("lrmd_rsc_info", 300, &data));
        peer.text_with("lrmd_remote_msg_id=\"300\"");
        // And all of that memory is given back.
        drop(peer);
        crate::place::eventually("memory is given back", || daemon.resident_kib() < 40 * 1024);
    });
}

#[test]
fn unknown_operations_sessions_and_resources_are_answered() {
    attacked(|_| {
        let mut peer = attacker();
        peer.send_text(&request("make_coffee", 400, ""));
        let reply = peer.text_with("lrmd_remote_msg_id=\"400\"");
        assert!(reply.contains("lrmd_rc=\"-95\""), "{reply}");
        await_log(&["warning", "unknown operation", "make_coffee"]);
        let data =
            r#"<lrmd_calldata><lrmd_rsc lrmd_rsc_id="nobody" lrmd_rsc_action="start"/></lrmd_calldata>"#;
        for (id, op) in
            (401..).zip(["lrmd_rsc_info", "lrmd_rsc_exec", "lrmd_rsc_cancel", "lrmd_rsc_unregister"])
        {
            peer.send_text(&request(op, id, data));
            let reply = peer.text_with(&format!("lrmd_remote_msg_id=\"{id}\""));
            assert!(reply.contains("lrmd_rc=\""), "{reply}");
        }
        peer.send_text(
            r#"<lrmd_ipc_proxy lrmd_ipc_op="response" lrmd_ipc_session="none" lrmd_ipc_msg_id="1" lrmd_op="ipc_fwd" lrmd_remote_msg_id="410" lrmd_remote_msg_type="request"><lrmd_ipc_msg><a/></lrmd_ipc_msg></lrmd_ipc_proxy>"#,
        );
        let told = peer.text_with("lrmd_ipc_op=\"destroy\"");
        assert!(told.contains("lrmd_ipc_session=\"none\""), "{told}");
        let header = encode_header(1, 3).unwrap();
        assert_eq!(header.len(), HEADER_LEN);
    });
}

/// Sends a message by two calls, as old peers do, of which the second waits in the kernel until what went before is
/// acknowledged.
fn send_by_two_calls(peer: &mut Peer, text: &str) {
    peer.send(&encode_header(1, text.len()).unwrap());
    peer.send(&[text.as_bytes(), b"\0"].concat());
}

#[test]
fn no_acknowledgement_is_delayed_for_a_peer_that_sends_by_two_calls() {
    isolated(|| {
        let daemon = serving();
        let mut peer = attacker();
        peer.socket.set_nodelay(false).unwrap();
        for unanswered in [0, 1] {
            let round = |id: u32| {
                let began = Instant::now();
                for _ in 0..unanswered {
                    send_by_two_calls(&mut peer, "<nonsense/>");
                }
                send_by_two_calls(&mut peer, &request("lrmd_rsc_poke", id, ""));
                peer.text_with(&format!("lrmd_remote_msg_id=\"{id}\""));
                began.elapsed()
            };
            // The kernel delays none of a connection's first acknowledgements, and later ones by 40 ms or more.
            let shortest = (0..40).map(round).skip(20).min().unwrap();
            assert!(
                shortest < Duration::from_millis(40),
                "{shortest:?} after {unanswered} unanswered messages"
            );
        }
        assert_eq!(daemon.stop(), Some(0));
    });
}
