// SPDX-License-Identifier: LGPL-2.1-or-later
//! A local client: of the executor, or of the servers that the daemon stands for.
use crate::local_peer::{EXPECTS_RESPONSE, Peer, Release};
use crate::{LONG, Outcome, filler};
use nix::errno::Errno;

/// Connections of one client.
const SESSIONS: usize = 4;
/// Length of a message that just fits without being compressed.
const FULL: usize = 100_000;

/// A request that the server answers, made long by an attribute that means nothing.
fn text(server: &str, is_long: bool) -> String {
    let filler = filler(if is_long { LONG } else { FULL });
    let begin = match server {
        "lrmd" if !is_long => {
            return r#"<lrmd_command t="lrmd" lrmd_op="lrmd_rsc_poke" lrmd_callopt="0"/>"#.to_owned();
        }
        "lrmd" => r#"lrmd_command t="lrmd" lrmd_op="lrmd_rsc_poke" lrmd_callopt="0""#,
        "attrd" => r#"crm_attrd t="attrd" src="flood" task="query" attr_name="flood""#,
        "stonith-ng" => r#"stonith_command t="stonith-ng" st_op="st_query" st_callid="1" st_callopt="0""#,
        "crmd" => {
            r#"create_request_adv origin="flood" t="crmd" subt="request" crm_task="ping" crm_sys_to="crmd""#
        }
        _ => r#"cib_command t="cib" cib_op="cib_query" cib_callid="1" cib_callopt="0""#,
    };
    format!("<{begin} flood=\"{filler}\"/>")
}

fn connect(server: &str) -> Result<Peer, Errno> {
    Peer::connect(server, Release::Old)
}

fn message(peer: &Peer, server: &str, is_long: bool) -> Vec<u8> {
    peer.encode(&text(server, is_long), EXPECTS_RESPONSE).remove(0)
}

/// Takes what it is told, so that it is not cut off for that.
fn read(peer: &Peer) {
    while peer.qb.receive(0).is_ok() {}
    while peer.qb.receive_event(0).is_ok() {}
}

/// Requests to `server` over some connections, in turn.
pub(crate) fn requests(server: &str, is_long: bool) -> impl FnMut() -> Outcome + use<> {
    let connect = |_| connect(server).expect("the first connections are let in");
    let mut sessions: Vec<_> = (0..SESSIONS).map(connect).collect();
    let message = message(&sessions[0], server, is_long);
    let mut turn = 0;
    move || {
        for _ in 0..sessions.len() {
            turn = (turn + 1) % sessions.len();
            let peer = &sessions[turn];
            read(peer);
            match peer.qb.send(&message) {
                Ok(_) => return Outcome::Sent,
                Err(Errno::EAGAIN) => {}
                Err(_) => {
                    sessions.remove(turn);
                    break;
                }
            }
        }
        if sessions.is_empty() { Outcome::Ended } else { Outcome::NoRoom }
    }
}

/// Connections to `server`, each of which sends one request and goes.
pub(crate) fn connections(server: &str, is_long: bool) -> impl FnMut() -> Outcome + use<> {
    let server = server.to_owned();
    let mut request = None;
    move || match connect(&server) {
        Ok(peer) => {
            let _ = peer.qb.send(request.get_or_insert_with(|| message(&peer, &server, is_long)));
            Outcome::Sent
        }
        Err(_) => Outcome::Refused,
    }
}
