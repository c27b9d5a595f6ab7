// SPDX-License-Identifier: LGPL-2.1-or-later
//! A daemon, a client and the program `pcmk-remote` of which options demand more of certificates: who is let in, what the
//! log says of who is not, and that no option is passed over when it cannot be used.
use crate::certificates::{TLS_1_2, TLS_1_3, pki, start};
use crate::node::{LOG, PORT, Start, await_log, make_key};
use crate::place::isolated;
use crate::startup::refuses_to_start;
use pcmk_remote_rs::driver::blocking::{Client, Problem, Target};
use pcmk_remote_rs::driver::client::Strictness;
use pcmk_remote_rs::session::SessionError;
use pcmk_remote_rs::sys::tls::TlsError;
use pcmk_remote_rs::sys::x509::certificates;
use std::fs;
use std::process::Command;

fn target(cert: &str, priorities: &str) -> Target {
    let key = if cert == "@chain.pem" { "by-inter" } else { cert };
    let target = Target::new("127.0.0.1", PORT).with_certificates(pki::files(cert, key, "root", "-"));
    target.with_tls_priorities(priorities)
}

fn fingerprint(name: &str) -> String {
    let file = fs::read(pki::files(name, name, "root", "-").cert).unwrap();
    certificates(&file).unwrap()[0].fingerprint().unwrap().to_string()
}

#[test]
fn a_daemon_lets_in_only_what_meets_its_options_and_logs_why() {
    isolated(|| {
        let p384 = fingerprint("p384");
        for (variable, value, [ca, crl], accepted, refused, words) in [
            (
                "PCMK_tls_peer_names",
                "elsewhere.example",
                ["root", "-"],
                "other-host",
                "node",
                "none of the names",
            ),
            ("PCMK_tls_peer_fingerprints", &*p384, ["root", "-"], "p384", "node", "SHA-256 fingerprint"),
            (
                "PCMK_tls_verify_purpose",
                "yes",
                ["root", "-"],
                "purpose-client",
                "purpose-server",
                "lacks clientAuth",
            ),
            ("PCMK_tls_require_crl", "yes", ["root", "none"], "node", "@chain.pem", "whether it was revoked"),
            ("PCMK_tls_security_level", "2", ["root", "-"], "rsa2048", "rsa1024", "too weak"),
            ("PCMK_tls_min_rsa_bits", "3072", ["root", "-"], "rsa3072", "rsa2048", "3072 are demanded"),
            (
                "PCMK_tls_min_curve_bits",
                "384",
                ["root-p384", "-"],
                "by-p384",
                "p256-by-p384",
                "384 are demanded",
            ),
        ] {
            let daemon = start(&pki::files("node", "node", ca, crl)).env(variable, value).ready();
            for priorities in [TLS_1_3, TLS_1_2] {
                drop(Client::connect(&target(accepted, priorities), accepted).unwrap());
                let problem = Client::connect(&target(refused, priorities), refused).unwrap_err();
                let told = matches!(
                    &problem,
                    Problem::Handshake(SessionError::Tls(TlsError::CertificateRefusedByPeer(_)))
                );
                assert!(told, "{variable} {priorities}: {problem:?}");
                await_log(&["warning", "failed before it was authenticated", words]);
                fs::write(LOG, "").unwrap();
            }
            assert_eq!(daemon.stop(), Some(0));
            fs::remove_file(LOG).unwrap();
        }
    });
}

