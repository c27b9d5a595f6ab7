// SPDX-License-Identifier: LGPL-2.1-or-later
//! Peers and clients whose messages are costly to read, beside a bystander that asks little and is answered all the time.
use crate::crowd::raise_descriptor_limit;
use crate::local_peer::{self, EXPECTS_RESPONSE, Release};
use crate::measure::Bystander;
use crate::node::{Daemon, KEY, serving};
use crate::peer::{Peer, nameless_poke, request};
use crate::place::isolated;
use nix::unistd::User;
use pcmk_remote_rs::wire::frame::encode_header;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::thread::JoinHandle;
use std::time::Duration;

/// What the bystander may wait here, on a machine that is busy with other tests and without optimisation. Alone on a
/// machine it is to wait for a twentieth of it.
const PATIENCE: Duration = Duration::from_secs(2);
/// The most memory, in MiB.
const MEMORY: u64 = 700;
/// A text that takes long to read, and would take longer without a limit.
const LONG: usize = 3 << 20;

fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::new(9));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A frame whose payload is `text` compressed.
fn compressed_frame(text: &[u8]) -> Vec<u8> {
    let packed = compress(&[text, b"\0"].concat());
    let mut frame = encode_header(1, text.len()).unwrap().to_vec();
    let total = u32::try_from(frame.len() + packed.len()).unwrap();
    frame[24..28].copy_from_slice(&total.to_ne_bytes());
    frame[32..36].copy_from_slice(&u32::try_from(packed.len()).unwrap().to_ne_bytes());
    frame.extend(packed);
    frame
}

fn frame(text: &str) -> Vec<u8> {
    let mut frame = encode_header(1, text.len()).unwrap().to_vec();
    frame.extend(text.bytes().chain([0]));
    frame
}

/// Sends `frames` over a connection of its own, throws away what comes back, and waits until the daemon has read it
/// all: it closes then.
fn flood(frames: Vec<u8>) -> JoinHandle<()> {
    let key = std::fs::read(KEY).unwrap();
    std::thread::spawn(move || {
        let mut peer = Peer::connect(&key);
        let sealed = peer.seal(&frames);
        drop(frames);
        let mut reader = peer.socket.try_clone().unwrap();
        reader.set_read_timeout(None).unwrap();
        let sink = std::thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            while matches!(reader.read(&mut buffer), Ok(1..)) {}
        });
        // The daemon may have cut it.
        let _ = peer.socket.write_all(&sealed);
        let _ = peer.socket.shutdown(Shutdown::Write);
        sink.join().unwrap();
    })
}

/// Has all of `floods` go on at once beside the bystander, and demands that it is served.
fn attack(name: &str, daemon: &Daemon, floods: impl FnOnce() -> Vec<JoinHandle<()>>) {
    let bystander = Bystander::watch(name);
    for flood in floods() {
        flood.join().unwrap();
    }
    bystander.figures(daemon).expect(PATIENCE, MEMORY);
}

