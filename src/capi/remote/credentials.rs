// SPDX-License-Identifier: LGPL-2.1-or-later
//! What TLS sessions are made with. Pacemaker 3.0's programs share it between the sessions of a kind; those of 2.1 make
//! their own, but for the Diffie-Hellman parameters.

use std::ffi::{CStr, c_int, c_uint, c_void};
use std::ptr;

use super::{certificates, settings};
use crate::capi::abi;
use crate::capi::abi::layout::TlsChoice;
use crate::capi::abi::remote::Tls;
use crate::capi::entry::entry;
use crate::model::options::{self, ClusterOption};
use crate::sys::cmem;
use crate::sys::gnutls::{self, Datum, Functions, Object, credentials};

/// The name under which a key is used.
const USER: &CStr = c"lrmd";
/// Formats of certificates and keys: GnuTLS's numbers.
const DER: c_int = 0;
const RAW_KEY: c_int = 0;
const X509: c_int = 1;

entry! {
    /// Makes Diffie-Hellman parameters for a server, of a size between `PCMK_dh_min_bits` and `PCMK_dh_max_bits`. They
    /// are those of RFC 7919 where one of its groups fits; to find others can take minutes.
    ///
    /// Returns 0, EPROTO if GnuTLS refuses.
    ///
    /// # Safety
    /// `dh_params` may be written. The caller frees what is there with `gnutls_dh_params_deinit()`.
    pub unsafe fn pcmk__init_tls_dh(dh_params: *mut Object) -> c_int, failed = libc::EPROTO; {
        let Some(gnutls) = gnutls::functions() else { return libc::EPROTO };
        if dh_params.is_null() {
            return libc::EINVAL;
        }
        match logged_parameters(gnutls) {
            Ok(made) => {
                // SAFETY: the caller's promise.
                unsafe { dh_params.write(made) };
                0
            }
            Err(code) => code,
        }
    }
}

/// # Errors
/// EPROTO: GnuTLS refuses, which was logged.
fn logged_parameters(gnutls: &Functions) -> Result<Object, c_int> {
    parameters(gnutls).map_err(|code| {
        log::error!("Could not make Diffie-Hellman parameters for TLS: {}", gnutls.words(code));
        libc::EPROTO
    })
}

fn parameters(gnutls: &Functions) -> Result<Object, c_int> {
    const DIFFIE_HELLMAN: c_int = 3;
    const MEDIUM: c_int = 35;
    let checked = |code: c_int| if code == 0 { Ok(()) } else { Err(code) };
    let mut made: Object = ptr::null_mut();
    // SAFETY: a place for the answer; the parameters are then filled once, with data of GnuTLS's that lives for ever,
    // and given back if that fails.
    unsafe {
        checked((gnutls.dh_params_init)(&raw mut made))?;
        let bits = bounded((gnutls.sec_param_to_pk_bits)(DIFFIE_HELLMAN, MEDIUM));
        let filled = match gnutls::known_group(bits) {
            Some((prime, generator)) => (gnutls.dh_params_import_raw)(made, prime, generator),
            None => (gnutls.dh_params_generate2)(made, bits),
        };
        if filled != 0 {
            (gnutls.dh_params_deinit)(made);
        }
        checked(filled)?;
    }
    Ok(made)
}

fn bounded(bits: c_uint) -> c_uint {
    let least = settings::number(&options::DH_MIN_BITS).unwrap_or(0);
    let most = settings::number(&options::DH_MAX_BITS).filter(|most| *most > 0 && *most >= least);
    bits.max(least).min(most.unwrap_or(c_uint::MAX))
}

