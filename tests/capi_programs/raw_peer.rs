// SPDX-License-Identifier: LGPL-2.1-or-later
//! A server of TLS and frames that says whatever it is told to say, sound or not.
use pcmk_remote_rs::sys::tls::{Policy, Progress, Psk, Received, ServerContext, Stream};
use pcmk_remote_rs::wire::frame::{FrameDecoder, encode_header};
use std::io::{Read, Write};
use std::net::TcpStream;

/// The client is gone.
#[derive(Debug)]
pub(crate) struct Gone;

/// The server's side of one connection.
pub(crate) struct RawPeer {
    stream: TcpStream,
    tls: Stream,
    decoder: FrameDecoder,
}

impl RawPeer {
    /// A connection on which nothing was said yet.
    pub(crate) fn new(stream: TcpStream, key: Vec<u8>) -> Self {
        let context = ServerContext::new(&Psk::new(key).unwrap(), &Policy::default()).unwrap();
        Self { stream, tls: Stream::server(&context).unwrap(), decoder: FrameDecoder::new() }
    }

    /// Finishes the handshake; the client's first message, its sign-on.
    pub(crate) fn hello(&mut self) -> Result<String, Gone> {
        while !matches!(self.tls.handshake(), Ok(Progress::Done)) {
            self.pass_on()?;
            self.feed()?;
        }
        self.pass_on()?;
        self.next_text()
    }

    /// Takes the client's sign-on as an executor does.
    pub(crate) fn sign_on(&mut self) -> Result<(), Gone> {
        let hello = self.hello()?;
        self.say(&reply(&hello, SIGNED_ON))
    }

    pub(crate) fn say(&mut self, text: &str) -> Result<(), Gone> {
        self.say_some(text, text.len() + 1)
    }

    /// The header of a message and the first `count` bytes of what follows it.
    pub(crate) fn say_some(&mut self, text: &str, count: usize) -> Result<(), Gone> {
        let payload = [text.as_bytes(), b"\0"].concat();
        self.say_raw(&encode_header(1, text.len()).unwrap(), &payload[..count])
    }

    /// A message that the client has to decompress: `compressed` stands for `length` bytes.
    pub(crate) fn say_compressed(&mut self, compressed: &[u8], length: usize) -> Result<(), Gone> {
        let mut header = encode_header(1, compressed.len() - 1).unwrap();
        header[32..36].copy_from_slice(&u32::try_from(compressed.len()).unwrap().to_ne_bytes());
        header[36..40].copy_from_slice(&u32::try_from(length).unwrap().to_ne_bytes());
        self.say_raw(&header, compressed)
    }

    /// A header and what follows it, as they are.
    pub(crate) fn say_raw(&mut self, header: &[u8], payload: &[u8]) -> Result<(), Gone> {
        for record in std::iter::once(header).chain(payload.chunks(16 * 1024)) {
            self.tls.write_record(record).map_err(|_| Gone)?;
        }
        self.pass_on()
    }

    pub(crate) fn next_text(&mut self) -> Result<String, Gone> {
        loop {
            if let Some(frame) = self.decoder.next().map_err(|_| Gone)? {
                return Ok(frame.into_text());
            }
            match self.tls.read(|record| self.decoder.push(record)).map_err(|_| Gone)? {
                Received::Data(_) => {}
                Received::Pending => self.feed()?,
                Received::Closed => return Err(Gone),
            }
        }
    }

    fn feed(&mut self) -> Result<(), Gone> {
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(count @ 1..) => self.tls.feed(&buffer[..count]),
            _ => return Err(Gone),
        }
        Ok(())
    }

    fn pass_on(&mut self) -> Result<(), Gone> {
        self.stream.write_all(self.tls.output()).map_err(|_| Gone)?;
        self.tls.sent(self.tls.output().len());
        Ok(())
    }
}

/// Attributes of a sign-on's answer.
pub(crate) const SIGNED_ON: &str =
    "lrmd_rc='0' lrmd_op='register' lrmd_clientid='an-id' lrmd_protocol_version='1.2'";

/// An answer to `request`.
pub(crate) fn reply(request: &str, attributes: &str) -> String {
    let id =
        request.split("lrmd_remote_msg_id=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or("0");
    format!(
        "<lrmd_reply {attributes} lrmd_callid='1' lrmd_remote_msg_id='{id}' lrmd_remote_msg_type='reply'/>"
    )
}
