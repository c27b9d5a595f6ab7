// SPDX-License-Identifier: LGPL-2.1-or-later
//! The way out while a cluster node is connected.
use crate::node::{Daemon, KEY, PORT, await_log, connect, serving};
use crate::peer::{End, Peer, request};
use crate::place::{eventually, isolated};
use nix::sys::signal::Signal;
use std::fs;
use std::net::{Ipv4Addr, TcpStream};

/// A cluster node that has been asked to move resources away.
fn asked(daemon: &Daemon) -> Peer {
    let mut provider = Peer::connect(&fs::read(KEY).unwrap());
    provider.sign_on("cluster", true);
    daemon.signal(Signal::SIGTERM);
    provider.text_with("lrmd_ipc_op=\"shutdown_req\"");
    provider
}

fn word(op: &str, id: u32) -> String {
    format!(
        r#"<lrmd_ipc_proxy lrmd_ipc_op="{op}" lrmd_ipc_session="0" lrmd_op="ipc_fwd" lrmd_remote_msg_id="{id}" lrmd_remote_msg_type="request"/>"#
    )
}

#[test]
fn it_waits_for_the_cluster_to_leave() {
    isolated(|| {
        let mut daemon = serving();
        let mut other = connect("other").unwrap();
        let mut provider = asked(&daemon);
        provider.send_text(&word("shutdown_ack", 50));
        provider.text_with("lrmd_remote_msg_id=\"50\"");
        await_log(&["the cluster moves resources away"]);
        eventually("connections are refused", || TcpStream::connect((Ipv4Addr::LOCALHOST, PORT)).is_err());
        daemon.signal(Signal::SIGTERM);
        await_log(&["already shutting down"]);
        // Everybody is still served.
        provider.send_text(&request("lrmd_rsc_poke", 51, ""));
        provider.text_with("lrmd_remote_msg_id=\"51\"");
        other.call(pcmk_remote_rs::model::Request::Poke).unwrap();
        assert_eq!(daemon.ended(), None);
        drop(provider);
        assert_eq!(daemon.wait().code(), Some(0));
        await_log(&["the cluster has left"]);
    });
}

#[test]
fn a_rejection_ends_it_at_once_with_reply_and_goodbye() {
    isolated(|| {
        let mut daemon = serving();
        let mut provider = asked(&daemon);
        provider.send_text(&word("shutdown_nack", 50));
        provider.text_with("lrmd_remote_msg_id=\"50\"");
        assert_eq!(provider.end(), End::Goodbye);
        assert_eq!(daemon.wait().code(), Some(0));
        await_log(&["leaving without delay"]);
    });
}

#[test]
fn a_cluster_that_vanishes_ends_it_too() {
    isolated(|| {
        let mut daemon = serving();
        let provider = asked(&daemon);
        provider.socket.shutdown(std::net::Shutdown::Both).unwrap();
        assert_eq!(daemon.wait().code(), Some(0));
    });
}
