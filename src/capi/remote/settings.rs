// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the environment says about remote connections.

use std::env;
use std::ffi::{CString, c_char, c_int};
use std::os::unix::ffi::OsStringExt;
use std::sync::{Once, OnceLock};

use crate::capi::entry::entry;
use crate::model::certificate_files::CertificateFiles;
use crate::model::options::{self, ClusterOption, Setting, TRANSPORT};
use crate::model::site::{REMOTE_PORT, REMOTE_SCHEMA_DIRECTORY};

/// The value of an option, if it is set.
pub(super) fn option(option: &ClusterOption) -> Option<CString> {
    TRANSPORT.find(option, |variable| env::var_os(variable)).and_then(string)
}

fn string(setting: Setting) -> Option<CString> {
    CString::new(setting.value.into_vec()).ok()
}

/// The number that an option begins with.
pub(super) fn number(which: &ClusterOption) -> Option<u32> {
    TRANSPORT.number(option(which)?.to_str().ok()?)
}

entry! {
    /// The port of Pacemaker Remote on this node: `PCMK_remote_port`, or 3121. It is looked up once.
    pub fn crm_default_remote_port() -> c_int, failed = c_int::from(REMOTE_PORT); {
        static PORT: OnceLock<u16> = OnceLock::new();
        let port = PORT.get_or_init(|| {
            let Some(value) = option(&options::REMOTE_PORT) else { return REMOTE_PORT };
            value.to_str().ok().and_then(|text| TRANSPORT.port(text)).unwrap_or_else(|| {
                log::warn!("{} is no port; {REMOTE_PORT} is used", options::REMOTE_PORT.variable);
                REMOTE_PORT
            })
        });
        c_int::from(*port)
    }
}

entry! {
    /// Where a remote node keeps schema files of the cluster: `PCMK_remote_schema_directory`, or the default. Looked up
    /// once; not to be freed.
    pub fn pcmk__remote_schema_dir() -> *const c_char, failed = std::ptr::null(); {
        static PLACE: OnceLock<CString> = OnceLock::new();
        let place = PLACE.get_or_init(|| {
            let named = option(&options::REMOTE_SCHEMA_DIRECTORY).filter(|place| !place.is_empty());
            named.unwrap_or_else(|| CString::new(REMOTE_SCHEMA_DIRECTORY).unwrap_or_default())
        });
        place.as_ptr()
    }
}

entry! {
    /// Are certificates configured: a certificate, its key and a certificate authority?
    pub fn pcmk__x509_enabled() -> bool, failed = false; {
        certificates().is_some()
    }
}

/// The files of certificates, if there are all that are needed.
pub(super) fn certificates() -> Option<CertificateFiles> {
    static WARNED: Once = Once::new();
    let found = TRANSPORT.certificates(|variable| env::var_os(variable));
    if let Some(warning) = found.warning() {
        WARNED.call_once(|| log::warn!("{warning}"));
    }
    found.complete()
}

/// A file of X.509: a server's, or else a CIB client's.
pub(super) fn x509_file(option: &ClusterOption) -> Option<CString> {
    TRANSPORT.certificate(option, |variable| env::var_os(variable)).and_then(string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    #[test]
    fn without_an_environment_the_defaults_hold() {
        assert_eq!(option(&options::AUTHKEY_LOCATION), None);
        assert_eq!(number(&options::DH_MIN_BITS), None);
        assert_eq!(crm_default_remote_port(), 3121);
        // SAFETY: a string of the library's own that lives for ever.
        let place = unsafe { CStr::from_ptr(pcmk__remote_schema_dir()) };
        assert_eq!(place.to_str(), Ok(REMOTE_SCHEMA_DIRECTORY));
        assert!(!pcmk__x509_enabled());
    }
}