#[test]
fn compressed_runs_of_one_character_from_many_peers_delay_nobody() {
    isolated(|| {
        raise_descriptor_limit();
        let daemon = serving();
        let frames = compressed_frame(&vec![b'<'; 1 << 20]).repeat(5);
        assert!(frames.len() < 1_000, "{} bytes", frames.len());
        attack("5 messages of 140 bytes for 1 MiB of `<`, from 8 peers", &daemon, || {
            (0..8).map(|_| flood(frames.clone())).collect()
        });
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn small_messages_that_are_costly_delay_nobody_however_many_peers_send_them() {
    isolated(|| {
        raise_descriptor_limit();
        let daemon = serving();
        let data = format!("<lrmd_calldata>{}</lrmd_calldata>", "<a b='&lt;'/>".repeat(2000));
        let frames = frame(&nameless_poke(1, &data)).repeat(40);
        attack("40 messages of 26 kB of markup, from 40 peers", &daemon, || {
            (0..40).map(|_| flood(frames.clone())).collect()
        });
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn long_messages_delay_nobody_plain_or_compressed() {
    isolated(|| {
        raise_descriptor_limit();
        let daemon = serving();
        let data = format!("<lrmd_calldata>{}</lrmd_calldata>", "<a b='&lt;'/>".repeat(LONG / 14));
        let text = nameless_poke(1, &data);
        let (plain, packed) = (frame(&text).repeat(2), compressed_frame(text.as_bytes()).repeat(2));
        attack("messages of 3 MiB from 4 peers, plain and compressed", &daemon, || {
            (0..4).map(|number| flood(if number % 2 == 0 { plain.clone() } else { packed.clone() })).collect()
        });
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn a_long_message_that_many_are_told_delays_nobody() {
    isolated(|| {
        raise_descriptor_limit();
        let daemon = serving();
        let key = std::fs::read(KEY).unwrap();
        let name = "n".repeat(1 << 20);
        let data = format!(
            r#"<lrmd_calldata><lrmd_rsc lrmd_rsc_id="{name}" lrmd_class="ocf" lrmd_provider="test" lrmd_type="x"/></lrmd_calldata>"#
        );
        let frames = frame(&request("lrmd_rsc_register", 2, &data)).repeat(5);
        let mut hearers = Vec::new();
        for number in 0..40 {
            let mut peer = Peer::connect(&key);
            peer.sign_on(&format!("hearer{number}"), false);
            let mut socket = peer.socket.try_clone().unwrap();
            let reader = std::thread::spawn(move || {
                let mut buffer = vec![0; 1 << 20];
                while matches!(socket.read(&mut buffer), Ok(1..)) {}
            });
            hearers.push((peer, reader));
        }
        attack("5 registrations of 1 MiB that 41 peers are told", &daemon, || vec![flood(frames)]);
        for (peer, reader) in hearers {
            peer.socket.shutdown(Shutdown::Both).unwrap();
            reader.join().unwrap();
        }
        assert_eq!(daemon.stop(), Some(0));
    });
}

/// How long it has been on a processor, all its threads together.
fn cpu_time(daemon: &Daemon) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", daemon.pid())).unwrap();
    let fields = stat.rsplit_once(") ").unwrap().1.split(' ');
    let ticks: u64 = fields.skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum();
    // A tick is a hundredth of a second for all programs.
    Duration::from_millis(ticks * 10)
}

/// A user who may use the cluster's tools, as any member of its group.
fn become_member() {
    let cluster = User::from_name("hacluster").unwrap().expect("the cluster's user is there");
    let (group, nobody) = (cluster.gid.as_raw(), 65_534);
    // The calling thread alone: only the C library makes all threads one.
    // SAFETY: system calls with plain numbers.
    unsafe {
        assert_eq!(libc::syscall(libc::SYS_setgroups, 0, std::ptr::null::<u32>()), 0);
        assert_eq!(libc::syscall(libc::SYS_setresgid, group, group, group), 0);
        assert_eq!(libc::syscall(libc::SYS_setresuid, nobody, nobody, nobody), 0);
    }
}

/// `count` compressed messages for a run of one character, from a local client of the executor.
fn local_flood(count: usize, as_member: bool, text: String) -> JoinHandle<()> {
    std::thread::spawn(move || {
        if as_member {
            become_member();
        }
        let mut client = local_peer::Peer::connect("lrmd", Release::Old).expect("it may connect");
        for _ in 0..count {
            client.send(&text, EXPECTS_RESPONSE);
        }
        for _ in 0..count {
            client.response(60_000).expect("each is answered, or refused");
        }
    })
}

#[test]
fn compressed_junk_from_a_member_of_the_cluster_s_group_is_not_read() {
    isolated(|| {
        let daemon = serving();
        let junk = "<".repeat(1 << 20);
        let before = cpu_time(&daemon);
        attack(
            "40 messages of 140 bytes for 1 MiB of `<` to lrmd, from 4 members of haclient",
            &daemon,
            || (0..4).map(|_| local_flood(10, true, junk.clone())).collect(),
        );
        crate::node::await_log(&["neither root nor the cluster's user"]);
        let used = cpu_time(&daemon) - before;
        // Decompressing alone would take 20 ms each without optimisation.
        assert!(used < Duration::from_secs(2), "{used:?}");
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn long_messages_from_local_clients_delay_nobody() {
    isolated(|| {
        let daemon = serving();
        let text = format!(
            r#"<lrmd_command t="lrmd" lrmd_op="lrmd_rsc_poke" lrmd_clientname="local"><lrmd_calldata>{}</lrmd_calldata></lrmd_command>"#,
            "<a b='&lt;'/>".repeat(LONG / 14)
        );
        attack("2 messages of 3 MiB from 2 local clients, compressed", &daemon, || {
            (0..2).map(|_| local_flood(1, false, text.clone())).collect()
        });
        assert_eq!(daemon.stop(), Some(0));
    });
}
