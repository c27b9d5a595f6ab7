// SPDX-License-Identifier: LGPL-2.1-or-later
//! Reading one key file, without ever blocking on something that is not a file.
use crate::sys::tls::{InvalidKey, MAX_KEY_LEN, Psk};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use zeroize::Zeroizing;

/// Why most key files cannot be read.
pub(super) const NOT_THERE: &str = "it does not exist";

/// A key and what is odd about its file.
pub(super) struct KeyFile {
    pub(super) bytes: Zeroizing<Vec<u8>>,
    /// Can every user of the machine read or change it?
    pub(super) open_to_all: bool,
}

impl KeyFile {
    pub(super) fn psk(&self) -> Result<Psk, InvalidKey> {
        Psk::new(self.bytes.clone())
    }
}

/// Reads all of `path`: a newline at the end is part of the key. The error says why it is no key.
pub(super) fn read(path: &Path) -> Result<KeyFile, String> {
    // Opening a FIFO or a terminal must not wait for its other end, nor make it ours.
    let flags = nix::fcntl::OFlag::O_NONBLOCK | nix::fcntl::OFlag::O_NOCTTY;
    let mut file =
        OpenOptions::new().read(true).custom_flags(flags.bits()).open(path).map_err(|error| words(&error))?;
    let about = file.metadata().map_err(|error| words(&error))?;
    if !about.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    // One byte more than allowed shows that there is too much. All room is made in advance, so that no copy is left over;
    // as much as the file needs, since all of it is erased afterwards, and that for every peer that begins a handshake.
    let limit = MAX_KEY_LEN + 1;
    let room = usize::try_from(about.len()).unwrap_or(limit).saturating_add(1).min(limit);
    let mut bytes = read_up_to(&file, room).map_err(|error| words(&error))?;
    if bytes.len() == room && room < limit {
        // It has grown.
        file.rewind().map_err(|error| words(&error))?;
        bytes = read_up_to(&file, limit).map_err(|error| words(&error))?;
    }
    match bytes.len() {
        0 => return Err("it is empty".to_owned()),
        len if len == limit => return Err(format!("it has more than {MAX_KEY_LEN} bytes")),
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

fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => NOT_THERE.to_owned(),
        io::ErrorKind::PermissionDenied => "it may not be read".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn refusal(path: &Path) -> String {
        read(path).err().unwrap()
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
