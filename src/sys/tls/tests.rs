// SPDX-License-Identifier: LGPL-2.1-or-later
//! Both roles joined in memory: sizes of keys, versions, refusals, record layout, cut and damaged streams.
use super::*;

fn key(len: usize) -> Psk {
    Psk::new((0..len).map(|i| (i * 7 + 13) as u8).collect::<Vec<u8>>()).unwrap()
}

fn only(version: TlsVersion) -> Policy {
    Policy { min: version, max: version, ..Policy::default() }
}

struct Pair {
    client: Stream,
    server: Stream,
}

impl Pair {
    fn new(client_key: &Psk, server_key: &Psk, policy: &Policy) -> Self {
        Self::with_identity(client_key, server_key, policy, IDENTITY)
    }

    fn with_identity(client_key: &Psk, server_key: &Psk, policy: &Policy, identity: &str) -> Self {
        let client = ClientContext::with_identity(client_key, policy, identity).unwrap();
        let server = ServerContext::new(server_key, policy).unwrap();
        Self { client: Stream::client(&client).unwrap(), server: Stream::server(&server).unwrap() }
    }

    /// Passes output back and forth; the answer is what each side said last.
    fn run(&mut self) -> (Result<Progress, TlsError>, Result<Progress, TlsError>) {
        let mut server = Ok(Progress::Pending);
        let mut client = self.client.handshake();
        for _ in 0..6 {
            let mut bytes = Vec::new();
            self.client.take_output(&mut bytes);
            self.server.feed(&bytes);
            if server == Ok(Progress::Pending) {
                server = self.server.handshake();
            }
            bytes.clear();
            self.server.take_output(&mut bytes);
            self.client.feed(&bytes);
            if client == Ok(Progress::Pending) {
                client = self.client.handshake();
            }
        }
        (client, server)
    }

    fn connected(len: usize, policy: &Policy) -> Self {
        let mut pair = Self::new(&key(len), &key(len), policy);
        assert_eq!(pair.run(), (Ok(Progress::Done), Ok(Progress::Done)), "{len} bytes, {policy:?}");
        pair
    }
}

fn taken(stream: &mut Stream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.take_output(&mut bytes);
    bytes
}

fn transfer(from: &mut Stream, to: &mut Stream, plaintext: &[u8]) {
    let mut bytes = Vec::new();
    from.write_record(plaintext).unwrap();
    from.take_output(&mut bytes);
    to.feed(&bytes);
    let mut received = Vec::new();
    assert_eq!(to.read(|record| received.extend_from_slice(record)), Ok(Received::Data(plaintext.len())));
    assert_eq!(received, plaintext);
    assert_eq!(to.read(|_| {}), Ok(Received::Pending));
}

fn policies() -> Vec<Policy> {
    let tls12 = |list: &str| Policy { cipher_list: list.to_owned(), ..only(TlsVersion::Tls12) };
    vec![only(TlsVersion::Tls13), tls12("kDHEPSK"), tls12("kPSK"), tls12("kECDHEPSK"), Policy::default()]
}

#[test]
fn keys_of_every_size_work_in_every_version() {
    for policy in policies() {
        for len in [1, 32, 256, 512, 513, 4096, 65535] {
            let mut pair = Pair::connected(len, &policy);
            assert_eq!(pair.client.version(), policy.max);
            assert_eq!(pair.client.cipher(), pair.server.cipher());
            let Pair { client, server } = &mut pair;
            transfer(client, server, &[1; 40]);
            transfer(server, client, &[2; MAX_RECORD_LEN]);
        }
    }
}

#[test]
fn a_wrong_key_is_named_by_both_sides() {
    for policy in policies() {
        for (ours, theirs) in [(32, 33), (512, 513), (4096, 4095), (65535, 1)] {
            let (client, server) = Pair::new(&key(ours), &key(theirs), &policy).run();
            assert_eq!((client, server), (Err(TlsError::WrongKey), Err(TlsError::WrongKey)), "{policy:?}");
        }
    }
}

#[test]
fn only_the_one_identity_is_served() {
    for policy in policies() {
        for identity in ["bogus", "LRMD", "lrmd2", ""] {
            for len in [32, 4096] {
                let (client, server) = Pair::with_identity(&key(len), &key(len), &policy, identity).run();
                assert!(client.is_err(), "{policy:?} {identity}");
                if !identity.is_empty() {
                    assert_eq!(server, Err(TlsError::IdentityRefused(identity.to_owned())));
                }
            }
        }
    }
}

#[test]
fn versions_without_overlap_are_named() {
    let client = ClientContext::new(&key(32), &only(TlsVersion::Tls12)).unwrap();
    let server = ServerContext::new(&key(32), &only(TlsVersion::Tls13)).unwrap();
    let mut pair =
        Pair { client: Stream::client(&client).unwrap(), server: Stream::server(&server).unwrap() };
    assert_eq!(pair.run(), (Err(TlsError::Version), Err(TlsError::Version)));
}

#[test]
fn ciphers_without_overlap_are_named() {
    let policy = |list: &str| Policy { cipher_list: list.to_owned(), ..only(TlsVersion::Tls12) };
    let client = ClientContext::new(&key(32), &policy("kPSK")).unwrap();
    let server = ServerContext::new(&key(32), &policy("kDHEPSK")).unwrap();
    let mut pair =
        Pair { client: Stream::client(&client).unwrap(), server: Stream::server(&server).unwrap() };
    assert_eq!(pair.run(), (Err(TlsError::NoSharedCipher), Err(TlsError::NoSharedCipher)));
}

