// SPDX-License-Identifier: LGPL-2.1-or-later
//! One TLS connection over memory.
use super::callbacks::{EX_DATA_SLOT, Handshake};
use super::context::{ClientContext, Context, ServerContext};
use super::error::{Phase, Side, TlsError, queued_error};
use super::opening::Opening;
use super::pipe::{Pipe, new_bio};
use super::policy::TlsVersion;
use super::proof::Proof;
use crate::sys::x509::About;
use libc::c_int;
use openssl_sys::*;
use std::cell::{Cell, RefCell};
use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::ptr::NonNull;

unsafe extern "C" {
    /// Not declared by openssl-sys.
    fn SSL_has_pending(ssl: *const SSL) -> c_int;
}

/// Empties this thread's list of errors, from which a failure is read. It is empty nearly always, and to see that takes a
/// fifth of the time of clearing it.
fn forget_errors() {
    // SAFETY: takes nothing and touches what is this thread's.
    while unsafe { ERR_get_error() } != 0 {}
}

/// What fits into one record.
pub const MAX_RECORD_LEN: usize = 16 * 1024;

/// How far a handshake came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More from the peer is needed.
    Pending,
    /// Finished.
    Done,
}

/// What a read found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// So many bytes: never more than one record's.
    Data(usize),
    /// No whole record is at hand.
    Pending,
    /// The peer said that it is done (close_notify).
    Closed,
}

/// One connection, either role. Feed ciphertext, call, take ciphertext: after every call, and after an error
/// too, there may be output for the peer. After an error only the output is of use.
pub struct Stream {
    ssl: NonNull<SSL>,
    /// Owned; shared with the BIO inside `ssl`.
    pipe: NonNull<Pipe>,
    /// Owned; shared with the callbacks by way of `ssl`.
    handshake: NonNull<Handshake>,
    side: Side,
    pub(super) phase: Phase,
    pub(super) failed: bool,
    /// Which of a server's contexts it is made with.
    pub(super) place: usize,
    /// What it takes to use another of them, until the client was answered.
    pub(super) opening: Option<Box<Opening>>,
}

// SAFETY: everything it points to is its own, but for the counted SSL_CTX and the key behind an Arc, which any
// thread may use.
unsafe impl Send for Stream {}

impl Stream {
    /// The accepting side.
    pub fn server(context: &ServerContext) -> Result<Self, TlsError> {
        let opening = Opening::new(context).map(Box::new);
        let first = context.0.first().ok_or_else(|| TlsError::Setup("no credential".to_owned()))?;
        let mut stream =
            Self::accepting(first, opening.as_ref().is_some_and(|opening| opening.has_both_kinds()))?;
        stream.opening = opening;
        Ok(stream)
    }

    /// The accepting side with one of a server's contexts.
    pub(super) fn accepting(context: &Context, has_alternative: bool) -> Result<Self, TlsError> {
        let stream = Self::new(context, CString::default(), None, false, has_alternative)?;
        // SAFETY: a new SSL of ours.
        unsafe { SSL_set_accept_state(stream.ssl.as_ptr()) };
        Ok(stream)
    }

    /// The connecting side. The first [`Stream::handshake`] makes the first output.
    pub fn client(context: &ClientContext) -> Result<Self, TlsError> {
        Self::client_to(context, None)
    }

    /// The same. `host`: the name or address that is connected to, which the policy may demand of the server's certificate.
    pub fn client_to(context: &ClientContext, host: Option<&str>) -> Result<Self, TlsError> {
        let host = host.map(str::to_owned);
        let stream = Self::new(&context.context, context.identity().to_owned(), host, true, false)?;
        // SAFETY: a new SSL of ours.
        unsafe { SSL_set_connect_state(stream.ssl.as_ptr()) };
        Ok(stream)
    }

    fn new(
        context: &Context,
        identity: CString,
        host: Option<String>,
        as_client: bool,
        has_alternative: bool,
    ) -> Result<Self, TlsError> {
        let no_memory = || TlsError::Setup("OpenSSL has no memory".to_owned());
        // SAFETY: the context is alive, and the SSL holds a count of its own.
        let ssl = NonNull::new(unsafe { SSL_new(context.raw()) }).ok_or_else(no_memory)?;
        let handshake = Handshake {
            proof: RefCell::new(Some(context.proof.clone())),
            identity,
            host,
            has_alternative,
            is_for_alternative: Cell::new(false),
            refused: RefCell::new(None),
            chain_accepted: Cell::new(false),
            verdict: RefCell::new(None),
        };
        let stream = Self {
            ssl,
            pipe: NonNull::from(Box::leak(Box::default())),
            handshake: NonNull::from(Box::leak(Box::new(handshake))),
            side: Side {
                is_client: as_client,
                has_certificate: matches!(context.proof, Proof::Certificates(_)),
            },
            phase: Phase::FirstFlight,
            failed: false,
            place: 0,
            opening: None,
        };
        // SAFETY: pipe and handshake are freed after the SSL, in `drop`; references to the pipe end before
        // OpenSSL is called. SSL_set_bio takes the one count that we have, for both directions.
        unsafe {
            let bio = new_bio(stream.pipe).ok_or_else(no_memory)?;
            SSL_set_bio(ssl.as_ptr(), bio.as_ptr(), bio.as_ptr());
            if SSL_set_ex_data(ssl.as_ptr(), EX_DATA_SLOT, stream.handshake.as_ptr().cast()) != 1 {
                return Err(no_memory());
            }
        }
        Ok(stream)
    }

