// SPDX-License-Identifier: LGPL-2.1-or-later
//! Names, serial numbers and dates of certificates in words, fit for a log: they may come from a stranger.
use super::ffi;
use libc::{c_char, c_ulong};
use openssl_sys::*;
use std::ffi::CStr;
use std::fmt;
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

/// As RFC 2253 writes names: the most specific part first, control characters and what is not ASCII escaped.
const NAME_FORM: c_ulong = 0x0111_0317;
/// Of a name that long the beginning says enough.
const LONGEST_NAME: usize = 200;

/// A moment, in seconds since 1970 (UTC). It shows itself as `2026-12-27 22:25:18Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub i64);

impl Time {
    /// # Safety
    /// `time` is NULL or a time of OpenSSL's.
    pub(super) unsafe fn of(time: *const ASN1_TIME) -> Option<Self> {
        if time.is_null() {
            // To OpenSSL it would be the present.
            return None;
        }
        let mut parts = MaybeUninit::<libc::tm>::zeroed();
        // SAFETY: the caller's promise, and a place for the answer, for which zeros are a value.
        unsafe {
            (ffi::ASN1_TIME_to_tm(time, parts.as_mut_ptr()) == 1)
                .then(|| Self(libc::timegm(parts.as_mut_ptr())))
        }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = MaybeUninit::<libc::tm>::zeroed();
        // SAFETY: a number to read, and a place for the answer, for which zeros are a value.
        let parts = unsafe {
            libc::gmtime_r(&raw const self.0, parts.as_mut_ptr());
            parts.assume_init()
        };
        let (year, month) = (i64::from(parts.tm_year) + 1900, parts.tm_mon + 1);
        write!(
            f,
            "{year:04}-{month:02}-{:02} {:02}:{:02}:{:02}Z",
            parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec
        )
    }
}

/// # Safety
/// `name` is a name of OpenSSL's that lives during the call.
pub(super) unsafe fn name(name: *const X509_NAME) -> String {
    // SAFETY: OpenSSL's own buffer, which is read before it is freed.
    unsafe {
        let Some(buffer) = NonNull::new(BIO_new(BIO_s_mem())) else { return "?".to_owned() };
        let mut text = String::new();
        if ffi::X509_NAME_print_ex(buffer.as_ptr(), name, 0, NAME_FORM) >= 0 {
            let mut data: *mut c_char = ptr::null_mut();
            let length = usize::try_from(BIO_get_mem_data(buffer.as_ptr(), &raw mut data)).unwrap_or(0);
            if !data.is_null() {
                let bytes = std::slice::from_raw_parts(data.cast::<u8>(), length);
                text = String::from_utf8_lossy(bytes).chars().take(LONGEST_NAME).collect();
            }
        }
        BIO_free_all(buffer.as_ptr());
        if text.is_empty() { "without a name".to_owned() } else { text }
    }
}

/// In hexadecimal digits, as `openssl x509 -serial` shows it.
///
/// # Safety
/// `serial` is a number of OpenSSL's that lives during the call.
pub(super) unsafe fn serial(serial: *const ASN1_INTEGER) -> String {
    // SAFETY: the caller's promise; what OpenSSL makes is freed here.
    unsafe {
        let number = ASN1_INTEGER_to_BN(serial, ptr::null_mut());
        if number.is_null() {
            return "?".to_owned();
        }
        let digits = BN_bn2hex(number);
        BN_free(number);
        if digits.is_null() {
            return "?".to_owned();
        }
        let text = CStr::from_ptr(digits).to_string_lossy().into_owned();
        OPENSSL_free(digits.cast());
        text
    }
}

/// OpenSSL's words for an error of verification.
pub(super) fn verification_error(code: libc::c_int) -> String {
    // SAFETY: any number; the answer lives for ever.
    unsafe {
        let words = X509_verify_cert_error_string(code.into());
        if words.is_null() {
            return format!("error {code}");
        }
        CStr::from_ptr(words).to_string_lossy().into_owned()
    }
}
