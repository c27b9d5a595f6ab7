// SPDX-License-Identifier: LGPL-2.1-or-later
//! A client and a server joined in memory, from the first byte to an answer.
use pcmk_remote_rs::model::certificate_files::CertificateFiles;
use pcmk_remote_rs::sys::tls::{Policy, Progress, Received, Stream, TlsError, TlsVersion};
use pcmk_remote_rs::sys::x509::Strictness;
use pcmk_remote_rs::transport::credentials::Credentials;
use std::time::SystemTime;

/// Credentials of a side whose judgement is looked at.
pub(crate) fn judge(files: &CertificateFiles, version: TlsVersion) -> Credentials {
    let policy = Policy { min: version, max: version, ..Policy::with_certificates() };
    Credentials::with_certificates(files.clone(), policy)
}

/// The same, with more that is demanded of the other side.
pub(crate) fn strict(files: &CertificateFiles, version: TlsVersion, strictness: &Strictness) -> Credentials {
    let mut policy = Policy { min: version, max: version, ..Policy::with_certificates() };
    policy.strictness = policy.strictness.and(strictness.clone());
    Credentials::with_certificates(files.clone(), policy)
}

/// Credentials of a side that shows whatever it has.
pub(crate) fn presenter(files: &CertificateFiles, version: TlsVersion) -> Credentials {
    let mut policy = Policy { min: version, max: version, ..Policy::with_certificates() };
    policy.cipher_list = "ALL:@SECLEVEL=0".to_owned();
    policy.strictness.security_level = 0;
    Credentials::with_certificates(files.clone(), policy)
}

pub(crate) fn client(credentials: &mut Credentials) -> Stream {
    let context = credentials.client_context().unwrap_or_else(|error| panic!("{error}"));
    Stream::client(&context).unwrap()
}

/// A client that connects to this host.
pub(crate) fn client_to(credentials: &mut Credentials, host: Option<&str>) -> Stream {
    let context = credentials.client_context().unwrap_or_else(|error| panic!("{error}"));
    Stream::client_to(&context, host).unwrap()
}

pub(crate) fn server(credentials: &mut Credentials) -> Stream {
    let context = credentials.server_context().unwrap_or_else(|error| panic!("{error}"));
    Stream::server(&context).unwrap()
}

/// Seconds since 1970.
#[allow(clippy::disallowed_methods, reason = "the certificates were made by the same clock")]
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// How a conversation went for both.
#[derive(Debug)]
pub(crate) struct Talk {
    pub(crate) client: Result<(), TlsError>,
    pub(crate) server: Result<(), TlsError>,
}

impl Talk {
    /// The tables' word.
    pub(crate) fn outcome(&self) -> &'static str {
        if self.client.is_ok() && self.server.is_ok() { "accept" } else { "refuse" }
    }
}

pub(crate) struct Pair {
    pub(crate) client: Stream,
    pub(crate) server: Stream,
}

/// Goes on with one side, as a session does: it asks when its handshake is finished.
fn step(
    stream: &mut Stream,
    speaks_first: bool,
    spoken: &mut bool,
    heard: &mut bool,
) -> Result<(), TlsError> {
    if !stream.is_established() && stream.handshake()? == Progress::Pending {
        return Ok(());
    }
    if !*spoken && (speaks_first || *heard) {
        stream.write_record(b"hello")?;
        *spoken = true;
    }
    if matches!(stream.read(|_| {})?, Received::Data(_)) {
        *heard = true;
        if !*spoken {
            stream.write_record(b"hello")?;
            *spoken = true;
        }
    }
    Ok(())
}

impl Pair {
    pub(crate) fn new(client: Stream, server: Stream) -> Self {
        Self { client, server }
    }

    /// Handshake, a word of the client and one of the server.
    pub(crate) fn talk(&mut self) -> Talk {
        let (mut client, mut server) = (Ok(()), Ok(()));
        let mut said = [false; 4];
        let [client_spoken, client_heard, server_spoken, server_heard] = &mut said;
        for _ in 0..12 {
            if client.is_ok() {
                client = step(&mut self.client, true, client_spoken, client_heard);
            }
            let mut bytes = Vec::new();
            self.client.take_output(&mut bytes);
            self.server.feed(&bytes);
            if server.is_ok() {
                server = step(&mut self.server, false, server_spoken, server_heard);
            }
            bytes.clear();
            self.server.take_output(&mut bytes);
            self.client.feed(&bytes);
        }
        let incomplete = || Err(TlsError::Other("nothing more came".to_owned()));
        if client.is_ok() && !*client_heard {
            client = incomplete();
        }
        if server.is_ok() && !*server_heard {
            server = incomplete();
        }
        Talk { client, server }
    }
}
