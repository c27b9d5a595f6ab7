// SPDX-License-Identifier: LGPL-2.1-or-later
//! D-Bus, as much of it as a question to the service manager needs: a call's bytes, and its answer out of what
//! the bus sends. Values are marshalled by zvariant, which the daemon's own connection stands on too.
use super::MAX_MESSAGE;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use zvariant::serialized::{Context, Data};
use zvariant::{DynamicType, Endian, Signature, Type, Value};

/// What is said before the first message, by a process of this user id: see [`is_admitted`].
pub fn sign_on(user_id: u32) -> String {
    let id: String = user_id.to_string().bytes().map(|digit| format!("{digit:02x}")).collect();
    format!("\0AUTH EXTERNAL {id}\r\n")
}

/// What ends the sign-on, once the bus has admitted us.
pub const BEGIN: &str = "BEGIN\r\n";

/// The bus's answer to [`sign_on`]; None as long as it is not complete.
pub fn is_admitted(answer: &[u8]) -> Option<bool> {
    let line = answer.strip_suffix(b"\r\n")?;
    Some(line.starts_with(b"OK "))
}

/// A method of an object.
#[derive(Clone, Copy, Debug)]
pub struct Method<'a> {
    /// Whose object, by the name that its owner has on the bus.
    pub owner: &'a str,
    /// Path of the object.
    pub object: &'a str,
    /// The method's interface.
    pub interface: &'a str,
    /// Its name.
    pub name: &'a str,
}

/// What a call can take: a tuple.
pub trait Arguments: Serialize + DynamicType {}
impl<T: Serialize + DynamicType> Arguments for T {}

/// What a call can give.
pub trait Returned: DeserializeOwned + Type {}
impl<T: DeserializeOwned + Type> Returned for T {}

/// Why bytes are no message, or a message not the one that was waited for.
#[derive(Debug)]
pub enum DbusError {
    /// Longer than any message that we read.
    TooLong(usize),
    /// Not marshalled as D-Bus has it.
    Malformed(zvariant::Error),
    /// A value of another type than the method has.
    WrongType(String),
}

impl fmt::Display for DbusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(length) => write!(f, "a D-Bus message of {length} bytes"),
            Self::Malformed(error) => write!(f, "malformed D-Bus message: {error}"),
            Self::WrongType(signature) => write!(f, "D-Bus answer of type '{signature}'"),
        }
    }
}

impl std::error::Error for DbusError {}

impl From<zvariant::Error> for DbusError {
    fn from(error: zvariant::Error) -> Self {
        Self::Malformed(error)
    }
}

/// Byte order, kind, flags, version, length of the body, serial, fields.
type Header<'a> = (u8, u8, u8, u8, u32, u32, Vec<(u8, Value<'a>)>);

const CALL: u8 = 1;
const RETURN: u8 = 2;
const ERROR: u8 = 3;
const SIGNAL: u8 = 4;
const VERSION: u8 = 1;

mod field {
    pub(super) const PATH: u8 = 1;
    pub(super) const INTERFACE: u8 = 2;
    pub(super) const MEMBER: u8 = 3;
    pub(super) const ERROR_NAME: u8 = 4;
    pub(super) const REPLY_SERIAL: u8 = 5;
    pub(super) const DESTINATION: u8 = 6;
    pub(super) const SIGNATURE: u8 = 8;
}

/// A call's bytes; `arguments` is a tuple, `serial` the caller's number for it and not 0.
///
/// # Errors
/// When a name in it is none by D-Bus's rules.
pub fn call(method: Method<'_>, arguments: &impl Arguments, serial: u32) -> Result<Vec<u8>, DbusError> {
    zvariant::ObjectPath::try_from(method.object)?;
    let body = zvariant::to_bytes(Context::new_dbus(Endian::Little, 0), arguments)?;
    let mut fields = Vec::new();
    push(&mut fields, field::PATH, b'o', method.object);
    push(&mut fields, field::INTERFACE, b's', method.interface);
    push(&mut fields, field::MEMBER, b's', method.name);
    push(&mut fields, field::DESTINATION, b's', method.owner);
    let signature = arguments.signature().to_string_no_parens();
    if !signature.is_empty() {
        pad(&mut fields);
        fields.extend([field::SIGNATURE, 1, b'g', 0]);
        // No call of ours has as many as 255 arguments.
        fields.push(u8::try_from(signature.len()).unwrap_or(u8::MAX));
        fields.extend(signature.bytes().chain([0]));
    }
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(|_| DbusError::TooLong(bytes.len()));
    let mut bytes = vec![b'l', CALL, 0, VERSION];
    for number in [length(&body)?, serial, length(&fields)?] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.append(&mut fields);
    pad(&mut bytes);
    bytes.extend_from_slice(&body);
    Ok(bytes)
}

