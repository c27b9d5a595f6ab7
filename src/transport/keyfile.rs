// SPDX-License-Identifier: LGPL-2.1-or-later
//! Reading one key file, or one of certificates, without ever blocking on something that is not a file.
use crate::sys::tls::MAX_KEY_LEN;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use zeroize::Zeroizing;

/// Why a file holds no key that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyFileError {
    /// There is no such file.
    Missing,
    /// This process may not read it.
    Forbidden,
    /// It is a directory, a device or the like.
    NotAFile,
    /// It has no bytes.
    Empty,
    /// It has more bytes than such a file may have, which are so many.
    TooLong(usize),
    /// Reading fails otherwise, in these words.
    Other(String),
}

impl fmt::Display for KeyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("it does not exist"),
            Self::Forbidden => f.write_str("it may not be read"),
            Self::NotAFile => f.write_str("it is not a regular file"),
            Self::Empty => f.write_str("it is empty"),
            Self::TooLong(limit) => write!(f, "it has more than {limit} bytes"),
            Self::Other(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for KeyFileError {}

impl From<io::Error> for KeyFileError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::PermissionDenied => Self::Forbidden,
            _ => Self::Other(error.to_string()),
        }
    }
}

/// A key and what is odd about its file.
pub(super) struct KeyFile {
    pub(super) bytes: Zeroizing<Vec<u8>>,
    /// Can every user of the machine read or change it?
    pub(super) open_to_all: bool,
}

/// Reads all of `path`: a newline at the end is part of the key.
pub(super) fn read(path: &Path) -> Result<KeyFile, KeyFileError> {
    read_file(path, MAX_KEY_LEN)
}

/// Reads all of `path`, which must be a file of 1 to `most` bytes. All copies are wiped.
pub(super) fn read_file(path: &Path, most: usize) -> Result<KeyFile, KeyFileError> {
    // Opening a FIFO or a terminal must not wait for its other end, nor make it ours.
    let flags = nix::fcntl::OFlag::O_NONBLOCK | nix::fcntl::OFlag::O_NOCTTY;
    let mut file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(KeyFileError::NotAFile);
    }
    // One byte more than allowed shows that there is too much. All room is made in advance, so that no copy is left over;
    // as much as the file needs, since all of it is erased afterwards, and that for every peer that begins a handshake.
    let limit = most + 1;
    let room = usize::try_from(about.len()).unwrap_or(limit).saturating_add(1).min(limit);
    let mut bytes = read_up_to(&file, room)?;
    if bytes.len() == room && room < limit {
        // It has grown.
        file.rewind()?;
        bytes = read_up_to(&file, limit)?;
    }
    match bytes.len() {
        0 => return Err(KeyFileError::Empty),
        len if len == limit => return Err(KeyFileError::TooLong(most)),
        _ => {}
    }
    // Shrinking in place could leave a copy behind.
    let bytes = Zeroizing::new(bytes.as_slice().to_vec());
    Ok(KeyFile { bytes, open_to_all: about.mode() & 0o006 != 0 })
}

fn read_up_to(file: &File, room: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    file.take(room as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn refusal(path: &Path) -> String {
        read(path).err().unwrap().to_string()
    }

    #[test]
    fn every_byte_counts() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("authkey");
        fs::write(&path, b" secret\n").unwrap();
        assert_eq!(read(&path).unwrap().bytes.as_slice(), b" secret\n");
        fs::write(&path, vec![0; MAX_KEY_LEN]).unwrap();
        assert_eq!(read(&path).unwrap().bytes.len(), MAX_KEY_LEN);
    }

    #[test]
    fn what_is_no_key_is_refused_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("authkey");
        assert_eq!(refusal(&path), "it does not exist");
        assert_eq!(refusal(directory.path()), "it is not a regular file");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
        assert_eq!(refusal(&path), "it is not a regular file");
        assert_eq!(refusal(Path::new("/dev/zero")), "it is not a regular file");
        fs::remove_file(&path).unwrap();
        fs::write(&path, b"").unwrap();
        assert_eq!(refusal(&path), "it is empty");
        fs::write(&path, vec![0; MAX_KEY_LEN + 1]).unwrap();
        assert_eq!(refusal(&path), "it has more than 65535 bytes");
    }
}
