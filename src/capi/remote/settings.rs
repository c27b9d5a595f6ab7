// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the environment says about remote connections.

use std::ffi::{CString, c_char, c_int};
use std::os::unix::ffi::OsStringExt;
use std::sync::OnceLock;

use crate::capi::entry::entry;
use crate::capi::environment::leading_number;

/// The port of Pacemaker Remote, unless the environment names another.
const DEFAULT_PORT: c_int = 3121;
/// Where a remote node keeps schema files of the cluster, unless the environment names another place.
const SCHEMA_DIRECTORY: &str = "/var/lib/pacemaker/schemas";

/// Option `name` of the environment, as `PCMK_name` or by its old prefix.
pub(super) fn option(name: &str) -> Option<CString> {
    let read = |prefix: &str| variable(&format!("{prefix}_{name}"));
    read("PCMK").or_else(|| read("HA"))
}

pub(super) fn variable(name: &str) -> Option<CString> {
    CString::new(std::env::var_os(name)?.into_vec()).ok()
}

/// The number that an option begins with.
pub(super) fn number(name: &str) -> Option<u32> {
    leading_number(option(name)?.to_str().ok()?)
}

entry! {
    /// The port of Pacemaker Remote on this node: `PCMK_remote_port`, or 3121. It is looked up once.
    pub fn crm_default_remote_port() -> c_int, failed = DEFAULT_PORT; {
        static PORT: OnceLock<c_int> = OnceLock::new();
        *PORT.get_or_init(|| match number("remote_port") {
            Some(port @ 1..=65535) => c_int::try_from(port).unwrap_or(DEFAULT_PORT),
            None if option("remote_port").is_none() => DEFAULT_PORT,
            _ => {
                log::warn!("PCMK_remote_port is no port; {DEFAULT_PORT} is used");
                DEFAULT_PORT
            }
        })
    }
}

entry! {
    /// Where a remote node keeps schema files of the cluster: `PCMK_remote_schema_directory`, or the default. Looked up
    /// once; not to be freed.
    pub fn pcmk__remote_schema_dir() -> *const c_char, failed = std::ptr::null(); {
        static PLACE: OnceLock<CString> = OnceLock::new();
        let place = PLACE.get_or_init(|| {
            let named = option("remote_schema_directory").filter(|place| !place.is_empty());
            named.unwrap_or_else(|| CString::new(SCHEMA_DIRECTORY).unwrap_or_default())
        });
        place.as_ptr()
    }
}

entry! {
    /// Are certificates configured: a certificate, its key and a certificate authority?
    pub fn pcmk__x509_enabled() -> bool, failed = false; {
        ["cert_file", "ca_file", "key_file"].iter().all(|name| x509_file(name).is_some())
    }
}

/// A file of X.509: a server's, or else a CIB client's.
pub(super) fn x509_file(name: &str) -> Option<CString> {
    let given = |value: Option<CString>| value.filter(|value| !value.is_empty());
    given(option(name)).or_else(|| given(variable(&format!("CIB_{name}"))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    #[test]
    fn without_an_environment_the_defaults_hold() {
        assert_eq!(option("nobody_sets_this"), None);
        assert_eq!(number("nobody_sets_this"), None);
        assert_eq!(crm_default_remote_port(), 3121);
        // SAFETY: a string of the library's own that lives for ever.
        assert_eq!(unsafe { CStr::from_ptr(pcmk__remote_schema_dir()) }.to_str(), Ok(SCHEMA_DIRECTORY));
        assert!(!pcmk__x509_enabled());
    }
}
