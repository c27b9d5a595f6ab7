// SPDX-License-Identifier: LGPL-2.1-or-later
//! The local IPC servers with real libqb clients.
#![cfg(feature = "daemon")]
#![allow(clippy::disallowed_methods, reason = "tests measure time and start children")]

mod child;
mod harness;
mod peer;

use child::{Child, Identity, NOBODY, ROOT};
use harness::{Heard, Node, filler};
use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::unistd::User;
use pcmk_remote_rs::driver::tokio::ipc::{
    IpcConfig, LocalConnId, LocalHandler, LocalServer, LocalServers, Servers, Taken,
};
use pcmk_remote_rs::model::{LocalIdentity, ProxiedServer};
use pcmk_remote_rs::sys::qb::{Client, ConnectError, Transport, Trusted};
use pcmk_remote_rs::wire::ipc::UnreadRequest;
use peer::{EXPECTS_RESPONSE, PROXIED, Peer, Release};
use std::io::{Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

const RELEASES: [Release; 2] = [Release::Old, Release::New];

#[test]
fn clients_of_both_releases_are_served_at_once() {
    let node = Node::start();
    let mut clients = RELEASES.map(|release| Peer::connect(&node.name("lrmd"), release).unwrap());
    for round in 0..3 {
        for client in &mut clients {
            let answer = client.ask(&format!("echo <a n=\"{round}\"/>"));
            assert_eq!((answer.text, answer.flags), (format!("<a n=\"{round}\"/>"), 0));
        }
    }
}

#[test]
fn an_event_that_is_too_much_for_a_client_is_sent_in_its_shorter_form() {
    let node = Node::start();
    for release in RELEASES {
        let mut client = Peer::connect(&node.name("lrmd"), release).unwrap();
        let conn = node.wait_connected();
        client.ask("echo <a/>");
        for (size, whole) in
            [(100_000, true), (300_000, release == Release::New), (2_000_000, release == Release::New)]
        {
            node.order(move |servers| servers.long_event(conn, &filler(size), Some(&Arc::from("<short/>"))));
            let text = client.event(30_000).unwrap().text;
            assert_eq!(text.len() > 1000, whole, "{size} bytes: {:.40}", text);
        }
    }
}

#[test]
fn a_cluster_node_has_the_executors_server_only() {
    let prefix = format!("execd-{}-", std::process::id());
    let config = IpcConfig { prefix: prefix.clone(), servers: Servers::Executor, ..IpcConfig::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async move {
        let servers = LocalServers::start(config, Rc::new(Deaf)).unwrap();
        let connect = |name: &str| {
            let name = format!("{prefix}{name}");
            tokio::task::spawn_blocking(move || Client::connect(&name, 131_072, Trusted::Root).map(drop))
        };
        assert_eq!(connect("lrmd").await.unwrap(), Ok(()));
        for name in ["cib_ro", "stonith-ng", "pacemakerd", "crmd"] {
            let refused = Err(ConnectError::Failed(Errno::ECONNREFUSED));
            assert_eq!(connect(name).await.unwrap(), refused, "{name}");
        }
        servers.stop();
    });
}

#[test]
fn the_hub_learns_who_connected_to_what() {
    let node = Node::start();
    node.order_now(|servers| servers.set_accept_proxied(true));
    let me = i32::try_from(std::process::id()).unwrap();
    for (name, expected) in [
        ("lrmd", LocalServer::Executor),
        ("cib_ro", LocalServer::Proxied(ProxiedServer::CibRo)),
        ("cib_rw", LocalServer::Proxied(ProxiedServer::CibRw)),
        ("cib_shm", LocalServer::Proxied(ProxiedServer::CibRw)),
        ("attrd", LocalServer::Proxied(ProxiedServer::Attrd)),
        ("stonith-ng", LocalServer::Proxied(ProxiedServer::Fencer)),
        ("crmd", LocalServer::Proxied(ProxiedServer::Controller)),
    ] {
        let client = Peer::connect(&node.name(name), Release::Old).unwrap();
        let conn = node.wait_for(name, |heard| match heard {
            Heard::Connected { conn, server, privileged, identity } => {
                assert_eq!((server, privileged), (expected, true));
                assert_eq!((identity.pid, identity.user.as_str()), (me, "root"));
                Some(conn)
            }
            _ => None,
        });
        drop(client);
        node.wait_closed(conn);
    }
}

#[test]
fn messages_larger_than_a_buffer_pass_both_ways() {
    let node = Node::start();
    for release in RELEASES {
        let mut client = Peer::connect(&node.name("lrmd"), release).unwrap();
        for size in [131_024, 131_030, 131_031, 131_032, 200_000] {
            assert_eq!(client.ask(&format!("length {}", filler(size))).text, (size + 7).to_string());
            assert!(client.ask(&format!("give {size}")).text == filler(size), "{release:?} {size}");
        }
    }
    let mut client = Peer::connect(&node.name("lrmd"), Release::New).unwrap();
    assert!(client.ask("give 262062").text == filler(262_062));
    assert_eq!(client.ask(&format!("length {}", filler(3_000_000))).text, "3000007");
    assert!(client.ask("give 3000000").text == filler(3_000_000));
    // What compresses well passes in the old way too.
    let mut client = Peer::connect(&node.name("lrmd"), Release::Old).unwrap();
    let long = format!("echo {}", "0123456789".repeat(150_000));
    assert!(client.ask(&long).text == long["echo ".len()..]);
}

#[test]
fn events_are_numbered_and_a_relay_gets_its_responses_as_events() {
    let node = Node::start();
    for release in RELEASES {
        let mut client = Peer::connect(&node.name("lrmd"), release).unwrap();
        assert_eq!(client.ask("events 3 10").text, "sent");
        for number in 0..3 {
            let event = client.event(30_000).unwrap();
            assert_eq!((event.flags, event.text), (0x10000, format!("{number} {}", filler(10))));
        }
        let id = client.send("echo relayed", EXPECTS_RESPONSE | PROXIED);
        let event = client.event(30_000).unwrap();
        assert_eq!((event.id, event.flags, event.text.as_str()), (id, 0x50000, "relayed"));
        client.send("echo again", EXPECTS_RESPONSE);
        assert_eq!(client.event(30_000).unwrap().text, "again");
    }
}

#[test]
fn the_executor_drops_what_asks_for_no_response_and_the_others_take_it() {
    let node = Node::start();
    node.order_now(|servers| servers.set_accept_proxied(true));
    let mut client = Peer::connect(&node.name("lrmd"), Release::Old).unwrap();
    client.send("note unheard", 0);
    client.send("note heard", EXPECTS_RESPONSE);
    let first = |heard| match heard {
        Heard::Message { text, flags, .. } => Some((text, flags)),
        _ => None,
    };
    assert_eq!(node.wait_for("message", first), ("note heard".to_owned(), 0x200));
    let mut client = Peer::connect(&node.name("attrd"), Release::New).unwrap();
    client.send("note heard", 0);
    assert_eq!(node.wait_for("message", first), ("note heard".to_owned(), 0));
}

#[test]
fn without_a_provider_tools_hear_that_they_are_on_a_remote_node() {
    let node = Node::start();
    let connect = |name: &str| Peer::connect(&node.name(name), Release::Old).map(drop);
    for name in ["cib_ro", "cib_rw", "cib_shm", "attrd", "stonith-ng", "crmd", "pacemakerd"] {
        assert_eq!(connect(name), Err(Errno::EREMOTEIO), "{name}");
    }
    assert_eq!(connect("lrmd"), Ok(()));
    node.order_now(|servers| servers.set_accept_proxied(true));
    assert_eq!(connect("cib_ro"), Ok(()));
    assert_eq!(connect("pacemakerd"), Err(Errno::EREMOTEIO));
    node.order_now(|servers| servers.set_accept_proxied(false));
    assert_eq!(connect("cib_ro"), Err(Errno::EREMOTEIO));
}

struct Deaf;

impl LocalHandler for Deaf {
    fn connected(&self, _: LocalConnId, _: LocalServer, _: bool, _: LocalIdentity) {}
    fn message(&self, _: LocalConnId, _: LocalServer, _: UnreadRequest) -> Taken {
        Taken::Done
    }

    fn closed(&self, _: LocalConnId) {}
}

#[test]
fn a_second_daemon_is_told_what_is_wrong_and_disturbs_nobody() {
    let node = Node::start();
    let mut client = Peer::connect(&node.name("lrmd"), Release::Old).unwrap();
    let config = IpcConfig { prefix: node.prefix.clone(), ..IpcConfig::default() };
    let second = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let started = LocalServers::start(config, Rc::new(Deaf));
            started.err().expect("the name is taken").to_string()
        })
    });
    let problem = second.join().unwrap();
    assert!(problem.contains(&node.name("lrmd")) && problem.contains("stop it first"), "{problem}");
    assert_eq!(client.ask("echo still here").text, "still here");
}

