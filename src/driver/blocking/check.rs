// SPDX-License-Identifier: LGPL-2.1-or-later
//! The way to a remote node, step by step. By default it ends where the server has shown that it accepts the
//! key but has not yet gained a client, so that a cluster that uses the node notices nothing.
use super::client::{Client, HANDSHAKE_LIMIT};
use super::dial;
use super::failure::Failure;
use super::target::Target;
use crate::driver::link::{Arrived, Link};
use crate::session::{Probe, ProbeProgress};
use crate::sys::tls::ClientContext;
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

/// A step that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The host's addresses.
    Resolved(Vec<SocketAddr>),
    /// A TCP connection.
    Connected(SocketAddr),
    /// A key was read here; with what is odd about its file or the TLS policy.
    KeyRead(Vec<String>),
    /// The server has the same key. It does not know us as a client.
    KeyAccepted {
        /// Protocol version.
        version: &'static str,
        /// Cipher suite.
        cipher: &'static str,
    },
    /// The server speaks TLS 1.2 and uses pre-shared keys. Whether its key is ours shows only in a full check.
    KeyUndecided,
    /// Signed on: TLS and protocol versions.
    SignedOn(String),
}

/// Goes as far as it can and tells each step. `full`: signs on as a client named `name`, which makes a cluster
/// that uses the node drop its own connection.
pub fn check(target: &Target, full: Option<&str>, tell: &mut dyn FnMut(Step)) -> Result<(), Failure> {
    let addresses = dial::resolve(target)?;
    tell(Step::Resolved(addresses.clone()));
    let stream = dial::connect(target, &addresses)?;
    if let Ok(address) = stream.peer_addr() {
        tell(Step::Connected(address));
    }
    let mut warnings = Vec::new();
    let context = target.context(&mut warnings)?;
    tell(Step::KeyRead(warnings));
    tell(match full {
        Some(name) => Step::SignedOn(Client::over(stream, &context, name)?.describe()),
        None => probe(stream, &context)?,
    });
    Ok(())
}

fn probe(stream: TcpStream, context: &ClientContext) -> Result<Step, Failure> {
    let deadline = Instant::now() + HANDSHAKE_LIMIT;
    let lost = |error: std::io::Error| Failure::tcp("the node", &error);
    let mut link = Link::new(stream).map_err(lost)?;
    let mut probe = Probe::new(context).map_err(|error| Failure::session(&error))?;
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let progress = probe.advance();
        let sent = link.send(probe.output()).map_err(lost)?;
        probe.sent(sent);
        match progress.map_err(|error| Failure::session(&error))? {
            ProbeProgress::KeyAccepted { version, cipher } => {
                return Ok(Step::KeyAccepted { version, cipher });
            }
            ProbeProgress::Undecided => return Ok(Step::KeyUndecided),
            ProbeProgress::Pending => {}
        }
        match link.exchange(&mut buffer, !probe.output().is_empty(), deadline).map_err(lost)? {
            Arrived::Bytes(count) => probe.receive(buffer.get(..count).unwrap_or_default()),
            Arrived::Closed => return Err(Failure::closed_in_handshake()),
            Arrived::Nothing if Instant::now() >= deadline => return Err(Failure::slow_handshake()),
            Arrived::Nothing => {}
        }
    }
}
