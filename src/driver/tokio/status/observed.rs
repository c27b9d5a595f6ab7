// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the driver knows beside the core: addresses, credentials, how handshakes went.
use crate::driver::status::{Credential, Handshakes, Readers as ReadersShown, Refusal};
use crate::driver::tokio::connection::EndReason;
use crate::session::SessionError;
use crate::sys::tls::TlsError;
use crate::transport::credentials::InUse;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

pub(super) type Readers = ReadersShown;

/// Why a remote connection was not authenticated, as counters tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::driver::tokio) struct Refused(&'static str);

impl Refused {
    /// There is no key or certificate to meet it with.
    pub(in crate::driver::tokio) const NO_CREDENTIAL: Self = Self("no-credential-here");
    /// Its socket could not be used.
    pub(in crate::driver::tokio) const SOCKET: Self = Self("socket");
}

impl From<&EndReason> for Refused {
    fn from(reason: &EndReason) -> Self {
        Self(match reason {
            EndReason::ClosedByPeer => "closed-by-peer",
            EndReason::Evicted => "evicted",
            EndReason::HandshakeOverdue(_) => "timeout",
            EndReason::OverBudget(_) => "over-budget",
            EndReason::Socket(_) | EndReason::Receive(_) | EndReason::Send(_) => "socket",
            EndReason::Session(SessionError::Tls(problem)) => of_tls(problem),
            EndReason::Session(SessionError::Frame(_))
            | EndReason::ClosedByExecutor
            | EndReason::Excess(_)
            | EndReason::MessageOverdue(..)
            | EndReason::Stalled(_) => "other",
        })
    }
}

const fn of_tls(problem: &TlsError) -> &'static str {
    match problem {
        TlsError::WrongKey => "wrong-key",
        TlsError::IdentityRefused(_) | TlsError::IdentityUnknown => "identity",
        TlsError::NoSharedCipher | TlsError::NoSharedSuite => "no-shared-cipher",
        TlsError::Version => "tls-version",
        TlsError::NotTls | TlsError::BadRecord => "not-tls",
        TlsError::EndedHandshake | TlsError::EndedByPeer => "ended-by-peer",
        TlsError::CertificateRefused(_) => "certificate-refused",
        TlsError::CertificateMissing => "certificate-missing",
        TlsError::CertificateRefusedByPeer(_) | TlsError::PeerAlert(_) => "refused-by-peer",
        TlsError::Setup(_) | TlsError::Other(_) => "other",
    }
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(in crate::driver::tokio) struct Observed {
    listening: RefCell<Vec<String>>,
    credential: RefCell<Option<Credential>>,
    accepted: Cell<u64>,
    refused: RefCell<BTreeMap<Refused, u64>>,
}

impl Observed {
    /// Remote clients are served there.
    pub(in crate::driver::tokio) fn listens_on(&self, address: String) {
        self.listening.borrow_mut().push(address);
    }

    /// What is shown to remote clients, and asked of them, from now on.
    pub(in crate::driver::tokio) fn set_credential(&self, in_use: &InUse) {
        let (subject, not_after) = match &in_use.certificate {
            Some(about) => (Some(about.subject.clone()), about.not_after.map(|end| end.0)),
            None => (None, None),
        };
        *self.credential.borrow_mut() = Some(Credential { keys: in_use.keys, subject, not_after });
    }

    /// A remote client was authenticated.
    pub(in crate::driver::tokio) fn accepted(&self) {
        self.accepted.set(self.accepted.get().saturating_add(1));
    }

    /// A remote connection was not.
    pub(in crate::driver::tokio) fn refused(&self, reason: Refused) {
        *self.refused.borrow_mut().entry(reason).or_default() += 1;
    }

    pub(super) fn listening(&self) -> Vec<String> {
        self.listening.borrow().clone()
    }

    pub(super) fn credential(&self) -> Option<Credential> {
        self.credential.borrow().clone()
    }

    pub(super) fn handshakes(&self) -> Handshakes {
        let refused = self.refused.borrow();
        let rows =
            refused.iter().map(|(reason, count)| Refusal { reason: reason.0.to_owned(), count: *count });
        Handshakes { accepted: self.accepted.get(), refused: rows.collect() }
    }
}
