// SPDX-License-Identifier: LGPL-2.1-or-later
//! Real messages of both releases: decoded to what their file names say, encoded by us, decoded again.
use pcmk_remote_rs::model::{Notification, ProxyCommand, ProxyNotice, ReplyBody, Request, RequestMessage};
use pcmk_remote_rs::wire::codec::{
    Decoded, Envelope, FromServer, MessageType, RequestFields, decode_from_server, decode_incoming,
    encode_notification, encode_reply, encode_request,
};
use pcmk_remote_rs::wire::frame::{FrameDecoder, encode_header};
use pcmk_remote_rs::wire::xml;
use std::path::{Path, PathBuf};

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|ext| ext == "xml")).collect();
    files.sort();
    files
}

/// Every file: its name without version and number, and its text.
fn messages(direction: &str) -> Vec<(String, String)> {
    let messages: Vec<_> = files()
        .into_iter()
        .filter_map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let label = name.split_once(direction)?.1.to_owned();
            Some((label, std::fs::read_to_string(path).unwrap().trim_end().to_owned()))
        })
        .collect();
    assert!(messages.len() > 60, "only {} messages {direction}", messages.len());
    messages
}

/// What the file name says of a message: the end of its kind is the end of a word.
fn says(label: &str, kind: &str) -> bool {
    label.strip_prefix(kind).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

fn kind_of_request(request: &Request) -> &'static str {
    match request {
        Request::Register { .. } => "cmd-register",
        Request::Poke => "cmd-lrmd_rsc_poke",
        Request::RegisterResource { .. } => "cmd-lrmd_rsc_register",
        Request::UnregisterResource(Some(_)) => "cmd-lrmd_rsc_unregister",
        Request::ResourceInfo(Some(_)) => "cmd-lrmd_rsc_info",
        Request::Execute(_) => "cmd-lrmd_rsc_exec",
        Request::Cancel(_) => "cmd-lrmd_rsc_cancel",
        Request::Check { .. } => "cmd-lrmd_check",
        Request::Proxy(ProxyCommand::Event { payload: Some(_), .. }) => "proxy-event",
        Request::Proxy(ProxyCommand::Response { payload: Some(_), .. }) => "proxy-response",
        Request::Proxy(ProxyCommand::Destroy { .. }) => "proxy-destroy",
        Request::Proxy(ProxyCommand::ShutdownAck) => "proxy-shutdown_ack",
        Request::Proxy(ProxyCommand::ShutdownNack) => "proxy-shutdown_nack",
        other => panic!("not in the collection: {other:?}"),
    }
}

fn kind_of_answer(message: &FromServer) -> &'static str {
    match message {
        FromServer::Reply(reply) => match reply.body {
            ReplyBody::Registered(_) => "lrmd_reply-register",
            _ => "lrmd_reply",
        },
        FromServer::Notification(notification) => match notification {
            Notification::Completed(_) => "lrmd_notify-lrmd_rsc_exec",
            Notification::Registered { .. } => "lrmd_notify-lrmd_rsc_register",
            Notification::Unregistered { .. } => "lrmd_notify-lrmd_rsc_unregister",
            Notification::Poke { .. } => "lrmd_notify-lrmd_rsc_poke",
            Notification::NewClient => "lrmd_notify-lrmd_rsc_new_client",
            Notification::Proxy(ProxyNotice::New { .. }) => "proxy-new",
            Notification::Proxy(ProxyNotice::Request { .. }) => "proxy-request",
            Notification::Proxy(ProxyNotice::Destroy { .. }) => "proxy-destroy",
            Notification::Proxy(ProxyNotice::ShutdownRequest) => "proxy-shutdown_req",
        },
        other => panic!("not in the collection: {other:?}"),
    }
}

/// Bits that we write differently on purpose (3 for "drop recurring", where 3.0 writes 1).
fn without_options(mut incoming: RequestMessage) -> RequestMessage {
    incoming.options = 0;
    incoming
}

