// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a bus sends: the end of the sign-on, and messages in both byte orders.
use pcmk_remote_rs::wire::dbus::{Answer, Message, Method, Returned, call, is_admitted, sign_on};
use zvariant::{OwnedObjectPath, OwnedValue};

/// The types that methods of the service manager return.
fn read_answer(message: &Message) {
    fn one<T: Returned>(message: &Message) {
        match message.answer::<T>() {
            Ok(Answer::Value(_) | Answer::Refused(..)) => {}
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    one::<String>(message);
    one::<OwnedValue>(message);
    one::<OwnedObjectPath>(message);
    one::<Vec<(String, String)>>(message);
}

pub fn fuzz_one(data: &[u8]) {
    let complete = data.ends_with(b"\r\n");
    assert_eq!(is_admitted(data).is_some(), complete);
    let mut rest = data;
    let mut count = 0;
    while count < 16 {
        match Message::first(rest) {
            Ok(Some((message, length))) => {
                assert!((16..=rest.len()).contains(&length));
                // One byte less is no message yet.
                assert!(matches!(Message::first(&rest[..length - 1]), Ok(None) | Err(_)));
                read_answer(&message);
                rest = &rest[length..];
                count += 1;
            }
            Ok(None) => break,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                break;
            }
        }
    }
}

fn answer(big: bool, kind: u8, fields: &[u8], body: &[u8]) -> Vec<u8> {
    let number = |value: usize| if big { (value as u32).to_be_bytes() } else { (value as u32).to_le_bytes() };
    let mut bytes = vec![if big { b'B' } else { b'l' }, kind, 1, 1];
    for value in [body.len(), 99, fields.len()] {
        bytes.extend(number(value));
    }
    bytes.extend(fields);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes.extend(body);
    bytes
}

/// Answers and calls as a bus would send them.
pub fn seeds() -> Vec<Vec<u8>> {
    let little = b"\x05\x01u\0\x07\0\0\0\x08\x01g\0\x01s\0";
    let big = b"\x05\x01u\0\0\0\0\x07\x08\x01g\0\x01s\0";
    let variant = b"\x05\x01u\0\x07\0\0\0\x08\x01g\0\x01v\0";
    let path = b"\x05\x01u\0\x07\0\0\0\x08\x01g\0\x01o\0";
    let pairs = b"\x05\x01u\0\x07\0\0\0\x08\x01g\0\x05a(ss)\0";
    let error = [b"\x04\x01s\0\x03\0\0\0a.b\0\0\0\0\0".as_slice(), little].concat();
    let method = Method {
        owner: "org.freedesktop.systemd1",
        object: "/org/freedesktop/systemd1",
        interface: "org.freedesktop.systemd1.Manager",
        name: "LoadUnit",
    };
    vec![
        sign_on(1000).into_bytes(),
        b"OK 1234deadbeef\r\n".to_vec(),
        answer(false, 2, little, b"\x02\0\0\0ab\0"),
        answer(true, 2, big, b"\0\0\0\x02ab\0"),
        answer(false, 2, variant, b"\x01s\0\0\x06\0\0\0active\0"),
        answer(false, 2, variant, b"\x04a{sv}\0\0\0\0\0\0"),
        answer(false, 2, path, b"\x02\0\0\0/a\0"),
        answer(false, 2, pairs, b"\0\0\0\0\0\0\0\0"),
        answer(false, 3, &error, b"\x02\0\0\0no\0"),
        call(method, &("dbus.service",), 7).expect("a call of ours"),
        call(method, &(), 8).expect("a call of ours"),
    ]
}
