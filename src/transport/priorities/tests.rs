// SPDX-License-Identifier: LGPL-2.1-or-later
use super::*;
use crate::sys::tls::TlsVersion;
use crate::sys::tls::{ClientContext, Psk, ServerContext};
use crate::sys::x509::{Strictness, SuiteB};

fn policy(priorities: &str) -> Policy {
    let policy = translate(priorities).unwrap_or_else(|error| panic!("{priorities}: {error}")).policy;
    let psk = Psk::new(vec![1]).unwrap();
    ServerContext::new(&psk, &policy).unwrap_or_else(|error| panic!("{priorities}: {error}"));
    ClientContext::new(&psk, &policy).unwrap();
    policy
}

#[test]
fn nothing_said_is_the_default() {
    assert_eq!(policy(""), Policy::default());
    assert_eq!(policy("  "), Policy::default());
}

#[test]
fn levels() {
    let normal = policy("NORMAL");
    assert_eq!((normal.min, normal.max), (TlsVersion::Tls12, TlsVersion::Tls13));
    assert!(normal.plain_psk && normal.groups.is_none());
    assert!(normal.ciphersuites.contains("TLS_AES_128_GCM_SHA256"));
    assert!(normal.cipher_list.starts_with("DHE-PSK-AES256-GCM-SHA384:"));
    assert_eq!(policy("SECURE128"), normal);
    assert_eq!(policy("normal"), normal);
    let strong = policy("SECURE192");
    assert_eq!(strong.ciphersuites, "TLS_CHACHA20_POLY1305_SHA256");
    assert!(!strong.cipher_list.contains("128"));
    assert_eq!(strong.groups.as_deref(), Some("P-384:P-521:ffdhe8192"));
    assert!(!strong.cipher_list.contains("CBC"));
    assert!(!policy("PFS").plain_psk);
    assert!(!policy("PFS").cipher_list.split(':').any(|suite| suite.starts_with("PSK-")));
}

#[test]
fn the_example_of_the_distributions_default_file() {
    let policy = policy("SECURE128:+SECURE192:-VERS-ALL:+VERS-TLS1.2");
    assert_eq!((policy.min, policy.max), (TlsVersion::Tls12, TlsVersion::Tls12));
    assert!(policy.groups.is_none());
}

#[test]
fn single_words_add_and_take_away() {
    assert_eq!(policy("NORMAL:-VERS-TLS1.3").max, TlsVersion::Tls12);
    assert_eq!(policy("NORMAL:!VERS-TLS1.2").min, TlsVersion::Tls13);
    assert_eq!(policy("NORMAL:-CHACHA20-POLY1305:-AES-128-CCM").ciphersuites, "TLS_AES_128_GCM_SHA256");
    let one = policy("NONE:+VERS-TLS1.2:+AES-256-GCM:+AEAD:+PSK:-DHE-PSK");
    assert_eq!(one.cipher_list, "PSK-AES256-GCM-SHA384");
    assert_eq!(policy("NORMAL:-GROUP-ALL:+GROUP-X25519").groups.as_deref(), Some("X25519"));
    assert!(policy("NORMAL:+GROUP-X25519").groups.is_none());
    let two = policy("NONE:+VERS-TLS1.3:+AES-128-GCM:+AEAD:+GROUP-X448:+CURVE-SECP256R1");
    assert_eq!(two.groups.as_deref(), Some("X448:P-256"));
    assert!(!policy("NORMAL:-GROUP-DH-ALL").groups.unwrap().contains("ffdhe"));
    assert!(policy("NORMAL:-KX-ALL:+ECDHE-PSK").cipher_list.contains("ECDHE-PSK-"));
    assert!(policy("NORMAL:%SERVER_PRECEDENCE").server_precedence);
}

#[test]
fn an_exchange_that_was_refused_stays_refused() {
    assert!(!policy("NORMAL:-PSK").plain_psk);
    assert!(!policy("NORMAL:-PSK").cipher_list.split(':').any(|suite| suite.starts_with("PSK-")));
    assert!(policy("PFS:+PSK").plain_psk);
    assert_eq!(translate("NORMAL:-PSK:-DHE-PSK"), Err(PriorityError::NothingLeft("key exchange")));
}

#[test]
fn words_that_ask_for_no_less_do_not_keep_a_node_down() {
    assert_eq!(policy("NORMAL:%NO_TICKETS"), policy("NORMAL"));
    assert_eq!(
        policy("NORMAL:%PROFILE_MEDIUM"),
        Policy { strictness: policy_of_profile(2), ..policy("NORMAL") }
    );
    assert_eq!(policy("NORMAL:%PROFILE_HIGH").strictness, policy_of_profile(3));
    assert_eq!(policy("LEGACY"), policy("NORMAL"));
    assert_eq!(translate("LEGACY").unwrap().notes.len(), 1);
    let judged = |priorities| translate_with_certificates(priorities).unwrap().policy.strictness;
    for (priorities, level, rsa, curve) in [
        ("NORMAL:%PROFILE_LOW", 1, 0, 0),
        ("NORMAL:%PROFILE_LEGACY", 1, 1776, 192),
        ("NORMAL:%PROFILE_MEDIUM", 2, 2048, 224),
        ("NORMAL:%PROFILE_HIGH", 3, 3072, 256),
        ("NORMAL:%PROFILE_HIGH:%PROFILE_LOW", 3, 3072, 256),
        ("NORMAL:%PROFILE_ULTRA", 4, 8192, 384),
        ("NORMAL:%PROFILE_FUTURE", 5, 15_360, 512),
        ("SECURE192", 3, 0, 384),
        ("SECURE192:%PROFILE_ULTRA", 4, 8192, 384),
        ("SECURE192:+NORMAL", 1, 0, 0),
        ("@SYSTEM", 2, 0, 0),
    ] {
        let expected =
            Strictness { least_rsa_bits: rsa, least_curve_bits: curve, ..policy_of_profile(level) };
        assert_eq!(judged(priorities), expected, "{priorities}");
    }
    assert_eq!(judged("SUITEB128").suite_b, Some(SuiteB::Bits128));
    assert_eq!(judged("NORMAL:%PROFILE_SUITEB192").suite_b, Some(SuiteB::Bits192));
    assert!(judged("NORMAL:%DISABLE_WILDCARDS").no_wildcards);
}

