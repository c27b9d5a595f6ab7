// SPDX-License-Identifier: LGPL-2.1-or-later
//! Any text as `PCMK_tls_priorities`: what is taken makes a TLS context, and nothing weaker than our own default.
use arbitrary::Unstructured;
use pcmk_remote_rs::sys::tls::{ClientContext, Policy, Psk, ServerContext};
use pcmk_remote_rs::transport::priorities::translate;

const WORDS: [&str; 40] = [
    "NORMAL",
    "SECURE",
    "SECURE128",
    "SECURE192",
    "SECURE256",
    "PERFORMANCE",
    "PFS",
    "NONE",
    "@SYSTEM",
    "VERS-TLS1.3",
    "VERS-TLS1.2",
    "VERS-ALL",
    "VERS-TLS-ALL",
    "AES-256-GCM",
    "AES-128-GCM",
    "CHACHA20-POLY1305",
    "AES-128-CCM",
    "AES-256-CBC",
    "AES-128-CCM-8",
    "CAMELLIA-128-CBC",
    "CIPHER-ALL",
    "AEAD",
    "SHA1",
    "SHA256",
    "SHA384",
    "MAC-ALL",
    "DHE-PSK",
    "PSK",
    "ECDHE-PSK",
    "KX-ALL",
    "GROUP-X25519",
    "GROUP-SECP384R1",
    "GROUP-FFDHE2048",
    "GROUP-ALL",
    "GROUP-EC-ALL",
    "GROUP-DH-ALL",
    "%SERVER_PRECEDENCE",
    "%COMPAT",
    "NULL",
    "ANON-DH",
];

fn check(text: &str) {
    let translation = match translate(text) {
        Ok(translation) => translation,
        Err(error) => return assert!(error.to_string().contains("PCMK_tls_priorities")),
    };
    assert!(translation.notes.iter().all(|note| !note.is_empty()));
    let policy = &translation.policy;
    assert!(policy.min <= policy.max);
    // kDHEPSK and kPSK are the default's own words.
    let is_default = *policy == Policy::default();
    let weak =
        |suite: &str| ["NULL", "RC4", "3DES", "MD5", "RSA", "ECDSA"].iter().any(|word| suite.contains(word));
    for suite in policy.cipher_list.split(':').filter(|suite| !suite.is_empty() && !is_default) {
        assert!(suite.contains("PSK") && !weak(suite), "{suite}");
    }
    if !policy.plain_psk {
        let plain = policy.cipher_list.split(':').find(|suite| suite.starts_with("PSK") || *suite == "kPSK");
        assert_eq!(plain, None, "plain PSK was taken away");
    }
    let key = Psk::new(vec![1; 64]).expect("a key");
    ServerContext::new(&key, policy).unwrap_or_else(|error| panic!("{text:?} makes no context: {error}"));
    ClientContext::new(&key, policy).unwrap_or_else(|error| panic!("{text:?} makes no context: {error}"));
}

/// The bytes as text, and as choices of words.
pub fn fuzz_one(data: &[u8]) {
    check(&String::from_utf8_lossy(data));
    let mut input = Unstructured::new(data);
    let mut text = String::new();
    while let (Ok(sign), Ok(word)) = (input.int_in_range(0..=3), input.choose(&WORDS))
        && !input.is_empty()
        && text.len() < 400
    {
        text.push_str([":", ":+", ":-", ":!"][sign]);
        text.push_str(word);
    }
    check(text.trim_start_matches(':'));
}

/// Strings that administrators write.
pub fn seeds() -> Vec<Vec<u8>> {
    [
        "NORMAL",
        "SECURE192:-VERS-ALL:+VERS-TLS1.2",
        "PFS",
        "@SYSTEM",
        "NORMAL:-CIPHER-ALL:+AES-128-GCM:%COMPAT",
        "NONE:+VERS-ALL:+CIPHER-ALL:+MAC-ALL:+PSK:+GROUP-ALL",
        "NORMAL:-GROUP-ALL:+GROUP-X25519:-PSK",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}
