// SPDX-License-Identifier: LGPL-2.1-or-later
//! What may be demanded of a peer's certificates beyond Pacemaker's rules: who is accepted and who is refused, by either
//! role and version, and with which words.
use crate::pair::{Pair, client, client_to, presenter, server, strict};
use crate::{VERSIONS, pki};
use pcmk_remote_rs::sys::tls::TlsError;
use pcmk_remote_rs::sys::x509::{Fingerprint, Strictness, certificates};
use std::fs;

/// Whose certificate is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Judged {
    Client,
    Server,
    Both,
}
use Judged::{Both, Client, Server};

/// What the other side shows, and what the judge trusts.
#[derive(Clone, Copy)]
struct Shown {
    cert: &'static str,
    key: &'static str,
    ca: &'static str,
    crl: &'static str,
}

const fn shown(cert: &'static str) -> Shown {
    Shown { cert, key: cert, ca: "root", crl: "-" }
}

/// A chain in a file, with the key of its first certificate.
const fn chain(file: &'static str, key: &'static str) -> Shown {
    Shown { cert: file, key, ..shown("") }
}

const fn listed(crl: &'static str) -> Shown {
    Shown { crl, ..shown("node") }
}

/// Judged with these demands: None if it is accepted, or else words of the refusal.
fn expect(demands: &Strictness, host: Option<&str>, cases: &[(Shown, Judged, Option<&'static str>)]) {
    let mut wrong = Vec::new();
    for (shown, judged, refusal) in cases {
        let presented = pki::files(shown.cert, shown.key, "root", "-");
        let rules = pki::files("node", "node", shown.ca, shown.crl);
        for version in VERSIONS {
            let mut judge = strict(&rules, version, demands);
            let mut other = presenter(&presented, version);
            for role in [Client, Server].into_iter().filter(|role| [*role, Both].contains(judged)) {
                let mut pair = if role == Client {
                    Pair::new(client(&mut other), server(&mut judge))
                } else {
                    Pair::new(client_to(&mut judge, host), server(&mut other))
                };
                let talk = pair.talk();
                let (own, its) =
                    if role == Client { (&talk.server, &talk.client) } else { (&talk.client, &talk.server) };
                let as_expected = match (refusal, own) {
                    (None, _) => talk.outcome() == "accept",
                    (Some(words), Err(TlsError::CertificateRefused(reason))) => {
                        let heard = TlsError::CertificateRefusedByPeer(String::new());
                        reason.contains(words)
                            && reason.contains("serial")
                            && its.as_ref().is_err_and(|its| {
                                std::mem::discriminant(its) == std::mem::discriminant(&heard)
                            })
                    }
                    (Some(_), _) => false,
                };
                if !as_expected {
                    let cert = shown.cert;
                    wrong.push(format!(
                        "{cert} ({}), a {role:?}'s, {version}: {talk:?}, {refusal:?}",
                        shown.crl
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{demands:?} {host:?}:\n{}", wrong.join("\n"));
}

fn none() -> Strictness {
    Strictness::default()
}

#[test]
fn a_server_must_have_the_name_that_is_connected_to() {
    let demands = Strictness { verify_host: true, ..none() };
    for host in ["localhost", "LOCALHOST", "localhost.", "127.0.0.1"] {
        expect(&demands, Some(host), &[(shown("node"), Both, None)]);
    }
    expect(&demands, Some("b.cluster.example"), &[(shown("wildcard"), Server, None)]);
    for (host, cert) in [
        ("localhost", "other-host"),
        ("localhost", "no-names"),
        // The subject counts for nothing.
        ("no-names", "no-names"),
        ("127.0.0.2", "node"),
        ("a.b.cluster.example", "wildcard"),
        ("cluster.example", "wildcard"),
        ("", "node"),
    ] {
        let words = "its subjectAltName lacks";
        expect(&demands, Some(host), &[(shown(cert), Server, Some(words)), (shown(cert), Client, None)]);
    }
    expect(&demands, None, &[(shown("node"), Server, Some("not known here")), (shown("node"), Client, None)]);
}

#[test]
fn a_peer_must_have_one_of_the_names() {
    let words = Some("its subjectAltName has none of the names elsewhere.example, 2001:db8::1");
    let demands =
        Strictness { names: vec!["elsewhere.example".to_owned(), "2001:db8::1".to_owned()], ..none() };
    expect(
        &demands,
        None,
        &[(shown("other-host"), Both, None), (shown("node"), Both, words), (shown("no-names"), Both, words)],
    );
    let address = Strictness { names: vec!["192.0.2.1".to_owned()], ..none() };
    expect(&address, None, &[(shown("other-host"), Both, None), (shown("node"), Both, Some("192.0.2.1"))]);
}

#[test]
fn a_peer_must_have_one_of_the_fingerprints() {
    let of = |name: &str| {
        let file = fs::read(pki::files(name, name, "root", "-").cert).unwrap();
        certificates(&file).unwrap()[0].fingerprint().unwrap()
    };
    let demands = Strictness { fingerprints: vec![of("p384"), of("rsa2048"), of("expired")], ..none() };
    expect(
        &demands,
        None,
        &[
            (shown("p384"), Both, None),
            (shown("rsa2048"), Both, None),
            (shown("node"), Both, Some("its SHA-256 fingerprint ")),
            // A fingerprint makes nothing good.
            (shown("expired"), Both, Some("expired")),
        ],
    );
    let text = of("p384").to_string();
    assert_eq!((text.len(), text.parse()), (95, Ok(of("p384"))));
    assert_eq!(text.replace(':', "").to_lowercase().parse(), Ok(of("p384")));
    for wrong in ["", "00", &text[1..], &format!("{text}:00"), &text.replace(':', "-")] {
        assert!(wrong.parse::<Fingerprint>().is_err(), "{wrong}");
    }
}

#[test]
fn purposes_must_fit_the_role_where_certificates_name_any() {
    let demands = Strictness { verify_purpose: true, ..none() };
    let (no_client, no_server) =
        (Some("its extendedKeyUsage lacks clientAuth"), Some("its extendedKeyUsage lacks serverAuth"));
    expect(
        &demands,
        None,
        &[
            (shown("node"), Both, None),
            (shown("purpose-both"), Both, None),
            (shown("purpose-any"), Both, None),
            (shown("purpose-client"), Client, None),
            (shown("purpose-client"), Server, no_server),
            (shown("purpose-critical"), Server, no_server),
            (shown("purpose-server"), Server, None),
            (shown("purpose-server"), Client, no_client),
            (shown("purpose-code"), Client, no_client),
            (shown("purpose-code"), Server, no_server),
            (chain("@chain-inter-server.pem", "by-inter-server"), Server, None),
            (chain("@chain-inter-server.pem", "by-inter-server"), Client, no_client),
            (chain("@chain.pem", "by-inter"), Both, None),
        ],
    );
}

#[test]
fn keys_must_have_the_bits_that_are_demanded() {
    let rsa = Strictness { least_rsa_bits: 3072, ..none() };
    let words = Some("key too weak");
    let by_rsa2048 = Shown { ca: "root-rsa2048", ..shown("by-rsa2048") };
    let by_rsa4096 = Shown { ca: "root-rsa4096", key: "rsa4096", ..shown("by-rsa4096") };
    expect(
        &rsa,
        None,
        &[
            (shown("node"), Both, None),
            (shown("rsa3072"), Both, None),
            (by_rsa4096, Both, None),
            (shown("rsa2048"), Both, Some("2048 bits, 3072 are demanded")),
            (shown("rsapss"), Both, words),
            (by_rsa2048, Both, words),
        ],
    );
    let curves = Strictness { least_curve_bits: 384, ..none() };
    expect(
        &curves,
        None,
        &[
            (Shown { ca: "root-p384", ..shown("by-p384") }, Both, None),
            (
                Shown { ca: "root-p384", ..shown("p256-by-p384") },
                Both,
                Some("EE certificate key too weak: 256"),
            ),
            (shown("p521"), Both, Some("CA certificate key too weak: 256 bits, 384 are demanded")),
            (Shown { ca: "root-rsa4096", key: "rsa4096", ..shown("by-rsa4096") }, Both, None),
            (Shown { ca: "root-ed25519", ..shown("by-ed25519") }, Both, words),
        ],
    );
}

#[test]
fn a_level_stands_over_the_whole_chain() {
    let level = |security_level| Strictness { security_level, ..none() };
    expect(&level(1), None, &[(shown("rsa1024"), Both, None)]);
    let words = Some("key too weak");
    let by_rsa1024 = Shown { ca: "root-rsa1024", ..shown("by-rsa1024") };
    expect(
        &level(2),
        None,
        &[(shown("rsa2048"), Both, None), (shown("rsa1024"), Both, words), (by_rsa1024, Both, words)],
    );
    expect(
        &level(3),
        None,
        &[(shown("rsa3072"), Both, None), (shown("node"), Both, None), (shown("rsa2048"), Both, words)],
    );
}

#[test]
fn lists_that_are_missing_stale_or_unverifiable_refuse_whoever_needs_them() {
    let demands = Strictness { require_lists: true, ..none() };
    let unknown = Some("it is not known whether it was revoked: ");
    let by_no_lists = Shown { ca: "root-no-lists", crl: "no-lists-none", ..shown("by-root-no-lists") };
    let below = |crl| Shown { crl, ..chain("@chain.pem", "by-inter") };
    expect(
        &demands,
        None,
        &[
            (listed("none"), Both, None),
            (listed("others"), Both, None),
            (listed("@lists.pem"), Both, None),
            (listed("@lists-and-stale.pem"), Both, None),
            (listed("-"), Both, unknown),
            (listed("root2-none"), Both, unknown),
            (listed("past-none"), Both, Some("revoked: CRL has expired")),
            (listed("future-none"), Both, Some("revoked: CRL is not yet valid")),
            (listed("forged-none"), Both, unknown),
            (listed("critical-none"), Both, unknown),
            (listed("sha1-none"), Both, unknown),
            (by_no_lists, Both, unknown),
            (listed("node"), Both, Some("certificate revoked")),
            (listed("past-node"), Both, Some("revoked")),
            (listed("forged-node"), Both, Some("revoked")),
            // Each certificate below the authority needs one; an authority needs none.
            (below("@lists-both.pem"), Both, None),
            (below("none"), Both, unknown),
            (below("inter-none"), Both, unknown),
            (below("root-inter"), Both, Some("revoked")),
            (Shown { ca: "inter", ..below("inter-none") }, Both, None),
            // What is trusted by itself is no matter of lists.
            (Shown { ca: "node", ..listed("-") }, Both, None),
            (Shown { ca: "self", crl: "none", ..shown("self") }, Both, None),
        ],
    );
}

#[test]
fn all_that_is_demanded_has_to_be_met() {
    let names = Strictness { names: vec!["localhost".to_owned()], ..none() };
    let both = names.clone().and(Strictness { verify_purpose: true, ..none() });
    expect(
        &both,
        None,
        &[
            (shown("purpose-client"), Client, None),
            (shown("purpose-client"), Server, Some("extendedKeyUsage")),
            (shown("other-host"), Both, Some("subjectAltName")),
        ],
    );
}

#[test]
fn the_log_tells_of_a_list_that_refuses_all_peers_as_an_error() {
    let now = crate::pair::now();
    for (crl, words) in [
        ("past-none", "there should have been a newer one"),
        ("future-none", "still to come"),
        ("forged-none", "no authority in the CA file has signed it"),
        ("critical-none", "critical extension"),
        ("sha1-none", "SHA-1"),
    ] {
        for required in [false, true] {
            let demands = Strictness { require_lists: required, ..none() };
            let mut judge = strict(&pki::files("node", "node", "root", crl), VERSIONS[0], &demands);
            judge.server_context().unwrap();
            judge.check_dates(now);
            let notices = judge.take_notices();
            let [notice] = &notices[..] else { panic!("{crl}: {notices:?}") };
            let tail = if required { "are refused" } else { "what it revokes is refused all the same" };
            assert!(notice.text.contains(words) && notice.text.ends_with(tail), "{notice:?}");
            assert_eq!(notice.is_error(), required, "{notice:?}");
        }
    }
}
