// SPDX-License-Identifier: LGPL-2.1-or-later
//! What all connections of one role share: the key or the certificates, and the policy.
use super::credential::Credential;
use super::error::{TlsError, queued_text};
use super::policy::{Policy, TlsVersion};
use super::proof::Proof;
use super::psk::{IDENTITY, Secret};
use super::{callbacks, dh};
use crate::sys::longpsk::{PROPERTY_QUERY, SSL_CTX_new_ex, library_context};
use crate::sys::x509::{CertificateSet, Judge, Role, Strictness, prepare};
use libc::c_int;
use openssl_sys::*;
use std::ffi::{CStr, CString};
use std::ptr::{self, NonNull};
use std::sync::Arc;

/// SSL_OP_ALLOW_NO_DHE_KEX, which openssl-sys lacks.
const ALLOW_NO_DHE_KEX: u64 = 1 << 10;
/// SSL_MODE_NO_AUTO_CHAIN, which it lacks, too: what is sent is what the file holds. Otherwise each handshake would build,
/// and verify, a chain from the authorities that we trust.
const NO_AUTO_CHAIN: libc::c_long = 0x8;
/// At least 112 bits: Diffie-Hellman groups of 2048 bits and more. The policy may ask for more. With certificates it alone
/// says it.
const LEVEL_WITH_KEY: c_int = 2;

struct OwnedContext(NonNull<SSL_CTX>);
// SAFETY: an SSL_CTX is counted and locked by OpenSSL; ours is never changed after it was made.
unsafe impl Send for OwnedContext {}
// SAFETY: as above.
unsafe impl Sync for OwnedContext {}

impl Drop for OwnedContext {
    fn drop(&mut self) {
        // SAFETY: we own one count.
        unsafe { SSL_CTX_free(self.0.as_ptr()) }
    }
}

/// The common part of both roles.
pub(super) struct Context {
    context: OwnedContext,
    pub(super) proof: Proof,
}

impl Context {
    pub(super) fn raw(&self) -> *mut SSL_CTX {
        self.context.0.as_ptr()
    }

    /// Where it was made; NULL: in OpenSSL's own library context.
    fn library(&self) -> *mut OSSL_LIB_CTX {
        match &self.proof {
            Proof::Key(secret) if secret.is_long() => library_context().unwrap_or(std::ptr::null_mut()),
            _ => std::ptr::null_mut(),
        }
    }

    fn new(
        credential: Credential<'_>,
        policy: &Policy,
        method: *const SSL_METHOD,
        peer: Role,
    ) -> Result<Self, TlsError> {
        let unavailable = |error: crate::sys::longpsk::Unavailable| TlsError::Setup(error.0.to_owned());
        let (proof, level) = match credential {
            Credential::Key(psk) => {
                let secret = Secret::new(psk).map_err(unavailable)?;
                (Proof::Key(Arc::new(secret)), policy.strictness.security_level.max(LEVEL_WITH_KEY))
            }
            Credential::Certificates(set) => {
                let judge = Judge::new(&set.lists, policy.strictness.clone(), peer);
                (Proof::Certificates(Arc::new(judge)), policy.strictness.security_level)
            }
        };
        let library = match &proof {
            Proof::Key(secret) if secret.is_long() => Some(library_context().map_err(unavailable)?),
            _ => None,
        };
        // SAFETY: the method is one of OpenSSL's own, the library context lives as long as the process.
        let raw = unsafe {
            ERR_clear_error();
            match library {
                Some(library) => SSL_CTX_new_ex(library, PROPERTY_QUERY.as_ptr(), method),
                None => SSL_CTX_new(method),
            }
        };
        let context = OwnedContext(NonNull::new(raw).ok_or_else(|| setup("cannot make a TLS context"))?);
        apply(&context, policy, level)?;
        if let Credential::Certificates(set) = credential {
            trust(&context, set, &policy.strictness);
            present(&context, set)?;
        }
        Ok(Self { context, proof })
    }
}

