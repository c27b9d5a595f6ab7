// SPDX-License-Identifier: LGPL-2.1-or-later
//! Which layer of the way to a remote node failed, and the remedy.
use crate::core::ClientError;
use crate::session::SessionError;
use crate::sys::tls::TlsError;
use std::fmt;
use std::io::{self, ErrorKind};

/// The layers, in the order in which they are passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// From the host's name to addresses.
    Name,
    /// From an address to a connection.
    Tcp,
    /// The key on this side, or the policy for its use.
    Key,
    /// Proving on both sides that the key is the same.
    Tls,
    /// The lrmd protocol inside.
    Protocol,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "name",
            Self::Tcp => "TCP",
            Self::Key => "key",
            Self::Tls => "TLS",
            Self::Protocol => "protocol",
        })
    }
}

/// What failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Where.
    pub layer: Layer,
    /// What happened.
    pub problem: String,
    /// What to do; may be empty when the problem says it.
    pub remedy: String,
}

impl Failure {
    pub(super) fn new(layer: Layer, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { layer, problem: problem.into(), remedy: remedy.into() }
    }

    pub(super) fn name(host: &str, reason: &str) -> Self {
        let remedy = "give the node's address instead, or add the name to /etc/hosts or to the name service";
        Self::new(Layer::Name, format!("'{host}' has no address: {reason}"), remedy)
    }

    pub(super) fn tcp(peer: &str, error: &io::Error) -> Self {
        let remedy = match error.kind() {
            ErrorKind::ConnectionRefused => {
                "nobody listens there: is pacemaker_remote running on that host (systemctl status \
                 pacemaker_remote)? are PCMK_remote_port and PCMK_remote_address the same on both sides?"
            }
            ErrorKind::TimedOut => {
                "the host does not answer: is it up, is the address right, does a firewall drop TCP to that port?"
            }
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
                "there is no way to that address: check routes and firewalls"
            }
            _ => "check the network between the two hosts",
        };
        Self::new(Layer::Tcp, format!("cannot connect to {peer}: {error}"), remedy)
    }

    pub(super) fn session(error: &SessionError) -> Self {
        match error {
            SessionError::Tls(error) => Self::new(Layer::Tls, error.to_string(), tls_remedy(error)),
            SessionError::Frame(error) => {
                Self::new(Layer::Protocol, error.to_string(), "is that port Pacemaker Remote's?")
            }
        }
    }

    pub(super) fn client(error: ClientError) -> Self {
        let remedy = match error {
            ClientError::VersionRefused => "compare the Pacemaker releases of both hosts",
            ClientError::TimedOut => "look into the log of that host's pacemaker-remoted",
            ClientError::NotAServer => "is that port Pacemaker Remote's?",
            ClientError::NotConnected => {
                "the peer or the network ended the connection: look into the log of that host's pacemaker-remoted"
            }
            _ => "",
        };
        Self::new(Layer::Protocol, error.to_string(), remedy)
    }

    pub(super) fn closed_in_handshake() -> Self {
        Self::new(
            Layer::Tls,
            "the peer closed the connection during the TLS handshake",
            "its log says why: most often its key differs, or it has none yet, or it has too many connections",
        )
    }

    pub(super) fn slow_handshake() -> Self {
        Self::new(
            Layer::Tls,
            "the peer took the connection but did not finish the TLS handshake in time",
            "is that port Pacemaker Remote's? is that host overloaded?",
        )
    }
}

/// What is not said by the error itself.
fn tls_remedy(error: &TlsError) -> &'static str {
    match error {
        TlsError::WrongKey => "copy the cluster's key to both hosts (/etc/pacemaker/authkey)",
        TlsError::NotTls => "is that port Pacemaker Remote's?",
        TlsError::BadRecord | TlsError::Other(_) | TlsError::PeerAlert(_) => {
            "look into the log of that host's pacemaker-remoted"
        }
        TlsError::Setup(_) => "check the OpenSSL installation and PCMK_tls_priorities of this host",
        TlsError::IdentityRefused(_)
        | TlsError::IdentityUnknown
        | TlsError::NoSharedCipher
        | TlsError::Version => "",
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.layer, self.problem)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, "; {}", self.remedy) }
    }
}

impl std::error::Error for Failure {}
