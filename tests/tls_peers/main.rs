// SPDX-License-Identifier: LGPL-2.1-or-later
//! Our TLS with the libraries that real peers use: GnuTLS and OpenSSL, as client and as server, on loopback.
//! Needs the programs of the packages gnutls-bin and openssl.
#![allow(clippy::disallowed_methods, reason = "starts peers and keeps their time limits")]

mod peers;

use pcmk_remote_rs::sys::tls::{Policy, TlsError, TlsVersion};
use peers::{Peer, accept_from, connect_to, key};

const SIZES: [usize; 6] = [1, 32, 512, 513, 4096, 16384];

/// What upstream's own default comes to, for either version.
fn priorities(version: TlsVersion, exchange: &str) -> String {
    let version = match version {
        TlsVersion::Tls12 => "TLS1.2",
        TlsVersion::Tls13 => "TLS1.3",
    };
    format!("NORMAL:-VERS-ALL:+VERS-{version}:-KX-ALL:{exchange}")
}

const BOTH: &str = "+DHE-PSK:+PSK";

#[test]
fn gnutls_clients_are_served() {
    // gnutls-cli itself refuses a key of one byte.
    for len in SIZES.into_iter().filter(|len| *len > 1) {
        for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
            let exchanges = if len == 4096 { &[BOTH, "+DHE-PSK", "+PSK"][..] } else { &[BOTH] };
            for exchange in exchanges {
                let priorities = priorities(version, exchange);
                let seen = accept_from(&key(len), Policy::default(), |port| {
                    Peer::gnutls_cli(port, &key(len), "lrmd", &priorities)
                });
                assert_eq!(
                    seen.as_ref().map(|seen| seen.version),
                    Ok(version),
                    "{len} {priorities} {seen:?}"
                );
            }
        }
    }
}

/// `PCMK_dh_min_bits` of a cluster node. Upstream's daemon serves these clients, too.
#[test]
fn gnutls_clients_that_want_large_groups_are_served() {
    let priorities = priorities(TlsVersion::Tls12, "+DHE-PSK");
    for len in [32, 4096] {
        for bits in [2048, 4096, 8192] {
            let seen = accept_from(&key(len), Policy::default(), |port| {
                Peer::gnutls_cli_that_wants(bits, port, &key(len), "lrmd", &priorities)
            });
            assert_eq!(
                seen.as_ref().map(|seen| seen.version),
                Ok(TlsVersion::Tls12),
                "{len} {bits} {seen:?}"
            );
        }
    }
}

#[test]
fn gnutls_servers_are_used() {
    for len in SIZES {
        for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
            let server = Peer::gnutls_serv(&key(len), &priorities(version, BOTH));
            let seen = connect_to(&server, &key(len), Policy::default());
            assert_eq!(seen.as_ref().map(|seen| seen.version), Ok(version), "{len} {seen:?}");
        }
    }
}

#[test]
fn openssl_peers_work_up_to_their_own_limit() {
    for len in [1, 32, 512] {
        for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
            let seen = accept_from(&key(len), Policy::default(), |port| {
                Peer::openssl_client(port, &key(len), "lrmd", version)
            });
            assert_eq!(seen.map(|seen| seen.version), Ok(version), "{len}");
            let server = Peer::openssl_server(&key(len), version);
            let seen = connect_to(&server, &key(len), Policy::default());
            assert_eq!(seen.map(|seen| seen.version), Ok(version), "{len}");
        }
    }
}

#[test]
fn a_wrong_key_is_named() {
    for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
        for (ours, theirs) in [(4096, 4095), (32, 4096)] {
            let priorities = priorities(version, BOTH);
            let seen = accept_from(&key(ours), Policy::default(), |port| {
                Peer::gnutls_cli(port, &key(theirs), "lrmd", &priorities)
            });
            assert_eq!(seen.unwrap_err(), Some(TlsError::WrongKey), "server, {version}");
            let server = Peer::gnutls_serv(&key(theirs), &priorities);
            let seen = connect_to(&server, &key(ours), Policy::default());
            assert_eq!(seen.unwrap_err(), Some(TlsError::WrongKey), "client, {version}");
        }
    }
}

#[test]
fn other_identities_are_refused() {
    for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
        for identity in ["bogus", "LRMD"] {
            let priorities = priorities(version, BOTH);
            let seen = accept_from(&key(4096), Policy::default(), |port| {
                Peer::gnutls_cli(port, &key(4096), identity, &priorities)
            });
            assert_eq!(seen.unwrap_err(), Some(TlsError::IdentityRefused(identity.to_owned())));
        }
    }
}

#[test]
fn a_server_with_a_certificate_instead_of_the_key_is_refused() {
    for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
        let server = Peer::openssl_certificate_server(version);
        let error = connect_to(&server, &key(32), Policy::default()).unwrap_err();
        let expected = match version {
            TlsVersion::Tls13 => TlsError::IdentityUnknown,
            TlsVersion::Tls12 => TlsError::NoSharedCipher,
        };
        assert_eq!(error, Some(expected), "{version}");
    }
}

#[test]
fn a_client_without_a_key_is_refused() {
    let seen = accept_from(&key(4096), Policy::default(), Peer::gnutls_cli_without_key);
    assert_eq!(seen.unwrap_err(), Some(TlsError::NoSharedCipher));
}

#[test]
fn versions_are_kept_to() {
    let only_13 = Policy { min: TlsVersion::Tls13, ..Policy::default() };
    let seen = accept_from(&key(32), only_13, |port| {
        Peer::gnutls_cli(port, &key(32), "lrmd", &priorities(TlsVersion::Tls12, BOTH))
    });
    assert_eq!(seen.unwrap_err(), Some(TlsError::Version));
}
