// SPDX-License-Identifier: LGPL-2.1-or-later
//! GnuTLS as it is in the caller's process. Our own TLS is OpenSSL's; but programs that use the transport functions of
//! libcrmcommon make calls on the sessions themselves, so these must be GnuTLS's. It is not linked: a program that needs
//! it has it loaded.
use super::dynamic::{DynamicLibrary, function_table};
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::ptr::NonNull;
use std::sync::OnceLock;

/// Nothing can be read or written now.
pub const AGAIN: c_int = -28;
/// A signal came.
pub const INTERRUPTED: c_int = -52;
/// `GNUTLS_SERVER` and `GNUTLS_CLIENT` of `gnutls_init`.
pub const SERVER: c_uint = 1;
/// See [`SERVER`].
pub const CLIENT: c_uint = 2;

/// Kinds of credentials: GnuTLS's numbers.
pub mod credentials {
    use std::ffi::c_int;

    /// Certificates.
    pub const CERTIFICATE: c_int = 1;
    /// None: anybody.
    pub const ANON: c_int = 2;
    /// A shared key.
    pub const PSK: c_int = 4;
}

/// `gnutls_datum_t`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Datum {
    /// The bytes. GnuTLS's allocator is `malloc`, and cannot be another since GnuTLS 3.3.
    pub data: *mut u8,
    /// How many.
    pub size: c_uint,
}

/// A session, parameters, credentials, a certificate: each is a pointer to something of GnuTLS's own.
pub type Object = *mut c_void;
/// `gnutls_pcert_st`: a certificate that is shown.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    key: Object,
    certificate: Datum,
    kind: c_int,
}

impl Shown {
    /// To be filled by `gnutls_pcert_import_x509_raw()`.
    pub const EMPTY: Self = Self {
        key: std::ptr::null_mut(),
        certificate: Datum { data: std::ptr::null_mut(), size: 0 },
        kind: 0,
    };
}

/// `gnutls_certificate_retrieve_function3`: what to show in a session.
pub type Retrieve = Option<
    unsafe extern "C" fn(
        session: Object,
        about: *const c_void,
        shown: *mut *mut Shown,
        count: *mut c_uint,
        stapled: *mut *mut c_void,
        stapled_count: *mut c_uint,
        key: *mut Object,
        flags: *mut c_uint,
    ) -> c_int,
>;
/// A function of GnuTLS's header that decides about a peer.
pub type Verify = Option<unsafe extern "C" fn(session: Object) -> c_int>;

const LIBRARY: DynamicLibrary = DynamicLibrary::new(c"libgnutls.so.30");

function_table! {
    /// GnuTLS's functions by their names there, without the prefix; gnutls.h documents them, and what they ask of their
    /// caller.
    #[allow(missing_docs, reason = "GnuTLS documents them")]
    pub struct Functions("gnutls_") {
        pub global_init: fn() -> c_int;
        pub global_deinit: fn();
        pub strerror: fn(c_int) -> *const c_char;
        pub init: fn(*mut Object, c_uint) -> c_int;
        pub deinit: fn(Object);
        pub priority_set_direct: fn(Object, *const c_char, *mut *const c_char) -> c_int;
        pub alert_send: fn(Object, c_int, c_int) -> c_int;
        pub alert_send_appropriate: fn(Object, c_int) -> c_int;
        pub credentials_get: fn(Object, c_int, *mut Object) -> c_int;
        pub credentials_set: fn(Object, c_int, *mut c_void) -> c_int;
        pub transport_set_ptr: fn(Object, *mut c_void);
        pub transport_get_ptr: fn(Object) -> *mut c_void;
        pub handshake: fn(Object) -> c_int;
        pub record_send: fn(Object, *const c_void, usize) -> isize;
        pub record_recv: fn(Object, *mut c_void, usize) -> isize;
        pub record_check_pending: fn(Object) -> usize;
        pub record_get_direction: fn(Object) -> c_int;
        pub dh_set_prime_bits: fn(Object, c_uint);
        pub dh_params_init: fn(*mut Object) -> c_int;
        pub dh_params_deinit: fn(Object);
        pub dh_params_generate2: fn(Object, c_uint) -> c_int;
        pub dh_params_import_raw: fn(Object, *const Datum, *const Datum) -> c_int;
        pub sec_param_to_pk_bits: fn(c_int, c_int) -> c_uint;
        pub anon_allocate_server_credentials: fn(*mut Object) -> c_int;
        pub anon_free_server_credentials: fn(Object);
        pub anon_set_server_dh_params: fn(Object, Object);
        pub anon_allocate_client_credentials: fn(*mut Object) -> c_int;
        pub anon_free_client_credentials: fn(Object);
        pub psk_allocate_server_credentials: fn(*mut Object) -> c_int;
        pub psk_free_server_credentials: fn(Object);
        pub psk_set_server_dh_params: fn(Object, Object);
        pub psk_set_server_credentials_function: fn(Object, *mut c_void);
        pub psk_allocate_client_credentials: fn(*mut Object) -> c_int;
        pub psk_free_client_credentials: fn(Object);
        pub psk_set_client_credentials: fn(Object, *const c_char, *const Datum, c_int) -> c_int;
        pub certificate_allocate_credentials: fn(*mut Object) -> c_int;
        pub certificate_free_credentials: fn(Object);
        pub certificate_set_dh_params: fn(Object, Object);
        pub certificate_set_retrieve_function3: fn(Object, Retrieve);
        pub certificate_set_verify_function: fn(Object, Verify);
        pub certificate_server_set_request: fn(Object, c_int);
        pub certificate_get_peers: fn(Object, *mut c_uint) -> *const Datum;
        pub certificate_type_get: fn(Object) -> c_int;
        pub certificate_get_ours: fn(Object) -> *const Datum;
        pub pcert_import_x509_raw: fn(*mut Shown, *const Datum, c_int, c_uint) -> c_int;
        pub pcert_deinit: fn(*mut Shown);
        pub privkey_init: fn(*mut Object) -> c_int;
        pub privkey_import_x509_raw: fn(Object, *const Datum, c_int, *const c_char, c_uint) -> c_int;
        pub privkey_deinit: fn(Object);
        pub x509_crt_init: fn(*mut Object) -> c_int;
        pub x509_crt_import: fn(Object, *const Datum, c_int) -> c_int;
        pub x509_crt_get_expiration_time: fn(Object) -> libc::time_t;
        pub x509_crt_deinit: fn(Object);
    }
}

