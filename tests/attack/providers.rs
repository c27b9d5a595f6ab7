// SPDX-License-Identifier: LGPL-2.1-or-later
//! The cluster's connection as attacker: it reads slowly on purpose, or answers local clients at length.
use crate::floods::{attribute, become_member, provider};
use crate::local_peer::{EXPECTS_RESPONSE, Peer as LocalPeer, Release};
use crate::measure::{Bystander, is_measured};
use crate::node::serving;
use crate::peer::Peer;
use crate::place::isolated;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(2);
const SESSIONS: usize = 4;
/// How long the provider reads slowly, and its pause after each message.
const SLOW: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(10);

/// When the sessions are to send nothing more, and when they may go: the daemon drops what waits for one that has gone.
#[derive(Default)]
struct Signals {
    over: AtomicBool,
    gone: AtomicBool,
}

/// A session of a member's that sends numbered messages as fast as they are taken, and then tells how many it has sent.
fn session(name: usize, signals: &Arc<Signals>, tell: &Sender<(usize, u64)>) -> JoinHandle<()> {
    let (signals, tell) = (Arc::clone(signals), tell.clone());
    std::thread::spawn(move || {
        become_member();
        let peer = LocalPeer::connect("cib_ro", Release::Old).unwrap();
        let filler = "x".repeat(30_000);
        let mut sent = 0;
        while !signals.over.load(Ordering::Relaxed) {
            let text = format!(r#"<flood session="{name}" n="{sent}" a="{filler}"/>"#);
            match peer.qb.send(&peer.encode(&text, EXPECTS_RESPONSE).remove(0)) {
                Ok(()) => sent += 1,
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
        tell.send((name, sent)).unwrap();
        while !signals.gone.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
        }
    })
}

#[test]
fn a_provider_that_reads_slowly_delays_nobody_and_loses_nothing() {
    isolated(|| {
        let daemon = serving();
        let mut provider = provider();
        let (signals, (tell, told)) = (Arc::new(Signals::default()), channel());
        let bystander = Bystander::watch_apart(
            "a cluster's connection that reads 100 messages a second, beside 4 sessions of a member that send all the time",
        );
        let sessions: Vec<_> = (0..SESSIONS).map(|name| session(name, &signals, &tell)).collect();
        let mut next = [0; SESSIONS];
        let begun = Instant::now();
        // The kernel keeps many messages of those that came first.
        while begun.elapsed() < SLOW || next.iter().any(|count| *count < 2) {
            take(&mut provider, &mut next);
            std::thread::sleep(PAUSE);
        }
        bystander.figures(&daemon).expect(PATIENCE, 60);
        // What the sessions had sent comes in order when the provider reads as it should.
        signals.over.store(true, Ordering::Relaxed);
        let mut sent = [0; SESSIONS];
        for (name, count) in told.iter().take(SESSIONS) {
            sent[name] = count;
        }
        while next != sent {
            take(&mut provider, &mut next);
        }
        signals.gone.store(true, Ordering::Relaxed);
        for session in sessions {
            session.join().unwrap();
        }
        drop(provider);
        assert_eq!(daemon.stop(), Some(0));
    });
}

/// The next message of a session, which must be the one that it has sent next.
fn take(provider: &mut Peer, next: &mut [u64; SESSIONS]) {
    let text = provider.text_with("<flood");
    let number = |name| attribute(&text, name).parse::<u64>().unwrap();
    let session = usize::try_from(number("session")).unwrap();
    assert_eq!(number("n"), next[session], "of session {session}");
    next[session] += 1;
}

/// Clients of 2.1 are answered with compressed text.
#[test]
fn long_answers_to_local_clients_delay_nobody() {
    isolated(|| {
        let daemon = serving();
        let mut provider = provider();
        let answer = format!("<answer>{}</answer>", "<a b='&lt;'/>".repeat((1 << 20) / 13 + 1));
        let bystander = Bystander::watch_apart("answers of 1 MiB to local clients of Pacemaker 2.1");
        let clients: Vec<_> = (0..if is_measured() { 8 } else { 1 })
            .map(|_| {
                std::thread::spawn(|| {
                    let mut peer = LocalPeer::connect("cib_ro", Release::Old).unwrap();
                    peer.send("<question/>", EXPECTS_RESPONSE);
                    peer.response(60_000).unwrap().text.len()
                })
            })
            .collect();
        for _ in &clients {
            let asked = provider.text_with("<question");
            let [session, id] = ["lrmd_ipc_session", "lrmd_ipc_msg_id"].map(|name| attribute(&asked, name));
            provider.send_text(&format!(
                r#"<lrmd_ipc_proxy lrmd_ipc_op="response" lrmd_ipc_session="{session}" lrmd_ipc_msg_id="{id}" t="lrmd" lrmd_op="ipc_fwd" lrmd_remote_msg_id="7" lrmd_remote_msg_type="request"><lrmd_ipc_msg>{answer}</lrmd_ipc_msg></lrmd_ipc_proxy>"#
            ));
        }
        for client in clients {
            assert!(client.join().unwrap() > 1 << 20);
        }
        bystander.figures(&daemon).expect(PATIENCE, 200);
        drop(provider);
        assert_eq!(daemon.stop(), Some(0));
    });
}