#[test]
fn closing_a_client_tells_both_sides() {
    let node = Node::start();
    let mut client = Peer::connect(&node.name("lrmd"), Release::Old).unwrap();
    let conn = node.wait_connected();
    client.send("bye", EXPECTS_RESPONSE);
    node.wait_closed(conn);
    assert_eq!(client.event(30_000), Err(Errno::ENOTCONN));
}

#[test]
fn a_client_that_does_not_read_is_disconnected_while_others_are_served() {
    let node = Node::start();
    let mut lazy = Peer::connect(&node.name("lrmd"), Release::Old).unwrap();
    let conn = node.wait_connected();
    let mut busy = Peer::connect(&node.name("lrmd"), Release::New).unwrap();
    assert_eq!(lazy.ask("events 3000 300").text, "sent");
    let started = Instant::now();
    let mut slowest = Duration::ZERO;
    for _ in 0..200 {
        let asked = Instant::now();
        busy.ask("echo quick");
        slowest = slowest.max(asked.elapsed());
    }
    assert!(slowest < Duration::from_millis(500), "the others waited {slowest:?}");
    node.wait_closed(conn);
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(busy.ask("echo still here").text, "still here");
}

#[test]
fn a_client_that_reads_late_gets_everything_in_order() {
    let node = Node::start();
    let mut client = Peer::connect(&node.name("lrmd"), Release::Old).unwrap();
    assert_eq!(client.ask("events 800 300").text, "sent");
    for number in 0..800 {
        let event = client.event(30_000).unwrap();
        assert!(event.text.starts_with(&format!("{number} ")), "event {number}: {:.20}", event.text);
    }
}

