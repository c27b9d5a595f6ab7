// SPDX-License-Identifier: LGPL-2.1-or-later
//! Floods that end in somebody else's queue: the one who sends is slowed down, and neither the cluster's connection nor
//! anybody else notices.
use crate::impostor::become_user;
use crate::local_peer::{EXPECTS_RESPONSE, Peer as LocalPeer, Release};
use crate::measure::{Bystander, is_measured};
use crate::node::{Daemon, KEY, make_agent, serving};
use crate::peer::{Peer, nameless_poke, request};
use crate::place::{eventually, isolated};
use nix::unistd::Group;
use pcmk_remote_rs::wire::frame::encode_header;
use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const NOBODY: u32 = 65_534;
/// A flood that gets nothing through for this time is held.
const HELD: Duration = Duration::from_millis(500);

/// Somebody who sends as fast as is taken, until it is dropped.
struct Flood {
    over: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Flood {
    /// `send` sends a message if it can.
    fn start<S: FnMut() -> bool>(begin: impl FnOnce() -> S + Send + 'static) -> Self {
        let (over, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (ended, count) = (Arc::clone(&over), Arc::clone(&sent));
        let thread = std::thread::spawn(move || {
            let mut send = begin();
            while !ended.load(Ordering::Relaxed) {
                if send() {
                    count.fetch_add(1, Ordering::Relaxed);
                } else {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        });
        Self { over, sent, thread: Some(thread) }
    }

    /// Waits until nothing more of it is taken.
    fn await_held(&self) {
        let mut last = (0, Instant::now());
        eventually("the flood is held", || {
            let sent = self.sent.load(Ordering::Relaxed);
            if sent != last.0 {
                last = (sent, Instant::now());
            }
            sent > 0 && last.1.elapsed() > HELD
        });
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking(), "the flood panicked");
    }
}

/// User nobody as a member of the cluster's group.
pub(crate) fn become_member() {
    let group = Group::from_name("haclient").unwrap().expect("the distribution's group");
    become_user(NOBODY, group.gid.as_raw());
}

/// A member with some sessions of a server, who sends `text` over each in turn.
fn member_floods(server: &'static str, text: String, sessions: usize) -> Flood {
    Flood::start(move || {
        become_member();
        let mut sessions: Vec<_> = (0..sessions)
            .map(|_| {
                let peer = LocalPeer::connect(server, Release::Old).unwrap();
                let message = peer.encode(&text, EXPECTS_RESPONSE).remove(0);
                (peer, message)
            })
            .collect();
        move || {
            let mut sent = false;
            for (peer, message) in &mut sessions {
                sent |= peer.qb.send(message).is_ok();
            }
            sent
        }
    })
}

/// A cluster node that carries the messages of local clients, and reads when a test reads.
pub(crate) fn provider() -> Peer {
    let mut provider = Peer::connect(&std::fs::read(KEY).unwrap());
    provider.sign_on("cluster", true);
    provider
}

fn stays_small(daemon: &Daemon) {
    assert!(daemon.peak_kib() < 100 * 1024, "{} KiB", daemon.peak_kib());
}

pub(crate) fn attribute<'a>(text: &'a str, name: &str) -> &'a str {
    text.split_once(&format!(" {name}=\"")).unwrap().1.split_once('"').unwrap().0
}

/// What a bystander may wait here, whom no part of it concerns.
const PATIENCE: Duration = Duration::from_secs(2);
const MIB: u64 = 100;

/// Another daemon is measured for a while, whether it holds the flood or not.
fn is_only_measured(daemon: &Daemon, bystander: Bystander) -> Option<Bystander> {
    if !is_measured() {
        return Some(bystander);
    }
    std::thread::sleep(Duration::from_secs(3));
    bystander.figures(daemon);
    None
}

/// A flood of `text` waits for a provider that does not read, and another session's turn comes when it does.
fn waits_for_its_provider(attack: &'static str, server: &'static str, text: String, sessions: usize) {
    isolated(move || {
        let daemon = serving();
        let mut provider = provider();
        let bystander = Bystander::watch_apart(attack);
        let flood = member_floods(server, text, sessions);
        let Some(bystander) = is_only_measured(&daemon, bystander) else { return };
        flood.await_held();
        stays_small(&daemon);
        let asking = std::thread::spawn(|| {
            become_member();
            LocalPeer::connect("cib_ro", Release::Old).unwrap().ask("<bystander/>").text
        });
        let asked = provider.text_with("<bystander");
        let [session, id] = ["lrmd_ipc_session", "lrmd_ipc_msg_id"].map(|name| attribute(&asked, name));
        provider.send_text(&format!(
            r#"<lrmd_ipc_proxy lrmd_ipc_op="response" lrmd_ipc_session="{session}" lrmd_ipc_msg_id="{id}" t="lrmd" lrmd_op="ipc_fwd" lrmd_remote_msg_id="7" lrmd_remote_msg_type="request"><lrmd_ipc_msg><answer/></lrmd_ipc_msg></lrmd_ipc_proxy>"#
        ));
        // The flood goes on meanwhile, and the provider reads.
        provider.text_with("lrmd_remote_msg_id=\"7\"");
        assert!(asking.join().unwrap().contains("<answer"));
        bystander.figures(&daemon).expect(PATIENCE, MIB);
        drop(flood);
        drop(provider);
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn a_member_that_floods_a_proxied_server_waits_for_the_cluster() {
    let attack = "requests of 100 kB of a member to cib_ro, without end, for a cluster that does not read";
    waits_for_its_provider(attack, "cib_ro", format!("<flood a=\"{}\"/>", "x".repeat(100_000)), 1);
}

#[test]
fn many_sessions_of_a_member_wait_together() {
    let attack = "the same to attrd, from 40 sessions";
    waits_for_its_provider(attack, "attrd", format!("<flood a=\"{}\"/>", "x".repeat(100_000)), 40);
}

#[test]
fn a_member_that_floods_with_compressed_messages_waits_for_the_cluster() {
    let attack = "the same to stonith-ng, 4 MB compressed";
    waits_for_its_provider(attack, "stonith-ng", format!("<flood a=\"{}\"/>", "x".repeat(4_000_000)), 1);
}

/// A peer that has no name, so that it is told nothing, and sends `text` all the time.
fn peer_floods(text: String) -> Flood {
    Flood::start(move || {
        let mut peer = Peer::connect(&std::fs::read(KEY).unwrap());
        let mut reader = peer.socket.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            loop {
                match reader.read(&mut buffer) {
                    Ok(1..) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    _ => return,
                }
            }
        });
        peer.socket.set_nonblocking(true).unwrap();
        let message = [&encode_header(1, text.len()).unwrap()[..], text.as_bytes(), b"\0"].concat();
        let mut waiting = Vec::new();
        move || {
            if waiting.is_empty() {
                waiting = peer.seal(&message);
            }
            match peer.socket.write(&waiting) {
                Ok(count) => drop(waiting.drain(..count)),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "it is not cut off"),
            }
            waiting.is_empty()
        }
    })
}

/// A flood of `text` waits for a provider that does not read, which is told everything when it reads again.
fn is_held_for_its_listeners(attack: &'static str, text: String, told: &'static str) {
    isolated(move || {
        let daemon = serving();
        make_agent("Quick", "exit 0");
        let mut provider = provider();
        let data = r#"<lrmd_calldata><lrmd_rsc lrmd_rsc_id="r" lrmd_class="ocf" lrmd_provider="test" lrmd_type="Quick"/></lrmd_calldata>"#;
        provider.send_text(&request("lrmd_rsc_register", 9, data));
        provider.text_with("lrmd_remote_msg_id=\"9\"");
        let bystander = Bystander::watch_nameless(attack);
        let flood = peer_floods(text);
        let Some(bystander) = is_only_measured(&daemon, bystander) else { return };
        flood.await_held();
        // Another client, which has little part in it, is answered all the time.
        bystander.figures(&daemon).expect(PATIENCE, MIB);
        for _ in 0..2_000 {
            provider.text_with(told);
        }
        stays_small(&daemon);
        drop(flood);
        drop(provider);
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn a_peer_that_floods_pokes_waits_for_those_who_are_told() {
    let attack = "pokes of a peer, without end, that a cluster is told which does not read";
    is_held_for_its_listeners(attack, nameless_poke(1, ""), "lrmd_rsc_poke");
}

#[test]
fn a_peer_that_floods_registrations_waits_for_those_who_are_told() {
    let data = r#"<lrmd_calldata><lrmd_rsc lrmd_rsc_id="x" lrmd_class="ocf" lrmd_provider="test" lrmd_type="y"/></lrmd_calldata>"#;
    let text = request("lrmd_rsc_register", 1, data).replace("lrmd_clientname=\"attacker\" ", "");
    is_held_for_its_listeners("the same with registrations", text, "lrmd_rsc_register");
}