/// A field whose value is a text. By hand, since zvariant would write two types in a row as a structure.
fn push(fields: &mut Vec<u8>, name: u8, kind: u8, value: &str) {
    pad(fields);
    fields.extend([name, 1, kind, 0]);
    fields.extend(u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
    fields.extend(value.bytes().chain([0]));
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(8), 0);
}

/// A message of the bus.
#[derive(Debug)]
pub struct Message {
    kind: u8,
    /// To which call it is the answer, by the call's serial; 0: to none.
    pub answers: u32,
    error_name: String,
    member: String,
    signature: String,
    order: Endian,
    body: Vec<u8>,
}

/// What a call came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer<T> {
    /// The method's value.
    Value(T),
    /// Name of the error and what it says.
    Refused(String, String),
}

impl Message {
    /// The first message in `bytes` and its length; None as long as it is not complete.
    ///
    /// # Errors
    /// When it is none, or too long.
    pub fn first(bytes: &[u8]) -> Result<Option<(Self, usize)>, DbusError> {
        const FIXED: usize = 16;
        let Some((fixed, _)) = bytes.split_first_chunk::<FIXED>() else { return Ok(None) };
        let order = if fixed.first() == Some(&b'B') { Endian::Big } else { Endian::Little };
        let context = Context::new_dbus(order, 0);
        let ((_, _, _, _, body, _, fields), _) =
            Data::new(&fixed[..], context).deserialize::<(u8, u8, u8, u8, u32, u32, u32)>()?;
        let size = |length: u32| usize::try_from(length).unwrap_or(usize::MAX);
        let start = FIXED.saturating_add(size(fields)).checked_next_multiple_of(8).unwrap_or(usize::MAX);
        let end = start.saturating_add(size(body));
        if end > MAX_MESSAGE {
            return Err(DbusError::TooLong(end));
        }
        let (Some(head), Some(body)) = (bytes.get(..start), bytes.get(start..end)) else { return Ok(None) };
        let head = Data::new(head, context);
        let ((_, kind, _, _, _, _, fields), _) = head.deserialize::<Header<'_>>()?;
        let mut message = Self {
            kind,
            answers: 0,
            error_name: String::new(),
            member: String::new(),
            signature: String::new(),
            order,
            body: body.to_vec(),
        };
        for (name, value) in fields {
            message.take(name, value)?;
        }
        Ok(Some((message, end)))
    }

    fn take(&mut self, name: u8, value: Value<'_>) -> Result<(), DbusError> {
        match name {
            field::MEMBER => self.member = String::try_from(value)?,
            field::ERROR_NAME => self.error_name = String::try_from(value)?,
            field::REPLY_SERIAL => self.answers = u32::try_from(value)?,
            field::SIGNATURE => self.signature = Signature::try_from(value)?.to_string_no_parens(),
            _ => {}
        }
        Ok(())
    }

    /// What the call came to that this message answers.
    ///
    /// # Errors
    /// When it is no answer, or of another type.
    pub fn answer<T: Returned>(&self) -> Result<Answer<T>, DbusError> {
        match self.kind {
            RETURN => self.body().map(Answer::Value),
            ERROR => {
                // By custom an error says something; it need not.
                let words = self.body::<String>().unwrap_or_default();
                Ok(Answer::Refused(self.error_name.clone(), words))
            }
            other => Err(DbusError::WrongType(format!("message {other}"))),
        }
    }

    /// What a signal of this name says; None: it is another message, or says something else.
    pub fn signal<T: Returned>(&self, name: &str) -> Option<T> {
        (self.kind == SIGNAL && self.member == name).then(|| self.body().ok()).flatten()
    }