#[test]
fn a_stale_list_keeps_all_peers_out_and_the_daemon_says_so_at_the_start() {
    isolated(|| {
        let start =
            start(&pki::files("node", "node", "root", "past-none")).env("PCMK_tls_require_crl", "yes");
        let daemon = start.ready();
        await_log(&[
            "error",
            "The revocation list of CN=Cluster CA",
            "all peers with a certificate of that issuer",
        ]);
        for priorities in [TLS_1_3, TLS_1_2] {
            Client::connect(&target("p384", priorities), "p384").unwrap_err();
            await_log(&[
                "failed before it was authenticated",
                "not known whether it was revoked: CRL has expired",
            ]);
        }
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn a_client_connects_only_to_what_meets_its_demands() {
    isolated(|| {
        let daemon = start(&pki::files("purpose-server", "purpose-server", "root", "-")).ready();
        let other = || vec!["elsewhere.example".to_owned()];
        let none = Strictness::default;
        let own = || fingerprint("purpose-server").parse().unwrap();
        for priorities in [TLS_1_3, TLS_1_2] {
            for met in [
                Strictness { verify_host: true, verify_purpose: true, ..none() },
                Strictness { names: vec!["localhost".to_owned()], fingerprints: vec![own()], ..none() },
                Strictness { security_level: 3, least_curve_bits: 256, least_rsa_bits: 3072, ..none() },
            ] {
                let target = target("p384", priorities).with_strictness(met.clone());
                let connected = Client::connect(&target, "client");
                drop(connected.unwrap_or_else(|problem| panic!("{met:?}: {problem}")));
            }
            for (unmet, words) in [
                (Strictness { names: other(), ..none() }, "none of the names elsewhere.example"),
                (
                    Strictness { fingerprints: vec![fingerprint("p384").parse().unwrap()], ..none() },
                    "fingerprint",
                ),
                (Strictness { require_lists: true, ..none() }, "not known whether it was revoked"),
                (Strictness { least_curve_bits: 384, ..none() }, "256 bits, 384 are demanded"),
            ] {
                let target = target("p384", priorities).with_strictness(unmet);
                let text = Client::connect(&target, "client").unwrap_err().to_string();
                assert!(
                    text.contains("the peer's certificate is refused: ") && text.contains(words),
                    "{text}"
                );
            }
        }
        assert_eq!(daemon.stop(), Some(0));
    });
}

/// What the program prints, and whether nothing failed.
fn check(environment: &[(&str, &str)]) -> (String, bool) {
    let files = pki::files("p384", "p384", "root", "none");
    let mut command = Command::new(env!("CARGO_BIN_EXE_pcmk-remote"));
    let paths = [
        ("PCMK_ca_file", &files.ca),
        ("PCMK_cert_file", &files.cert),
        ("PCMK_key_file", &files.key),
        ("PCMK_crl_file", files.crl.as_ref().unwrap()),
    ];
    command.envs(paths).envs(environment.iter().copied()).args(["check", "127.0.0.1"]);
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    (text, output.status.success())
}

#[test]
fn a_check_applies_the_options_of_its_environment() {
    isolated(|| {
        let daemon = start(&pki::files("purpose-client", "purpose-client", "root", "-")).ready();
        let own = fingerprint("purpose-client");
        for version in [TLS_1_3, TLS_1_2] {
            let version = ("PCMK_tls_priorities", version);
            for (variable, value) in [
                ("PCMK_tls_verify_host", "yes"),
                ("PCMK_tls_peer_names", "localhost"),
                ("PCMK_tls_peer_fingerprints", &own),
                ("PCMK_tls_require_crl", "yes"),
                ("PCMK_tls_security_level", "3"),
                ("PCMK_tls_min_curve_bits", "256"),
            ] {
                let (text, passed) = check(&[version, (variable, value)]);
                assert!(
                    passed && text.contains("the node's certificate is accepted here"),
                    "{variable}: {text}"
                );
            }
            for (variable, value, words) in [
                ("PCMK_tls_verify_purpose", "yes", "its extendedKeyUsage lacks serverAuth"),
                ("PCMK_tls_peer_names", "elsewhere.example", "none of the names elsewhere.example"),
                ("PCMK_tls_min_curve_bits", "384", "256 bits, 384 are demanded"),
                (
                    "PCMK_tls_security_level",
                    "high",
                    "PCMK_tls_security_level is \"high\": not a security level",
                ),
            ] {
                let (text, passed) = check(&[version, (variable, value)]);
                assert!(!passed && text.contains(words), "{variable}: {text}");
            }
        }
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn an_option_that_cannot_be_used_stops_the_daemon_and_one_for_nothing_is_named() {
    isolated(|| {
        let files = pki::files("node", "node", "root", "-");
        for (variable, value, words) in [
            (
                "PCMK_tls_verify_purpose",
                "perhaps",
                "PCMK_tls_verify_purpose is \"perhaps\": neither yes nor no",
            ),
            ("PCMK_tls_peer_fingerprints", "00:11", "not a list of SHA-256 fingerprints"),
            ("PCMK_tls_require_crl", "yes", "PCMK_tls_require_crl is set, but PCMK_crl_file is not"),
        ] {
            refuses_to_start(start(&files).env(variable, value), &[words]);
            fs::remove_file(LOG).unwrap();
        }
        make_key(64);
        let daemon = Start::new().env("PCMK_tls_peer_names", "n1").ready();
        await_log(&["warning", "PCMK_tls_peer_names has no effect: certificates are not used"]);
        assert_eq!(daemon.stop(), Some(0));
    });
}