#[test]
fn a_client_at_1_3_knows_the_key_is_accepted_before_it_sends_its_last_flight() {
    for (ours, accepted) in [(4096, true), (4095, false)] {
        let mut pair = Pair::new(&key(ours), &key(4096), &only(TlsVersion::Tls13));
        assert_eq!(pair.client.handshake(), Ok(Progress::Pending));
        let mut bytes = taken(&mut pair.client);
        pair.server.feed(&bytes);
        assert_eq!(pair.server.handshake().is_ok(), accepted);
        bytes = taken(&mut pair.server);
        pair.client.feed(&bytes);
        assert_eq!(pair.client.handshake() == Ok(Progress::Done), accepted);
        assert!(!pair.server.is_established());
    }
}

#[test]
fn records_stay_apart() {
    let mut pair = Pair::connected(4096, &Policy::default());
    pair.client.write_record(&[1; 40]).unwrap();
    pair.client.write_record(&[2; MAX_RECORD_LEN]).unwrap();
    pair.client.write_record(&[3; 1]).unwrap();
    let mut bytes = Vec::new();
    pair.client.take_output(&mut bytes);
    // One byte at a time.
    let mut seen = Vec::new();
    let mut partial = 0;
    for byte in bytes {
        pair.server.feed(&[byte]);
        while let Received::Data(count) = pair.server.read(|_| {}).unwrap() {
            seen.push(count);
        }
        partial += usize::from(pair.server.has_partial_record());
    }
    assert!(partial > MAX_RECORD_LEN && !pair.server.has_partial_record());
    assert_eq!(seen, [40, MAX_RECORD_LEN, 1]);
    assert!(pair.client.write_record(&[]).is_err());
}

#[test]
fn a_record_must_have_a_size() {
    let mut pair = Pair::connected(32, &Policy::default());
    assert!(pair.client.write_record(&vec![0; MAX_RECORD_LEN + 1]).is_err());
    assert!(pair.client.write_record(&[]).is_err());
    let Pair { client, server } = &mut pair;
    transfer(client, server, &[1]);
}

#[test]
fn goodbye_is_told_from_silence() {
    let mut pair = Pair::connected(32, &Policy::default());
    pair.client.shutdown();
    let mut bytes = Vec::new();
    pair.client.take_output(&mut bytes);
    assert_eq!(pair.server.read(|_| {}), Ok(Received::Pending));
    pair.server.feed(&bytes);
    assert_eq!(pair.server.read(|_| {}), Ok(Received::Closed));
}

#[test]
fn a_goodbye_instead_of_a_handshake_is_told() {
    let client = ClientContext::new(&key(4096), &Policy::default()).unwrap();
    let mut stream = Stream::client(&client).unwrap();
    assert_eq!(stream.handshake(), Ok(Progress::Pending));
    stream.feed(&[21, 3, 3, 0, 2, 1, 0]);
    assert_eq!(stream.handshake(), Err(TlsError::EndedHandshake));
    assert!(stream.handshake().is_err());
}

#[test]
fn plaintext_is_not_tls() {
    for garbage in [&b"GET / HTTP/1.0\r\n\r\n"[..], b"SSH-2.0-OpenSSH_9.2p1\r\n", &[0; 100], &[0xff; 100]] {
        let server = ServerContext::new(&key(4096), &Policy::default()).unwrap();
        let mut stream = Stream::server(&server).unwrap();
        stream.feed(garbage);
        assert_eq!(stream.handshake(), Err(TlsError::NotTls), "{garbage:?}");
        assert!(stream.handshake().is_err());
        let client = ClientContext::new(&key(4096), &Policy::default()).unwrap();
        let mut stream = Stream::client(&client).unwrap();
        assert_eq!(stream.handshake(), Ok(Progress::Pending));
        stream.feed(garbage);
        assert_eq!(stream.handshake(), Err(TlsError::NotTls), "{garbage:?}");
    }
}

#[test]
fn a_handshake_cut_at_any_byte_waits_and_one_damaged_at_any_byte_never_finishes() {
    for policy in [only(TlsVersion::Tls13), only(TlsVersion::Tls12)] {
        let flight = {
            let mut pair = Pair::new(&key(600), &key(600), &policy);
            pair.client.handshake().unwrap();
            taken(&mut pair.client)
        };
        let server = ServerContext::new(&key(600), &policy).unwrap();
        for cut in 0..flight.len() {
            let mut stream = Stream::server(&server).unwrap();
            stream.feed(&flight[..cut]);
            assert_eq!(stream.handshake(), Ok(Progress::Pending));
            assert!(stream.output().is_empty());
        }
        for position in 0..flight.len() {
            let mut stream = Stream::server(&server).unwrap();
            let mut damaged = flight.clone();
            damaged[position] ^= 0x41;
            stream.feed(&damaged);
            assert_ne!(stream.handshake(), Ok(Progress::Done));
        }
    }
}

#[test]
fn damage_after_the_handshake_is_noticed() {
    let mut pair = Pair::connected(4096, &Policy::default());
    pair.client.write_record(&[1; 40]).unwrap();
    let mut bytes = Vec::new();
    pair.client.take_output(&mut bytes);
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    pair.server.feed(&bytes);
    assert_eq!(pair.server.read(|_| {}), Err(TlsError::BadRecord));
    let mut pair = Pair::connected(4096, &Policy::default());
    pair.server.feed(b"GET / HTTP/1.0\r\n\r\n");
    assert_eq!(pair.server.read(|_| {}), Err(TlsError::BadRecord));
}

#[test]
fn keys_have_bounds_and_are_never_shown() {
    assert_eq!(Psk::new(vec![]).unwrap_err(), InvalidKey::Empty);
    assert_eq!(Psk::new(vec![0; MAX_KEY_LEN + 1]).unwrap_err(), InvalidKey::TooLong);
    assert_eq!(format!("{:?}", Psk::new(b"secret".to_vec()).unwrap()), "Psk(6 bytes)");
}