impl Functions {
    /// GnuTLS's words for one of its codes.
    pub fn words(&self, code: c_int) -> String {
        // SAFETY: any number; the answer lives for ever.
        let words = unsafe { (self.strerror)(code) };
        if words.is_null() {
            return format!("GnuTLS's error {code}");
        }
        // SAFETY: a string that lives for ever.
        unsafe { CStr::from_ptr(words) }.to_string_lossy().into_owned()
    }
}

/// The functions; None, which is logged once, where there is no GnuTLS.
pub fn functions() -> Option<&'static Functions> {
    static FOUND: OnceLock<Option<Functions>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        // SAFETY: GnuTLS's functions of these names have had these types in every release of libgnutls.so.30.
        let found = unsafe { Functions::find(LIBRARY) };
        if found.is_none() {
            log::error!("GnuTLS (libgnutls.so.30) is needed and is not there");
        }
        found
    });
    found.as_ref()
}

/// Memory that C callers give back with `gnutls_free()`; None when there is none left.
pub fn allocate(size: usize) -> Option<*mut c_void> {
    type Allocate = unsafe extern "C" fn(usize) -> *mut c_void;
    // SAFETY: GnuTLS's variable of this name, which it sets when it is loaded, has this type; its function takes any
    // size.
    let memory = unsafe { LIBRARY.find::<NonNull<Option<Allocate>>>(c"gnutls_malloc")?.read()?(size) };
    (!memory.is_null()).then_some(memory)
}

/// Gives back what [`allocate`] gave.
///
/// # Safety
/// `memory` came from there and is not used afterwards.
pub unsafe fn free(memory: *mut c_void) {
    type Free = unsafe extern "C" fn(*mut c_void);
    // SAFETY: GnuTLS's variable of this name, which it sets when it is loaded, has this type.
    let free =
        unsafe { LIBRARY.find::<NonNull<Option<Free>>>(c"gnutls_free").and_then(|place| place.read()) };
    if let Some(free) = free {
        // SAFETY: the caller's promise.
        unsafe { free(memory) };
    }
}

/// The prime and the generator of a group of RFC 7919 (`bits` 2048, 3072 or 4096); None where GnuTLS lacks it.
pub fn known_group(bits: c_uint) -> Option<(*const Datum, *const Datum)> {
    let (prime, generator) = match bits {
        2048 => (c"gnutls_ffdhe_2048_group_prime", c"gnutls_ffdhe_2048_group_generator"),
        3072 => (c"gnutls_ffdhe_3072_group_prime", c"gnutls_ffdhe_3072_group_generator"),
        4096 => (c"gnutls_ffdhe_4096_group_prime", c"gnutls_ffdhe_4096_group_generator"),
        _ => return None,
    };
    // SAFETY: GnuTLS's constants of these names are data.
    let find = |name| unsafe { LIBRARY.find::<NonNull<Datum>>(name) };
    Some((find(prime)?.as_ptr(), find(generator)?.as_ptr()))
}
