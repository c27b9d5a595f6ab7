// SPDX-License-Identifier: LGPL-2.1-or-later
//! The hub and its core, with peers over TLS, local clients and clients of proxied servers that send what they like, split
//! anywhere: each request is answered once, a resource has one action at a time, nothing is sent to who is gone, and the
//! clock always gets on.
mod carrier;
mod ledger;
mod world;

use super::requests::Ask;
use super::tls_ends::Bytes;
use arbitrary::{Arbitrary, Unstructured};
use world::World;

/// More steps than this show nothing new.
const MOST_STEPS: usize = 200;

#[derive(Arbitrary, Debug)]
enum Step<'a> {
    Connect,
    ConnectLocal {
        privileged: bool,
    },
    ConnectProxied {
        server: u8,
    },
    /// A request; `piece`: the bytes arrive in pieces of this length, or later (zero).
    Ask {
        peer: u8,
        ask: Ask<'a>,
        msg_id: u8,
        piece: u8,
    },
    Send {
        peer: u8,
        bytes: Bytes<'a>,
        piece: u8,
    },
    /// From a local client, of either kind.
    Local {
        peer: u8,
        ask: Ask<'a>,
        msg_id: u8,
    },
    LocalText {
        peer: u8,
        text: &'a str,
        msg_id: u8,
    },
    Leave(u8),
    /// A peer reads nothing, or begins to read again.
    Stall(u8),
    Ends {
        run: u8,
        exit: u8,
    },
    Pass(u16),
    FencerLost,
    Terminate,
}

/// The identity of a peer on the wire.
pub fn client_name(peer: u64) -> String {
    format!("{peer:08x}-client")
}

pub fn fuzz_one(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let mut world = World::new(input.arbitrary().unwrap_or_default());
    for _ in 0..MOST_STEPS {
        if input.is_empty() {
            break;
        }
        let Ok(step) = Step::arbitrary(&mut input) else { break };
        world.happens(&step);
    }
    world.end();
}