#[test]
fn requests_of_real_clusters() {
    for (label, text) in messages("-c2r-") {
        let Decoded { incoming, received } = decode_incoming(&text).unwrap();
        assert!(says(&label, kind_of_request(&incoming.request)), "{label}: {incoming:?}");
        assert_eq!(received.msg_type, Some(MessageType::Request), "{label}");
        let envelope = Envelope::Tls { msg_id: received.msg_id.unwrap() };
        let ours = encode_request(&incoming, &RequestFields::default(), envelope);
        let again = decode_incoming(&ours).unwrap();
        assert_eq!(again.received, received, "{label}");
        assert_eq!(without_options(again.incoming), without_options(incoming), "{label}");
    }
}

#[test]
fn answers_of_real_remote_nodes() {
    for (label, text) in messages("-r2c-") {
        let (message, received) = decode_from_server(&text).unwrap();
        assert!(says(&label, kind_of_answer(&message)), "{label}: {message:?}");
        let envelope = Envelope::Tls { msg_id: received.msg_id.unwrap() };
        let ours = match &message {
            FromServer::Reply(reply) => encode_reply(reply, envelope),
            FromServer::Notification(notification) => encode_notification(notification, envelope),
            other => panic!("{other:?}"),
        };
        assert_eq!(decode_from_server(&ours).unwrap(), (message, received), "{label}");
    }
}

/// Upstream's own order and spelling, but for who wrote it and the order of parameters.
#[test]
fn what_we_write_is_what_upstream_writes() {
    let origin = |text: &str| {
        let (before, after) = text.split_once("lrmd_origin=\"").unwrap_or((text, "\""));
        format!("{before}{}", after.split_once('"').unwrap().1)
    };
    let mut compared = 0;
    for (label, text) in messages("-r2c-").into_iter().filter(|(label, _)| !label.contains("rsc_exec")) {
        let (message, received) = decode_from_server(&text).unwrap();
        let envelope = Envelope::Tls { msg_id: received.msg_id.unwrap() };
        let ours = match &message {
            FromServer::Reply(reply) => encode_reply(reply, envelope),
            FromServer::Notification(notification) => encode_notification(notification, envelope),
            other => panic!("{other:?}"),
        };
        assert_eq!(origin(&ours), origin(&text), "{label}");
        compared += 1;
    }
    assert!(compared > 40);
}

#[test]
fn elements_survive_our_writer() {
    for path in files() {
        let text = std::fs::read_to_string(&path).unwrap();
        let element = xml::read(&text).unwrap();
        let written = element.to_text();
        assert_eq!(xml::read(&written).unwrap(), element, "{path:?}");
        assert_eq!(xml::check_element(&text).unwrap().as_str(), text.trim(), "{path:?}");
    }
}

#[test]
fn the_whole_collection_in_one_stream() {
    let texts: Vec<_> = files().iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let mut stream = Vec::new();
    for (number, text) in texts.iter().enumerate() {
        stream.extend(encode_header(number as u64, text.len()).unwrap());
        stream.extend(text.as_bytes());
        stream.push(0);
    }
    for step in [1, 39, 41, 80, 16_384, stream.len()] {
        let mut decoder = FrameDecoder::new();
        let mut read = Vec::new();
        for chunk in stream.chunks(step) {
            decoder.push(chunk);
            while let Some(frame) = decoder.next().unwrap() {
                assert_eq!(frame.id, read.len() as u64);
                read.push(frame.into_text());
            }
        }
        assert!(decoder.is_empty());
        assert_eq!(read, texts, "in steps of {step}");
    }
}

/// Headers laid out by hand from the description of the protocol: number 7, 57 bytes of text and a NUL; from a
/// little-endian and from a big-endian machine.
#[test]
fn headers_of_both_byte_orders() {
    let text = "<lrmd_notify lrmd_op=\"lrmd_rsc_new_client\" lrmd_rc=\"00\"/>";
    let little =
        b"\xBD\xDB\xDA\xBA\x01\0\0\0\x07\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x62\0\0\0\x28\0\0\0\0\0\0\0\x3A\0\0\0";
    let big =
        b"\xBA\xDA\xDB\xBD\0\0\0\x01\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\0\0\0\0\x62\0\0\0\x28\0\0\0\0\0\0\0\x3A";
    assert_eq!(text.len(), 57);
    for header in [little, big] {
        let mut decoder = FrameDecoder::new();
        decoder.push(&[&header[..], text.as_bytes(), b"\0"].concat());
        let frame = decoder.next().unwrap().unwrap();
        assert_eq!((frame.id, frame.into_text().as_str()), (7, text));
    }
}
