// SPDX-License-Identifier: LGPL-2.1-or-later
//! Peers that misbehave, each at a port of its own: `enum peer` in capi-tests/errors.c.
use pcmk_remote_rs::sys::tls::{Policy, Progress, Psk, Received, ServerContext, Stream};
use pcmk_remote_rs::wire::frame::{FrameDecoder, encode_header};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

/// How a peer misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Conduct {
    /// Before the handshake is finished.
    Close,
    CloseLater,
    OtherProtocol,
    /// At the sign-on.
    Refuse,
    NoToken,
    OtherReply,
    /// At every request after it.
    Go,
    Half,
    Mute,
    Noisy,
    NoResult,
    NotXml,
}

const FIRST_PORT: u16 = 4001;
const ALL: [Conduct; 12] = [
    Conduct::Close,
    Conduct::CloseLater,
    Conduct::OtherProtocol,
    Conduct::Refuse,
    Conduct::NoToken,
    Conduct::OtherReply,
    Conduct::Go,
    Conduct::Half,
    Conduct::Mute,
    Conduct::Noisy,
    Conduct::NoResult,
    Conduct::NotXml,
];

/// Serves all of them in this network namespace, until the test process ends.
pub(crate) fn serve(key: &[u8]) {
    for (port, conduct) in (FIRST_PORT..).zip(ALL) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        let key = key.to_vec();
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let key = key.clone();
                thread::spawn(move || misbehave(stream, conduct, key));
            }
        });
    }
}

fn misbehave(mut stream: TcpStream, conduct: Conduct, key: Vec<u8>) {
    let mut buffer = [0; 4096];
    match conduct {
        Conduct::Close => {}
        Conduct::CloseLater => drop(stream.read(&mut buffer)),
        Conduct::OtherProtocol => {
            let _ = stream.write_all(b"220 a mail server\r\n");
            while matches!(stream.read(&mut buffer), Ok(1..)) {}
        }
        _ => {
            let context = ServerContext::new(&Psk::new(key).unwrap(), &Policy::default()).unwrap();
            let mut peer =
                Peer { stream, tls: Stream::server(&context).unwrap(), decoder: FrameDecoder::new() };
            // Its end is the client's doing.
            let _ = peer.converse(conduct);
        }
    }
}

struct Peer {
    stream: TcpStream,
    tls: Stream,
    decoder: FrameDecoder,
}

/// The client is gone.
struct Gone;

impl Peer {
    fn converse(&mut self, conduct: Conduct) -> Result<(), Gone> {
        while !matches!(self.tls.handshake(), Ok(Progress::Done)) {
            self.pass_on()?;
            self.feed()?;
        }
        self.pass_on()?;
        let hello = self.next_text()?;
        let sign_on = match conduct {
            Conduct::Refuse => "lrmd_rc='-71' lrmd_op='register' lrmd_protocol_version='9.0'",
            Conduct::NoToken => "lrmd_rc='0' lrmd_op='register' lrmd_protocol_version='1.2'",
            Conduct::OtherReply => "lrmd_rc='0' lrmd_op='other' lrmd_clientid='an-id'",
            _ => "lrmd_rc='0' lrmd_op='register' lrmd_clientid='an-id' lrmd_protocol_version='1.2'",
        };
        self.say(&reply(&hello, sign_on))?;
        loop {
            let request = self.next_text()?;
            match conduct {
                Conduct::Go => return Ok(()),
                Conduct::Half => self.say_half(&reply(&request, "lrmd_rc='0'"))?,
                Conduct::Noisy => {
                    self.make_noise()?;
                    self.say(&reply(&request, "lrmd_rc='0'"))?;
                }
                Conduct::NoResult => self.say(&reply(&request, ""))?,
                Conduct::NotXml => self.say("no XML")?,
                _ => {}
            }
        }
    }

    /// What a client has to skip: unknown kinds, unknown operations, answers to nothing.
    fn make_noise(&mut self) -> Result<(), Gone> {
        self.say("<lrmd_notify lrmd_op='unheard' lrmd_remote_msg_id='0' lrmd_remote_msg_type='notify'/>")?;
        self.say("<lrmd_notify lrmd_op='lrmd_rsc_poke' lrmd_rc='0' lrmd_remote_msg_type='unheard'/>")?;
        self.say("<lrmd_notify lrmd_op='lrmd_rsc_poke' lrmd_rc='0'/>")?;
        self.say("<lrmd_reply lrmd_rc='-22' lrmd_remote_msg_id='99999' lrmd_remote_msg_type='reply'/>")?;
        self.say("<lrmd_notify lrmd_op='lrmd_rsc_poke' lrmd_rc='0' lrmd_remote_msg_type='notify'/>")
    }

    fn say(&mut self, text: &str) -> Result<(), Gone> {
        self.say_some(text, text.len() + 1)
    }

    fn say_half(&mut self, text: &str) -> Result<(), Gone> {
        self.say_some(text, text.len() / 2)
    }

    /// The header of a message and the first `count` bytes of what follows it.
    fn say_some(&mut self, text: &str, count: usize) -> Result<(), Gone> {
        let payload = [text.as_bytes(), b"\0"].concat();
        self.tls.write_record(&encode_header(1, text.len()).unwrap()).map_err(|_| Gone)?;
        self.tls.write_record(&payload[..count]).map_err(|_| Gone)?;
        self.pass_on()
    }

    fn next_text(&mut self) -> Result<String, Gone> {
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

/// An answer to `request`.
fn reply(request: &str, attributes: &str) -> String {
    let id =
        request.split("lrmd_remote_msg_id=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or("0");
    format!(
        "<lrmd_reply {attributes} lrmd_callid='1' lrmd_remote_msg_id='{id}' lrmd_remote_msg_type='reply'/>"
    )
}