    /// Takes ciphertext from the peer.
    pub fn feed(&mut self, ciphertext: &[u8]) {
        if let Some(opening) = &mut self.opening {
            opening.feed(ciphertext);
        }
        // SAFETY: OpenSSL is not running, so this is the only reference.
        unsafe { self.pipe.as_mut() }.feed(ciphertext);
    }

    /// Ciphertext for the peer. Tell by [`Stream::sent`] how much of it has been passed on.
    pub fn output(&self) -> &[u8] {
        // SAFETY: OpenSSL is not running, and the borrow of self keeps it from running.
        unsafe { self.pipe.as_ref() }.output()
    }

    /// The first `count` bytes of the output were passed on, or are not wanted.
    pub fn sent(&mut self, count: usize) {
        // SAFETY: OpenSSL is not running, so this is the only reference.
        unsafe { self.pipe.as_mut() }.sent(count);
    }

    /// Moves ciphertext for the peer to the end of `buffer`.
    pub fn take_output(&mut self, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(self.output());
        self.sent(self.output().len());
    }

    /// Has part of a record arrived? Meaningful once a read has answered [`Received::Pending`].
    pub fn has_partial_record(&self) -> bool {
        // SAFETY: as in `output`; a live SSL.
        unsafe { self.pipe.as_ref().has_input() || SSL_has_pending(self.ssl.as_ptr()) == 1 }
    }

    /// Goes on with the handshake as far as the input reaches, with the context that is in use.
    pub(super) fn advance(&mut self) -> Result<Progress, TlsError> {
        self.usable()?;
        // SAFETY: a live SSL, used by one thread.
        let result = unsafe {
            ERR_clear_error();
            SSL_do_handshake(self.ssl.as_ptr())
        };
        if result == 1 {
            self.require_proof()?;
            self.phase = Phase::Established;
            // SAFETY: shared use only; the callbacks are not running.
            drop(unsafe { self.handshake.as_ref() }.proof.take());
            return Ok(Progress::Done);
        }
        match self.ssl_error(result) {
            SSL_ERROR_WANT_READ => {
                if self.peer_was_understood() {
                    self.phase = Phase::Handshake;
                }
                Ok(Progress::Pending)
            }
            SSL_ERROR_WANT_CLIENT_HELLO_CB => Ok(Progress::Pending),
            SSL_ERROR_ZERO_RETURN => {
                self.fail();
                Err(if self.side.has_certificate { TlsError::EndedByPeer } else { TlsError::EndedHandshake })
            }
            _ => Err(self.fail()),
        }
    }

    /// Reads at most one record, and hands it to `take` if there was one.
    pub fn read(&mut self, take: impl FnOnce(&[u8])) -> Result<Received, TlsError> {
        self.usable()?;
        // OpenSSL would find that out too, at the price of a small record.
        if !self.has_partial_record() {
            return Ok(Received::Pending);
        }
        // Not cleared: that would cost more than most records.
        let mut record = [MaybeUninit::<u8>::uninit(); MAX_RECORD_LEN];
        let mut count = 0;
        forget_errors();
        // SAFETY: a live SSL; the buffer is as long as said.
        let result = unsafe {
            SSL_read_ex(self.ssl.as_ptr(), record.as_mut_ptr().cast(), record.len(), &raw mut count)
        };
        if result == 1 {
            // SAFETY: OpenSSL has written the first `count` bytes, never more than it was given room for.
            take(unsafe { std::slice::from_raw_parts(record.as_ptr().cast(), count) });
            return Ok(Received::Data(count));
        }
        match self.ssl_error(result) {
            SSL_ERROR_WANT_READ => Ok(Received::Pending),
            SSL_ERROR_ZERO_RETURN => Ok(Received::Closed),
            _ => Err(self.fail()),
        }
    }

    /// Makes one record of `plaintext`, 1 to [`MAX_RECORD_LEN`] bytes.
    pub fn write_record(&mut self, plaintext: &[u8]) -> Result<(), TlsError> {
        self.usable()?;
        if plaintext.is_empty() || plaintext.len() > MAX_RECORD_LEN {
            return Err(TlsError::Other(format!("{} bytes are no record", plaintext.len())));
        }
        let mut count = 0;
        forget_errors();
        // SAFETY: a live SSL; the plaintext is as long as said.
        let result = unsafe {
            SSL_write_ex(self.ssl.as_ptr(), plaintext.as_ptr().cast(), plaintext.len(), &raw mut count)
        };
        // Our BIO takes everything, so anything but all is a failure.
        if result == 1 && count == plaintext.len() { Ok(()) } else { Err(self.fail()) }
    }

