// SPDX-License-Identifier: LGPL-2.1-or-later
//! Any file as a key: its bytes are the key, and two ends that have it reach each other, while one that has another does
//! not.
use super::tls_ends::{Contexts, cheap_policy};
use pcmk_remote_rs::sys::tls::{MAX_KEY_LEN, Progress, Stream, TlsError};
use pcmk_remote_rs::transport::credentials::{KeyError, KeyFileError, read_key};
use std::io::Write;
use std::path::PathBuf;

fn read_from_file(content: &[u8]) -> Result<Vec<u8>, KeyFileError> {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(content).expect("a temporary file can be written");
    let missing = PathBuf::from("/nonexistent/key");
    match read_key(&[missing, file.path().to_owned()]) {
        Ok(key) => Ok(key.to_vec()),
        Err(KeyError::NoKey(mut tried)) => {
            assert_eq!((tried.len(), &tried[0].1), (2, &KeyFileError::Missing));
            Err(tried.remove(1).1)
        }
        Err(other) => panic!("{other}"),
    }
}

/// Both handshakes' ends.
fn shake_hands(server: &Contexts, client: &Contexts) -> Result<(), TlsError> {
    let mut server = Stream::server(&server.server)?;
    let mut client = Stream::client(&client.client)?;
    for _ in 0..4 {
        let mut moved = Vec::new();
        let done = client.handshake()?;
        client.take_output(&mut moved);
        server.feed(&moved);
        moved.clear();
        if server.handshake()? == Progress::Done && done == Progress::Done {
            return Ok(());
        }
        server.take_output(&mut moved);
        client.feed(&moved);
    }
    Err(TlsError::Other("a handshake without end".to_owned()))
}

/// The first byte says how often the rest is repeated, so that long keys come up too.
pub fn fuzz_one(data: &[u8]) {
    let Some((times, rest)) = data.split_first() else { return };
    let content = rest.repeat(usize::from(*times) % 64 + 1);
    let found = read_from_file(&content);
    match content.len() {
        0 => assert_eq!(found, Err(KeyFileError::Empty)),
        1..=MAX_KEY_LEN => assert_eq!(found.as_ref(), Ok(&content)),
        _ => assert_eq!(found, Err(KeyFileError::TooLong(MAX_KEY_LEN))),
    }
    let Ok(key) = found else { return };
    let contexts = Contexts::new(&key, &cheap_policy());
    shake_hands(&contexts, &contexts).expect("both have the key");
    let mut other = key;
    if let Some(last) = other.last_mut() {
        *last ^= 1;
    }
    let other = Contexts::new(&other, &cheap_policy());
    assert!(shake_hands(&contexts, &other).is_err(), "another key opens the connection");
}

/// Keys as administrators make them.
pub fn seeds() -> Vec<Vec<u8>> {
    [b"\0secret\n".to_vec(), b"\0\0".to_vec(), [vec![63], vec![0xA5; 64]].concat(), vec![0], vec![3; 300]]
        .into()
}
