// SPDX-License-Identifier: LGPL-2.1-or-later
//! `PCMK_tls_priorities` word by word, beside GnuTLS: which strings keep a node down, and that none comes to more than
//! GnuTLS makes of it. Needs the programs gnutls-cli and openssl.
use crate::pair::{Pair, client, server};
use crate::pki;
use pcmk_remote_rs::sys::tls::{ClientContext, Policy, Psk, ServerContext, Stream, TlsVersion};
use pcmk_remote_rs::transport::credentials::Credentials;
use pcmk_remote_rs::transport::priorities::{
    PriorityError, Translation, translate, translate_with_certificates,
};
use std::collections::BTreeSet;
use std::process::Command;

/// A line of strings.txt.
struct Line {
    text: &'static str,
    with_key: &'static str,
    with_certificates: &'static str,
    gnutls: &'static str,
}

fn lines() -> Vec<Line> {
    let text = include_str!("strings.txt");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let line = |line: &'static str| {
        let [text, with_key, with_certificates, gnutls] = line.split_whitespace().collect::<Vec<_>>()[..]
        else {
            panic!("{line}")
        };
        Line { text, with_key, with_certificates, gnutls }
    };
    lines.map(line).collect()
}

fn verdict(translated: &Result<Translation, PriorityError>) -> &'static str {
    match translated {
        Ok(translation) if translation.notes.is_empty() => "works",
        Ok(_) => "noted",
        Err(_) => "stops",
    }
}

