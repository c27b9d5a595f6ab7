// SPDX-License-Identifier: LGPL-2.1-or-later
//! Peers that stop in the middle. The daemon's own limits are a minute; here they are a second.
use crate::bystander::Bystander;
use crate::node::{make_key, register};
use crate::peer::{Peer, is_closed, nameless_poke, request};
use crate::place::isolated;
use crate::short::Driver;
use pcmk_remote_rs::driver::tokio::Limits;
use pcmk_remote_rs::wire::frame::encode_header;
use std::io::{ErrorKind, Write};
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);
const UNFINISHED: [&str; 5] =
    ["INFO", "Connection with 127.0.0.1", "ended", "did not finish a message", "came within 1"];

fn impatient() -> (Driver, Vec<u8>, Bystander) {
    let key = make_key(4096);
    let limits = Limits { message: SECOND, stalled: SECOND, ..Limits::default() };
    (Driver::start(limits), key, Bystander::start())
}

fn ends_after_about_a_second(peer: &mut Peer, start: Instant) {
    assert!(is_closed(&mut peer.socket));
    let took = start.elapsed();
    assert!((0.9..5.0).contains(&took.as_secs_f64()), "{took:?}");
}

#[test]
fn half_a_message_then_silence() {
    isolated(|| {
        let (driver, key, bystander) = impatient();
        let mut peer = Peer::connect(&key);
        let start = Instant::now();
        peer.send(&encode_header(1, 1000).unwrap());
        peer.send(b"<lrmd_command ");
        ends_after_about_a_second(&mut peer, start);
        driver.await_log(&UNFINISHED);
        bystander.noticed_nothing();
    });
}

#[test]
fn half_a_record_then_silence() {
    isolated(|| {
        let (driver, key, bystander) = impatient();
        let mut peer = Peer::connect(&key);
        let start = Instant::now();
        let sealed = peer.seal(&encode_header(1, 1000).unwrap());
        peer.socket.write_all(&sealed[..20]).unwrap();
        ends_after_about_a_second(&mut peer, start);
        driver.await_log(&UNFINISHED);
        bystander.noticed_nothing();
    });
}

#[test]
fn a_byte_at_a_time_gains_nothing() {
    isolated(|| {
        let (driver, key, bystander) = impatient();
        let mut peer = Peer::connect(&key);
        peer.send(&encode_header(1, 100_000).unwrap());
        let start = Instant::now();
        peer.socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        while !is_closed(&mut peer.socket) {
            assert!(start.elapsed() < 5 * SECOND, "it is never closed");
            peer.send(b"x");
        }
        assert!(start.elapsed() > SECOND * 9 / 10);
        driver.await_log(&UNFINISHED);
        bystander.noticed_nothing();
    });
}

#[test]
fn a_slow_link_is_given_time() {
    isolated(|| {
        let (_driver, key, bystander) = impatient();
        let mut peer = Peer::connect(&key);
        let start = Instant::now();
        let text = nameless_poke(5, &" ".repeat(128 * 1024));
        let bytes = [&encode_header(1, text.len()).unwrap()[..], text.as_bytes(), b"\0"].concat();
        peer.socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        for part in bytes.chunks(16 * 1024) {
            peer.send(part);
            // The pause of a slow link.
            assert!(!matches!(peer.socket.peek(&mut [0]), Ok(0)), "closed after {:?}", start.elapsed());
        }
        assert!(start.elapsed() > 2 * SECOND);
        // Idle is not half a message.
        peer.socket.set_read_timeout(Some(crate::place::LIMIT)).unwrap();
        peer.send_text(&nameless_poke(5, ""));
        peer.text_with("lrmd_remote_msg_type=\"reply\"");
        bystander.noticed_nothing();
    });
}

#[test]
fn who_does_not_read_for_long_is_cut_off() {
    isolated(|| {
        let (driver, key, bystander) = impatient();
        let mut helper = crate::node::connect("helper").unwrap();
        let id = "r".repeat(100_000);
        register(&mut helper, &id, "x");
        let mut deaf = Peer::connect(&key);
        deaf.narrow();
        let data = format!(r#"<lrmd_calldata><lrmd_rsc lrmd_rsc_id="{id}"/></lrmd_calldata>"#);
        deaf.socket.set_nonblocking(true).unwrap();
        let ask = request("lrmd_rsc_info", 5, &data);
        let mut records = Vec::new();
        for _ in 0..200 {
            let header = encode_header(1, ask.len()).unwrap();
            records.extend(deaf.seal(&header));
            records.extend(deaf.seal(&[ask.as_bytes(), b"\0"].concat()));
        }
        let start = Instant::now();
        let mut left = &records[..];
        // 20 MB of questions, whose answers fill the daemon's socket and then its queue.
        while !left.is_empty() {
            match deaf.socket.write(left) {
                Ok(count) => left = &left[count..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::yield_now(),
                Err(_) => break,
            }
            assert!(start.elapsed() < 20 * SECOND);
        }
        driver.await_log(&["Connection with 127.0.0.1", "ended", "has not read what was sent to it for 1s"]);
        bystander.noticed_nothing();
    });
}
