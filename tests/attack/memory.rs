// SPDX-License-Identifier: LGPL-2.1-or-later
//! Peers and clients that want the daemon's memory: it stays below its bound, the one that holds most has to go, and a
//! bystander is served.
use crate::crowd::raise_descriptor_limit;
use crate::local_peer::{Peer as LocalPeer, Release};
use crate::measure::{Bystander, is_measured};
use crate::member::as_member;
use crate::node::{await_log, connect, execute, log_text, make_agent, make_key, register, serving};
use crate::peer::{Peer, request};
use crate::place::{eventually, isolated};
use nix::errno::Errno;
use pcmk_remote_rs::sys::qb::{Client as QbClient, Trusted};
use pcmk_remote_rs::wire::frame::encode_header;
use std::process::Command;
use std::time::Duration;

const MIB: usize = 1024 * 1024;
/// What the daemon may have at most, in MiB, whatever peers and members of the group do.
const MOST_MIB: u64 = 290;
/// Longer than this the bystander may not wait, even on a busy machine and without optimisation; and shorter than any
/// limit of the daemon, so that it has waited for none.
const PATIENCE: Duration = Duration::from_secs(8);

/// What is demanded of our daemon's log; another one that is measured has other words.
fn await_line(words: &[&str]) -> String {
    if is_measured() { String::new() } else { await_log(words) }
}

