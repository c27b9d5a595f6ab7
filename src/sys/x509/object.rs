// SPDX-License-Identifier: LGPL-2.1-or-later
//! Certificates, revocation lists and private keys of OpenSSL, owned.
use super::describe::{self, Time};
use super::ffi;
use super::strictness::Fingerprint;
use openssl_sys::*;
use std::fmt;
use std::ptr::{self, NonNull};
#[cfg(feature = "capi")]
use zeroize::Zeroizing;

/// What an owner of an object that OpenSSL counts needs.
macro_rules! owned {
    ($name:ident, $kind:ty, $free:ident) => {
        // SAFETY: OpenSSL counts and locks these objects; ours are never changed after they were read.
        unsafe impl Send for $name {}
        // SAFETY: as above.
        unsafe impl Sync for $name {}

        impl $name {
            /// # Safety
            /// `raw` is NULL, or an object of which the caller owns one count, which is ours from here on.
            pub(super) unsafe fn of(raw: *mut $kind) -> Option<Self> {
                NonNull::new(raw).map(Self)
            }

            pub(in crate::sys) fn as_ptr(&self) -> *mut $kind {
                self.0.as_ptr()
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                // SAFETY: we own one count.
                unsafe { $free(self.0.as_ptr()) }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    };
}

/// A certificate.
pub struct Certificate(NonNull<X509>);
owned!(Certificate, X509, X509_free);

/// A list of certificates that their issuer has revoked.
pub struct RevocationList(NonNull<X509_CRL>);
owned!(RevocationList, X509_CRL, X509_CRL_free);

/// The private key of a certificate. Never shown.
pub struct PrivateKey(NonNull<EVP_PKEY>);
owned!(PrivateKey, EVP_PKEY, EVP_PKEY_free);

/// What people need to know of a certificate, fit for a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Whose it is.
    pub subject: String,
    /// Who has signed it.
    pub issuer: String,
    /// Its number among the issuer's, in hexadecimal digits.
    pub serial: String,
    /// From when on it is valid; None: the date makes no sense.
    pub not_before: Option<Time>,
    /// Until when it is valid; None: the date makes no sense.
    pub not_after: Option<Time>,
    /// Kind and bits of its key when that is weak by today's measure.
    pub weak_key: Option<String>,
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, serial {}, issued by {}", self.subject, self.serial, self.issuer)?;
        match (self.not_before, self.not_after) {
            (Some(from), Some(until)) => write!(f, ", valid from {from} until {until}"),
            _ => f.write_str(", with dates that make no sense"),
        }
    }
}

impl About {
    /// # Safety
    /// `certificate` lives during the call.
    pub(in crate::sys) unsafe fn of(certificate: *mut X509) -> Self {
        // SAFETY: the caller's promise; parts of a certificate live as long as itself.
        unsafe {
            Self {
                subject: describe::name(X509_get_subject_name(certificate)),
                issuer: describe::name(X509_get_issuer_name(certificate)),
                serial: describe::serial(X509_get_serialNumber(certificate)),
                not_before: Time::of(ffi::X509_get0_notBefore(certificate)),
                not_after: Time::of(ffi::X509_get0_notAfter(certificate)),
                weak_key: weak_key(ffi::X509_get0_pubkey(certificate)),
            }
        }
    }
}

/// # Safety
/// `key` is NULL or lives during the call.
unsafe fn weak_key(key: *const EVP_PKEY) -> Option<String> {
    const LEAST_RSA_BITS: libc::c_int = 2048;
    if key.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    let (kind, bits) = unsafe { (EVP_PKEY_id(key), EVP_PKEY_bits(key)) };
    let is_rsa = kind == EVP_PKEY_RSA || kind == NID_rsassaPss;
    (is_rsa && bits < LEAST_RSA_BITS).then(|| format!("RSA with {bits} bits"))
}

impl Certificate {
    /// What people need to know of it.
    pub fn about(&self) -> About {
        // SAFETY: ours, so that it lives.
        unsafe { About::of(self.as_ptr()) }
    }

    /// Its bytes in DER form; None: there is no memory.
    #[cfg(feature = "capi")]
    pub(crate) fn der(&self) -> Option<Vec<u8>> {
        // SAFETY: ours; see `der`.
        unsafe { der(|to| i2d_X509(self.as_ptr(), to)) }
    }

    /// Does the key belong to it?
    pub fn fits(&self, key: &PrivateKey) -> bool {
        // SAFETY: both are ours. Errors are not wanted in the queue.
        unsafe {
            let fits = ffi::X509_check_private_key(self.as_ptr(), key.as_ptr()) == 1;
            ERR_clear_error();
            fits
        }
    }

    /// Its SHA-256 digest; None: OpenSSL cannot make it.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        // SAFETY: ours.
        unsafe { fingerprint(self.as_ptr()) }
    }

    /// May its key sign, which TLS needs? A certificate that does not say what its key is for allows it.
    pub fn may_sign(&self) -> bool {
        // SAFETY: ours.
        unsafe { may_sign(self.as_ptr()) }
    }
}

/// # Safety
/// `certificate` lives during the call.
pub(super) unsafe fn fingerprint(certificate: *const X509) -> Option<Fingerprint> {
    let mut bytes = [0; 32];
    let mut length: libc::c_uint = 0;
    // SAFETY: the caller's promise; SHA-256 fills exactly these bytes.
    let done = unsafe { X509_digest(certificate, EVP_sha256(), bytes.as_mut_ptr(), &raw mut length) };
    (done == 1 && length == 32).then_some(Fingerprint(bytes))
}

