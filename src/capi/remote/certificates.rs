// SPDX-License-Identifier: LGPL-2.1-or-later
//! What GnuTLS's sessions show, and how they judge. Files are read, checked, followed and judged by as everywhere in this
//! program; GnuTLS is given what is in use when a handshake comes to it. So long-lived programs need no restart.

use std::collections::BTreeMap;
use std::ffi::{c_int, c_uint, c_void};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{mem, ptr};

use nix::sys::socket::{SockaddrStorage, getpeername};

use super::settings;
use crate::driver::client::{KeyProblem, Keys, strictness_of_environment};
use crate::model::options::{self, TRANSPORT};
use crate::sys::gnutls::{self, Datum, Functions, Object, Shown, credentials};
use crate::sys::unwind::guard;
use crate::sys::x509::{CertificateSet, Refused, Role};

/// GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR.
pub(super) const REFUSED: c_int = -348;
/// Of a callback: GnuTLS gives the handshake up.
const FAILED: c_int = -1;
/// GNUTLS_X509_FMT_DER.
const DER: c_int = 0;

/// The certificates of one of GnuTLS's credentials.
struct Certificates {
    keys: Keys,
    /// The last set that GnuTLS could read.
    shown: Mutex<Arc<CertificateSet>>,
}

/// By the address of the credentials, as callbacks know no more.
static ALL: Mutex<BTreeMap<usize, Arc<Certificates>>> = Mutex::new(BTreeMap::new());

fn all() -> MutexGuard<'static, BTreeMap<usize, Arc<Certificates>>> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has these credentials show and judge by the certificates that the environment names.
///
/// # Errors
/// Which file or option cannot be used, and why.
pub(super) fn attach(gnutls: &Functions, credentials: Object, server: bool) -> Result<(), String> {
    let Some(files) = settings::certificates() else {
        return Err("X.509 needs PCMK_ca_file, PCMK_cert_file and PCMK_key_file".to_owned());
    };
    let told = |problem: KeyProblem| problem.to_string();
    let strictness = strictness_of_environment(TRANSPORT).map_err(told)?;
    let priorities = settings::option(&options::TLS_PRIORITIES).unwrap_or_default();
    let keys = Keys::with_strict_certificates(files, &priorities.to_string_lossy(), strictness);
    let (set, _) = keys.certificates().map_err(told)?;
    drop(Import::new(gnutls, &set).map_err(|code| unreadable(gnutls, &set, code))?);
    let certificates = Arc::new(Certificates { keys, shown: Mutex::new(set) });
    all().insert(credentials.expose_provenance(), certificates);
    let verify = if server { verify_client } else { verify_server };
    // SAFETY: new credentials; the functions live for ever.
    unsafe {
        (gnutls.certificate_set_retrieve_function3)(credentials, Some(retrieve));
        (gnutls.certificate_set_verify_function)(credentials, Some(verify));
    }
    Ok(())
}

/// Forgets these credentials, which are about to be freed.
pub(super) fn detach(credentials: Object) {
    all().remove(&credentials.expose_provenance());
}

fn unreadable(gnutls: &Functions, set: &CertificateSet, code: c_int) -> String {
    format!("GnuTLS cannot use the certificate {}: {}", set.label, gnutls.words(code))
}

/// The certificates of a session.
///
/// # Safety
/// `session` is living.
unsafe fn of_session(gnutls: &Functions, session: Object) -> Option<Arc<Certificates>> {
    let mut found: Object = ptr::null_mut();
    // SAFETY: the caller's promise, and a place for the answer.
    let code = unsafe { (gnutls.credentials_get)(session, credentials::CERTIFICATE, &raw mut found) };
    if code == 0 { all().get(&found.expose_provenance()).cloned() } else { None }
}

/// A chain and its key as GnuTLS's objects, in memory of GnuTLS's. What is not given away is freed.
struct Import<'a> {
    gnutls: &'a Functions,
    shown: *mut Shown,
    count: c_uint,
    key: Object,
}

impl<'a> Import<'a> {
    /// # Errors
    /// GnuTLS's code.
    fn new(gnutls: &'a Functions, set: &CertificateSet) -> Result<Self, c_int> {
        const NO_MEMORY: c_int = -25;
        let checked = |code: c_int| if code == 0 { Ok(()) } else { Err(code) };
        let room = set.chain.len().saturating_mul(size_of::<Shown>());
        let shown = gnutls::allocate(room).ok_or(NO_MEMORY)?.cast::<Shown>();
        let mut import = Self { gnutls, shown, count: 0, key: ptr::null_mut() };
        for certificate in &set.chain {
            let mut der = certificate.der().ok_or(NO_MEMORY)?;
            let datum = datum(&mut der);
            // SAFETY: there is room for as many as there are; one that could not be imported is not counted.
            unsafe {
                let place = import.shown.add(import.count as usize);
                place.write(Shown::EMPTY);
                checked((gnutls.pcert_import_x509_raw)(place, &raw const datum, DER, 0))?;
            }
            import.count += 1;
        }
        let mut key = set.key.pkcs8().ok_or(NO_MEMORY)?;
        let datum = datum(&mut key);
        // SAFETY: a place for the key, and bytes that live during the call.
        unsafe {
            checked((gnutls.privkey_init)(&raw mut import.key))?;
            checked((gnutls.privkey_import_x509_raw)(import.key, &raw const datum, DER, ptr::null(), 0))?;
        }
        Ok(import)
    }

    /// What GnuTLS takes over.
    fn into_parts(mut self) -> (*mut Shown, c_uint, Object) {
        (
            mem::replace(&mut self.shown, ptr::null_mut()),
            mem::take(&mut self.count),
            mem::replace(&mut self.key, ptr::null_mut()),
        )
    }
}

