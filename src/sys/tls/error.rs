// SPDX-License-Identifier: LGPL-2.1-or-later
//! What can go wrong with TLS, told apart by what somebody has to do about it.
use libc::c_int;
use openssl_sys::{ERR_GET_LIB, ERR_GET_REASON, ERR_get_error, ERR_reason_error_string};
use std::ffi::CStr;
use std::fmt;

/// Why a TLS connection failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsError {
    /// The keys differ.
    WrongKey,
    /// A client showed an identity other than `lrmd`.
    IdentityRefused(String),
    /// The server knows no key for our identity.
    IdentityUnknown,
    /// Nothing in common: cipher suites, groups, or the peer has no pre-shared key at all.
    NoSharedCipher,
    /// The peer speaks none of the allowed TLS versions.
    Version,
    /// What came is not TLS.
    NotTls,
    /// A record of an established connection was damaged or forged.
    BadRecord,
    /// The peer said goodbye in the middle of the handshake. Upstream's daemon does so whatever its reason.
    EndedHandshake,
    /// The peer said goodbye in the middle of a handshake with certificates.
    EndedByPeer,
    /// The peer's certificate is refused, for this reason.
    CertificateRefused(String),
    /// The peer has shown no certificate.
    CertificateMissing,
    /// The peer refuses our certificate, with this alert.
    CertificateRefusedByPeer(String),
    /// Nothing in common with a peer of whom a certificate is expected.
    NoSharedSuite,
    /// The peer gave up, with this alert.
    PeerAlert(String),
    /// TLS cannot be set up here.
    Setup(String),
    /// Anything else, in OpenSSL's words.
    Other(String),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongKey => f.write_str(
                "the peer uses another key (compare the key files of both hosts, byte by byte: \
                 a newline at the end counts)",
            ),
            Self::IdentityRefused(identity) => {
                write!(f, "the client's identity is '{identity}', not 'lrmd'; it is refused")
            }
            Self::IdentityUnknown => f.write_str(
                "the server has no key for identity 'lrmd' (does it have a key file? does Pacemaker Remote \
                 listen on that port?)",
            ),
            Self::NoSharedCipher => f.write_str(
                "no cipher suite in common, the peer has no pre-shared key, or the peer uses certificates (PCMK_ca_file and \
                 its like must be set on both hosts or on neither; compare PCMK_tls_priorities and the key files)",
            ),
            Self::Version => f.write_str(
                "no TLS version in common (compare PCMK_tls_priorities of both hosts; 1.2 or 1.3 is needed)",
            ),
            Self::NotTls => f.write_str("the peer does not speak TLS"),
            Self::BadRecord => f.write_str("a TLS record was damaged on the way or forged"),
            Self::EndedHandshake => f.write_str(
                "the peer ended the handshake without a reason: most often its key differs (compare the key \
                 files of both hosts, byte by byte: a newline at the end counts), or it has none",
            ),
            Self::EndedByPeer => f.write_str(
                "the peer ended the handshake without a reason: most often it refuses our certificate, or uses the \
                 pre-shared key, as Pacemaker 2.1 does",
            ),
            Self::CertificateRefused(reason) => write!(f, "the peer's certificate is refused: {reason}"),
            Self::CertificateMissing => f.write_str(
                "the peer has shown no certificate: it uses the pre-shared key, or has no certificate of our authorities",
            ),
            Self::CertificateRefusedByPeer(alert) => write!(f, "the peer refuses our certificate: {alert}"),
            Self::NoSharedSuite => f.write_str(
                "no cipher suite in common, or the peer uses the pre-shared key, as Pacemaker 2.1 does (PCMK_ca_file, \
                 PCMK_cert_file and PCMK_key_file must be set on both hosts; compare PCMK_tls_priorities)",
            ),
            Self::PeerAlert(alert) => write!(f, "the peer ended TLS: {alert}"),
            Self::Setup(what) => write!(f, "TLS cannot be set up: {what}"),
            Self::Other(what) => write!(f, "TLS failed: {what}"),
        }
    }
}

impl std::error::Error for TlsError {}

