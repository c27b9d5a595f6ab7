// SPDX-License-Identifier: LGPL-2.1-or-later
//! A log file: opened late, reopened after rotation, and patient with a full disk.
use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

/// User and group ids.
pub(super) type Owner = (u32, u32);

/// One log file.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    mode: u32,
    /// Whose a regular file becomes; `None`: ours.
    owner: Option<Owner>,
    open: Option<Open>,
    lost: u64,
    /// Ended the last write in the middle of a line?
    torn: bool,
}

#[derive(Debug)]
struct Open {
    file: File,
    identity: (u64, u64),
}

/// What a write has to tell those who do not read this file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    /// It has begun to fail.
    Failing(String),
    /// It works again; so many lines are missing.
    Working(u64),
}

impl LogFile {
    pub(super) fn new(path: PathBuf, mode: u32, owner: Option<Owner>) -> Self {
        Self { path, mode, owner, open: None, lost: 0, torn: false }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the file by name again at the next line.
    pub(super) fn reopen(&mut self) {
        self.open = None;
    }

    /// Writes lines, each of which ends in a newline. If one cannot be written all are counted, and not kept.
    pub(super) fn write(&mut self, lines: &str) -> Option<News> {
        match self.try_write(lines) {
            Ok(()) => Some(std::mem::take(&mut self.lost)).filter(|lost| *lost > 0).map(News::Working),
            Err(error) => {
                let first = self.lost == 0;
                self.lost += lines.matches('\n').count().max(1) as u64;
                first.then(|| News::Failing(error.to_string()))
            }
        }
    }

    fn try_write(&mut self, line: &str) -> io::Result<()> {
        self.drop_if_rotated();
        if self.open.is_none() {
            self.open = Some(self.open_by_name()?);
            self.torn = false;
        }
        let Some(Open { file, .. }) = &mut self.open else { return Ok(()) };
        if self.torn {
            file.write_all(b"\n")?;
            self.torn = false;
        }
        let written = file.write(line.as_bytes())?;
        if written < line.len() {
            self.torn = true;
            file.write_all(&line.as_bytes()[written..])?;
            self.torn = false;
        }
        Ok(())
    }

    /// The name belongs to another file now, or to none: rotation moved ours away.
    fn drop_if_rotated(&mut self) {
        if let Some(open) = &self.open
            && !std::fs::metadata(&self.path).is_ok_and(|now| identity(&now) == open.identity)
        {
            self.open = None;
        }
    }

    fn open_by_name(&self) -> io::Result<Open> {
        match self.open_at(&self.path, libc::O_NOFOLLOW) {
            Ok(file) => {
                let metadata = file.metadata()?;
                if metadata.is_file() && metadata.nlink() == 1 {
                    self.take_care_of(&file, &metadata);
                }
                Ok(Open { identity: identity(&metadata), file })
            }
            Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
                let file = self.open_at(&self.trusted_target()?, 0)?;
                Ok(Open { identity: identity(&file.metadata()?), file })
            }
            Err(error) => Err(error),
        }
    }

    fn open_at(&self, path: &Path, flags: libc::c_int) -> io::Result<File> {
        // A FIFO without a reader must not hold us up, nor a terminal take us over.
        let flags = flags | libc::O_NONBLOCK | libc::O_NOCTTY;
        OpenOptions::new().append(true).create(true).mode(self.mode).custom_flags(flags).open(path)
    }

    /// Where the symbolic link leads that the name is: others than root can write to the directory, and we must not be
    /// led to write to a file of root's. The link is opened, so that it cannot be another between the look at its owner
    /// and the look at its target. A target that is a link itself, as `/dev/stderr` is, was root's choice.
    fn trusted_target(&self) -> io::Result<PathBuf> {
        let link =
            OpenOptions::new().read(true).custom_flags(libc::O_PATH | libc::O_NOFOLLOW).open(&self.path)?;
        if ![0, nix::unistd::geteuid().as_raw()].contains(&link.metadata()?.uid()) {
            return Err(io::Error::other("it is a symbolic link that another user made"));
        }
        let target = PathBuf::from(nix::fcntl::readlinkat(&link, "")?);
        Ok(self.path.with_file_name("").join(target))
    }

