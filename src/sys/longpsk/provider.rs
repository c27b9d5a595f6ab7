// SPDX-License-Identifier: LGPL-2.1-or-later
//! The provider: TLS13-KDF and TLS1-PRF that pass on to OpenSSL's own after looking for a handle.
//!
//! Two library contexts live as long as the process. The *inner* one holds OpenSSL's default provider, whose
//! derivations do the work. The *outer* one, in which long-key sessions are made, holds the default provider
//! and ours. It reads no openssl.cnf; therefore short keys do not use it.
use super::Unavailable;
use super::bindings::*;
use super::registry::{Substitute, substitute_tls12, substitute_tls13};
use crate::sys::unwind::guard;
use libc::{c_int, c_void, size_t};
use openssl_sys::{
    ERR_clear_error, EVP_KDF, EVP_KDF_CTX, EVP_KDF_CTX_free, EVP_KDF_CTX_new, EVP_KDF_CTX_reset,
    EVP_KDF_derive, EVP_KDF_fetch, OSSL_LIB_CTX, OSSL_LIB_CTX_new, OSSL_PARAM, OSSL_PROVIDER_load,
};
use std::ffi::CStr;
use std::ptr;
use std::sync::OnceLock;
use zeroize::Zeroizing;

/// "Ours where we have it, anybody's otherwise."
pub(in crate::sys) const PROPERTY_QUERY: &CStr = c"?provider=longpsk";

struct Libraries {
    outer: *mut OSSL_LIB_CTX,
    tls13_kdf: *mut EVP_KDF,
    tls1_prf: *mut EVP_KDF,
}
// SAFETY: library contexts and fetched algorithms are safe to use from any thread, and are never freed.
unsafe impl Send for Libraries {}
// SAFETY: as above.
unsafe impl Sync for Libraries {}

/// Made on first use. The algorithms are asked for only when a session derives, never while this is being made.
static LIBRARIES: OnceLock<Result<Libraries, Unavailable>> = OnceLock::new();

/// The library context in which long keys work.
pub(in crate::sys) fn library_context() -> Result<*mut OSSL_LIB_CTX, Unavailable> {
    libraries().map(|libraries| libraries.outer)
}

fn libraries() -> Result<&'static Libraries, Unavailable> {
    LIBRARIES.get_or_init(load).as_ref().map_err(|error| *error)
}

fn load() -> Result<Libraries, Unavailable> {
    // SAFETY: every pointer handed on was just made and checked, and every text is a static C string. On
    // failure what was made stays allocated: that happens once per process.
    unsafe {
        let inner = OSSL_LIB_CTX_new();
        if inner.is_null() || OSSL_PROVIDER_load(inner, c"default".as_ptr()).is_null() {
            return Err(Unavailable("OpenSSL's default provider cannot be loaded"));
        }
        let tls13_kdf = EVP_KDF_fetch(inner, c"TLS13-KDF".as_ptr(), ptr::null());
        let tls1_prf = EVP_KDF_fetch(inner, c"TLS1-PRF".as_ptr(), ptr::null());
        if tls13_kdf.is_null() || tls1_prf.is_null() {
            return Err(Unavailable("OpenSSL has no TLS13-KDF or TLS1-PRF"));
        }
        let outer = OSSL_LIB_CTX_new();
        if outer.is_null() || OSSL_PROVIDER_add_builtin(outer, c"longpsk".as_ptr(), init) != 1 {
            return Err(Unavailable("OpenSSL refuses a built-in provider"));
        }
        for name in [c"default", c"longpsk"] {
            if OSSL_PROVIDER_load(outer, name.as_ptr()).is_null() {
                return Err(Unavailable("OpenSSL cannot load the provider for long keys"));
            }
        }
        ERR_clear_error();
        Ok(Libraries { outer, tls13_kdf, tls1_prf })
    }
}

/// A derivation's context: OpenSSL's own, and what to look for in its parameters.
struct Derivation {
    inner: *mut EVP_KDF_CTX,
    /// Name of the parameter that may hold a handle.
    secret_name: &'static CStr,
    substitute: Substitute,
}

impl Drop for Derivation {
    fn drop(&mut self) {
        // SAFETY: `inner` came from EVP_KDF_CTX_new or _dup and is freed only here.
        unsafe { EVP_KDF_CTX_free(self.inner) }
    }
}

fn into_context(inner: *mut EVP_KDF_CTX, secret_name: &'static CStr, substitute: Substitute) -> *mut c_void {
    if inner.is_null() {
        return ptr::null_mut();
    }
    Box::into_raw(Box::new(Derivation { inner, secret_name, substitute })).cast()
}