/// Trusts the set's authorities alone, and has every peer's chain judged.
fn trust(context: &OwnedContext, set: &CertificateSet, strictness: &Strictness) {
    let raw = context.0.as_ptr();
    // SAFETY: plain settings on a context that we own and nobody uses yet. The store and the parameters are its own.
    unsafe {
        prepare(SSL_CTX_get_cert_store(raw), SSL_CTX_get0_param(raw), set, strictness);
        let mode = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
        SSL_CTX_set_verify(raw, mode, Some(callbacks::verify));
    }
}

/// Presents the set's chain. The security level stands over it as well.
fn present(context: &OwnedContext, set: &CertificateSet) -> Result<(), TlsError> {
    let raw = context.0.as_ptr();
    let refused = |what: &str| setup(&format!("{what} of {} cannot be used", set.label));
    let Some((own, issuers)) = set.chain.split_first() else { return Err(refused("the certificate")) };
    // SAFETY: a context that we own and nobody uses yet; it counts what it is given. An issuer of the chain is not
    // counted by it, so that it is given a count of its own.
    unsafe {
        if SSL_CTX_use_certificate(raw, own.as_ptr()) != 1 {
            return Err(refused("the certificate"));
        }
        for issuer in issuers {
            X509_up_ref(issuer.as_ptr());
            if SSL_CTX_add_extra_chain_cert(raw, issuer.as_ptr()) != 1 {
                X509_free(issuer.as_ptr());
                return Err(refused("an issuer"));
            }
        }
        if SSL_CTX_use_PrivateKey(raw, set.key.as_ptr()) != 1 || SSL_CTX_check_private_key(raw) != 1 {
            return Err(refused("the private key"));
        }
    }
    Ok(())
}

fn setup(what: &str) -> TlsError {
    TlsError::Setup(match queued_text() {
        Some(reason) => format!("{what}: {reason}"),
        None => what.to_owned(),
    })
}

fn version_number(version: TlsVersion) -> c_int {
    match version {
        TlsVersion::Tls12 => TLS1_2_VERSION,
        TlsVersion::Tls13 => TLS1_3_VERSION,
    }
}

fn c_text(text: &str) -> Result<CString, TlsError> {
    CString::new(text).map_err(|_| TlsError::Setup("a TLS setting holds a NUL".to_owned()))
}

fn apply(context: &OwnedContext, policy: &Policy, security_level: c_int) -> Result<(), TlsError> {
    let raw = context.0.as_ptr();
    let mut options = SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION;
    if policy.plain_psk {
        options |= ALLOW_NO_DHE_KEX;
    }
    if policy.server_precedence {
        options |= SSL_OP_CIPHER_SERVER_PREFERENCE;
    }
    // SAFETY: plain settings on a context that we own and nobody uses yet.
    unsafe {
        SSL_CTX_set_options(raw, options);
        SSL_CTX_set_security_level(raw, security_level);
        SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS | NO_AUTO_CHAIN);
        SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
    }
    let ciphers = c_text(&policy.cipher_list)?;
    let suites = c_text(&policy.ciphersuites)?;
    // SAFETY: as above; the texts outlive the calls.
    unsafe {
        if SSL_CTX_set_num_tickets(raw, 0) != 1
            || SSL_CTX_set_min_proto_version(raw, version_number(policy.min)) != 1
            || SSL_CTX_set_max_proto_version(raw, version_number(policy.max)) != 1
        {
            return Err(setup("cannot set the TLS versions"));
        }
        if policy.min == TlsVersion::Tls12 && SSL_CTX_set_cipher_list(raw, ciphers.as_ptr()) != 1 {
            return Err(setup("no TLS 1.2 cipher is left"));
        }
        if policy.max == TlsVersion::Tls13 && SSL_CTX_set_ciphersuites(raw, suites.as_ptr()) != 1 {
            return Err(setup("no TLS 1.3 cipher suite is left"));
        }
    }
    if let Some(groups) = &policy.groups {
        let groups = c_text(groups)?;
        // SAFETY: as above.
        if unsafe { SSL_CTX_set1_groups_list(raw, groups.as_ptr()) } != 1 {
            return Err(setup("no key exchange group is left"));
        }
    }
    if let Some(signatures) = &policy.signatures {
        let signatures = c_text(signatures)?;
        // SAFETY: as above.
        if unsafe { SSL_CTX_set1_sigalgs_list(raw, signatures.as_ptr()) } != 1 {
            return Err(setup("no signature algorithm is left"));
        }
    }
    Ok(())
}