#[test]
fn each_string_works_is_noted_or_stops_the_daemon() {
    let mut wrong = Vec::new();
    for line in lines() {
        let (key, certificates) = (translate(line.text), translate_with_certificates(line.text));
        for (expected, translated) in [(line.with_key, &key), (line.with_certificates, &certificates)] {
            if verdict(translated) != expected {
                wrong.push(format!("{}: {expected}, but {translated:?}", line.text));
            }
            assert!(line.gnutls != "unknown" || verdict(translated) == "stops", "{}", line.text);
            // What stops it, and what is left out, is named.
            let word = line.text.rsplit(':').next().unwrap().to_ascii_uppercase();
            match translated {
                Err(error) => assert!(error.to_string().contains("PCMK_tls_priorities"), "{error}"),
                Ok(translation) => {
                    let named = translation.notes.iter().any(|note| {
                        note.to_ascii_uppercase().contains(word.trim_start_matches(['+', '-']))
                            || note.contains("is not offered")
                    });
                    assert!(translation.notes.is_empty() || named, "{}: {:?}", line.text, translation.notes);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn what_is_taken_makes_connections() {
    let psk = Psk::new(vec![7; 64]).unwrap();
    for line in lines() {
        if let Ok(Translation { policy, .. }) = translate(line.text) {
            let ends =
                (ClientContext::new(&psk, &policy).unwrap(), ServerContext::new(&psk, &policy).unwrap());
            let mut pair = Pair::new(Stream::client(&ends.0).unwrap(), Stream::server(&ends.1).unwrap());
            let talk = pair.talk();
            assert_eq!(talk.outcome(), "accept", "{} with a key: {talk:?}", line.text);
        }
        if let Ok(Translation { policy, .. }) = translate_with_certificates(line.text) {
            let talks: Vec<_> = [("by-p384", "root-p384"), ("by-rsa2048", "root-rsa2048")]
                .map(|files| talk(&policy, files))
                .into();
            // No certificate of ours has 512 bits.
            let expected = if line.text.contains("FUTURE") { 0 } else { 1 };
            let accepted = talks.iter().filter(|talk| *talk == "accept").count();
            assert!(accepted >= expected, "{} with certificates: {talks:?}", line.text);
        }
    }
}

fn talk(policy: &Policy, (cert, ca): (&str, &str)) -> String {
    let mut both = Credentials::with_certificates(pki::files(cert, cert, ca, "-"), policy.clone());
    if let Err(error) = both.server_context() {
        return error.to_string();
    }
    let talk = Pair::new(client(&mut both), server(&mut both)).talk();
    if talk.outcome() == "accept" { "accept".to_owned() } else { format!("{talk:?}") }
}

/// What the distribution's GnuTLS makes of a string: None if it does not know it.
struct Gnutls {
    suites: BTreeSet<String>,
    groups: BTreeSet<String>,
    versions: Vec<TlsVersion>,
}

impl Gnutls {
    fn of(text: &str) -> Option<Self> {
        let output = Command::new("gnutls-cli").args(["--list", "--priority", text]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let names = |head: &str| -> Vec<String> {
            let names = text.lines().find_map(|line| line.strip_prefix(head)).unwrap_or_default();
            names.split(',').map(|name| name.trim().to_owned()).collect()
        };
        let versions = names("Protocols: ");
        let versions = [(TlsVersion::Tls12, "VERS-TLS1.2"), (TlsVersion::Tls13, "VERS-TLS1.3")]
            .into_iter()
            .filter(|(_, name)| versions.iter().any(|version| version == name))
            .map(|(version, _)| version)
            .collect();
        let suite = |line: &str| {
            let code = line.strip_prefix("TLS_")?.split_once("0x")?.1;
            let (first, second) = code.split_once(", 0x")?;
            Some(format!("{first}{}", second.get(..2)?).to_ascii_uppercase())
        };
        output.status.success().then(|| Self {
            suites: text.lines().filter_map(suite).collect(),
            groups: names("Groups: ").into_iter().collect(),
            versions,
        })
    }
}

/// The codes of the suites that a policy offers, as OpenSSL tells them.
fn offered(policy: &Policy) -> BTreeSet<String> {
    let mut command = Command::new("openssl");
    command.args(["ciphers", "-V", "-ciphersuites"]);
    let suites = if policy.max == TlsVersion::Tls13 { &*policy.ciphersuites } else { "" };
    let list = if policy.min == TlsVersion::Tls12 { &*policy.cipher_list } else { "NULL" };
    let output = command.arg(suites).arg(format!("{list}:@SECLEVEL=0")).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let code = |line: &str| {
        let (first, second) = line.trim().strip_prefix("0x")?.split_once(",0x")?;
        (!line.contains("NULL")).then(|| format!("{first}{}", &second[..2]))
    };
    text.lines().filter_map(code).collect()
}

const GROUPS: [(&str, &str); 10] = [
    ("X25519", "GROUP-X25519"),
    ("P-256", "GROUP-SECP256R1"),
    ("P-384", "GROUP-SECP384R1"),
    ("P-521", "GROUP-SECP521R1"),
    ("X448", "GROUP-X448"),
    ("ffdhe2048", "GROUP-FFDHE2048"),
    ("ffdhe3072", "GROUP-FFDHE3072"),
    ("ffdhe4096", "GROUP-FFDHE4096"),
    ("ffdhe6144", "GROUP-FFDHE6144"),
    ("ffdhe8192", "GROUP-FFDHE8192"),
];

#[test]
fn nothing_is_offered_that_gnutls_would_not_offer() {
    let mut wrong = Vec::new();
    for line in lines() {
        // As upstream completes the string of connections with a key.
        let with_key = format!("{}:+DHE-PSK:+PSK", line.text);
        for (text, translated) in
            [(line.text, translate_with_certificates(line.text)), (&with_key, translate(line.text))]
        {
            let known = Gnutls::of(text);
            if known.is_some() != (line.gnutls == "known") && text == line.text {
                wrong.push(format!(
                    "{text} is known to GnuTLS: {}, the table says {}",
                    known.is_some(),
                    line.gnutls
                ));
            }
            let (Some(gnutls), Ok(Translation { policy, .. })) = (known, translated) else { continue };
            // With these GnuTLS gives up TLS 1.3; they are not offered, so that it can stay.
            // And with a key no signature is asked for.
            let of_certificates = line.text.ends_with("-SIGN-ALL") && text != line.text;
            if of_certificates || ["+NULL", "+SRP"].iter().any(|word| line.text.contains(word)) {
                continue;
            }
            let more: Vec<_> = offered(&policy).difference(&gnutls.suites).cloned().collect();
            let versions = [policy.min, policy.max].iter().all(|version| gnutls.versions.contains(version));
            let groups = policy.groups.as_deref().unwrap_or_default().split(':');
            let named = |group: &str| GROUPS.iter().find(|(name, _)| *name == group).unwrap().1;
            let more_groups: Vec<_> =
                groups.filter(|group| !group.is_empty() && !gnutls.groups.contains(named(group))).collect();
            if !more.is_empty() || !versions || !more_groups.is_empty() {
                wrong.push(format!("{text}: {more:?}, {more_groups:?}, {policy:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
