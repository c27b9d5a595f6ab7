// SPDX-License-Identifier: LGPL-2.1-or-later
//! TLS with certificates, both ends in this process: what loads, who is accepted, and what both ends are told.
//! Needs the programs python3 and openssl, which make the certificates, and gnutls-cli.

mod pair;
mod pki;
mod rotation;
mod several;
mod strict;
mod strings;

use pair::{Pair, client, judge, presenter, server};
use pcmk_remote_rs::model::certificate_files::CertificateFiles;
use pcmk_remote_rs::sys::tls::{ClientContext, Policy, Psk, ServerContext, Stream, TlsError, TlsVersion};
use pcmk_remote_rs::transport::credentials::Credentials;

const VERSIONS: [TlsVersion; 2] = [TlsVersion::Tls13, TlsVersion::Tls12];

#[test]
fn every_chain_is_judged_as_pacemaker_does_in_both_roles_and_versions() {
    let mut wrong = Vec::new();
    let cases = pki::verify();
    for case in &cases {
        let files = pki::files(case.cert, case.key, "root", "-");
        let rules = pki::files("node", "node", case.ca, case.crl);
        for version in VERSIONS {
            for judge_is_server in [true, false] {
                let mut pair = if judge_is_server {
                    Pair::new(client(&mut presenter(&files, version)), server(&mut judge(&rules, version)))
                } else {
                    Pair::new(client(&mut judge(&rules, version)), server(&mut presenter(&files, version)))
                };
                let got = pair.talk();
                if got.outcome() != case.outcome {
                    let role = if judge_is_server { "server" } else { "client" };
                    wrong.push(format!("{} {version} judged by a {role}: {got:?}", case.name));
                } else if case.outcome == "refuse" {
                    assert_refusal_is_told(case.name, version, judge_is_server, &got);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len() * 4, wrong.join("\n"));
}

/// The judge names the reason, and the other side hears an alert.
fn assert_refusal_is_told(case: &str, version: TlsVersion, judge_is_server: bool, got: &pair::Talk) {
    let (judge, judged) =
        if judge_is_server { (&got.server, &got.client) } else { (&got.client, &got.server) };
    // No signature of TLS 1.3 is for this curve. And a server whose certificate may not sign has no suite to offer. So
    // there is nothing to judge.
    if case == "secp256k1" || *judged == Err(TlsError::NoSharedSuite) {
        return;
    }
    assert!(
        matches!(judge, Err(TlsError::CertificateRefused(reason)) if reason.contains("serial")),
        "{case} {version}: {judge:?}"
    );
    let heard = matches!(judged, Err(TlsError::CertificateRefusedByPeer(_) | TlsError::PeerAlert(_)));
    assert!(heard, "{case} {version}: {judged:?}");
}

#[test]
fn every_form_of_files_loads_or_is_refused_by_name() {
    for case in pki::load() {
        let files = pki::files(case.cert, case.key, case.ca, case.crl);
        let mut credentials = judge(&files, TlsVersion::Tls13);
        match credentials.server_context() {
            Ok(_) => assert_eq!(case.outcome, "works", "{}", case.name),
            Err(error) => {
                assert_eq!(case.outcome, "fails", "{}: {error}", case.name);
                let named = [Some(files.ca), files.crl, Some(files.cert), Some(files.key)]
                    .into_iter()
                    .flatten()
                    .any(|path| error.to_string().contains(&path.display().to_string()));
                assert!(named, "{}: {error}", case.name);
            }
        }
    }
}

#[test]
fn messages_say_what_to_do() {
    for (cert, key, ca, crl, words) in [
        ("@wrong-order.pem", "by-inter", "root", "-", "number 2"),
        ("node", "p384", "root", "-", "does not belong to the key in"),
        ("node", "@key-encrypted.pem", "root", "-", "encrypted"),
        ("@cert.der", "node", "root", "-", "DER"),
        ("@cert-utf16.pem", "node", "root", "-", "UTF-16"),
        ("node", "node", "@fifo", "-", "not a regular file"),
        ("node", "node", "@ca-damaged-last.pem", "-", "block 2"),
        ("node", "node", "root", "@chain-3.pem", "no certificate revocation list"),
        ("@missing", "node", "root", "-", "does not exist"),
    ] {
        let error = judge(&pki::files(cert, key, ca, crl), TlsVersion::Tls13).client_context().unwrap_err();
        assert!(error.to_string().contains(words), "{cert} {key} {ca} {crl}: {error}");
    }
}

#[test]
fn a_file_without_end_is_not_read_to_its_end() {
    let place = tempfile::tempdir().unwrap();
    let huge = place.path().join("huge");
    // Without content, so that it takes no room.
    std::fs::File::create(&huge).unwrap().set_len(1 << 40).unwrap();
    let good = pki::files("node", "node", "root", "none");
    for path in [huge.as_path(), std::path::Path::new("/dev/zero"), std::path::Path::new("/dev/null")] {
        let path = || path.to_path_buf();
        for files in [
            CertificateFiles { ca: path(), ..good.clone() },
            CertificateFiles { crl: Some(path()), ..good.clone() },
            CertificateFiles { cert: path(), ..good.clone() },
            CertificateFiles { key: path(), ..good.clone() },
        ] {
            let error = judge(&files, TlsVersion::Tls13).client_context().unwrap_err().to_string();
            let words = if path() == huge { "more than 16777216 bytes" } else { "not a regular file" };
            assert!(error.contains(words) && error.contains(&path().display().to_string()), "{error}");
        }
    }
}

#[test]
fn dates_lists_and_weak_keys_are_told_once_a_day() {
    let now = pair::now();
    for (cert, crl, words, is_error) in [
        ("soon", "-", "in 9 days", false),
        ("expired", "-", "has expired on", true),
        ("not-yet", "-", "not valid yet", true),
        ("rsa1024", "-", "RSA with 1024 bits", false),
        ("node", "past-none", "there should have been a newer one", false),
        ("node", "future-none", "still to come", false),
        ("node", "forged-none", "no authority in the CA file has signed it", false),
    ] {
        let mut credentials = judge(&pki::files(cert, cert, "root", crl), TlsVersion::Tls13);
        credentials.server_context().unwrap();
        credentials.check_dates(now);
        let notices = credentials.take_notices();
        let [notice] = &notices[..] else { panic!("{cert} {crl}: {notices:?}") };
        assert!(notice.text.contains(words) && notice.is_error() == is_error, "{notice:?}");
        credentials.check_dates(now);
        assert!(credentials.take_notices().is_empty());
    }
    let mut credentials = judge(&pki::files("node", "node", "root", "none"), TlsVersion::Tls13);
    credentials.server_context().unwrap();
    credentials.check_dates(now);
    assert!(credentials.take_notices().is_empty());
}

#[test]
fn a_key_and_certificates_never_meet() {
    let files = pki::files("node", "node", "root", "-");
    let psk = Psk::new(vec![7; 512]).unwrap();
    for version in VERSIONS {
        let policy = Policy { min: version, max: version, ..Policy::default() };
        let with_key = Stream::client(&ClientContext::new(&psk, &policy).unwrap()).unwrap();
        let got = Pair::new(with_key, server(&mut judge(&files, version))).talk();
        assert!(got.client.is_err() && got.server.is_err(), "{version}: {got:?}");
        let with_key = Stream::server(&ServerContext::new(&psk, &policy).unwrap()).unwrap();
        let got = Pair::new(client(&mut judge(&files, version)), with_key).talk();
        assert!(got.client.is_err() && got.server.is_err(), "{version}: {got:?}");
    }
}

#[test]
fn a_refused_client_knows_its_own_side_finished_only_at_1_3() {
    let files = pki::files("expired", "expired", "root", "-");
    for (version, finished) in [(TlsVersion::Tls13, true), (TlsVersion::Tls12, false)] {
        let rules = pki::files("node", "node", "root", "-");
        let mut pair =
            Pair::new(client(&mut presenter(&files, version)), server(&mut judge(&rules, version)));
        let got = pair.talk();
        assert_eq!(pair.client.is_established(), finished);
        assert!(!pair.server.is_established());
        assert!(matches!(got.client, Err(TlsError::CertificateRefusedByPeer(_))), "{got:?}");
    }
}

#[test]
fn a_certificate_below_the_level_of_the_policy_is_refused_by_file() {
    let files = pki::files("rsa1024", "rsa1024", "root", "-");
    let mut policy = Policy::with_certificates();
    policy.strictness.security_level = 2;
    let error = Credentials::with_certificates(files, policy).server_context().unwrap_err().to_string();
    assert!(error.contains("rsa1024.pem"), "{error}");
}

#[test]
fn priorities_choose_among_the_suites_of_certificates() {
    use pcmk_remote_rs::transport::priorities::translate_with_certificates;
    let files = pki::files("node", "node", "root", "-");
    for (priorities, version, suite) in [
        ("", TlsVersion::Tls13, "TLS_AES_256_GCM_SHA384"),
        ("NORMAL", TlsVersion::Tls13, "TLS_AES_256_GCM_SHA384"),
        ("SECURE128:+SECURE192:-VERS-ALL:+VERS-TLS1.2", TlsVersion::Tls12, "ECDHE-ECDSA-AES256-GCM-SHA384"),
        ("NORMAL:-VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM", TlsVersion::Tls12, "ECDHE-ECDSA-AES128-GCM-SHA256"),
    ] {
        let policy = translate_with_certificates(priorities).unwrap().policy;
        let mut credentials = Credentials::with_certificates(files.clone(), policy);
        let mut pair = Pair::new(client(&mut credentials), server(&mut credentials));
        assert_eq!(pair.talk().outcome(), "accept", "{priorities}");
        assert_eq!((pair.client.version(), pair.client.cipher()), (version, suite), "{priorities}");
    }
    for priorities in ["NORMAL:-KX-ALL", "NORMAL:-KX-ALL:+DHE-PSK", "NORMAL:-SIGN-ALL"] {
        assert!(translate_with_certificates(priorities).is_err(), "{priorities}");
    }
    let policy = translate_with_certificates("SECURE192").unwrap().policy;
    let mut strong = Credentials::with_certificates(pki::files("p384", "p384", "root", "-"), policy);
    let mut pair = Pair::new(client(&mut judge(&files, TlsVersion::Tls13)), server(&mut strong));
    // No signature by such a key is taken, so that it is not even shown.
    assert!(pair.talk().server.is_err());
}