unsafe extern "C" fn new_tls13(_provider: *mut c_void) -> *mut c_void {
    guard(ptr::null_mut(), || {
        let Ok(libraries) = libraries() else { return ptr::null_mut() };
        // SAFETY: the algorithm lives as long as the process.
        into_context(unsafe { EVP_KDF_CTX_new(libraries.tls13_kdf) }, c"key", substitute_tls13)
    })
}

unsafe extern "C" fn new_tls12(_provider: *mut c_void) -> *mut c_void {
    guard(ptr::null_mut(), || {
        let Ok(libraries) = libraries() else { return ptr::null_mut() };
        // SAFETY: the algorithm lives as long as the process.
        into_context(unsafe { EVP_KDF_CTX_new(libraries.tls1_prf) }, c"secret", substitute_tls12)
    })
}

unsafe extern "C" fn duplicate(context: *mut c_void) -> *mut c_void {
    guard(ptr::null_mut(), || {
        // SAFETY: OpenSSL hands back what new_* or duplicate returned; no mutable reference to it exists.
        let Some(derivation) = (unsafe { context.cast::<Derivation>().as_ref() }) else {
            return ptr::null_mut();
        };
        // SAFETY: `inner` is valid as long as the derivation.
        let copy = unsafe { EVP_KDF_CTX_dup(derivation.inner) };
        into_context(copy, derivation.secret_name, derivation.substitute)
    })
}

unsafe extern "C" fn free(context: *mut c_void) {
    if !context.is_null() {
        // SAFETY: OpenSSL frees each context once, and it came from Box::into_raw.
        guard((), || drop(unsafe { Box::from_raw(context.cast::<Derivation>()) }));
    }
}

unsafe extern "C" fn reset(context: *mut c_void) {
    guard((), || {
        // SAFETY: as in `duplicate`.
        if let Some(derivation) = unsafe { context.cast::<Derivation>().as_ref() } {
            // SAFETY: `inner` is valid as long as the derivation.
            unsafe { EVP_KDF_CTX_reset(derivation.inner) }
        }
    });
}

unsafe extern "C" fn set_params(context: *mut c_void, params: *const OSSL_PARAM) -> c_int {
    // SAFETY: OpenSSL's own context and list.
    guard(0, || unsafe { pass_all_on(context, params) })
}

/// Sets parameters of a derivation; 1 if OpenSSL took them.
///
/// # Safety
/// `context` is NULL or what `new_*` or `duplicate` returned; `params` is NULL or a list that ends with a null key.
unsafe fn pass_all_on(context: *mut c_void, params: *const OSSL_PARAM) -> c_int {
    // SAFETY: as in `duplicate`.
    let Some(derivation) = (unsafe { context.cast::<Derivation>().as_ref() }) else { return 0 };
    if params.is_null() {
        return 1;
    }
    // SAFETY: the caller's promise.
    unsafe { pass_on(derivation, params) }
}

/// Hands the list on with the real key where the handle stood.
///
/// # Safety
/// `params` is a list of valid parameters that ends with a null key.
unsafe fn pass_on(derivation: &Derivation, mut params: *const OSSL_PARAM) -> c_int {
    let mut list: Vec<OSSL_PARAM> = Vec::with_capacity(8);
    let mut keys: Vec<Zeroizing<Vec<u8>>> = Vec::new();
    loop {
        // SAFETY: `params` has not passed the end of the list; a parameter is plain data.
        let mut param = unsafe { ptr::read(params) };
        if param.key.is_null() {
            list.push(param);
            break;
        }
        // SAFETY: a parameter that is an octet string has `data_size` bytes at `data`; its name is a C string.
        if let Some(key) = unsafe { real_key(derivation, &param) } {
            param.data = key.as_ptr().cast_mut().cast();
            param.data_size = key.len();
            keys.push(key);
        }
        list.push(param);
        // SAFETY: the end was not reached.
        params = unsafe { params.add(1) };
    }
    // SAFETY: the list ends with a null key, and `keys` outlives the call.
    unsafe { EVP_KDF_CTX_set_params(derivation.inner, list.as_ptr()) }
}

/// # Safety
/// `param` is valid as OpenSSL defines it, its key not null.
unsafe fn real_key(derivation: &Derivation, param: &OSSL_PARAM) -> Option<Zeroizing<Vec<u8>>> {
    if param.data_type != OSSL_PARAM_OCTET_STRING || param.data.is_null() {
        return None;
    }
    // SAFETY: the caller's word.
    let name = unsafe { CStr::from_ptr(param.key) };
    if name != derivation.secret_name {
        return None;
    }
    // SAFETY: the caller's word.
    let secret = unsafe { std::slice::from_raw_parts(param.data.cast::<u8>(), param.data_size) };
    (derivation.substitute)(secret)
}