entry! {
    /// Makes what the sessions of one kind share, if `tls` points to NULL: for a server or a client, with certificates
    /// (whose files the environment names), a shared key or nothing. SIGPIPE is ignored from then on.
    ///
    /// Which of these: up to 3.0.1 `choice` is GnuTLS's number of the kind. From 3.0.2 on it is a bool, whether there
    /// is a shared key, and certificates come first where they are configured.
    ///
    /// Returns 0, EPROTO without Diffie-Hellman parameters, ENODATA if a certificate cannot be used, ENOMEM, ENOTSUP
    /// without GnuTLS.
    ///
    /// # Safety
    /// `tls` points to NULL or to what this function made. The caller frees it with `pcmk__free_tls()`.
    pub unsafe fn pcmk__init_tls(
        tls: *mut *mut Tls,
        server: bool,
        choice: c_int,
    ) -> c_int, failed = libc::EPROTO; {
        // SAFETY: the caller's promise.
        if tls.is_null() || !unsafe { *tls }.is_null() {
            return if tls.is_null() { libc::EINVAL } else { 0 };
        }
        crate::capi::logging::install();
        let Some(gnutls) = gnutls::functions() else { return libc::ENOTSUP };
        // SAFETY: ignoring a signal harms nobody; the other takes nothing.
        unsafe {
            libc::signal(libc::SIGPIPE, libc::SIG_IGN);
            (gnutls.global_init)();
        }
        let made = cmem::new(Tls {
            server,
            dh_params: ptr::null_mut(),
            cred_type: kind(abi::layout().tls_choice, choice, settings::certificates().is_some()),
            ca_file: ptr::null(),
            cert_file: ptr::null(),
            crl_file: ptr::null(),
            key_file: ptr::null(),
            credentials: ptr::null_mut(),
        });
        // SAFETY: just made, and nothing else refers to it yet.
        let result = unsafe { fill(&mut *made, gnutls) };
        // SAFETY: the caller's promise; what is not given away is freed.
        unsafe {
            match result {
                Ok(()) => tls.write(made),
                Err(_) => free_tls(made),
            }
        }
        result.err().unwrap_or(0)
    }
}

/// The kind of credentials that a caller of `pcmk__init_tls()` wants.
fn kind(meaning: TlsChoice, choice: c_int, certificates: bool) -> c_int {
    // C sets no more than the byte of a bool.
    let have_key = choice & 0xFF != 0;
    match meaning {
        TlsChoice::Kind => choice,
        TlsChoice::HaveKey if certificates => credentials::CERTIFICATE,
        TlsChoice::HaveKey if have_key => credentials::PSK,
        TlsChoice::HaveKey => credentials::ANON,
    }
}

fn fill(tls: &mut Tls, gnutls: &Functions) -> Result<(), c_int> {
    if tls.server {
        tls.dh_params = logged_parameters(gnutls)?;
    }
    let place = &raw mut tls.credentials;
    let dh = tls.dh_params;
    // SAFETY: a place for what is allocated, and then that with the parameters that live as long.
    let code = unsafe {
        match (tls.cred_type, tls.server) {
            (credentials::PSK, true) => allocated((gnutls.psk_allocate_server_credentials)(place), || {
                (gnutls.psk_set_server_dh_params)(*place, dh);
            }),
            (credentials::PSK, false) => (gnutls.psk_allocate_client_credentials)(place),
            (credentials::ANON, true) => allocated((gnutls.anon_allocate_server_credentials)(place), || {
                (gnutls.anon_set_server_dh_params)(*place, dh);
            }),
            (credentials::ANON, false) => (gnutls.anon_allocate_client_credentials)(place),
            (credentials::CERTIFICATE, server) => {
                allocated((gnutls.certificate_allocate_credentials)(place), || {
                    if server {
                        (gnutls.certificate_set_dh_params)(*place, dh);
                    }
                })
            }
            _ => 0,
        }
    };
    if code != 0 {
        return Err(libc::ENOMEM);
    }
    if tls.cred_type == credentials::CERTIFICATE { load_certificate(tls, gnutls) } else { Ok(()) }
}

fn allocated(code: c_int, then: impl FnOnce()) -> c_int {
    if code == 0 {
        then();
    }
    code
}

fn load_certificate(tls: &mut Tls, gnutls: &Functions) -> Result<(), c_int> {
    // Upstream's point into the environment; ours are copies, which `free_tls` frees.
    let file = |option: &ClusterOption| {
        settings::x509_file(option).map_or(ptr::null(), |file| file.into_raw().cast_const())
    };
    (tls.ca_file, tls.cert_file) = (file(&options::CA_FILE), file(&options::CERT_FILE));
    (tls.crl_file, tls.key_file) = (file(&options::CRL_FILE), file(&options::KEY_FILE));
    certificates::attach(gnutls, tls.credentials, tls.server).map_err(|problem| {
        log::error!("{problem}");
        libc::ENODATA
    })
}

entry! {
    /// Frees what sessions share; after the last of them. NULL is allowed.
    ///
    /// # Safety
    /// `tls` is NULL or came from `pcmk__init_tls()`, and is not used afterwards.
    pub unsafe fn pcmk__free_tls(tls: *mut Tls) {
        // SAFETY: the caller's promise.
        unsafe { free_tls(tls) }
    }
}

