// SPDX-License-Identifier: LGPL-2.1-or-later
//! GnuTLS as it is in the caller's process. Our own TLS is OpenSSL's; but programs that use the transport functions of
//! libcrmcommon make calls on the sessions themselves, so these must be GnuTLS's. It is not linked: whoever needs it
//! has it loaded.
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
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
/// A function of GnuTLS's header that decides about a peer.
pub type Verify = Option<unsafe extern "C" fn(session: Object) -> c_int>;

/// Declares GnuTLS's functions as fields of a table.
macro_rules! functions {
    ($($name:ident: fn($($argument:ty),*) $(-> $answer:ty)?;)*) => {
        /// GnuTLS's functions by their names there; gnutls.h documents them, and what they ask of their caller.
        #[allow(missing_docs, reason = "GnuTLS documents them")]
        #[derive(Clone, Copy, Debug)]
        pub struct Functions {
            $(pub $name: unsafe extern "C" fn($($argument),*) $(-> $answer)?,)*
        }

        impl Functions {
            fn find() -> Option<Self> {
                Some(Self {
                    $($name: {
                        const NAME: &CStr = match CStr::from_bytes_with_nul(
                            concat!("gnutls_", stringify!($name), "\0").as_bytes(),
                        ) {
                            Ok(name) => name,
                            Err(_) => c"",
                        };
                        let place = symbol(NAME)?;
                        // SAFETY: GnuTLS's function of this name has had this signature in every release of
                        // libgnutls.so.30, and the library is never unloaded.
                        unsafe {
                            std::mem::transmute::<
                                *mut c_void,
                                unsafe extern "C" fn($($argument),*) $(-> $answer)?,
                            >(place)
                        }
                    },)*
                })
            }
        }
    };
}

functions! {
    global_init: fn() -> c_int;
    global_deinit: fn();
    strerror: fn(c_int) -> *const c_char;
    init: fn(*mut Object, c_uint) -> c_int;
    deinit: fn(Object);
    priority_set_direct: fn(Object, *const c_char, *mut *const c_char) -> c_int;
    credentials_set: fn(Object, c_int, *mut c_void) -> c_int;
    transport_set_ptr: fn(Object, *mut c_void);
    transport_get_ptr: fn(Object) -> *mut c_void;
    handshake: fn(Object) -> c_int;
    record_send: fn(Object, *const c_void, usize) -> isize;
    record_recv: fn(Object, *mut c_void, usize) -> isize;
    record_check_pending: fn(Object) -> usize;
    record_get_direction: fn(Object) -> c_int;
    dh_set_prime_bits: fn(Object, c_uint);
    dh_params_init: fn(*mut Object) -> c_int;
    dh_params_deinit: fn(Object);
    dh_params_generate2: fn(Object, c_uint) -> c_int;
    dh_params_import_raw: fn(Object, *const Datum, *const Datum) -> c_int;
    sec_param_to_pk_bits: fn(c_int, c_int) -> c_uint;
    anon_allocate_server_credentials: fn(*mut Object) -> c_int;
    anon_free_server_credentials: fn(Object);
    anon_set_server_dh_params: fn(Object, Object);
    anon_allocate_client_credentials: fn(*mut Object) -> c_int;
    anon_free_client_credentials: fn(Object);
    psk_allocate_server_credentials: fn(*mut Object) -> c_int;
    psk_free_server_credentials: fn(Object);
    psk_set_server_dh_params: fn(Object, Object);
    psk_set_server_credentials_function: fn(Object, *mut c_void);
    psk_allocate_client_credentials: fn(*mut Object) -> c_int;
    psk_free_client_credentials: fn(Object);
    psk_set_client_credentials: fn(Object, *const c_char, *const Datum, c_int) -> c_int;
    certificate_allocate_credentials: fn(*mut Object) -> c_int;
    certificate_free_credentials: fn(Object);
    certificate_set_dh_params: fn(Object, Object);
    certificate_set_x509_trust_file: fn(Object, *const c_char, c_int) -> c_int;
    certificate_set_x509_crl_file: fn(Object, *const c_char, c_int) -> c_int;
    certificate_set_x509_key_file2:
        fn(Object, *const c_char, *const c_char, c_int, *const c_char, c_uint) -> c_int;
    certificate_set_verify_function: fn(Object, Verify);
    certificate_server_set_request: fn(Object, c_int);
    certificate_verify_peers3: fn(Object, *const c_char, *mut c_uint) -> c_int;
    certificate_type_get: fn(Object) -> c_int;
    certificate_get_ours: fn(Object) -> *const Datum;
    x509_crt_init: fn(*mut Object) -> c_int;
    x509_crt_import: fn(Object, *const Datum, c_int) -> c_int;
    x509_crt_get_expiration_time: fn(Object) -> libc::time_t;
    x509_crt_deinit: fn(Object);
}

/// The functions; None, which is logged once, where there is no GnuTLS.
pub fn functions() -> Option<&'static Functions> {
    static FOUND: OnceLock<Option<Functions>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let found = Functions::find();
        if found.is_none() {
            log::error!("GnuTLS (libgnutls.so.30) is needed and is not there");
        }
        found
    });
    found.as_ref()
}

/// Memory that C callers give back with `gnutls_free()`; None when there is none left.
pub fn allocate(size: usize) -> Option<*mut c_void> {
    // What the symbol names is not the function but a variable that holds it.
    let place = symbol(c"gnutls_malloc")?.cast::<Option<unsafe extern "C" fn(usize) -> *mut c_void>>();
    // SAFETY: GnuTLS's variable of this name has this type; its function takes any size.
    let memory = unsafe { (*place)?(size) };
    (!memory.is_null()).then_some(memory)
}

/// Gives back what [`allocate`] gave.
///
/// # Safety
/// `memory` came from there and nobody uses it afterwards.
pub unsafe fn free(memory: *mut c_void) {
    let Some(place) = symbol(c"gnutls_free") else { return };
    let place = place.cast::<Option<unsafe extern "C" fn(*mut c_void)>>();
    // SAFETY: GnuTLS's variable of this name has this type; the memory is the caller's promise.
    if let Some(free) = unsafe { *place } {
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
    Some((symbol(prime)?.cast_const().cast(), symbol(generator)?.cast_const().cast()))
}

/// What the process, or else the library, knows by this name.
fn symbol(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: a string that ends with NUL.
    let place = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    if !place.is_null() {
        return Some(place);
    }
    // SAFETY: a literal; loading runs the library's initialisers only. It is never closed.
    let library = unsafe { libc::dlopen(c"libgnutls.so.30".as_ptr(), libc::RTLD_LAZY) };
    if library.is_null() {
        return None;
    }
    // SAFETY: an open library and a string that ends with NUL.
    let place = unsafe { libc::dlsym(library, name.as_ptr()) };
    (!place.is_null()).then_some(place)
}