/// Makes the accepting side of connections. Cheap to share, never changes.
#[derive(Clone)]
pub struct ServerContext(pub(super) Vec<Arc<Context>>);

impl ServerContext {
    /// A context that accepts identity `lrmd` with this key alone, or that shows the set's certificate, and accepts clients
    /// whose certificate its authorities vouch for.
    ///
    /// # Errors
    /// OpenSSL cannot use the credential or the policy.
    pub fn new<'a>(credential: impl Into<Credential<'a>>, policy: &Policy) -> Result<Self, TlsError> {
        let credential = credential.into();
        // SAFETY: a constant of OpenSSL.
        let context = Context::new(credential, policy, unsafe { TLS_server_method() }, Role::Client)?;
        // SAFETY: nobody uses the context yet, which was made in that library context.
        unsafe {
            if matches!(credential, Credential::Key(_)) {
                SSL_CTX_set_psk_server_callback(context.raw(), Some(callbacks::server));
            }
            dh::set_group(context.raw(), context.library());
            SSL_CTX_set_client_hello_cb(context.raw(), Some(callbacks::client_hello), ptr::null_mut());
        }
        Ok(Self(vec![Arc::new(context)]))
    }

    /// A context that accepts whom any of these accepts: keys first, in this order, then certificates. Each client is left to
    /// one of them, by what it offers. Of several keys those behind the first count at TLS 1.3 only: at TLS 1.2 a client
    /// proves its key when the server has long used one.
    ///
    /// # Errors
    /// There is none.
    pub fn any_of(contexts: impl IntoIterator<Item = Self>) -> Result<Self, TlsError> {
        let contexts: Vec<_> = contexts.into_iter().flat_map(|context| context.0).collect();
        if contexts.is_empty() {
            return Err(TlsError::Setup("there is neither a key nor a certificate".to_owned()));
        }
        Ok(Self(contexts))
    }
}

/// Makes the connecting side of connections. Cheap to share, never changes.
pub struct ClientContext {
    pub(super) context: Context,
    identity: CString,
    /// Our own certificate, as people call it.
    certificate: Option<String>,
}

impl ClientContext {
    /// A context that shows identity `lrmd` and this key, or the set's certificate; then it accepts servers whose
    /// certificate the set's authorities vouch for.
    ///
    /// # Errors
    /// OpenSSL cannot use the credential or the policy.
    pub fn new<'a>(credential: impl Into<Credential<'a>>, policy: &Policy) -> Result<Self, TlsError> {
        Self::with_identity(credential, policy, IDENTITY)
    }

    /// The same with another identity, which servers with a key should refuse.
    ///
    /// # Errors
    /// As [`ClientContext::new`].
    pub fn with_identity<'a>(
        credential: impl Into<Credential<'a>>,
        policy: &Policy,
        identity: &str,
    ) -> Result<Self, TlsError> {
        let credential = credential.into();
        // SAFETY: a constant of OpenSSL.
        let context = Context::new(credential, policy, unsafe { TLS_client_method() }, Role::Server)?;
        let certificate = match credential {
            Credential::Certificates(set) => Some(set.label.clone()),
            Credential::Key(_) => {
                // SAFETY: nobody uses the context yet.
                unsafe {
                    SSL_CTX_set_psk_client_callback(context.raw(), Some(callbacks::client));
                    // We trust no authority, so no certificate can ever stand in for the key.
                    SSL_CTX_set_verify(context.raw(), SSL_VERIFY_PEER, None);
                }
                None
            }
        };
        Ok(Self { context, identity: c_text(identity)?, certificate })
    }

    /// What people call the certificate that it shows; None: it uses a pre-shared key.
    pub fn certificate(&self) -> Option<&str> {
        self.certificate.as_deref()
    }

    pub(super) fn identity(&self) -> &CStr {
        &self.identity
    }
}

impl std::fmt::Debug for ServerContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerContext")
    }
}

impl std::fmt::Debug for ClientContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientContext")
    }
}