/// # Safety
/// As for `pcmk__free_tls()`.
unsafe fn free_tls(tls: *mut Tls) {
    // SAFETY: the caller's promise.
    let (Some(shared), Some(gnutls)) = (unsafe { tls.as_ref() }, gnutls::functions()) else { return };
    // SAFETY: each was allocated as what it is freed as, once; the strings are ours.
    unsafe {
        if !shared.credentials.is_null() {
            match (shared.cred_type, shared.server) {
                (credentials::PSK, true) => (gnutls.psk_free_server_credentials)(shared.credentials),
                (credentials::PSK, false) => (gnutls.psk_free_client_credentials)(shared.credentials),
                (credentials::ANON, true) => (gnutls.anon_free_server_credentials)(shared.credentials),
                (credentials::ANON, false) => (gnutls.anon_free_client_credentials)(shared.credentials),
                _ => {
                    certificates::detach(shared.credentials);
                    (gnutls.certificate_free_credentials)(shared.credentials);
                }
            }
        }
        if !shared.dh_params.is_null() {
            (gnutls.dh_params_deinit)(shared.dh_params);
        }
        for file in [shared.ca_file, shared.cert_file, shared.crl_file, shared.key_file] {
            if !file.is_null() {
                drop(std::ffi::CString::from_raw(file.cast_mut()));
            }
        }
        cmem::free(tls);
        (gnutls.global_deinit)();
    }
}

entry! {
    /// Has a server's sessions ask `callback` for the key of a peer.
    ///
    /// # Safety
    /// `tls` is NULL or a server's with a shared key; `callback` is a `gnutls_psk_server_credentials_function`.
    pub unsafe fn pcmk__tls_add_psk_callback(tls: *mut Tls, callback: *mut c_void) {
        // SAFETY: the caller's promise.
        let (Some(shared), Some(gnutls)) = (unsafe { tls.as_ref() }, gnutls::functions()) else { return };
        // SAFETY: credentials of that kind, and the caller's own function.
        unsafe { (gnutls.psk_set_server_credentials_function)(shared.credentials, callback) };
    }
}

entry! {
    /// Has a client's sessions use this key, which GnuTLS copies.
    ///
    /// # Safety
    /// `tls` is NULL or a client's with a shared key; `key` is NULL or a `gnutls_datum_t`.
    pub unsafe fn pcmk__tls_add_psk_key(tls: *mut Tls, key: *const Datum) {
        // SAFETY: the caller's promise.
        let (Some(shared), Some(gnutls)) = (unsafe { tls.as_ref() }, gnutls::functions()) else { return };
        if !key.is_null() {
            // SAFETY: credentials of that kind, a literal, and the caller's key.
            unsafe { (gnutls.psk_set_client_credentials)(shared.credentials, USER.as_ptr(), key, RAW_KEY) };
        }
    }
}

entry! {
    /// Warns in the log if the certificate of our side expires within 30 days.
    ///
    /// # Safety
    /// `session` is NULL or a GnuTLS session.
    pub unsafe fn pcmk__tls_check_cert_expiration(session: Object) {
        const SOON: libc::time_t = 30 * 24 * 3600;
        let Some(gnutls) = gnutls::functions().filter(|_| !session.is_null()) else { return };
        // SAFETY: a living session; its certificate is read at once, and what is made here is given back.
        unsafe {
            if (gnutls.certificate_type_get)(session) != X509 {
                return;
            }
            let ours = (gnutls.certificate_get_ours)(session);
            let mut certificate: Object = ptr::null_mut();
            if ours.is_null() || (gnutls.x509_crt_init)(&raw mut certificate) != 0 {
                return;
            }
            if (gnutls.x509_crt_import)(certificate, ours, DER) == 0 {
                let expires = (gnutls.x509_crt_get_expiration_time)(certificate);
                let left = expires - libc::time(ptr::null_mut());
                if expires != -1 && left <= SOON {
                    match left / (24 * 3600) {
                        _ if left < 0 => log::error!("The TLS certificate of this node has expired: peers refuse it"),
                        days => log::warn!("The TLS certificate of this node expires in {days} days"),
                    }
                }
            }
            (gnutls.x509_crt_deinit)(certificate);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_third_argument_is_a_kind_or_whether_there_is_a_key() {
        use credentials::{ANON, CERTIFICATE, PSK};
        for choice in [ANON, CERTIFICATE, PSK] {
            assert_eq!(kind(TlsChoice::Kind, choice, true), choice);
        }
        assert_eq!(kind(TlsChoice::HaveKey, 1, true), CERTIFICATE);
        assert_eq!(kind(TlsChoice::HaveKey, 1, false), PSK);
        // What stands above the byte is not the caller's.
        assert_eq!(kind(TlsChoice::HaveKey, c_int::from_le_bytes([0, 1, 1, 1]), false), ANON);
    }
}