unsafe extern "C" fn derive(
    context: *mut c_void,
    output: *mut u8,
    output_len: size_t,
    params: *const OSSL_PARAM,
) -> c_int {
    guard(0, || {
        // SAFETY: as in `set_params`.
        if unsafe { pass_all_on(context, params) } != 1 {
            return 0;
        }
        // SAFETY: as in `duplicate`.
        match unsafe { context.cast::<Derivation>().as_ref() } {
            // SAFETY: `inner` is valid, and OpenSSL vouches for the output buffer.
            Some(derivation) => unsafe { EVP_KDF_derive(derivation.inner, output, output_len, ptr::null()) },
            None => 0,
        }
    })
}

unsafe extern "C" fn settable_tls13(_context: *mut c_void, _provider: *mut c_void) -> *const OSSL_PARAM {
    guard(ptr::null(), || match libraries() {
        // SAFETY: the algorithm lives as long as the process.
        Ok(libraries) => unsafe { EVP_KDF_settable_ctx_params(libraries.tls13_kdf) },
        Err(_) => ptr::null(),
    })
}

unsafe extern "C" fn settable_tls12(_context: *mut c_void, _provider: *mut c_void) -> *const OSSL_PARAM {
    guard(ptr::null(), || match libraries() {
        // SAFETY: the algorithm lives as long as the process.
        Ok(libraries) => unsafe { EVP_KDF_settable_ctx_params(libraries.tls1_prf) },
        Err(_) => ptr::null(),
    })
}

const fn entry(id: c_int, function: *const c_void) -> Dispatch {
    Dispatch { id, function }
}

static TLS13_KDF: [Dispatch; 8] = [
    entry(FUNC_KDF_NEWCTX, new_tls13 as *const c_void),
    entry(FUNC_KDF_DUPCTX, duplicate as *const c_void),
    entry(FUNC_KDF_FREECTX, free as *const c_void),
    entry(FUNC_KDF_RESET, reset as *const c_void),
    entry(FUNC_KDF_DERIVE, derive as *const c_void),
    entry(FUNC_KDF_SETTABLE_CTX_PARAMS, settable_tls13 as *const c_void),
    entry(FUNC_KDF_SET_CTX_PARAMS, set_params as *const c_void),
    Dispatch::END,
];

static TLS1_PRF: [Dispatch; 8] = [
    entry(FUNC_KDF_NEWCTX, new_tls12 as *const c_void),
    entry(FUNC_KDF_DUPCTX, duplicate as *const c_void),
    entry(FUNC_KDF_FREECTX, free as *const c_void),
    entry(FUNC_KDF_RESET, reset as *const c_void),
    entry(FUNC_KDF_DERIVE, derive as *const c_void),
    entry(FUNC_KDF_SETTABLE_CTX_PARAMS, settable_tls12 as *const c_void),
    entry(FUNC_KDF_SET_CTX_PARAMS, set_params as *const c_void),
    Dispatch::END,
];

static ALGORITHMS: [Algorithm; 3] = [
    Algorithm {
        names: c"TLS13-KDF".as_ptr(),
        properties: c"provider=longpsk".as_ptr(),
        implementation: TLS13_KDF.as_ptr(),
        description: ptr::null(),
    },
    Algorithm {
        names: c"TLS1-PRF".as_ptr(),
        properties: c"provider=longpsk".as_ptr(),
        implementation: TLS1_PRF.as_ptr(),
        description: ptr::null(),
    },
    Algorithm::END,
];

unsafe extern "C" fn query(
    _provider: *mut c_void,
    operation: c_int,
    no_cache: *mut c_int,
) -> *const Algorithm {
    if !no_cache.is_null() {
        // SAFETY: OpenSSL's own variable.
        unsafe { *no_cache = 0 };
    }
    if operation == OSSL_OP_KDF { ALGORITHMS.as_ptr() } else { ptr::null() }
}

static FUNCTIONS: [Dispatch; 2] =
    [entry(FUNC_PROVIDER_QUERY_OPERATION, query as *const c_void), Dispatch::END];

unsafe extern "C" fn init(
    handle: *const c_void,
    _core: *const Dispatch,
    functions: *mut *const Dispatch,
    context: *mut *mut c_void,
) -> c_int {
    // SAFETY: OpenSSL passes variables of its own for both results. The context is never used, only not null.
    unsafe {
        *functions = FUNCTIONS.as_ptr();
        *context = handle.cast_mut();
    }
    1
}