    fn body<T: Returned>(&self) -> Result<T, DbusError> {
        if self.signature != T::SIGNATURE.to_string_no_parens() {
            return Err(DbusError::WrongType(self.signature.clone()));
        }
        let data = Data::new(&self.body[..], Context::new_dbus(self.order, 0));
        Ok(data.deserialize::<T>()?.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zvariant::OwnedValue;

    /// Fixed header of an answer to call 7, made by hand from D-Bus's specification.
    fn answer(order: u8, kind: u8, fields: &[u8], body: &[u8]) -> Vec<u8> {
        let number = |value: usize| {
            let value = u32::try_from(value).unwrap();
            if order == b'B' { value.to_be_bytes() } else { value.to_le_bytes() }
        };
        let mut bytes = vec![order, kind, 1, 1];
        bytes.extend(number(body.len()));
        bytes.extend(number(99));
        bytes.extend(number(fields.len()));
        bytes.extend(fields);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes.extend(body);
        bytes
    }

    const LITTLE: &[u8] = b"\x05\x01u\0\x07\0\0\0\x08\x01g\0\x01s\0";

    #[test]
    fn signing_on() {
        assert_eq!(sign_on(0), "\0AUTH EXTERNAL 30\r\n");
        assert_eq!(sign_on(1000), "\0AUTH EXTERNAL 31303030\r\n");
        assert_eq!(is_admitted(b"OK 1234deadbeef"), None);
        assert_eq!(is_admitted(b"OK 1234deadbeef\r\n"), Some(true));
        assert_eq!(is_admitted(b"REJECTED EXTERNAL\r\n"), Some(false));
    }

    #[test]
    fn a_call_byte_by_byte() {
        let method = Method { owner: "a.b", object: "/c", interface: "d.e", name: "F" };
        let bytes = call(method, &("x",), 7).unwrap();
        let expected: &[u8] = b"l\x01\0\x01\x06\0\0\0\x07\0\0\0\x47\0\0\0\
                \x01\x01o\0\x02\0\0\0/c\0\0\0\0\0\0\
                \x02\x01s\0\x03\0\0\0d.e\0\0\0\0\0\
                \x03\x01s\0\x01\0\0\0F\0\0\0\0\0\0\0\
                \x06\x01s\0\x03\0\0\0a.b\0\0\0\0\0\
                \x08\x01g\0\x01s\0\0\
                \x01\0\0\0x\0";
        assert_eq!(bytes, expected);
        let (message, length) = Message::first(&bytes).unwrap().unwrap();
        assert_eq!((message.kind, length, message.signature.as_str()), (CALL, bytes.len(), "s"));
        assert_eq!(message.body::<String>().unwrap(), "x");
        let two = Message::first(&call(method, &("x", "y"), 1).unwrap()).unwrap().unwrap().0;
        assert_eq!((two.signature.as_str(), two.body::<(String, String)>().is_ok()), ("ss", true));
        assert_eq!(Message::first(&call(method, &(), 1).unwrap()).unwrap().unwrap().0.signature, "");
        assert!(call(Method { object: "no path", ..method }, &(), 1).is_err());
    }

    #[test]
    fn answers_in_both_byte_orders() {
        let big: &[u8] = b"\x05\x01u\0\0\0\0\x07\x08\x01g\0\x01s\0";
        for (order, fields, body) in [(b'l', LITTLE, b"\x02\0\0\0ab\0"), (b'B', big, b"\0\0\0\x02ab\0")] {
            let bytes = answer(order, RETURN, fields, body);
            for cut in 0..bytes.len() {
                assert!(Message::first(&bytes[..cut]).unwrap().is_none(), "{cut}");
            }
            let (message, length) = Message::first(&[&bytes[..], b"next"].concat()).unwrap().unwrap();
            assert_eq!((message.answers, length), (7, bytes.len()));
            assert_eq!(message.answer::<String>().unwrap(), Answer::Value("ab".to_owned()));
            assert!(matches!(message.answer::<OwnedValue>(), Err(DbusError::WrongType(_))));
        }
    }

    #[test]
    fn refusals() {
        let fields = [b"\x04\x01s\0\x03\0\0\0a.b\0\0\0\0\0", LITTLE].concat();
        let (message, _) = Message::first(&answer(b'l', ERROR, &fields, b"\x02\0\0\0no\0")).unwrap().unwrap();
        assert_eq!(message.answer::<String>().unwrap(), Answer::Refused("a.b".into(), "no".into()));
        let signal = Message::first(&answer(b'l', 4, LITTLE, b"\x02\0\0\0no\0")).unwrap().unwrap().0;
        assert!(signal.answer::<String>().is_err());
        assert_eq!(signal.signal::<String>("Removed"), None, "it has no name");
        let fields = [b"\x03\x01s\0\x07\0\0\0Removed\0", LITTLE].concat();
        let (signal, _) = Message::first(&answer(b'l', 4, &fields, b"\x02\0\0\0no\0")).unwrap().unwrap();
        assert_eq!(signal.signal::<String>("Removed").as_deref(), Some("no"));
        assert_eq!(signal.signal::<u32>("Removed"), None);
    }

    #[test]
    fn nonsense_is_refused() {
        let mut long = answer(b'l', RETURN, LITTLE, b"");
        long[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(matches!(Message::first(&long), Err(DbusError::TooLong(_))));
        for at in 0..LITTLE.len() {
            for byte in [0, 0x0f, 0x7f, 0xff] {
                let mut fields = LITTLE.to_vec();
                fields[at] = byte;
                // It may even be well-formed; it must not be a panic.
                let read = Message::first(&answer(b'l', RETURN, &fields, b"\x02\0\0\0ab\0"));
                let _ = read.map(|read| read.map(|(message, _)| message.answer::<String>().is_ok()));
            }
        }
    }
}
