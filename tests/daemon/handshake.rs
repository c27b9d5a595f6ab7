// SPDX-License-Identifier: LGPL-2.1-or-later
//! Peers that never become clients.
use crate::bystander::Bystander;
use crate::node::{
    KEY, await_log, completion, connect, context, make_agent, register, serving, start_operation,
};
use crate::peer::{Peer, dial, dial_at, is_closed};
use crate::place::isolated;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, socket};
use pcmk_remote_rs::driver::blocking::Client;
use pcmk_remote_rs::sys::tls::Stream;
use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

#[test]
fn what_is_not_tls_is_named() {
    isolated(|| {
        let daemon = serving();
        let bystander = Bystander::start();
        for garbage in
            [&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], &[0; 4096], &[0xff; 70_000], b"\x16\x03\x01"]
        {
            let mut stream = dial();
            let _ = stream.write_all(garbage);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            assert!(is_closed(&mut stream), "{:?}", &garbage[..3]);
        }
        await_log(&["warning", "failed before it was authenticated", "does not speak TLS"]);
        // An acquaintance's ClientHello, bent.
        let mut hello = first_flight();
        for at in [5, 9, 43, hello.len() - 1] {
            hello[at] ^= 0x55;
            let mut stream = dial();
            stream.write_all(&hello).unwrap();
            let _ = stream.shutdown(std::net::Shutdown::Write);
            assert!(is_closed(&mut stream), "bent at {at}");
        }
        bystander.noticed_nothing();
        assert_eq!(daemon.stop(), Some(0));
    });
}

fn first_flight() -> Vec<u8> {
    let mut tls = Stream::client(&context(&fs::read(KEY).unwrap())).unwrap();
    tls.handshake().unwrap();
    tls.output().to_vec()
}

/// Half a handshake, nothing at all, and byte by byte: all end after ten seconds, and none of them counts.
#[test]
fn a_handshake_has_ten_seconds() {
    isolated(|| {
        let daemon = serving();
        let bystander = Bystander::start();
        let start = Instant::now();
        let hello = first_flight();
        let mut half = dial();
        half.write_all(&hello[..hello.len() / 2]).unwrap();
        let mut unfinished = dial();
        unfinished.write_all(&hello).unwrap();
        let mut silent = dial();
        let mut slow = dial();
        let mut left = hello.iter();
        slow.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        while start.elapsed() < Duration::from_secs(9) && !is_closed(&mut slow) {
            slow.write_all(&[*left.next().unwrap()]).unwrap();
        }
        assert!(start.elapsed() >= Duration::from_secs(9), "the slow one was closed early");
        slow.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        for stream in [&mut half, &mut unfinished, &mut silent, &mut slow] {
            assert!(is_closed(stream));
        }
        let took = start.elapsed();
        assert!((9.5..15.0).contains(&took.as_secs_f64()), "{took:?}");
        await_log(&[
            "warning",
            "failed before it was authenticated",
            "did not finish the TLS handshake within 10s",
        ]);
        bystander.noticed_nothing();
        assert_eq!(daemon.stop(), Some(0));
    });
}

fn dial_from(source: [u8; 4]) -> TcpStream {
    let fd = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
    let [a, b, c, d] = source;
    bind(fd.as_raw_fd(), &SockaddrIn::new(a, b, c, d, 0)).unwrap();
    nix::sys::socket::connect(fd.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 3121)).unwrap();
    let stream = TcpStream::from(fd);
    stream.set_read_timeout(Some(crate::place::LIMIT)).unwrap();
    stream
}

#[test]
fn silent_connections_are_bounded_and_never_clients() {
    isolated(|| {
        let daemon = serving();
        let mut owner = connect("owner").unwrap();
        let bystander = Bystander::start();
        let descriptors = daemon.descriptors();
        // As many as there may be, and one more from the same source, which costs it its own oldest.
        let mut silent: Vec<TcpStream> = (0..256).map(|_| dial_from([127, 0, 0, 9])).collect();
        silent.push(dial_from([127, 0, 0, 9]));
        assert!(is_closed(&mut silent[0]));
        await_log(&["warning", "failed before it was authenticated", "make room"]);
        // Everybody gets in, from wherever.
        connect("another").unwrap();
        drop(Peer::over(dial_from([127, 0, 0, 9]), &context(&fs::read(KEY).unwrap())).unwrap());
        assert!(daemon.descriptors() <= descriptors + 256 + 8, "{}", daemon.descriptors());
        // Places are given back.
        silent.clear();
        crate::place::eventually("there is room again", || daemon.descriptors() <= descriptors + 8);
        bystander.noticed_nothing();
        // The last client leaves, and those that are none do not keep its recurring operations alive.
        run_recurring(&mut owner);
        drop(owner);
        await_log(&["resource r ", "Cancelled"]);
        assert_eq!(daemon.stop(), Some(0));
    });
}

/// Starts a recurring operation that ends when no client is left, and waits for its first result.
fn run_recurring(owner: &mut Client) {
    make_agent("Probe", "exit 0");
    register(owner, "r", "Probe");
    start_operation(owner, "r", "monitor", 500);
    assert_eq!(completion(owner).outcome.exit.0, 0);
}

#[test]
fn three_hundred_comings_and_goings_leave_nothing_behind() {
    isolated(|| {
        let daemon = serving();
        let bystander = Bystander::start();
        let key = fs::read(KEY).unwrap();
        let context = context(&key);
        let storm = |count: usize| {
            for number in 0..count {
                match number % 5 {
                    0 => drop(dial()),
                    1 => dial().write_all(&first_flight()).unwrap(),
                    2 => drop(Peer::over(dial_at(([127, 0, 0, 1], 3121).into()), &context).unwrap()),
                    3 => Peer::connect(&key).sign_on("storm", true),
                    _ => drop(connect("storm").unwrap()),
                }
            }
        };
        storm(60);
        let settled = daemon.descriptors();
        let before = daemon.resident_kib();
        storm(300);
        crate::place::eventually("all descriptors are given back", || {
            daemon.descriptors() <= settled.max(40)
        });
        let grown = daemon.resident_kib().saturating_sub(before);
        assert!(grown < 3 * 1024, "{before} KiB grew by {grown}");
        bystander.noticed_nothing();
        assert_eq!(daemon.stop(), Some(0));
    });
}
