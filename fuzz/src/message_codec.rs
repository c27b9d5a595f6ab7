// SPDX-License-Identifier: LGPL-2.1-or-later
//! Any text as a message: decoded and encoded it means the same from then on.
use pcmk_remote_rs::wire::codec::{
    Envelope, FromServer, Received, RequestFields, decode_from_server, decode_incoming, encode_notification,
    encode_reply, encode_request,
};

fn envelope(received: Received) -> Envelope {
    received.msg_id.map_or(Envelope::Local, |msg_id| Envelope::Tls { msg_id })
}

/// Encoding may tame a value (characters, limits) once; after that nothing changes.
fn request(text: &str) -> Option<String> {
    let decoded = decode_incoming(text).ok()?;
    Some(encode_request(&decoded.incoming, &RequestFields::default(), envelope(decoded.received)))
}

fn answer(text: &str) -> Option<String> {
    let (message, received) = decode_from_server(text).ok()?;
    match message {
        FromServer::Reply(reply) => Some(encode_reply(&reply, envelope(received))),
        FromServer::Notification(notification) => {
            Some(encode_notification(&notification, envelope(received)))
        }
        FromServer::Refused { .. } | FromServer::Unknown { .. } => None,
    }
}

pub fn fuzz_one(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for encoder in [request, answer] {
        if let Some(first) = encoder(&text) {
            let second = encoder(&first).expect("we read what we write");
            assert_eq!(encoder(&second).as_ref(), Some(&second), "from {first}");
        }
    }
}