    /// Owner and mode as configured, as far as we may; a log file with other ones is still a log file.
    fn take_care_of(&self, file: &File, metadata: &Metadata) {
        if let Some((user, group)) = self.owner
            && (metadata.uid(), metadata.gid()) != (user, group)
        {
            let _ = fchown(file, Some(user), Some(group));
        }
        if metadata.mode() & 0o7777 != self.mode {
            let _ = file.set_permissions(Permissions::from_mode(self.mode));
        }
    }
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{read_to_string, remove_file, rename};
    use std::os::unix::fs::symlink;

    fn log_file(directory: &tempfile::TempDir) -> LogFile {
        LogFile::new(directory.path().join("log"), 0o640, None)
    }

    #[test]
    fn follows_rotation_and_removal() {
        let directory = tempfile::tempdir().unwrap();
        let mut log = log_file(&directory);
        assert_eq!(log.write("one\n"), None);
        let old = directory.path().join("log.1");
        rename(log.path(), &old).unwrap();
        assert_eq!(log.write("two\n"), None);
        assert_eq!(read_to_string(&old).unwrap(), "one\n");
        assert_eq!(read_to_string(log.path()).unwrap(), "two\n");
        remove_file(log.path()).unwrap();
        assert_eq!(log.write("three\n"), None);
        assert_eq!(read_to_string(log.path()).unwrap(), "three\n");
    }

    #[test]
    fn mode_is_as_asked_whatever_the_umask() {
        let directory = tempfile::tempdir().unwrap();
        let mut log = LogFile::new(directory.path().join("log"), 0o666, None);
        log.write("x\n");
        assert_eq!(std::fs::metadata(log.path()).unwrap().mode() & 0o777, 0o666);
    }

    #[test]
    fn a_full_disk_is_told_once_and_counted() {
        let directory = tempfile::tempdir().unwrap();
        let mut log = log_file(&directory);
        symlink("/dev/full", log.path()).unwrap();
        let first = log.write("one\n");
        assert!(matches!(&first, Some(News::Failing(why)) if why.contains("space")), "{first:?}");
        assert_eq!(log.write("two\n"), None);
        remove_file(log.path()).unwrap();
        assert_eq!(log.write("three\n"), Some(News::Working(2)));
        assert_eq!(log.write("four\n"), None);
        assert_eq!(read_to_string(log.path()).unwrap(), "three\nfour\n");
    }

    #[test]
    fn a_missing_directory_may_appear_later() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("later/log");
        let mut log = LogFile::new(path.clone(), 0o640, None);
        assert!(matches!(log.write("one\n"), Some(News::Failing(_))));
        std::fs::create_dir(path.parent().unwrap()).unwrap();
        assert_eq!(log.write("two\n"), Some(News::Working(1)));
    }

    #[test]
    fn a_fifo_without_a_reader_blocks_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let mut log = log_file(&directory);
        nix::unistd::mkfifo(log.path(), nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(matches!(log.write("one\n"), Some(News::Failing(_))));
    }

    #[test]
    fn a_relative_link_leads_from_its_own_directory_and_one_to_a_link_is_followed() {
        let directory = tempfile::tempdir().unwrap();
        let mut log = log_file(&directory);
        symlink("other", log.path()).unwrap();
        symlink("target", directory.path().join("other")).unwrap();
        assert_eq!(log.write("x\n"), None);
        assert_eq!(read_to_string(directory.path().join("target")).unwrap(), "x\n");
    }

    #[test]
    fn a_link_of_another_user_is_not_followed() {
        assert!(
            nix::unistd::geteuid().is_root(),
            "this test gives a file away and needs root: run it with sudo"
        );
        let directory = tempfile::tempdir().unwrap();
        let mut log = log_file(&directory);
        symlink(directory.path().join("target"), log.path()).unwrap();
        std::os::unix::fs::lchown(log.path(), Some(12_345), None).unwrap();
        assert!(matches!(log.write("x\n"), Some(News::Failing(why)) if why.contains("another user")));
        assert!(!directory.path().join("target").exists());
    }

    #[test]
    fn a_link_is_followed_but_its_target_left_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("target");
        std::fs::write(&target, "").unwrap();
        std::fs::set_permissions(&target, Permissions::from_mode(0o600)).unwrap();
        let mut log = log_file(&directory);
        symlink(&target, log.path()).unwrap();
        assert_eq!(log.write("x\n"), None);
        assert_eq!(read_to_string(&target).unwrap(), "x\n");
        assert_eq!(std::fs::metadata(&target).unwrap().mode() & 0o777, 0o600);
    }
}