#[test]
fn words_that_ask_for_less_stop_the_daemon_by_name() {
    for weaker in ["%VERIFY_ALLOW_SIGN_WITH_SHA1", "%VERIFY_ALLOW_BROKEN", "%UNSAFE_RENEGOTIATION", "%NO_ETM"]
    {
        for translate in [translate, translate_with_certificates] {
            let error = translate(&format!("NORMAL:{weaker}")).unwrap_err();
            assert_eq!(error, PriorityError::Weaker(weaker.to_owned()));
            assert!(error.to_string().contains(&format!("'{weaker}' asks for less")), "{error}");
        }
    }
}

#[test]
fn what_openssl_cannot_demand_is_left_out() {
    for translate in [translate, translate_with_certificates] {
        let Translation { policy, notes } = translate("NORMAL:%FORCE_ETM").unwrap();
        assert!(!policy.cipher_list.split(':').any(|suite| suite.ends_with("SHA")), "{policy:?}");
        assert!(notes[0].contains("%FORCE_ETM"), "{notes:?}");
        let Translation { policy, notes } = translate("NORMAL:%FORCE_SESSION_HASH").unwrap();
        assert_eq!(policy.min, TlsVersion::Tls13);
        assert!(notes[0].contains("%FORCE_SESSION_HASH"), "{notes:?}");
        assert!(translate("NORMAL:%FORCE_SESSION_HASH:-VERS-TLS1.3").is_err());
        assert!(translate("NORMAL:%FORCE_ETM:-AEAD").is_err());
    }
}

#[test]
fn signatures_are_added_and_taken_away_by_name() {
    let signatures = |priorities| translate_with_certificates(priorities).unwrap().policy.signatures;
    assert_eq!(signatures("NORMAL"), None);
    assert_eq!(signatures("NORMAL:+SIGN-ALL"), None);
    assert_eq!(signatures("NORMAL:-SIGN-ALL:+SIGN-EDDSA-ED448").as_deref(), Some("ed448"));
    let without = signatures("NORMAL:-SIGN-RSA-SHA256:-SIGN-RSA-SHA1").unwrap();
    assert!(without.contains("rsa_pkcs1_sha384") && !without.contains("rsa_pkcs1_sha256"), "{without}");
    assert!(!signatures("SECURE192").unwrap().contains("sha256"));
    assert_eq!(signatures("SECURE192:+NORMAL"), None);
    let nothing = PriorityError::NothingLeft("signature algorithm");
    assert_eq!(translate_with_certificates("NORMAL:-SIGN-ALL"), Err(nothing));
    let pkcs1 = translate_with_certificates("NORMAL:-SIGN-ALL:+SIGN-RSA-SHA256").unwrap();
    assert_eq!((pkcs1.policy.max, pkcs1.notes.len()), (TlsVersion::Tls12, 1));
}

fn policy_of_profile(security_level: i32) -> Strictness {
    Strictness { security_level, ..Strictness::default() }
}

#[test]
fn unknown_words_are_named() {
    for (priorities, word) in [
        ("NORMAL:+VERS-TLS1.4", "+VERS-TLS1.4"),
        ("FANCY", "FANCY"),
        ("NORMAL:-nonsense", "-nonsense"),
        ("NORMAL:%NONSENSE", "%NONSENSE"),
        ("NORMAL:@SYSTEM", "@SYSTEM"),
        ("NORMAL,SECURE128", "NORMAL,SECURE128"),
        ("NORMAL:\u{e4}", "\u{e4}"),
    ] {
        let error = translate(priorities).unwrap_err();
        assert_eq!(error, PriorityError::Word(word.to_owned()));
        assert!(error.to_string().contains(word));
    }
}

#[test]
fn what_cannot_be_offered_is_noted_and_never_weakens() {
    let translation = translate("NORMAL:+VERS-TLS1.0:+ANON-DH:+NULL:-RSA").unwrap();
    assert_eq!(translation.notes.len(), 3);
    assert_eq!(translation.policy, policy("NORMAL"));
    let translation = translate("@PACEMAKER,SYSTEM:-VERS-TLS1.2").unwrap();
    assert_eq!(translation.notes.len(), 1);
    assert_eq!(translation.policy.min, TlsVersion::Tls13);
    // Only AES-256-GCM: at TLS 1.3 that means SHA-384, which these keys cannot use.
    let translation = translate("NORMAL:-CIPHER-ALL:+AES-256-GCM").unwrap();
    assert_eq!(translation.policy.max, TlsVersion::Tls12);
    assert_eq!(translation.notes.len(), 1);
    assert_eq!(
        translate("NORMAL:-CIPHER-ALL:+AES-256-GCM:-VERS-TLS1.2"),
        Err(PriorityError::NothingLeft("cipher suite"))
    );
    assert!(matches!(translate("NORMAL:-VERS-ALL"), Err(PriorityError::NothingLeft(_))));
    assert!(matches!(translate("NORMAL:-GROUP-ALL"), Err(PriorityError::NothingLeft(_))));
    assert!(matches!(translate("NONE"), Err(PriorityError::NothingLeft(_))));
}
