// SPDX-License-Identifier: LGPL-2.1-or-later
//! Peers that speak TLS, and then whatever a test wants.
use crate::node::{PORT, context};
use crate::place::LIMIT;
use nix::sys::socket::{setsockopt, sockopt};
use pcmk_remote_rs::sys::tls::{ClientContext, Progress, Received, Stream, TlsError};
use pcmk_remote_rs::wire::frame::{FrameDecoder, encode_header};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

/// A TCP connection to the daemon.
pub(crate) fn dial() -> TcpStream {
    dial_at((Ipv4Addr::LOCALHOST, PORT).into())
}

pub(crate) fn dial_at(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the daemon listens");
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Waits for the daemon to close; false: not within the limit.
pub(crate) fn is_closed(stream: &mut TcpStream) -> bool {
    let mut sink = [0; 4096];
    loop {
        match stream.read(&mut sink) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        }
    }
}

/// How a connection ended, as the peer sees it.
#[derive(Debug, PartialEq)]
pub(crate) enum End {
    /// With a goodbye.
    Goodbye,
    /// The socket was closed.
    Closed,
    /// TLS failed.
    Failed(TlsError),
}

/// A peer after its handshake.
pub(crate) struct Peer {
    pub(crate) socket: TcpStream,
    pub(crate) tls: Stream,
    frames: FrameDecoder,
}

impl Peer {
    /// One that has the key.
    pub(crate) fn connect(key: &[u8]) -> Self {
        Self::over(dial(), &context(key)).expect("the handshake succeeds")
    }

    /// One that goes through the handshake over a connection that is there.
    pub(crate) fn over(mut socket: TcpStream, context: &ClientContext) -> Result<Self, End> {
        let mut tls = Stream::client(context).unwrap();
        let mut buffer = [0; 16 * 1024];
        loop {
            let progress = tls.handshake();
            let _ = socket.write_all(tls.output());
            tls.sent(usize::MAX);
            match progress {
                Ok(Progress::Done) => return Ok(Self { socket, tls, frames: FrameDecoder::new() }),
                Ok(Progress::Pending) => {}
                Err(error) => return Err(End::Failed(error)),
            }
            match socket.read(&mut buffer) {
                Ok(count @ 1..) => tls.feed(&buffer[..count]),
                _ => return Err(End::Closed),
            }
        }
    }

    /// Makes the kernel keep little for this peer to read.
    pub(crate) fn narrow(&self) {
        setsockopt(&self.socket, sockopt::RcvBuf, &4096).unwrap();
    }

    /// Ciphertext of one or more records that hold `bytes`.
    pub(crate) fn seal(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::new();
        for record in bytes.chunks(16 * 1024) {
            self.tls.write_record(record).unwrap();
            self.tls.take_output(&mut sealed);
        }
        sealed
    }

    /// Sends bytes through TLS. An error means that the daemon has closed meanwhile, as it may.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let sealed = self.seal(bytes);
        let _ = self.socket.write_all(&sealed);
    }

    /// Sends a message as old peers do: header and text in records of their own.
    pub(crate) fn send_text(&mut self, text: &str) {
        let header = encode_header(1, text.len()).unwrap();
        let mut sealed = self.seal(&header);
        sealed.extend(self.seal(&[text.as_bytes(), b"\0"].concat()));
        let _ = self.socket.write_all(&sealed);
    }

    /// The next message.
    pub(crate) fn next_text(&mut self) -> Result<String, End> {
        loop {
            if let Some(frame) = self.frames.next().expect("the daemon sends frames") {
                return Ok(frame.into_text());
            }
            let bytes = self.next_record()?;
            self.frames.push(&bytes);
        }
    }

    /// The next message that holds `word`.
    pub(crate) fn text_with(&mut self, word: &str) -> String {
        loop {
            let text = self.next_text().unwrap_or_else(|end| panic!("no {word}: {end:?}"));
            if text.contains(word) {
                return text;
            }
        }
    }

    fn next_record(&mut self) -> Result<Vec<u8>, End> {
        let mut record = Vec::new();
        let mut buffer = [0; 16 * 1024];
        loop {
            match self.tls.read(|bytes| record.extend_from_slice(bytes)) {
                Ok(Received::Data(_)) => return Ok(record),
                Ok(Received::Closed) => return Err(End::Goodbye),
                Ok(Received::Pending) => {}
                Err(error) => return Err(End::Failed(error)),
            }
            match self.socket.read(&mut buffer) {
                Ok(count @ 1..) => self.tls.feed(&buffer[..count]),
                Ok(0) => return Err(End::Closed),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    panic!("the daemon neither sends nor closes")
                }
                Err(_) => return Err(End::Closed),
            }
        }
    }

    /// Reads until the connection ends.
    pub(crate) fn end(&mut self) -> End {
        loop {
            if let Err(end) = self.next_text() {
                return end;
            }
        }
    }

    /// Signs on; notifications come from now on.
    pub(crate) fn sign_on(&mut self, name: &str, is_provider: bool) {
        let provider = if is_provider { r#" lrmd_is_ipc_provider="true""# } else { "" };
        self.send_text(&format!(
            r#"<lrmd_command t="lrmd" lrmd_op="register" lrmd_clientname="{name}" lrmd_protocol_version="1.2"{provider} lrmd_remote_msg_id="1" lrmd_remote_msg_type="request"/>"#
        ));
        self.text_with("lrmd_remote_msg_type=\"reply\"");
    }
}

/// A request of message number `id`, as a 2.1 controller sends it.
pub(crate) fn request(op: &str, id: u32, data: &str) -> String {
    format!(
        r#"<lrmd_command t="lrmd" lrmd_op="{op}" lrmd_clientname="attacker" lrmd_timeout="0" lrmd_callopt="0" lrmd_remote_msg_id="{id}" lrmd_remote_msg_type="request">{data}</lrmd_command>"#
    )
}

/// A question of a peer that gives itself no name.
pub(crate) fn nameless_poke(id: u32, data: &str) -> String {
    request("lrmd_rsc_poke", id, data).replace("lrmd_clientname=\"attacker\" ", "")
}
