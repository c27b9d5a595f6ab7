// SPDX-License-Identifier: LGPL-2.1-or-later
//! The certificates that `tests/pki/make` makes, and the tables of cases beside it.
use pcmk_remote_rs::model::certificate_files::CertificateFiles;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Where everything lies; made when it is needed first.
pub(crate) fn directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pki/make");
        // Where tests with a root directory of their own see it, too.
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pki");
        let output = Command::new(program).arg(directory).output().expect("tests/pki/make needs python3");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
    })
}

fn path(kind: &str, word: &str) -> PathBuf {
    match word.strip_prefix('@') {
        Some(file) => directory().join("file").join(file),
        None => directory().join(kind).join(format!("{word}.pem")),
    }
}

/// Files by the tables' words.
pub(crate) fn files(cert: &str, key: &str, ca: &str, crl: &str) -> CertificateFiles {
    CertificateFiles {
        ca: path("cert", ca),
        crl: (crl != "-").then(|| path("crl", crl)),
        cert: path("cert", cert),
        key: path("key", key),
    }
}

/// A line of a table: the case, four words for files, and what is to come of it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) cert: &'static str,
    pub(crate) key: &'static str,
    pub(crate) ca: &'static str,
    pub(crate) crl: &'static str,
    pub(crate) outcome: &'static str,
}

fn table(text: &'static str) -> Vec<Case> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let case = |line: &'static str| {
        let words: Vec<_> = line.split_whitespace().collect();
        let [name, cert, key, ca, crl, outcome, ..] = words[..] else { panic!("{line}") };
        Case { name, cert, key, ca, crl, outcome }
    };
    lines.map(case).collect()
}

/// One side judges the other.
pub(crate) fn verify() -> Vec<Case> {
    table(include_str!("../pki/verify.txt"))
}

/// One side reads its own files.
pub(crate) fn load() -> Vec<Case> {
    table(include_str!("../pki/load.txt"))
}
