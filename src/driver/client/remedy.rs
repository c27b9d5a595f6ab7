// SPDX-License-Identifier: LGPL-2.1-or-later
//! What an administrator can do about a problem.
use super::{CallProblem, Problem};
use crate::core::ClientError;
use crate::session::SessionError;
use crate::sys::tls::TlsError;
use nix::errno::Errno;

const READ_ITS_LOG: &str = "look into the log of that host's pacemaker-remoted";
const WHICH_PORT: &str = "is that port Pacemaker Remote's?";

/// A problem's text and what to do about it, in one line.
#[cfg(any(feature = "tool", feature = "capi"))]
pub(crate) fn with_remedy(text: String, remedy: &str) -> String {
    if remedy.is_empty() { text } else { format!("{text}; {remedy}") }
}

impl Problem {
    /// What to do about it; empty when the problem's text says it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Name { .. } | Self::NameTimedOut { .. } => {
                "give the node's address instead, or add the name to /etc/hosts or to the name service"
            }
            Self::Tcp { errno, .. } => of_tcp(*errno),
            Self::NoLocalExecutor(_) => {
                "is Pacemaker running on this host (systemctl status pacemaker)? may this user talk to it (group \
                 haclient)?"
            }
            Self::ForeignExecutor { .. } => "end the program that took the executor's place",
            Self::Handshake(error) | Self::Garbled(error) => of_session(error),
            Self::ClosedInHandshake => {
                "its log says why: most often its key differs or it refuses our certificate, or it has no key yet, or it \
                 has too many connections"
            }
            Self::HandshakeTimedOut => "is that port Pacemaker Remote's? is that host overloaded?",
            Self::ClosedAfterHandshake { .. } => READ_ITS_LOG,
            Self::SignOn(error) => of_client(*error),
            Self::SignOnRefused(_) => "look into that host's log",
            Self::Lost | Self::Broken(_) => {
                "the peer or the network ended the connection: look into the log of that host's pacemaker-remoted"
            }
            Self::Stalled => "is that host overloaded, or the network to it interrupted?",
            Self::LateAnswer | Self::Flooded => READ_ITS_LOG,
            Self::Key(_) | Self::Unsendable(_) => "",
        }
    }
}

impl CallProblem {
    /// What to do about it; empty when the problem's text says it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Ended(problem) => problem.remedy(),
            Self::TimedOut => READ_ITS_LOG,
            Self::Refused(error) => of_client(*error),
            Self::NotConnected | Self::Stale | Self::NotSent(_) | Self::TooLarge(_) => "",
        }
    }
}

const fn of_tcp(errno: Errno) -> &'static str {
    match errno {
        Errno::ECONNREFUSED => {
            "nobody listens there: is pacemaker_remote running on that host (systemctl status pacemaker_remote)? are \
             PCMK_remote_port and PCMK_remote_address the same on both sides?"
        }
        Errno::ETIMEDOUT => {
            "the host does not answer: is it up, is the address right, does a firewall drop TCP to that port?"
        }
        Errno::EHOSTUNREACH | Errno::ENETUNREACH => {
            "there is no way to that address: check routes and firewalls"
        }
        _ => "check the network between the two hosts",
    }
}

const fn of_session(error: &SessionError) -> &'static str {
    match error {
        SessionError::Tls(error) => of_tls(error),
        SessionError::Frame(_) => WHICH_PORT,
    }
}

const fn of_tls(error: &TlsError) -> &'static str {
    match error {
        TlsError::WrongKey => "copy the cluster's key to both hosts (/etc/pacemaker/authkey)",
        TlsError::NotTls => WHICH_PORT,
        TlsError::CertificateRefused(_) => {
            "compare PCMK_ca_file of this host with that host's certificate (openssl verify), the clocks of both, and what \
             the options of this host demand of certificates (docs/tls.md)"
        }
        TlsError::CertificateMissing | TlsError::NoSharedSuite => {
            "set PCMK_ca_file, PCMK_cert_file and PCMK_key_file on both hosts, or on neither"
        }
        TlsError::CertificateRefusedByPeer(_) => {
            "compare PCMK_ca_file of that host with this host's certificate (openssl verify), and the clocks of both"
        }
        TlsError::EndedHandshake
        | TlsError::EndedByPeer
        | TlsError::BadRecord
        | TlsError::Other(_)
        | TlsError::PeerAlert(_) => READ_ITS_LOG,
        TlsError::Setup(_) => "check the OpenSSL installation and PCMK_tls_priorities of this host",
        TlsError::IdentityRefused(_)
        | TlsError::IdentityUnknown
        | TlsError::NoSharedCipher
        | TlsError::Version => "",
    }
}

const fn of_client(error: ClientError) -> &'static str {
    match error {
        ClientError::VersionRefused => "compare the Pacemaker releases of both hosts",
        ClientError::TimedOut | ClientError::Flooded => READ_ITS_LOG,
        ClientError::NotAServer => WHICH_PORT,
        ClientError::NotConnected => {
            "the peer or the network ended the connection: look into the log of that host's pacemaker-remoted"
        }
        ClientError::Busy
        | ClientError::Stale
        | ClientError::NeverAnswered
        | ClientError::Refused
        | ClientError::Closed => "",
    }
}