/// On which side an error happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Side {
    pub(super) is_client: bool,
    /// Or else a key.
    pub(super) has_certificate: bool,
}

/// When an error happened: the same record means different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing of the peer has been understood yet.
    FirstFlight,
    /// It speaks TLS.
    Handshake,
    /// Handshake finished.
    Established,
}

/// Reason codes of libssl; those of an alert from the peer are 1000 and the alert's number.
mod reason {
    use libc::c_int;
    pub(super) const CERTIFICATE_VERIFY_FAILED: c_int = 134;
    pub(super) const BINDER_DOES_NOT_VERIFY: c_int = 253;
    pub(super) const DECRYPTION_FAILED: c_int = 147;
    pub(super) const BAD_RECORD_MAC: c_int = 281;
    pub(super) const DIGEST_CHECK_FAILED: c_int = 149;
    pub(super) const NO_SHARED_CIPHER: c_int = 193;
    pub(super) const NO_SUITABLE_SIGNATURE_ALGORITHM: c_int = 118;
    pub(super) const NO_SUITABLE_KEY_SHARE: c_int = 101;
    pub(super) const NO_SHARED_GROUPS: c_int = 410;
    pub(super) const NO_SUITABLE_GROUPS: c_int = 295;
    pub(super) const DH_KEY_TOO_SMALL: c_int = 394;
    pub(super) const UNSUPPORTED_PROTOCOL: c_int = 258;
    pub(super) const VERSION_TOO_HIGH: c_int = 166;
    pub(super) const VERSION_TOO_LOW: c_int = 396;
    pub(super) const WRONG_SSL_VERSION: c_int = 266;
    pub(super) const NO_CIPHERS_AVAILABLE: c_int = 181;
    pub(super) const NO_PROTOCOLS_AVAILABLE: c_int = 191;
    pub(super) const BAD_PSK: c_int = 219;
    pub(super) const ALERTS: c_int = 1000;
    pub(super) const BAD_RECORD_MAC_ALERT: c_int = 1020;
    pub(super) const DECRYPTION_FAILED_ALERT: c_int = 1021;
    pub(super) const HANDSHAKE_FAILURE_ALERT: c_int = 1040;
    pub(super) const ILLEGAL_PARAMETER_ALERT: c_int = 1047;
    pub(super) const DECRYPT_ERROR_ALERT: c_int = 1051;
    pub(super) const PROTOCOL_VERSION_ALERT: c_int = 1070;
    pub(super) const INSUFFICIENT_SECURITY_ALERT: c_int = 1071;
    pub(super) const UNKNOWN_PSK_IDENTITY_ALERT: c_int = 1115;
    pub(super) const PEER_DID_NOT_RETURN_A_CERTIFICATE: c_int = 199;
    pub(super) const NO_CERTIFICATE_ALERT: c_int = 1041;
    pub(super) const CERTIFICATE_UNKNOWN_ALERT: c_int = 1046;
    pub(super) const UNKNOWN_CA_ALERT: c_int = 1048;
    pub(super) const ACCESS_DENIED_ALERT: c_int = 1049;
    pub(super) const CERTIFICATE_REQUIRED_ALERT: c_int = 1116;
}

/// libssl's number in error codes (ERR_LIB_SSL).
const LIB_SSL: c_int = 20;

