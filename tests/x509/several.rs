// SPDX-License-Identifier: LGPL-2.1-or-later
//! A server with two keys, or with a key beside certificates: who is accepted, with what, and who is not.
use crate::VERSIONS;
use crate::pair::{Pair, judge};
use crate::pki;
use pcmk_remote_rs::sys::tls::{
    ClientContext, Policy, Progress, Psk, ServerContext, Stream, TlsError, TlsVersion,
};
use pcmk_remote_rs::transport::credentials::Credentials;
use std::fs;

fn only(version: TlsVersion) -> Policy {
    Policy { min: version, max: version, ..Policy::default() }
}

fn key(byte: u8, length: usize) -> Psk {
    Psk::new(vec![byte; length]).unwrap()
}

fn with_key(key: &Psk, policy: &Policy) -> Stream {
    Stream::client(&ClientContext::new(key, policy).unwrap()).unwrap()
}

fn with_certificate(cert: &str, version: TlsVersion) -> Stream {
    let mut credentials = judge(&pki::files(cert, cert, "root", "-"), version);
    Stream::client(&credentials.client_context().unwrap()).unwrap()
}

/// Accepts two keys of different kinds (the second one is longer than libssl takes) and certificates.
fn everything() -> ServerContext {
    let mut credentials = Credentials::with_certificates(
        pki::files("node", "node", "root", "rsa2048-listed"),
        Policy::with_certificates(),
    );
    let certificates = ServerContext::clone(&credentials.server_context().unwrap());
    let keys = [key(1, 64), key(2, 4096)].map(|key| ServerContext::new(&key, &Policy::default()).unwrap());
    ServerContext::any_of(keys.into_iter().chain([certificates])).unwrap()
}

/// Goes on to the end, a byte at a time to the server if so wished.
fn talk(client: Stream, server: &ServerContext, by_bytes: bool) -> (crate::pair::Talk, Pair) {
    let mut pair = Pair::new(client, Stream::server(server).unwrap());
    if by_bytes {
        pair.client.handshake().unwrap();
        let mut flight = Vec::new();
        pair.client.take_output(&mut flight);
        for byte in &flight {
            pair.server.feed(&[*byte]);
            if pair.server.handshake().is_err() {
                break;
            }
        }
        flight.clear();
        pair.server.take_output(&mut flight);
        pair.client.feed(&flight);
    }
    (pair.talk(), pair)
}

#[test]
fn a_client_is_accepted_with_what_it_has() {
    let server = everything();
    for version in VERSIONS {
        for by_bytes in [false, true] {
            let (got, pair) = talk(with_key(&key(1, 64), &only(version)), &server, by_bytes);
            assert_eq!((got.outcome(), pair.server.credential_place()), ("accept", 0), "{version}: {got:?}");
            assert!(pair.server.peer_certificate().is_none() && !pair.server.uses_certificates());
            let (got, pair) = talk(with_certificate("p384", version), &server, by_bytes);
            assert_eq!((got.outcome(), pair.server.credential_place()), ("accept", 2), "{version}: {got:?}");
            assert_eq!(pair.server.peer_certificate().unwrap().subject, "CN=p384,O=Cluster");
        }
    }
    for by_bytes in [false, true] {
        for policy in [only(TlsVersion::Tls13), Policy::default()] {
            let (got, pair) = talk(with_key(&key(2, 4096), &policy), &server, by_bytes);
            assert_eq!((got.outcome(), pair.server.credential_place()), ("accept", 1), "{got:?}");
        }
    }
}

#[test]
fn a_client_is_accepted_after_a_retry_for_another_group() {
    let policy = Policy { groups: Some("P-256".to_owned()), ..only(TlsVersion::Tls13) };
    let keys = [key(1, 64), key(2, 4096)].map(|key| ServerContext::new(&key, &policy).unwrap());
    let server = ServerContext::any_of(keys).unwrap();
    let offers_another = Policy { groups: Some("X25519:P-256".to_owned()), ..only(TlsVersion::Tls13) };
    for (number, key) in [key(1, 64), key(2, 4096)].iter().enumerate() {
        let (got, pair) = talk(with_key(key, &offers_another), &server, false);
        assert_eq!((got.outcome(), pair.server.credential_place()), ("accept", number), "{got:?}");
    }
}

