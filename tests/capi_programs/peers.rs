// SPDX-License-Identifier: LGPL-2.1-or-later
//! Peers that misbehave, each at a port of its own: `enum peer` in capi-tests/errors.c, and behind them those of
//! `enum hostility` in capi-tests/hostile.c.
use crate::hostile::Hostility;
use crate::raw_peer::{Gone, RawPeer, SIGNED_ON, reply};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

/// How a peer misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Conduct {
    /// Before the handshake is finished.
    Close,
    CloseLater,
    OtherProtocol,
    /// At the sign-on.
    Refuse,
    NoToken,
    OtherReply,
    /// At every request after it.
    Go,
    Half,
    Mute,
    Noisy,
    NoResult,
    NotXml,
    Hostile(Hostility),
}

const FIRST_PORT: u16 = 4001;
const ALL: [Conduct; 12] = [
    Conduct::Close,
    Conduct::CloseLater,
    Conduct::OtherProtocol,
    Conduct::Refuse,
    Conduct::NoToken,
    Conduct::OtherReply,
    Conduct::Go,
    Conduct::Half,
    Conduct::Mute,
    Conduct::Noisy,
    Conduct::NoResult,
    Conduct::NotXml,
];

/// Serves all of them in this network namespace, until the test process ends.
pub(crate) fn serve(key: &[u8]) {
    let conducts = ALL.into_iter().chain(Hostility::ALL.into_iter().map(Conduct::Hostile));
    for (port, conduct) in (FIRST_PORT..).zip(conducts) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        let key = key.to_vec();
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let key = key.clone();
                thread::spawn(move || misbehave(stream, conduct, key));
            }
        });
    }
}

fn misbehave(mut stream: TcpStream, conduct: Conduct, key: Vec<u8>) {
    let mut buffer = [0; 4096];
    match conduct {
        Conduct::Close => {}
        Conduct::CloseLater => drop(stream.read(&mut buffer)),
        Conduct::OtherProtocol => {
            let _ = stream.write_all(b"220 a mail server\r\n");
            while matches!(stream.read(&mut buffer), Ok(1..)) {}
        }
        _ => {
            // Its end is the client's doing.
            let _ = converse(&mut RawPeer::new(stream, key), conduct);
        }
    }
}

fn converse(peer: &mut RawPeer, conduct: Conduct) -> Result<(), Gone> {
    if let Conduct::Hostile(hostility) = conduct {
        return hostility.show(peer);
    }
    let hello = peer.hello()?;
    let sign_on = match conduct {
        Conduct::Refuse => "lrmd_rc='-71' lrmd_op='register' lrmd_protocol_version='9.0'",
        Conduct::NoToken => "lrmd_rc='0' lrmd_op='register' lrmd_protocol_version='1.2'",
        Conduct::OtherReply => "lrmd_rc='0' lrmd_op='other' lrmd_clientid='an-id'",
        _ => SIGNED_ON,
    };
    peer.say(&reply(&hello, sign_on))?;
    loop {
        let request = peer.next_text()?;
        match conduct {
            Conduct::Go => return Ok(()),
            Conduct::Half => {
                let answer = reply(&request, "lrmd_rc='0'");
                peer.say_some(&answer, answer.len() / 2)?;
            }
            Conduct::Noisy => {
                make_noise(peer)?;
                peer.say(&reply(&request, "lrmd_rc='0'"))?;
            }
            Conduct::NoResult => peer.say(&reply(&request, ""))?,
            Conduct::NotXml => peer.say("no XML")?,
            _ => {}
        }
    }
}

/// What a client has to skip: unknown kinds, unknown operations, answers to nothing.
fn make_noise(peer: &mut RawPeer) -> Result<(), Gone> {
    peer.say("<lrmd_notify lrmd_op='unheard' lrmd_remote_msg_id='0' lrmd_remote_msg_type='notify'/>")?;
    peer.say("<lrmd_notify lrmd_op='lrmd_rsc_poke' lrmd_rc='0' lrmd_remote_msg_type='unheard'/>")?;
    peer.say("<lrmd_notify lrmd_op='lrmd_rsc_poke' lrmd_rc='0'/>")?;
    peer.say("<lrmd_reply lrmd_rc='-22' lrmd_remote_msg_id='99999' lrmd_remote_msg_type='reply'/>")?;
    peer.say("<lrmd_notify lrmd_op='lrmd_rsc_poke' lrmd_rc='0' lrmd_remote_msg_type='notify'/>")
}