fn reason_text(code: libc::c_ulong) -> String {
    // SAFETY: OpenSSL answers with a static C string or null.
    let text = unsafe { ERR_reason_error_string(code) };
    if text.is_null() {
        return format!("OpenSSL error {code:#x}");
    }
    // SAFETY: not null, and static.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// Empties the thread's error queue: library, reason and text of libssl's first entry, else of the first.
fn drain_queue() -> Option<(c_int, c_int, String)> {
    let mut first: Option<(c_int, c_int, String)> = None;
    loop {
        // SAFETY: always allowed.
        let code = unsafe { ERR_get_error() };
        if code == 0 {
            return first;
        }
        let libssl_is_first =
            ERR_GET_LIB(code) == LIB_SSL && first.as_ref().is_some_and(|(library, _, _)| *library != LIB_SSL);
        if first.is_none() || libssl_is_first {
            first = Some((ERR_GET_LIB(code), ERR_GET_REASON(code), reason_text(code)));
        }
    }
}

/// Text of the first queued error; empties the queue.
pub(super) fn queued_text() -> Option<String> {
    drain_queue().map(|(_, _, text)| text)
}

/// The queued error as ours; empties the queue.
pub(super) fn queued_error(phase: Phase, side: Side) -> TlsError {
    match drain_queue() {
        Some((LIB_SSL, code, text)) if side.has_certificate => {
            with_certificates(code, text, phase, side.is_client)
        }
        Some((LIB_SSL, code, text)) => classify(code, text, phase, side.is_client),
        Some((_, _, text)) => TlsError::Other(text),
        None => TlsError::Other("no reason given".to_owned()),
    }
}

/// With certificates some errors mean something else than with a key.
fn with_certificates(code: c_int, text: String, phase: Phase, as_client: bool) -> TlsError {
    match code {
        reason::NO_CERTIFICATE_ALERT..=reason::CERTIFICATE_UNKNOWN_ALERT
        | reason::UNKNOWN_CA_ALERT
        | reason::ACCESS_DENIED_ALERT
        | reason::CERTIFICATE_REQUIRED_ALERT => TlsError::CertificateRefusedByPeer(text),
        reason::PEER_DID_NOT_RETURN_A_CERTIFICATE => TlsError::CertificateMissing,
        _ => match classify(code, text.clone(), phase, as_client) {
            TlsError::WrongKey | TlsError::IdentityUnknown if code > reason::ALERTS => {
                TlsError::PeerAlert(text)
            }
            TlsError::WrongKey | TlsError::IdentityUnknown => TlsError::Other(text),
            TlsError::NoSharedCipher => TlsError::NoSharedSuite,
            error => error,
        },
    }
}

fn classify(code: c_int, text: String, phase: Phase, as_client: bool) -> TlsError {
    if phase == Phase::Established {
        return if code > reason::ALERTS { TlsError::PeerAlert(text) } else { TlsError::BadRecord };
    }
    match code {
        reason::BINDER_DOES_NOT_VERIFY
        | reason::DECRYPTION_FAILED
        | reason::BAD_RECORD_MAC
        | reason::DIGEST_CHECK_FAILED
        | reason::BAD_RECORD_MAC_ALERT
        | reason::DECRYPTION_FAILED_ALERT
        | reason::DECRYPT_ERROR_ALERT => TlsError::WrongKey,
        // Servers say so of a binder made with another key.
        reason::ILLEGAL_PARAMETER_ALERT if as_client => TlsError::WrongKey,
        // A certificate where the key should be.
        reason::CERTIFICATE_VERIFY_FAILED if as_client => TlsError::IdentityUnknown,
        reason::UNKNOWN_PSK_IDENTITY_ALERT => TlsError::IdentityUnknown,
        reason::NO_SHARED_CIPHER
        | reason::NO_SUITABLE_SIGNATURE_ALGORITHM
        | reason::NO_SUITABLE_KEY_SHARE
        | reason::NO_SHARED_GROUPS
        | reason::NO_SUITABLE_GROUPS
        | reason::HANDSHAKE_FAILURE_ALERT
        | reason::INSUFFICIENT_SECURITY_ALERT => TlsError::NoSharedCipher,
        reason::DH_KEY_TOO_SMALL => {
            TlsError::Other("the peer's Diffie-Hellman group has less than 2048 bits".to_owned())
        }
        reason::UNSUPPORTED_PROTOCOL
        | reason::VERSION_TOO_HIGH
        | reason::VERSION_TOO_LOW
        | reason::WRONG_SSL_VERSION
        | reason::PROTOCOL_VERSION_ALERT => TlsError::Version,
        reason::NO_CIPHERS_AVAILABLE | reason::NO_PROTOCOLS_AVAILABLE | reason::BAD_PSK => {
            TlsError::Setup(text)
        }
        code if code > reason::ALERTS => TlsError::PeerAlert(text),
        _ if phase == Phase::FirstFlight => TlsError::NotTls,
        _ => TlsError::Other(text),
    }
}