#[test]
fn nothing_is_accepted_that_no_credential_accepts_by_itself() {
    let server = everything();
    for version in VERSIONS {
        for by_bytes in [false, true] {
            let (got, _) = talk(with_key(&key(3, 64), &only(version)), &server, by_bytes);
            assert!(got.server.is_err() && got.client.is_err(), "{version}: {got:?}");
            assert!(by_bytes || got.server == Err(TlsError::WrongKey), "{version}: {got:?}");
            for cert in ["foreign", "expired", "rsa2048", "usage-agreement"] {
                let (got, _) = talk(with_certificate(cert, version), &server, by_bytes);
                assert!(got.client.is_err() && got.server.is_err(), "{cert} {version}: {got:?}");
            }
            let stranger = ClientContext::with_identity(&key(1, 64), &only(version), "stranger").unwrap();
            let (got, _) = talk(Stream::client(&stranger).unwrap(), &server, by_bytes);
            let refused = Err(TlsError::IdentityRefused("stranger".to_owned()));
            assert!(got.server == refused || by_bytes && got.server.is_err(), "{version}: {got:?}");
        }
    }
    // At TLS 1.2 the server has used the first key before the client proves which one it has.
    let (got, _) = talk(with_key(&key(2, 4096), &only(TlsVersion::Tls12)), &server, false);
    assert_eq!(got.server, Err(TlsError::WrongKey));
}

#[test]
fn what_is_no_handshake_is_refused_as_ever() {
    let server = everything();
    for bytes in [&b"GET / HTTP/1.0\r\n\r\n"[..], &[0x16, 3, 1, 0x40, 0], &[0x15, 3, 1, 0, 2, 2, 40]] {
        let mut stream = Stream::server(&server).unwrap();
        stream.feed(bytes);
        let first = stream.handshake();
        // The middle one is a record that is not complete, however much comes.
        for _ in 0..2 {
            stream.feed(&[0; 16 * 1024]);
        }
        assert!(first == Ok(Progress::Pending) && stream.handshake().is_err() || first.is_err(), "{bytes:?}");
        assert!(!stream.is_established());
    }
}

/// A ClientHello without a key that has so many bytes of padding, in records.
fn long_hello(padding: u16) -> Vec<u8> {
    let extension = |kind: u16, body: &[u8]| {
        let length = u16::try_from(body.len()).unwrap();
        [&kind.to_be_bytes()[..], &length.to_be_bytes(), body].concat()
    };
    let extensions = [extension(43, &[2, 3, 4]), extension(21, &vec![0; usize::from(padding)])].concat();
    let length = u16::try_from(extensions.len()).unwrap();
    let body =
        [&[3, 3][..], &[7; 32], &[0, 0, 2, 0x13, 1, 1, 0], &length.to_be_bytes(), &extensions].concat();
    let message = [&[1][..], &u32::try_from(body.len()).unwrap().to_be_bytes()[1..], &body].concat();
    let record =
        |part: &[u8]| [&[0x16, 3, 1][..], &u16::try_from(part.len()).unwrap().to_be_bytes(), part].concat();
    message.chunks(16 * 1024).flat_map(record).collect()
}

#[test]
fn a_first_flight_that_is_too_long_is_tried_with_one_credential_alone() {
    for padding in [100, 20_000] {
        let mut stream = Stream::server(&everything()).unwrap();
        stream.feed(&long_hello(padding));
        let results = [stream.handshake(), stream.handshake()];
        assert!(results.iter().any(Result::is_err), "{results:?}");
        assert_eq!(stream.uses_certificates(), padding == 100, "{results:?}");
    }
}

#[test]
fn keys_beside_certificates_may_come_later_and_change() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    let files = pki::files("node", "node", "root", "-");
    let keys = Credentials::at(vec![path("first")], Policy::default()).accepting_second_key(path("second"));
    let mut credentials =
        Credentials::with_certificates(files, Policy::with_certificates()).accepting_keys(keys);
    let accepts = |credentials: &mut Credentials, byte: u8| {
        let server = credentials.server_context().unwrap();
        let client = with_key(&key(byte, 64), &only(TlsVersion::Tls13));
        talk(client, &server, false).0.outcome() == "accept"
    };
    assert!(!accepts(&mut credentials, 1));
    let told: Vec<_> = credentials.take_notices().into_iter().map(|notice| notice.text).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().any(|text| text.starts_with("Only certificates are accepted: ")), "{told:?}");
    fs::write(path("first"), [1; 64]).unwrap();
    assert!(accepts(&mut credentials, 1) && !accepts(&mut credentials, 2));
    fs::write(path("second"), [2; 64]).unwrap();
    assert!(accepts(&mut credentials, 1) && accepts(&mut credentials, 2));
    fs::write(path("first"), [3; 64]).unwrap();
    assert!(accepts(&mut credentials, 3) && accepts(&mut credentials, 2) && !accepts(&mut credentials, 1));
    // Our own side shows its certificate.
    assert!(credentials.client_context().unwrap().certificate().is_some());
    let server = credentials.server_context().unwrap();
    assert_eq!(talk(with_certificate("p384", TlsVersion::Tls12), &server, false).0.outcome(), "accept");
}
