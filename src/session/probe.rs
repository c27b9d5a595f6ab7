// SPDX-License-Identifier: LGPL-2.1-or-later
//! A client that goes just far enough to know whether a server accepts its key, or whether its certificate is acceptable,
//! and stops before the server would count it as a client: a finished handshake makes a cluster's controller drop its own connection.
//!
//! At TLS 1.3 the server speaks last but one. Its Finished, which we verify, can be made only by who has the
//! key, and it comes only after the server has verified our binder, which can be made only with the same key.
//! Our own Finished is made, and kept here. At TLS 1.2 the client's Finished comes first, so that stopping
//! before it shows no more than that the server takes a pre-shared key at all.
use super::error::SessionError;
use crate::sys::tls::{ClientContext, Progress, Stream};

/// How far a probe came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeProgress {
    /// Pass the output on and receive more.
    Pending,
    /// The server has the same key as we. Nothing more is sent.
    KeyAccepted {
        /// Protocol version.
        version: &'static str,
        /// Cipher suite.
        cipher: &'static str,
    },
    /// The server has shown a certificate that we accept. Whether it accepts ours would show only in a finished
    /// handshake. Nothing more is sent.
    CertificateAccepted {
        /// Protocol version.
        version: &'static str,
        /// Cipher suite.
        cipher: &'static str,
        /// Whose certificate it is.
        subject: String,
    },
    /// The server speaks TLS 1.2 and takes a pre-shared key; whether it is ours would show only in a finished
    /// handshake. Nothing more is sent.
    Undecided,
}

const HANDSHAKE_RECORD: u8 = 22;
const CERTIFICATE: u8 = 11;
const CLIENT_KEY_EXCHANGE: u8 = 16;
const RECORD_HEADER_LEN: usize = 5;

/// One probe.
#[derive(Debug)]
pub struct Probe {
    stream: Stream,
    end: Option<ProbeProgress>,
}

impl Probe {
    /// A probe whose first [`advance`](Self::advance) makes the first output.
    pub fn new(context: &ClientContext) -> Result<Self, SessionError> {
        Self::to_host(context, None)
    }

    /// The same. `host`: the name or address that is connected to, which the policy may demand of the server's certificate.
    pub fn to_host(context: &ClientContext, host: Option<&str>) -> Result<Self, SessionError> {
        Ok(Self { stream: Stream::client_to(context, host)?, end: None })
    }

    /// Takes what came from the socket.
    pub fn receive(&mut self, ciphertext: &[u8]) {
        self.stream.feed(ciphertext);
    }

    /// Goes on as far as the input reaches. After an error there may be output that tells the server.
    pub fn advance(&mut self) -> Result<ProbeProgress, SessionError> {
        if let Some(end) = &self.end {
            return Ok(end.clone());
        }
        let progress = self.stream.handshake()?;
        let is_last_flight = progress == Progress::Done || begins_last_flight(self.stream.output());
        let (version, cipher) = (self.stream.version().name(), self.stream.cipher());
        let end = if !is_last_flight {
            return Ok(ProbeProgress::Pending);
        } else if self.stream.uses_certificates() {
            let subject = self.stream.peer_certificate().map(|about| about.subject).unwrap_or_default();
            ProbeProgress::CertificateAccepted { version, cipher, subject }
        } else if progress == Progress::Done {
            ProbeProgress::KeyAccepted { version, cipher }
        } else {
            ProbeProgress::Undecided
        };
        self.stream.sent(self.stream.output().len());
        self.end = Some(end.clone());
        Ok(end)
    }

    /// Ciphertext for the socket.
    pub fn output(&self) -> &[u8] {
        self.stream.output()
    }

    /// The first `count` bytes of the output were passed on.
    pub fn sent(&mut self, count: usize) {
        self.stream.sent(count);
    }
}

/// Is this the flight of a TLS 1.2 client that ends with its Finished?
fn begins_last_flight(output: &[u8]) -> bool {
    output.first() == Some(&HANDSHAKE_RECORD)
        && matches!(output.get(RECORD_HEADER_LEN), Some(&(CERTIFICATE | CLIENT_KEY_EXCHANGE)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{ServerEvent, ServerSession};
    use crate::sys::tls::{Policy, Psk, ServerContext, TlsError, TlsVersion};

    fn probe(
        client_key: u8,
        server_key: u8,
        policy: &Policy,
    ) -> (Result<ProbeProgress, SessionError>, usize) {
        let key = |byte| Psk::new(vec![byte; 4096]).unwrap();
        let server_policy = Policy { groups: Some("P-384".to_owned()), ..policy.clone() };
        let server = ServerContext::new(&key(server_key), &server_policy).unwrap();
        let mut server = ServerSession::new(&server);
        let mut probe = Probe::new(&ClientContext::new(&key(client_key), policy).unwrap()).unwrap();
        let mut handshakes = 0;
        let mut progress = probe.advance();
        for _ in 0..4 {
            let bytes = probe.output().to_vec();
            probe.sent(bytes.len());
            server.receive(&bytes);
            while let Some(event) = server.next_event() {
                handshakes += usize::from(matches!(event, ServerEvent::Handshaken { .. }));
            }
            probe.receive(server.output());
            server.sent(server.queued_bytes());
            progress = progress.and_then(|_| probe.advance());
        }
        (progress, handshakes)
    }

    #[test]
    fn at_1_3_the_key_is_judged_and_the_server_gains_no_client() {
        // With a retried ClientHello, too: the server wants another group.
        for groups in [None, Some("P-384".to_owned()), Some("X25519:P-384".to_owned())] {
            let policy = Policy { groups, ..Policy::default() };
            let (progress, handshakes) = probe(1, 1, &policy);
            assert!(
                matches!(progress, Ok(ProbeProgress::KeyAccepted { version: "TLS 1.3", .. })),
                "{progress:?}"
            );
            assert_eq!(handshakes, 0);
            let (progress, handshakes) = probe(1, 2, &policy);
            assert_eq!(progress, Err(SessionError::Tls(TlsError::WrongKey)));
            assert_eq!(handshakes, 0);
        }
    }

    #[test]
    fn at_1_2_nothing_is_claimed() {
        let policy = Policy { max: TlsVersion::Tls12, ..Policy::default() };
        for server_key in [1, 2] {
            assert_eq!(probe(1, server_key, &policy), (Ok(ProbeProgress::Undecided), 0));
        }
    }
}