    /// Tells the peer that nothing more comes (close_notify).
    pub fn shutdown(&mut self) {
        if self.phase == Phase::Established && !self.failed {
            // SAFETY: a live SSL whose handshake is finished and that has not failed, as OpenSSL demands.
            unsafe {
                ERR_clear_error();
                SSL_shutdown(self.ssl.as_ptr());
            }
        }
    }

    /// Is the handshake finished?
    pub fn is_established(&self) -> bool {
        self.phase == Phase::Established
    }

    /// The version, once agreed on.
    pub fn version(&self) -> TlsVersion {
        // SAFETY: a live SSL.
        match unsafe { SSL_version(self.ssl.as_ptr()) } {
            TLS1_2_VERSION => TlsVersion::Tls12,
            _ => TlsVersion::Tls13,
        }
    }

    /// OpenSSL's name of the cipher suite, once agreed on.
    pub fn cipher(&self) -> &'static str {
        // SAFETY: a live SSL; ciphers and their names are static.
        unsafe {
            let cipher = SSL_get_current_cipher(self.ssl.as_ptr());
            if cipher.is_null() {
                return "none";
            }
            CStr::from_ptr(SSL_CIPHER_get_name(cipher)).to_str().unwrap_or("unknown")
        }
    }

    /// What people need to know of the peer's certificate; None: there is none.
    pub fn peer_certificate(&self) -> Option<About> {
        // SAFETY: a live SSL; the certificate is counted for us, and given back after it was read.
        unsafe {
            let certificate = SSL_get1_peer_certificate(self.ssl.as_ptr());
            if certificate.is_null() {
                return None;
            }
            let about = About::of(certificate);
            X509_free(certificate);
            Some(about)
        }
    }

    /// Do certificates prove who the two sides are?
    pub fn uses_certificates(&self) -> bool {
        self.side.has_certificate
    }

    /// Which of a server's credentials the peer was accepted with: 0 for the first.
    pub fn credential_place(&self) -> usize {
        self.place
    }

    /// Does the client offer a proof of the other kind, for which there is another context?
    pub(super) fn is_for_another_kind(&self) -> bool {
        // SAFETY: shared use only; the callbacks are not running.
        unsafe { self.handshake.as_ref() }.is_for_alternative.get()
    }

    fn require_proof(&mut self) -> Result<(), TlsError> {
        if !self.side.has_certificate {
            return self.require_key();
        }
        // SAFETY: shared use only; the callbacks are not running.
        let accepted = unsafe { self.handshake.as_ref() }.chain_accepted.get();
        if accepted {
            return Ok(());
        }
        self.failed = true;
        Err(TlsError::CertificateMissing)
    }

    /// At TLS 1.3 a server could go on with a certificate instead of the key. OpenSSL calls a session that
    /// stands on a pre-shared key reused. (At TLS 1.2 only PSK suites are allowed.)
    fn require_key(&mut self) -> Result<(), TlsError> {
        // SAFETY: a live SSL.
        let with_key = unsafe { SSL_session_reused(self.ssl.as_ptr()) } == 1;
        if self.version() == TlsVersion::Tls13 && !with_key {
            self.failed = true;
            return Err(TlsError::IdentityUnknown);
        }
        Ok(())
    }

    /// Did the peer's first flight make sense? A server has answered it, a client knows the cipher.
    fn peer_was_understood(&mut self) -> bool {
        if self.side.is_client {
            // SAFETY: a live SSL.
            return !unsafe { SSL_get_current_cipher(self.ssl.as_ptr()) }.is_null();
        }
        !self.output().is_empty()
    }

    fn usable(&self) -> Result<(), TlsError> {
        if self.failed { Err(TlsError::Other("the connection has failed before".to_owned())) } else { Ok(()) }
    }

    fn ssl_error(&self, result: c_int) -> c_int {
        // SAFETY: a live SSL, right after the call that gave `result`.
        unsafe { SSL_get_error(self.ssl.as_ptr(), result) }
    }

    fn fail(&mut self) -> TlsError {
        self.failed = true;
        let error = queued_error(self.phase, self.side);
        // SAFETY: shared use only; the callbacks are not running.
        let handshake = unsafe { self.handshake.as_ref() };
        drop(handshake.proof.take());
        match (handshake.refused.take(), handshake.verdict.take()) {
            (Some(identity), _) => TlsError::IdentityRefused(identity),
            // Without certificates of our own one of the peer's is no proof, whoever has made it.
            (None, Some(reason)) if self.side.has_certificate => TlsError::CertificateRefused(reason),
            (None, _) => error,
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: all three are owned; the SSL goes first, since its BIO and slot point to the others.
        unsafe {
            SSL_free(self.ssl.as_ptr());
            drop(Box::from_raw(self.pipe.as_ptr()));
            drop(Box::from_raw(self.handshake.as_ptr()));
        }
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("phase", &self.phase).field("failed", &self.failed).finish()
    }
}
