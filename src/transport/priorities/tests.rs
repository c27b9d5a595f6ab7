// SPDX-License-Identifier: LGPL-2.1-or-later
use super::*;
use crate::sys::tls::{ClientContext, Psk, ServerContext};

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
    assert_eq!(strong.groups.as_deref(), Some("P-384:P-521:X448:ffdhe8192"));
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
    assert!(translate("NORMAL:%PROFILE_HIGH").is_err());
    assert_eq!(policy("LEGACY"), policy("NORMAL"));
    assert_eq!(translate("LEGACY").unwrap().notes.len(), 1);
    for (priorities, level) in [
        ("NORMAL:%PROFILE_LOW", 1),
        ("NORMAL:%PROFILE_MEDIUM", 2),
        ("NORMAL:%PROFILE_HIGH", 3),
        ("@SYSTEM", 2),
    ] {
        let policy = translate_with_certificates(priorities).unwrap().policy;
        assert_eq!(policy.strictness, policy_of_profile(level), "{priorities}");
    }
    for weaker in ["NORMAL:%VERIFY_ALLOW_SIGN_WITH_SHA1", "NORMAL:%VERIFY_ALLOW_BROKEN"] {
        assert!(translate_with_certificates(weaker).is_err(), "{weaker}");
    }
}

fn policy_of_profile(security_level: i32) -> Strictness {
    Strictness { security_level, ..Strictness::default() }
}

#[test]
fn unknown_words_are_named() {
    for (priorities, word) in [
        ("NORMAL:+VERS-TLS1.4", "+VERS-TLS1.4"),
        ("FANCY", "FANCY"),
        ("SUITEB192", "SUITEB192"),
        ("NORMAL:-nonsense", "-nonsense"),
        ("NORMAL:%UNSAFE_RENEGOTIATION", "%UNSAFE_RENEGOTIATION"),
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
