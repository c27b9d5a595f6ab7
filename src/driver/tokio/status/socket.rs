// SPDX-License-Identifier: LGPL-2.1-or-later
//! Makes the socket: in a directory that no other user can change, under a name that only a dead daemon has used, and
//! closed to all but root and the cluster's group from its first moment.
use crate::model::site::CLUSTER_GROUP;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use nix::unistd::{Gid, Group, chown, geteuid};
use std::fs::{self, DirBuilder, Metadata, Permissions};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// A socket's name; removed when dropped, unless another has taken it.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    inode: u64,
}

impl Place {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Opens the socket of daemon `name` in `directory`.
///
/// # Errors
/// Why it cannot be made; in words that name the file.
pub(super) fn open(directory: &Path, name: &str) -> io::Result<(UnixListener, Place)> {
    let group = Group::from_name(CLUSTER_GROUP).ok().flatten().map(|group| group.gid);
    make_directory(directory, group).map_err(|problem| about(directory, problem))?;
    let path = directory.join(format!("{name}.status"));
    check_free(&path).map_err(|problem| about(&path, problem))?;
    // Under a name of its own until its owner and mode are right.
    let fresh = directory.join(format!(".{name}.status.{}", std::process::id()));
    let made = make(&fresh, &path, group);
    if made.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    let (listener, inode) = made.map_err(|problem| about(&path, problem))?;
    Ok((listener, Place { path, inode }))
}

fn about(path: &Path, problem: io::Error) -> io::Error {
    io::Error::new(problem.kind(), format!("{}: {problem}", path.display()))
}

fn make_directory(directory: &Path, group: Option<Gid>) -> io::Result<()> {
    match DirBuilder::new().mode(0o750).create(directory) {
        Ok(()) => chown(directory, None, group)?,
        Err(problem) if problem.kind() == ErrorKind::AlreadyExists => {}
        Err(problem) => return Err(problem),
    }
    let found = fs::symlink_metadata(directory)?;
    match what_is_wrong(&found) {
        None => Ok(()),
        Some(wrong) => Err(io::Error::other(wrong)),
    }
}

/// What others could change is not to be trusted.
fn what_is_wrong(directory: &Metadata) -> Option<String> {
    let ours = geteuid().as_raw();
    if !directory.is_dir() {
        Some("it is no directory".to_owned())
    } else if directory.uid() != ours {
        Some(format!("it belongs to the user with number {}, not to {ours}", directory.uid()))
    } else if directory.mode() & 0o022 != 0 {
        Some(format!("others than its owner may write to it (mode {:04o})", directory.mode() & 0o7777))
    } else {
        None
    }
}

/// Is the name free, or that of a socket that is served no more?
fn check_free(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Err(problem) if problem.kind() == ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !found.file_type().is_socket() {
        return Err(io::Error::new(ErrorKind::AlreadyExists, "it is there and no socket; remove it"));
    }
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let probe = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    match connect(probe.as_raw_fd(), &UnixAddr::new(path)?) {
        Err(nix::errno::Errno::ECONNREFUSED | nix::errno::Errno::ENOENT) => Ok(()),
        _ => Err(io::Error::new(ErrorKind::AddrInUse, "another daemon serves there")),
    }
}

fn make(fresh: &Path, path: &Path, group: Option<Gid>) -> io::Result<(UnixListener, u64)> {
    match fs::remove_file(fresh) {
        Err(problem) if problem.kind() != ErrorKind::NotFound => return Err(problem),
        _ => {}
    }
    let listener = UnixListener::bind(fresh)?;
    listener.set_nonblocking(true)?;
    chown(fresh, None, group)?;
    // Without the group only root may look.
    let mode = if group.is_some() { 0o660 } else { 0o600 };
    fs::set_permissions(fresh, Permissions::from_mode(mode))?;
    let inode = fs::symlink_metadata(fresh)?.ino();
    fs::rename(fresh, path)?;
    Ok((listener, inode))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixStream;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap().flatten();
        entries.map(|entry| entry.file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_dead_socket_is_replaced_and_a_live_one_is_not() {
        let outer = tempfile::tempdir().unwrap();
        let directory = outer.path().join("run");
        let (first, place) = open(&directory, "d").unwrap();
        let (other, _other_place) = open(&directory, "e").unwrap();
        let live = open(&directory, "d").unwrap_err().to_string();
        assert!(live.contains("d.status") && live.contains("another daemon"), "{live}");
        drop(first);
        let (second, second_place) = open(&directory, "d").unwrap();
        drop(place);
        UnixStream::connect(directory.join("d.status")).unwrap();
        let mode = fs::metadata(second_place.path()).unwrap().mode() & 0o7777;
        assert!([0o660, 0o600].contains(&mode), "{mode:o}");
        assert_eq!(fs::metadata(&directory).unwrap().mode() & 0o7777, 0o750);
        drop((second, second_place, other));
        assert_eq!(names(&directory), ["e.status"], "the name of a daemon that ends is free");
    }

    #[test]
    fn what_others_could_have_made_is_refused() {
        let outer = tempfile::tempdir().unwrap();
        let refused = |directory: &Path| open(directory, "d").unwrap_err().to_string();
        let real = outer.path().join("real");
        fs::create_dir(&real).unwrap();
        let link = outer.path().join("link");
        symlink(&real, &link).unwrap();
        assert!(refused(&link).contains("no directory"));
        fs::set_permissions(&real, Permissions::from_mode(0o777)).unwrap();
        assert!(refused(&real).contains("mode 0777"));
        fs::set_permissions(&real, Permissions::from_mode(0o755)).unwrap();
        symlink("/etc/passwd", real.join("d.status")).unwrap();
        assert!(refused(&real).contains("no socket"));
        assert_eq!(names(&real), ["d.status"], "nothing is left behind");
        assert!(refused(Path::new("/proc/none")).contains("/proc/none"));
    }
}