#[test]
fn peers_that_do_not_read() {
    isolated(|| {
        let key = make_key(4096);
        let daemon = serving();
        make_agent("Loud", "base64 -w0 /dev/urandom | head -c 6000000");
        let mut author = connect("author").unwrap();
        register(&mut author, "r", "Loud");
        let bystander = Bystander::watch_nameless("20 peers that do not read");
        let deaf: Vec<Peer> = (0..20)
            .map(|number| {
                let mut peer = Peer::connect(&key);
                peer.narrow();
                peer.sign_on(&format!("deaf{number}"), false);
                peer
            })
            .collect();
        // Each result goes to all of them: 1.2 GB.
        for _ in 0..10 {
            execute(&mut author, "r", "monitor", |_| {});
            crate::node::completion(&mut author);
        }
        await_line(&["warn", "ended", "remote peers", "PCMK_memory_remote"]);
        drop(deaf);
        bystander.figures(&daemon).expect(PATIENCE, MOST_MIB);
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn peers_that_send_most_of_a_message() {
    isolated(|| {
        let key = make_key(4096);
        let daemon = serving();
        let bystander = Bystander::watch("40 peers with 19 MiB of a message each");
        let part = vec![b' '; MIB];
        let held: Vec<Peer> = (0..40)
            .map(|_| {
                let mut peer = Peer::connect(&key);
                peer.send(&encode_header(1, 20 * MIB - 100).unwrap());
                (0..19).for_each(|_| peer.send(&part));
                peer
            })
            .collect();
        await_line(&["ended", "remote peers", "PCMK_memory_remote"]);
        drop(held);
        bystander.figures(&daemon).expect(PATIENCE, MOST_MIB);
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn queued_operations_with_large_parameters() {
    isolated(|| {
        let key = make_key(4096);
        let daemon = serving();
        make_agent("Slow", "sleep 600");
        let mut other = connect("other").unwrap();
        register(&mut other, "r", "Slow");
        execute(&mut other, "r", "start", |_| {});
        let bystander = Bystander::watch_nameless("20 queued operations with 15 MiB of parameters each");
        let mut author = Peer::connect(&key);
        author.sign_on("author", false);
        let (mut taken, mut refused) = (0, 0);
        for number in 0..20 {
            author.send_text(&queue(number, 15 * MIB));
            let reply = author.text_with("lrmd_remote_msg_type=\"reply\"");
            *(if reply.contains("lrmd_rc=\"-12\"") { &mut refused } else { &mut taken }) += 1;
        }
        assert!(is_measured() || (taken, refused) == (3, 17), "{taken} {refused}");
        await_line(&["warn", "author", "PCMK_memory_parameters"]);
        drop(author);
        await_line(&["author disconnected"]);
        // What it has queued stays; who holds little is served all the same.
        execute(&mut other, "r", "monitor", |_| {});
        bystander.figures(&daemon).expect(PATIENCE, MOST_MIB);
    });
}

/// A request to run something behind all that is queued.
fn queue(number: u32, bytes: usize) -> String {
    let operation = format!(
        r#"<lrmd_calldata><lrmd_rsc lrmd_rsc_id="r" lrmd_rsc_action="monitor" lrmd_rsc_interval="0" lrmd_timeout="0" lrmd_rsc_start_delay="0"><attributes p="{}"/></lrmd_rsc></lrmd_calldata>"#,
        "x".repeat(bytes)
    );
    request("lrmd_rsc_exec", number, &operation)
}

#[test]
fn a_member_of_the_group_that_wants_the_greatest_buffers() {
    isolated(|| {
        let daemon = serving();
        let mut root = LocalPeer::connect("lrmd", Release::New).unwrap();
        let bystander = Bystander::watch("60 clients of a member with buffers of 4 MiB");
        let held = as_member(1001, || {
            let connect = || QbClient::connect("lrmd", 4 * MIB, Trusted::Root);
            let results: Vec<_> = (0..60).map(|_| connect().map_err(|error| error.errno())).collect();
            let refused = results.iter().filter(|result| matches!(result, Err(Errno::ENOMEM))).count();
            let held: Vec<_> = results.into_iter().flatten().collect();
            assert!(
                is_measured() || (held.len(), refused) == (7, 53),
                "134 MB are the most: {refused} refused"
            );
            held
        });
        if is_measured() {
            bystander.figures(&daemon);
            return;
        }
        let line = await_log(&["warn", "Refused local client", "PCMK_memory_members"]);
        assert!(log_text().matches("PCMK_memory_members").count() <= 34, "{line}");
        // Another member takes the place of one of them, and root is not concerned.
        let another = as_member(1002, || {
            QbClient::connect("lrmd", 4 * MIB, Trusted::Root).map_err(|error| error.errno()).unwrap()
        });
        eventually("one of the first had to go", || {
            held.iter().filter(|client| !client.is_connected()).count() == 1
        });
        assert!(another.is_connected());
        let poke = r#"<lrmd_command t="lrmd" lrmd_op="lrmd_rsc_poke" lrmd_callopt="0"/>"#;
        assert!(root.ask(poke).text.contains("lrmd_reply"));
        bystander.figures(&daemon).expect(PATIENCE, MOST_MIB);
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn a_crowd_leaves_no_memory_behind() {
    isolated(|| {
        raise_descriptor_limit();
        let daemon = serving();
        let mut first = LocalPeer::connect("lrmd", Release::New).unwrap();
        let before = daemon.resident_kib();
        let mut most = Vec::new();
        for _ in 0..5 {
            let crowd: Vec<_> = (0..1000)
                .map(|_| QbClient::connect("lrmd", 128 * 1024, Trusted::Root).expect("root may"))
                .collect();
            most.push(daemon.resident_kib() - before);
            drop(crowd);
            eventually("the memory is given back", || daemon.resident_kib() < before + 15_000);
        }
        println!("a crowd of 1000 costs {most:?} KiB in five rounds");
        assert!(most.iter().all(|kib| *kib < 490_000 && *kib < most[0] + 16_000), "{most:?}");
        let poke = r#"<lrmd_command t="lrmd" lrmd_op="lrmd_rsc_poke" lrmd_callopt="0"/>"#;
        assert!(first.ask(poke).text.contains("lrmd_reply"));
        assert_eq!(daemon.stop(), Some(0));
    });
}

/// libqb keeps a descriptor for each client whose buffers it fails to map.
#[test]
fn clients_for_whom_there_is_no_address_space_leave_nothing_behind() {
    isolated(|| {
        let daemon = serving();
        let client = || QbClient::connect("lrmd", 131_072, Trusted::Root);
        // What the first client has it allocate is there afterwards.
        let idle = daemon.descriptors();
        drop(client().unwrap());
        eventually("the first client is gone", || daemon.descriptors() <= idle);
        let limit = |bytes: &str| {
            let pid = daemon.pid().to_string();
            let set =
                Command::new("prlimit").args(["--pid", &pid, &format!("--as={bytes}:unlimited")]).status();
            assert!(set.unwrap().success());
        };
        // A client's three rings, each mapped twice, take 800 KiB; the daemon itself is to have what it needs.
        limit(&(daemon.virtual_bytes() + 512 * 1024).to_string());
        for _ in 0..20 {
            assert!(client().is_err());
        }
        limit("unlimited");
        eventually("all descriptors are closed", || daemon.descriptors() <= idle);
        await_line(&["warn", "Refused local client", "lrmd", "address space"]);
        drop(client().unwrap());
        assert_eq!(daemon.stop(), Some(0));
    });
}
