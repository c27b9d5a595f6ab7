// SPDX-License-Identifier: LGPL-2.1-or-later
//! Which files of certificates the environment names. Certificates count only when all that are needed are named.
use super::options::{CA_FILE, CERT_FILE, CRL_FILE, ClusterOption, KEY_FILE, Rules, Setting};
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

/// Files in PEM form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The authorities that are trusted.
    pub ca: PathBuf,
    /// What they have revoked, if there is such a file.
    pub crl: Option<PathBuf>,
    /// Our own certificate, and its issuers behind it.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// What the environment says about certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Certificates {
    /// Nothing.
    None,
    /// Too little, so that the pre-shared key is used.
    Incomplete {
        /// Variables that are set.
        set: Vec<&'static str>,
        /// Variables that are missing.
        missing: Vec<&'static str>,
    },
    /// All that is needed, so that the pre-shared key is not used.
    Complete(CertificateFiles),
}

impl Certificates {
    /// The files, if certificates are to be used.
    pub fn complete(self) -> Option<CertificateFiles> {
        match self {
            Self::Complete(files) => Some(files),
            Self::None | Self::Incomplete { .. } => None,
        }
    }

    /// What deserves a warning.
    pub fn warning(&self) -> Option<Incomplete<'_>> {
        match self {
            Self::Incomplete { set, missing } => Some(Incomplete { set, missing }),
            Self::None | Self::Complete(_) => None,
        }
    }
}

/// Why certificates are not used although some variables are set.
#[derive(Clone, Copy, Debug)]
pub struct Incomplete<'a> {
    set: &'a [&'static str],
    missing: &'a [&'static str],
}

impl fmt::Display for Incomplete<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Certificates are not used, the pre-shared key is: {} {} set, but not {}",
            self.set.join(" and "),
            if self.set.len() == 1 { "is" } else { "are" },
            self.missing.join(" and ")
        )
    }
}

impl Rules {
    /// What the environment says about certificates; `variable` gives a variable's value.
    pub fn certificates(self, variable: impl Fn(&str) -> Option<OsString>) -> Certificates {
        let find = |option: &ClusterOption| self.certificate(option, &variable);
        let crl = find(&CRL_FILE);
        let path = |setting: Setting| PathBuf::from(setting.value);
        match [&CA_FILE, &CERT_FILE, &KEY_FILE].map(find) {
            [Some(ca), Some(cert), Some(key)] => Certificates::Complete(CertificateFiles {
                ca: path(ca),
                crl: crl.map(path),
                cert: path(cert),
                key: path(key),
            }),
            found if crl.is_none() && found.iter().all(Option::is_none) => Certificates::None,
            found => {
                let wanted = [&CA_FILE, &CERT_FILE, &KEY_FILE];
                let missing = wanted.iter().zip(&found).filter(|(_, setting)| setting.is_none());
                let missing = missing.map(|(option, _)| option.variable).collect();
                let set = found.into_iter().chain([crl]).flatten().map(|setting| setting.variable).collect();
                Certificates::Incomplete { set, missing }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Release;
    use crate::model::options::{DAEMON, client};

    fn found(rules: Rules, pairs: &[(&str, &str)]) -> Certificates {
        rules.certificates(|name| {
            pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        })
    }

    #[test]
    fn names_of_all_families_make_one_set() {
        for rules in [DAEMON, client(Release::V3_0)] {
            let mixed = [("PCMK_ca_file", "/ca"), ("HA_cert_file", "/cert"), ("CIB_key_file", "/key")];
            let files = found(rules, &mixed).complete().unwrap();
            assert_eq!((files.ca, files.crl, files.cert), ("/ca".into(), None, "/cert".into()));
            let with_list: Vec<_> = mixed.into_iter().chain([("CIB_crl_file", "/crl")]).collect();
            assert_eq!(found(rules, &with_list).complete().unwrap().crl, Some("/crl".into()));
            let blank: Vec<_> = mixed.into_iter().chain([("CIB_crl_file", "")]).collect();
            assert_eq!(found(rules, &blank).complete().unwrap().crl, None);
            // A blank value hides the old name, but not the CIB's.
            let hidden: Vec<_> = mixed.into_iter().chain([("PCMK_cert_file", "")]).collect();
            assert!(matches!(found(rules, &hidden), Certificates::Incomplete { .. }));
            let shown: Vec<_> = hidden.into_iter().chain([("CIB_cert_file", "/c")]).collect();
            assert_eq!(found(rules, &shown).complete().unwrap().cert, PathBuf::from("/c"));
        }
        assert_eq!(found(client(Release::V2_1), &[("PCMK_ca_file", "/ca")]), Certificates::None);
    }

    #[test]
    fn what_is_missing_is_named() {
        let text = |pairs: &[(&str, &str)]| found(DAEMON, pairs).warning().unwrap().to_string();
        assert_eq!(
            text(&[("PCMK_ca_file", "/ca"), ("CIB_cert_file", "/cert")]),
            "Certificates are not used, the pre-shared key is: PCMK_ca_file and CIB_cert_file are set, but not \
             PCMK_key_file"
        );
        assert!(text(&[("PCMK_crl_file", "/crl")]).contains("PCMK_crl_file is set"));
        assert!(found(DAEMON, &[]).warning().is_none());
    }
}
