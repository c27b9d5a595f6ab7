// SPDX-License-Identifier: LGPL-2.1-or-later
//! Servers that mean harm to their client: what they send costs it time or memory.
use crate::raw_peer::{Gone, RawPeer, reply};
use bzip2::Compression;
use bzip2::read::BzEncoder;
use std::io::Read;
use std::thread;
use std::time::Duration;

/// What a server does without end: before it answers the sign-on, or from the first request after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hostility {
    /// Notifications before the sign-on is answered.
    EarlyNotifications,
    /// Before the sign-on is answered, the largest message that there is.
    EarlyGiant,
    /// Small messages that become large ones that are no XML.
    Compressed,
    /// Notifications.
    Notifications,
    /// Large notifications.
    LargeNotifications,
    /// The largest messages that there are, full of small elements.
    Giants,
    /// Messages of proxied sessions, full of small elements.
    Proxied,
    /// A message, byte by byte.
    Drip,
    /// Messages that are no XML.
    Junk,
    /// Answers to nothing.
    Answers,
}

impl Hostility {
    pub(crate) const ALL: [Self; 10] = [
        Self::EarlyNotifications,
        Self::EarlyGiant,
        Self::Compressed,
        Self::Notifications,
        Self::LargeNotifications,
        Self::Giants,
        Self::Proxied,
        Self::Drip,
        Self::Junk,
        Self::Answers,
    ];

    /// Ends when the client has gone.
    pub(crate) fn show(self, peer: &mut RawPeer) -> Result<(), Gone> {
        // Made before the client comes: a run of one character takes long.
        let run = if self == Self::Compressed { run() } else { Vec::new() };
        match self {
            Self::EarlyNotifications | Self::EarlyGiant => drop(peer.hello()?),
            _ => {
                peer.sign_on()?;
                let request = peer.next_text()?;
                // One answer, so that the client is in use; no other request has one.
                peer.say(&reply(&request, "lrmd_rc='0'"))?;
            }
        }
        match self {
            Self::EarlyNotifications | Self::Notifications => repeat(peer, &[POKE]),
            Self::EarlyGiant | Self::Giants => repeat(peer, &[&giant()]),
            Self::Compressed => loop {
                peer.say_compressed(&run, RUN)?;
            },
            Self::LargeNotifications => repeat(peer, &[&large(1024 * 1024)]),
            Self::Proxied => repeat(peer, &[SESSION, &proxied()]),
            Self::Drip => drip(peer, &large(64 * 1024)),
            Self::Junk => repeat(peer, &["<<<<<<<<", "no XML", &"<a ".repeat(20_000)]),
            Self::Answers => repeat(peer, &[ANSWER]),
        }
    }
}

const POKE: &str = "<lrmd_notify lrmd_op='lrmd_rsc_poke' lrmd_rc='0' lrmd_remote_msg_type='notify'/>";
const ANSWER: &str = "<lrmd_reply lrmd_rc='0' lrmd_remote_msg_id='99999' lrmd_remote_msg_type='reply'/>";
const SESSION: &str = "<lrmd_ipc_proxy lrmd_ipc_op='new' lrmd_ipc_session='s' lrmd_ipc_server='cib_rw'/>";

fn repeat(peer: &mut RawPeer, texts: &[&str]) -> Result<(), Gone> {
    loop {
        for text in texts {
            peer.say(text)?;
        }
    }
}

/// What may be made of however little.
const RUN: usize = 1024 * 1024;

/// A run of one character, compressed.
fn run() -> Vec<u8> {
    let mut bytes = Vec::new();
    BzEncoder::new(&[b'<'; RUN][..], Compression::best()).read_to_end(&mut bytes).unwrap();
    bytes
}

/// A completion whose output has `length` bytes.
fn large(length: usize) -> String {
    let output = "x".repeat(length);
    format!(
        "<lrmd_notify lrmd_op='lrmd_rsc_exec' lrmd_rc='0' lrmd_rsc_id='r' lrmd_rsc_action='start' \
         lrmd_remote_msg_type='notify' lrmd_rsc_output='{output}'/>"
    )
}

fn giant() -> String {
    // Just below what a message may have.
    let elements = "<a b=''/>".repeat(20 * 1024 * 1024 / 9 - 100);
    format!("<lrmd_notify lrmd_op='lrmd_rsc_exec' lrmd_rc='0' lrmd_rsc_id='r'>{elements}</lrmd_notify>")
}

fn proxied() -> String {
    let elements = "<a b=''/>".repeat(20 * 1024 * 1024 / 9 - 100);
    format!(
        "<lrmd_ipc_proxy lrmd_ipc_op='request' lrmd_ipc_session='s' lrmd_ipc_client='c' lrmd_ipc_user='root' \
         lrmd_ipc_msg_id='1' lrmd_ipc_msg_flags='0'><lrmd_ipc_msg><m>{elements}</m></lrmd_ipc_msg></lrmd_ipc_proxy>"
    )
}

fn drip(peer: &mut RawPeer, text: &str) -> Result<(), Gone> {
    peer.say_some(text, 0)?;
    loop {
        peer.say_raw(b"x", b"")?;
        // The pace of the drip, not a wait for anything.
        thread::sleep(Duration::from_millis(5));
    }
}
