// SPDX-License-Identifier: LGPL-2.1-or-later
//! The way to a remote node, step by step. By default it ends where the server has shown that it accepts the
//! key but has not yet gained a client, so that a cluster that uses the node notices nothing.
use super::client::Client;
use super::target::Target;
use crate::driver::client::dial::{Dial, Dialed};
use crate::driver::client::{Connection, HANDSHAKE_LIMIT, Identity, Problem, RemoteSettings, Wanted};
use crate::driver::link::{Link, wait};
use crate::session::{Probe, ProbeProgress};
use crate::sys::tls::ClientContext;
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

const READ_SIZE: usize = 16 * 1024;

/// A step that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The host's addresses.
    Resolved(Vec<SocketAddr>),
    /// A TCP connection.
    Connected(SocketAddr),
    /// A key was read here; with what is odd about its file or the TLS policy.
    KeyRead(Vec<String>),
    /// Certificates were read here, which take the key's place.
    CertificatesRead {
        /// Ours: its file, subject and end.
        certificate: String,
        /// What is odd about the files or the TLS policy.
        notes: Vec<String>,
    },
    /// The server has the same key. It does not know us as a client.
    KeyAccepted {
        /// Protocol version.
        version: &'static str,
        /// Cipher suite.
        cipher: &'static str,
    },
    /// The server speaks TLS 1.2 and uses pre-shared keys. Whether its key is ours shows only in a full check.
    KeyUndecided,
    /// The server's certificate is accepted here. Whether it accepts ours shows only in a full check.
    CertificateAccepted {
        /// Protocol version.
        version: &'static str,
        /// Cipher suite.
        cipher: &'static str,
        /// Whose certificate it is.
        subject: String,
    },
    /// Signed on: TLS and protocol versions.
    SignedOn(String),
}

/// Goes as far as it can and tells each step. `full`: signs on as a client of this name; a cluster that uses the node drops
/// its own connection when Pacemaker's own daemon tells it of that (this project's does not).
///
/// # Errors
/// Why it goes no further; [`Problem::stage`] says how far it came.
pub fn check(target: &Target, full: Option<&str>, tell: &mut dyn FnMut(Step)) -> Result<(), Problem> {
    let settings = target.settings();
    let stream = connect(&settings, tell)?;
    if let Ok(address) = stream.peer_addr() {
        tell(Step::Connected(address));
    }
    let (context, notices) = settings.keys.read();
    let context = context.map_err(Problem::Key)?;
    let notes = notices.iter().map(ToString::to_string);
    let notes = settings.keys.notes().iter().cloned().chain(notes).chain(target.obstacles()).collect();
    tell(match context.certificate() {
        Some(certificate) => Step::CertificatesRead { certificate: certificate.to_owned(), notes },
        None => Step::KeyRead(notes),
    });
    tell(match full {
        Some(name) => {
            let identity = Identity { name: Some(name.to_owned()), ..Identity::default() };
            let connection = Connection::over(stream, settings, identity)?;
            Step::SignedOn(Client::sign_on(connection)?.describe())
        }
        None => probe(stream, &context, &settings.server)
            .map_err(|problem| problem.with_certificate(context.certificate().is_some()))?,
    });
    Ok(())
}

fn connect(settings: &RemoteSettings, tell: &mut dyn FnMut(Step)) -> Result<TcpStream, Problem> {
    let mut dial = Dial::new(settings, Instant::now())?;
    let mut told = false;
    loop {
        let dialed = dial.advance(Instant::now());
        if !told && !dial.addresses().is_empty() {
            tell(Step::Resolved(dial.addresses().to_vec()));
            told = true;
        }
        match dialed {
            Dialed::Connected(stream) => return Ok(stream),
            Dialed::Failed(problem) => return Err(problem),
            Dialed::Pending => {
                if let Some((descriptor, wanted, _)) = dial.descriptor() {
                    wait(descriptor, wanted, Some(dial.deadline()));
                }
            }
        }
    }
}

fn probe(stream: TcpStream, context: &ClientContext, host: &str) -> Result<Step, Problem> {
    let deadline = Instant::now() + HANDSHAKE_LIMIT;
    let lost = |_| Problem::ClosedInHandshake;
    let mut link = Link::new(stream).map_err(lost)?;
    let mut probe = Probe::to_host(context, Some(host)).map_err(Problem::Handshake)?;
    let mut buffer = vec![0; READ_SIZE];
    loop {
        let progress = probe.advance();
        let sent = link.send(probe.output()).map_err(lost)?;
        probe.sent(sent);
        match progress.map_err(Problem::Handshake)? {
            ProbeProgress::KeyAccepted { version, cipher } => {
                return Ok(Step::KeyAccepted { version, cipher });
            }
            ProbeProgress::Undecided => return Ok(Step::KeyUndecided),
            ProbeProgress::CertificateAccepted { version, cipher, subject } => {
                return Ok(Step::CertificateAccepted { version, cipher, subject });
            }
            ProbeProgress::Pending if Instant::now() >= deadline => return Err(Problem::HandshakeTimedOut),
            ProbeProgress::Pending => {}
        }
        let wanted = Wanted { read: true, write: !probe.output().is_empty() };
        wait(link.descriptor(), wanted, Some(deadline));
        match link.read(&mut buffer).map_err(lost)? {
            Some(0) => return Err(Problem::ClosedInHandshake),
            Some(count) => probe.receive(buffer.get(..count).unwrap_or_default()),
            None => {}
        }
    }
}