/// # Safety
/// `certificate` lives during the call.
pub(super) unsafe fn may_sign(certificate: *mut X509) -> bool {
    // SAFETY: the caller's promise. A certificate without the extension answers with all bits.
    unsafe { X509_get_key_usage(certificate) & X509v3_KU_DIGITAL_SIGNATURE != 0 }
}

#[cfg(feature = "capi")]
impl PrivateKey {
    /// Its bytes in the DER form of PKCS#8; None: there is no memory.
    pub(crate) fn pkcs8(&self) -> Option<Zeroizing<Vec<u8>>> {
        // SAFETY: ours; what is made of it is freed here, which also clears it.
        unsafe {
            let key = EVP_PKEY2PKCS8(self.as_ptr());
            if key.is_null() {
                return None;
            }
            let bytes = der(|to| ffi::i2d_PKCS8_PRIV_KEY_INFO(key, to));
            PKCS8_PRIV_KEY_INFO_free(key);
            bytes.map(Zeroizing::new)
        }
    }
}

/// What one of OpenSSL's functions encodes.
///
/// # Safety
/// `encode` answers how many bytes it has, and writes as many where it is told, unless that is NULL.
#[cfg(feature = "capi")]
unsafe fn der(encode: impl Fn(*mut *mut u8) -> libc::c_int) -> Option<Vec<u8>> {
    let length = usize::try_from(encode(ptr::null_mut())).ok()?;
    let mut bytes = vec![0; length];
    let mut end = bytes.as_mut_ptr();
    (usize::try_from(encode(&raw mut end)) == Ok(length)).then_some(bytes)
}

impl RevocationList {
    /// Another owner of the same list.
    pub(super) fn share(&self) -> Self {
        // SAFETY: ours; the new owner has the count that this adds.
        unsafe {
            X509_CRL_up_ref(self.as_ptr());
        }
        Self(self.0)
    }

    /// Who has made it.
    pub fn issuer(&self) -> String {
        // SAFETY: ours, and its issuer's name lives as long.
        unsafe { describe::name(X509_CRL_get_issuer(self.as_ptr())) }
    }

    /// When it was made.
    pub fn last_update(&self) -> Option<Time> {
        // SAFETY: as above.
        unsafe { Time::of(X509_CRL_get0_lastUpdate(self.as_ptr())) }
    }

    /// When there should be a newer one; None: it does not say.
    pub fn next_update(&self) -> Option<Time> {
        // SAFETY: as above.
        unsafe { Time::of(X509_CRL_get0_nextUpdate(self.as_ptr())) }
    }

    pub(super) fn has_issuer_of(&self, other: &Self) -> bool {
        // SAFETY: both are ours, and their names live as long.
        unsafe { X509_NAME_cmp(X509_CRL_get_issuer(self.as_ptr()), X509_CRL_get_issuer(other.as_ptr())) == 0 }
    }

    /// Is it signed with a digest that no certificate may be signed with?
    pub(in crate::sys) fn has_weak_signature(&self) -> bool {
        let (mut digest, mut kind) = (0, 0);
        // SAFETY: ours; places for the answers.
        let known = unsafe {
            let signature = ffi::X509_CRL_get_signature_nid(self.as_ptr());
            OBJ_find_sigid_algs(signature, &raw mut digest, &raw mut kind) == 1
        };
        known && [NID_sha1, NID_md5].contains(&digest)
    }

    /// Has it a critical extension: is it about a part of the certificates alone, or of a kind that we do not know?
    pub(super) fn is_partial(&self) -> bool {
        // SAFETY: ours.
        unsafe { X509_CRL_get_ext_by_critical(self.as_ptr(), 1, -1) >= 0 }
    }

    /// Is this certificate's subject who has made the list, may it, and does its key verify it?
    pub(super) fn is_signed_by(&self, issuer: &Certificate) -> bool {
        // SAFETY: both are ours. Errors are not wanted in the queue.
        unsafe {
            let named =
                X509_NAME_cmp(X509_CRL_get_issuer(self.as_ptr()), X509_get_subject_name(issuer.as_ptr()))
                    == 0;
            let key = ffi::X509_get0_pubkey(issuer.as_ptr());
            let named = named && X509_get_key_usage(issuer.as_ptr()) & X509v3_KU_CRL_SIGN != 0;
            let signed = named && !key.is_null() && X509_CRL_verify(self.as_ptr(), key) == 1;
            ERR_clear_error();
            signed
        }
    }

    /// Which key has signed it, as far as it says.
    pub(super) fn key_identifier(&self) -> Vec<u8> {
        // SAFETY: ours; the extension is a copy, which is freed here, and its text is copied before.
        unsafe {
            let raw = X509_CRL_get_ext_d2i(
                self.as_ptr(),
                NID_authority_key_identifier,
                ptr::null_mut(),
                ptr::null_mut(),
            )
            .cast::<AUTHORITY_KEYID>();
            let Some(extension) = raw.as_ref() else { return Vec::new() };
            let text = extension.keyid.cast::<ASN1_STRING>();
            let mut identifier = Vec::new();
            if !text.is_null() {
                let length = usize::try_from(ASN1_STRING_length(text)).unwrap_or(0);
                let data = ASN1_STRING_get0_data(text);
                if !data.is_null() {
                    identifier.extend_from_slice(std::slice::from_raw_parts(data, length));
                }
            }
            AUTHORITY_KEYID_free(raw);
            identifier
        }
    }
}