#[test]
fn responses_wait_their_turn_when_the_ring_is_full() {
    let node = Node::start();
    let mut client = Peer::connect(&node.name("lrmd"), Release::Old).unwrap();
    let ids: Vec<i32> = (0..8).map(|_| client.send("give 100000", EXPECTS_RESPONSE)).collect();
    for id in ids {
        let answer = client.response(30_000).unwrap();
        assert_eq!((answer.id, answer.text.len()), (id, 100_000));
    }
}

/// The median of the times that a question and its answer take.
fn usual_round_trip(client: &mut Peer) -> Duration {
    let mut times: Vec<_> = (0..400)
        .map(|_| {
            let asked = Instant::now();
            client.ask("echo quick");
            asked.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

#[test]
fn responses_do_not_wait_for_a_client_to_read_its_events() {
    let node = Node::start();
    let mut client = Peer::connect(&node.name("lrmd"), Release::Old).unwrap();
    let unhindered = usual_round_trip(&mut client);
    assert_eq!(client.ask("events 400 400").text, "sent");
    let hindered = usual_round_trip(&mut client);
    assert!(hindered < unhindered * 5, "{hindered:?} with events waiting, {unhindered:?} without");
    for number in 0..400 {
        assert!(client.event(30_000).unwrap().text.starts_with(&format!("{number} ")));
    }
}

#[test]
fn many_bytes_for_one_client_end_its_connection() {
    let node = Node::start();
    let mut client = Peer::connect(&node.name("lrmd"), Release::New).unwrap();
    let conn = node.wait_connected();
    client.send("events 40 1000000", EXPECTS_RESPONSE);
    node.wait_closed(conn);
}

#[test]
fn sockets_serve_as_well_as_shared_memory() {
    let node = Node::with_transport(Transport::Socket);
    for release in RELEASES {
        let mut client = Peer::connect(&node.name("lrmd"), release).unwrap();
        assert_eq!(client.ask("events 2 100").text, "sent");
        assert!(client.event(30_000).unwrap().text.starts_with("0 "));
        assert_eq!(client.ask("give 100000").text.len(), 100_000);
    }
}

#[test]
fn garbage_ends_only_its_sender() {
    let node = Node::start();
    let mut good = Peer::connect(&node.name("lrmd"), Release::Old).unwrap();
    assert_eq!(good.ask("echo a").text, "a");
    let _ = node.wait_connected();
    let bad = Peer::connect(&node.name("lrmd"), Release::Old).unwrap();
    let conn = node.wait_connected();
    let mut message = vec![0xff; 64];
    message[..4].copy_from_slice(&1_i32.to_ne_bytes());
    message[8..12].copy_from_slice(&64_i32.to_ne_bytes());
    bad.qb.send(&message).unwrap();
    node.wait_closed(conn);
    let lying = Peer::connect(&node.name("lrmd"), Release::Old).unwrap();
    let conn = node.wait_connected();
    message[8..12].copy_from_slice(&0x7fff_fff0_i32.to_ne_bytes());
    lying.qb.send(&message).unwrap();
    node.wait_closed(conn);
    assert_eq!(good.ask("echo b").text, "b");
}

#[test]
fn a_killed_client_is_noticed() {
    let node = Node::start();
    let child = Child::start(&node.name("lrmd"), ROOT);
    child.wait_for_line("answered hello");
    let conn = node.wait_connected();
    child.signal(Signal::SIGKILL);
    node.wait_closed(conn);
}

#[test]
fn a_stopped_client_delays_nobody() {
    let node = Node::start();
    let child = Child::start(&node.name("lrmd"), ROOT);
    child.wait_for_line("answered hello");
    let conn = node.wait_connected();
    child.signal(Signal::SIGSTOP);
    node.order_now(move |servers| {
        for _ in 0..2000 {
            servers.event(conn, &filler(300));
        }
    });
    let mut other = Peer::connect(&node.name("lrmd"), Release::New).unwrap();
    assert_eq!(other.ask("echo here").text, "here");
    node.wait_closed(conn);
}

#[test]
fn the_cluster_s_user_is_privileged_its_group_may_connect_and_nobody_else() {
    let node = Node::start();
    let cluster = User::from_name("hacluster").unwrap().expect("pacemaker's packages made this user");
    let (uid, gid) = (cluster.uid.as_raw(), cluster.gid.as_raw());
    for (id, privileged, user) in [
        (Identity { uid, gid, group: None }, true, "hacluster"),
        (Identity { uid: NOBODY, gid, group: None }, false, "nobody"),
        (Identity { uid: NOBODY, gid: NOBODY, group: Some(gid) }, false, "nobody"),
    ] {
        let child = Child::start(&node.name("lrmd"), id);
        child.wait_for_line("answered hello");
        node.wait_for("connection", |heard| match heard {
            Heard::Connected { privileged: is, identity, .. } => {
                assert_eq!((is, identity.user.as_str()), (privileged, user));
                Some(())
            }
            _ => None,
        });
    }
    let child = Child::start(&node.name("lrmd"), Identity { uid: NOBODY, gid: NOBODY, group: None });
    child.wait_for_line("refused EACCES");
}

#[test]
fn half_a_connection_costs_nobody_anything() {
    let node = Node::start();
    let mut padded = [0; 107];
    let name = node.name("lrmd");
    padded[..name.len()].copy_from_slice(name.as_bytes());
    let address = SocketAddr::from_abstract_name(padded).unwrap();
    let mut silent: Vec<UnixStream> = (0..300).map(|_| UnixStream::connect_addr(&address).unwrap()).collect();
    silent[299].write_all(&[0xff; 10]).unwrap(); // Begins to authenticate.
    // Until the server has taken some of them its queue is full, and connecting does not wait.
    let mut client = loop {
        match Peer::connect(&name, Release::Old) {
            Err(Errno::EAGAIN) => std::thread::yield_now(),
            other => break other.unwrap(),
        }
    };
    assert_eq!(client.ask("echo here").text, "here");
    // More than are kept at a time, so the oldest has been closed; the last is closed when its time is over.
    assert_eq!(silent[0].read(&mut [0]).unwrap(), 0);
    assert_eq!(silent[299].read(&mut [0]).unwrap(), 0);
    assert_eq!(client.ask("echo here").text, "here");
}

#[test]
fn a_client_cannot_have_buffers_without_bound() {
    let node = Node::start();
    let connect = |size| Client::connect(&node.name("lrmd"), size, Trusted::Root).map(drop);
    assert_eq!(connect(1 << 30), Err(ConnectError::Failed(Errno::EMSGSIZE)));
    assert_eq!(connect(1 << 20), Ok(()));
}
