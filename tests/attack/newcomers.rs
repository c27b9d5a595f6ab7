// SPDX-License-Identifier: LGPL-2.1-or-later
//! Peers without a key take all places for connections whose handshake is not finished, and the cluster gets in all the same.
use crate::crowd::{
    Crowd, address_in_network, closed, dial_from, loopback_addresses, own_network, raise_descriptor_limit,
};
use crate::measure::{Figures, is_measured};
use crate::node::{Daemon, await_log, connect, log_text, serving};
use crate::peer::is_closed;
use crate::place::{LIMIT, eventually, isolated};
use pcmk_remote_rs::model::Request;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

/// What the cluster's connect may take here. Alone on a machine it is to take a tenth of it.
const PATIENCE: Duration = Duration::from_millis(500);
/// The same while connections come as fast as they can be made, and the attack takes a processor for itself.
const PATIENCE_IN_A_FLOOD: Duration = Duration::from_secs(3);
/// The daemon's places for connections whose handshake is not finished.
const PLACES: usize = 256;
/// Memory that it may need for a crowd, in MiB.
const MIB: u64 = 100;

const SILENCE: &[u8] = b"";
/// The beginning of a ClientHello, for which the daemon makes a TLS session.
const BEGINNING: &[u8] = &[0x16, 3, 1, 1, 0, 1, 0, 0, 0xfc, 3, 3];

/// Connects and asks many times, as a cluster node. Fails if that took longer than `patience`, or did not work.
fn connect_beside(attack: &str, daemon: &Daemon, patience: Duration) {
    let begun = Instant::now();
    let mut figures = Figures {
        attack: format!("{attack}: connects of the cluster"),
        slowest: Duration::ZERO,
        answers: 0,
        lost: 0,
        peak_kib: 0,
        lasted: Duration::ZERO,
    };
    while figures.answers + figures.lost < 60 && begun.elapsed() < LIMIT {
        let start = Instant::now();
        let answered = connect("cluster").is_ok_and(|mut client| client.call(Request::Poke).is_ok());
        figures.slowest = figures.slowest.max(start.elapsed());
        *if answered { &mut figures.answers } else { &mut figures.lost } += 1;
    }
    (figures.peak_kib, figures.lasted) = (daemon.peak_kib(), begun.elapsed());
    figures.report();
    figures.expect(patience, MIB);
}

/// A hundred sources: addresses of 127/8, and a /64 that is one.
fn hundred_sources() -> Vec<IpAddr> {
    own_network();
    let mut sources = loopback_addresses(99);
    sources.push(address_in_network(1));
    sources
}

/// Waits until the daemon has taken the crowd in as far as there are places.
fn await_full(daemon: &Daemon, before: usize) {
    ours("all places are taken", || daemon.descriptors() >= before + PLACES);
}

/// Waits for what our daemon does; other daemons have other rules.
fn ours(what: &str, condition: impl FnMut() -> bool) {
    if !is_measured() {
        eventually(what, condition);
    }
}

#[test]
fn silent_peers_of_a_hundred_sources_keep_nobody_out() {
    isolated(|| {
        raise_descriptor_limit();
        let daemon = serving();
        let before = daemon.descriptors();
        let sources = hundred_sources();
        let held: Vec<TcpStream> = (0..2000).map(|number| dial_from(sources[number % 100])).collect();
        await_full(&daemon, before);
        ours("the others were closed", || closed(&held).len() >= held.len() - PLACES);
        connect_beside("2000 silent peers from 100 sources", &daemon, PATIENCE);
        assert!(is_measured() || daemon.descriptors() <= before + PLACES + 8, "{}", daemon.descriptors());
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn silent_peers_that_come_again_at_once_keep_nobody_out() {
    isolated(|| {
        raise_descriptor_limit();
        let daemon = serving();
        let before = daemon.descriptors();
        let crowd = Crowd::insist(hundred_sources(), 2000, SILENCE);
        await_full(&daemon, before);
        let attack = "2000 silent peers from 100 sources, coming again";
        connect_beside(attack, &daemon, PATIENCE_IN_A_FLOOD);
        println!("{} connections", crowd.dialled());
        drop(crowd);
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn silent_peers_at_the_cluster_s_own_address_do_not_keep_it_out() {
    isolated(|| {
        raise_descriptor_limit();
        let daemon = serving();
        let before = daemon.descriptors();
        for count in [32, PLACES, 600] {
            let own: IpAddr = Ipv4Addr::LOCALHOST.into();
            let crowd = Crowd::insist(vec![own], count, SILENCE);
            ours("they are in", || daemon.descriptors() >= before + count.min(PLACES));
            let patience = if count > PLACES { PATIENCE_IN_A_FLOOD } else { PATIENCE };
            connect_beside(
                &format!("{count} silent peers from the cluster's own address"),
                &daemon,
                patience,
            );
            drop(crowd);
        }
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn peers_that_begin_a_handshake_keep_nobody_out() {
    isolated(|| {
        raise_descriptor_limit();
        let daemon = serving();
        let before = daemon.descriptors();
        let own: IpAddr = Ipv4Addr::LOCALHOST.into();
        for (what, sources, count) in
            [("a hundred sources", hundred_sources(), 600), ("the cluster's own address", vec![own], 32)]
        {
            let crowd = Crowd::insist(sources, count, BEGINNING);
            ours("they are in", || daemon.descriptors() >= before + count.min(PLACES));
            let attack = format!("{count} peers with half a ClientHello from {what}");
            connect_beside(&attack, &daemon, PATIENCE_IN_A_FLOOD);
            drop(crowd);
            ours("they have gone", || daemon.descriptors() <= before);
        }
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn a_network_of_many_addresses_takes_no_place_from_another_source() {
    isolated(|| {
        raise_descriptor_limit();
        own_network();
        let daemon = serving();
        let before = daemon.descriptors();
        let lonely = [dial_from(loopback_addresses(1)[0])];
        let start = Instant::now();
        let held: Vec<TcpStream> = (1..=300).map(|number| dial_from(address_in_network(number))).collect();
        await_full(&daemon, before);
        eventually("most of them were closed", || closed(&held).len() >= held.len() - PLACES);
        // After two seconds it may go for being late.
        if start.elapsed() < Duration::from_secs(2) {
            assert!(closed(&lonely).is_empty());
        }
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn connections_without_a_key_fill_no_log() {
    isolated(|| {
        raise_descriptor_limit();
        let daemon = serving();
        for _ in 0..10 {
            let mut held: Vec<TcpStream> = (0..100).map(|_| dial_from(Ipv4Addr::LOCALHOST.into())).collect();
            for stream in &mut held {
                let _ = stream.write_all(b"GET / HTTP/1.1\r\n\r\n");
            }
            assert!(held.iter_mut().all(is_closed));
        }
        // A client that comes afterwards is told of, behind all that was logged before.
        connect("last").unwrap();
        await_log(&["last connected"]);
        let failures = log_text().matches("failed before it was authenticated").count();
        // As many again if that took longer than a minute.
        assert!((32..=64).contains(&failures), "{failures} lines for 1000 connections");
        assert_eq!(daemon.stop(), Some(0));
    });
}