impl Drop for Import<'_> {
    fn drop(&mut self) {
        // SAFETY: made here and not yet handed over; so many are filled.
        unsafe {
            for index in 0..self.count as usize {
                (self.gnutls.pcert_deinit)(self.shown.add(index));
            }
            if !self.shown.is_null() {
                gnutls::free(self.shown.cast());
            }
            if !self.key.is_null() {
                (self.gnutls.privkey_deinit)(self.key);
            }
        }
    }
}

fn datum(bytes: &mut [u8]) -> Datum {
    Datum { data: bytes.as_mut_ptr(), size: c_uint::try_from(bytes.len()).unwrap_or(0) }
}

impl Certificates {
    /// What is in use now; the last set that GnuTLS could read, if it cannot read this one.
    fn import<'a>(&self, gnutls: &'a Functions) -> Result<Import<'a>, String> {
        let (set, _) = self.keys.certificates().map_err(|problem| problem.to_string())?;
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        match Import::new(gnutls, &set) {
            Ok(import) => {
                *shown = set;
                Ok(import)
            }
            Err(code) => {
                let problem = unreadable(gnutls, &set, code);
                log::error!("{problem}; the one from before stays in use");
                Import::new(gnutls, &shown).map_err(|_| problem)
            }
        }
    }
}

/// Gives GnuTLS what a session shows, whatever authorities the peer names.
unsafe extern "C" fn retrieve(
    session: Object,
    _about: *const c_void,
    shown: *mut *mut Shown,
    count: *mut c_uint,
    stapled: *mut *mut c_void,
    stapled_count: *mut c_uint,
    key: *mut Object,
    flags: *mut c_uint,
) -> c_int {
    /// The session frees all of it.
    const DEINIT_ALL: c_uint = 1;
    guard(FAILED, || {
        let Some(gnutls) = gnutls::functions() else { return FAILED };
        // SAFETY: GnuTLS calls this with a living session.
        let Some(certificates) = (unsafe { of_session(gnutls, session) }) else { return FAILED };
        let import = match certificates.import(gnutls) {
            Ok(import) => import,
            Err(problem) => {
                log::error!("{problem}");
                return FAILED;
            }
        };
        let (chain, length, private) = import.into_parts();
        // SAFETY: GnuTLS's places for the answers.
        unsafe {
            shown.write(chain);
            count.write(length);
            stapled.write(ptr::null_mut());
            stapled_count.write(0);
            key.write(private);
            flags.write(DEINIT_ALL);
        }
        0
    })
}

/// Lets in a client whose certificates are accepted.
unsafe extern "C" fn verify_client(session: Object) -> c_int {
    // SAFETY: GnuTLS calls this with the session whose peer it is about.
    guard(REFUSED, || unsafe { verify(session, Role::Client) })
}

/// The same for a server.
unsafe extern "C" fn verify_server(session: Object) -> c_int {
    // SAFETY: as above.
    guard(REFUSED, || unsafe { verify(session, Role::Server) })
}

/// # Safety
/// `session` is living, and its peer has shown its certificates.
unsafe fn verify(session: Object, role: Role) -> c_int {
    const FATAL: c_int = 2;
    let Some(gnutls) = gnutls::functions() else { return REFUSED };
    // SAFETY: the caller's promise.
    unsafe {
        let Err(refused) = judge(gnutls, session, role) else { return 0 };
        log::error!("A peer's certificate is refused: {}", refused.reason);
        // GnuTLS sends none by itself. A peer that is gone is told in vain.
        (gnutls.alert_send)(session, FATAL, c_int::from(refused.alert));
    }
    REFUSED
}

/// Judges the peer as with OpenSSL on our side. A server has no name here: programs connect the socket themselves. So its
/// address has to be in its certificate, where that is demanded.
///
/// # Safety
/// As for [`verify`].
unsafe fn judge(gnutls: &Functions, session: Object, role: Role) -> Result<(), Refused> {
    const INTERNAL_ERROR: u8 = 80;
    let ours = |reason: String| Refused { reason, alert: INTERNAL_ERROR };
    let mut count = 0;
    // SAFETY: the caller's promise; GnuTLS's certificates live as long as the session.
    let (certificates, chain, address) = unsafe {
        let certificates = of_session(gnutls, session).ok_or_else(|| ours("there is none of ours".into()))?;
        let first = (gnutls.certificate_get_peers)(session, &raw mut count);
        let count = if first.is_null() { 0 } else { count as usize };
        let bytes = |datum: &Datum| std::slice::from_raw_parts(datum.data, datum.size as usize);
        let shown = if count == 0 { &[] } else { std::slice::from_raw_parts(first, count) };
        let chain: Vec<&[u8]> = shown.iter().filter(|datum| !datum.data.is_null()).map(bytes).collect();
        (certificates, chain, peer_address((gnutls.transport_get_ptr)(session)))
    };
    let (set, strictness) = certificates.keys.certificates().map_err(|problem| ours(problem.to_string()))?;
    set.judge(&chain, &strictness, role, address.as_deref())
}

/// The address of a session's peer; `socket` is what GnuTLS has for a pointer.
fn peer_address(socket: *mut c_void) -> Option<String> {
    let socket = c_int::try_from(socket as isize).ok()?;
    let address: SockaddrStorage = getpeername(socket).ok()?;
    match (address.as_sockaddr_in(), address.as_sockaddr_in6()) {
        (Some(address), _) => Some(address.ip().to_string()),
        (None, Some(address)) => Some(address.ip().to_canonical().to_string()),
        (None, None) => None,
    }
}
