// SPDX-License-Identifier: LGPL-2.1-or-later
//! Schema files: those installed here, and the directory for newer ones that the cluster hands out.
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat, renameat};
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::{UnlinkatFlags, mkdir, unlinkat};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// More bytes than any release's schemas together; a limit against a disk filled by mistake.
const MOST_BYTES: usize = 32 << 20;

/// A schema generation. Ordered by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SchemaVersion {
    major: u32,
    minor: u32,
}

impl fmt::Display for SchemaVersion {
    /// As the cluster names it: `pacemaker-3.10`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pacemaker-{}.{}", self.major, self.minor)
    }
}

/// Why the files are not there.
#[derive(Debug)]
pub enum SchemaError {
    /// The system refused.
    Io(PathBuf, io::Error),
    /// The directory's name belongs to something else.
    NotADirectory(PathBuf),
    /// A file name that is not a plain schema file's.
    BadName(String),
    /// More than any set of schemas.
    TooMuch,
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::NotADirectory(path) => {
                write!(f, "{} is not a directory (a symbolic link is not followed)", path.display())
            }
            Self::BadName(name) => write!(f, "{name:?} is not the name of a schema file"),
            Self::TooMuch => write!(f, "the schemas are larger than {} MiB in all", MOST_BYTES >> 20),
        }
    }
}

impl std::error::Error for SchemaError {}

/// The newest schema in a directory; `None` when there is none, as on a node without Pacemaker's tools.
pub fn newest(directory: &Path) -> Option<SchemaVersion> {
    let version = |name: &str| {
        let (major, minor) = name.strip_prefix("pacemaker-")?.strip_suffix(".rng")?.split_once('.')?;
        let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?;
        Some(SchemaVersion { major: number(major)?, minor: number(minor)? })
    };
    fs::read_dir(directory).ok()?.flatten().filter_map(|entry| version(entry.file_name().to_str()?)).max()
}

/// The directory for received schemas, as it was when it was opened: everything is done in it by descriptor, so that
/// nothing is written elsewhere when another directory takes its name.
struct Directory<'a> {
    path: &'a Path,
    descriptor: OwnedFd,
}

/// Directories within directories that are emptied.
const MOST_LEVELS: usize = 32;

impl<'a> Directory<'a> {
    /// Opens it; a symbolic link in its place is not followed.
    fn open(path: &'a Path) -> Result<Self, SchemaError> {
        match open(path, DIRECTORY, Mode::empty()) {
            Ok(descriptor) => Ok(Self { path, descriptor }),
            Err(Errno::ELOOP | Errno::ENOTDIR) => Err(SchemaError::NotADirectory(path.into())),
            Err(errno) => Err(SchemaError::Io(path.into(), errno.into())),
        }
    }

    fn error(&self, name: &OsStr, errno: Errno) -> SchemaError {
        SchemaError::Io(self.path.join(name), errno.into())
    }

    fn empty(&self) -> Result<(), SchemaError> {
        empty(self.descriptor.as_fd(), 0).map_err(|(name, errno)| self.error(&name, errno))
    }

    /// Writes a file: whole or not at all.
    fn write(&self, name: &str, contents: &str) -> Result<(), SchemaError> {
        // Hidden from tools that look for *.rng, and no name that is_plain lets pass.
        const TEMPORARY: &str = ".incoming";
        const NEW: OFlag = OFlag::O_WRONLY.union(OFlag::O_CREAT).union(OFlag::O_EXCL).union(OFlag::O_CLOEXEC);
        let failed = |error: io::Error| SchemaError::Io(self.path.join(name), error);
        let file =
            openat(&self.descriptor, TEMPORARY, NEW, READABLE).map_err(|errno| failed(errno.into()))?;
        let mut file = File::from(file);
        file.write_all(contents.as_bytes()).map_err(failed)?;
        fchmod(&file, READABLE).map_err(|errno| failed(errno.into()))?;
        renameat(&self.descriptor, TEMPORARY, &self.descriptor, name).map_err(|errno| failed(errno.into()))
    }
}

const DIRECTORY: OFlag =
    OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);
/// Whatever the mask: tools of any user read the schemas.
const READABLE: Mode = Mode::from_bits_truncate(0o644);
const SEARCHABLE: Mode = Mode::from_bits_truncate(0o755);

/// Removes what is in a directory: links in it are removed, not followed. The error names what could not be removed.
fn empty(directory: BorrowedFd<'_>, level: usize) -> Result<(), (OsString, Errno)> {
    let of_directory = |errno| (OsString::new(), errno);
    let own = openat(directory, ".", DIRECTORY, Mode::empty()).map_err(of_directory)?;
    let entries = Dir::from_fd(own).map_err(of_directory)?.into_iter().collect::<Result<Vec<_>, _>>();
    for entry in entries.map_err(of_directory)? {
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name == "." || name == ".." {
            continue;
        }
        let failed = |errno| (name.to_owned(), errno);
        match unlinkat(directory, name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => continue,
            Err(Errno::EISDIR | Errno::EPERM) if level < MOST_LEVELS => {}
            Err(errno) => return Err(failed(errno)),
        }
        let inner = openat(directory, name, DIRECTORY, Mode::empty()).map_err(failed)?;
        empty(inner.as_fd(), level + 1).map_err(|(_, errno)| failed(errno))?;
        unlinkat(directory, name, UnlinkatFlags::RemoveDir).map_err(failed)?;
    }
    Ok(())
}

/// Makes the directory for received schemas, or empties it. Nothing outside it is touched.
pub fn prepare(directory: &Path) -> Result<(), SchemaError> {
    match mkdir(directory, SEARCHABLE) {
        Ok(()) => {
            let made = Directory::open(directory)?;
            fchmod(&made.descriptor, SEARCHABLE).map_err(|errno| made.error(OsStr::new(""), errno))
        }
        Err(Errno::EEXIST) => Directory::open(directory)?.empty(),
        Err(errno) => Err(SchemaError::Io(directory.into(), errno.into())),
    }
}

/// Writes received files, given as name and contents, into the prepared directory: each one whole or not at
/// all. When one fails the directory is emptied again, because a part of a schema set is worse than none.
pub fn store<'a>(
    directory: &Path,
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<usize, SchemaError> {
    let directory = Directory::open(directory)?;
    let stored = store_all(&directory, files);
    if stored.is_err()
        && let Err(error) = directory.empty()
    {
        log::warn!("cannot clear the schema directory: {error}");
    }
    stored
}

fn store_all<'a>(
    directory: &Directory<'_>,
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<usize, SchemaError> {
    let (mut count, mut bytes) = (0_usize, 0_usize);
    for (name, contents) in files {
        if !is_plain(name) {
            return Err(SchemaError::BadName(name.into()));
        }
        bytes = bytes.saturating_add(contents.len());
        if bytes > MOST_BYTES {
            return Err(SchemaError::TooMuch);
        }
        directory.write(name, contents)?;
        count += 1;
    }
    Ok(count)
}

/// A schema or transformation's file name, that cannot lead out of the directory nor hide in it.
fn is_plain(name: &str) -> bool {
    let known = [".rng", ".xsl"].iter().any(|suffix| name.ends_with(suffix));
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    known && plain && !name.starts_with('.') && name.len() <= 255
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap().flatten();
        let mut names: Vec<_> = entries.map(|e| e.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn newest_compares_numbers() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(newest(directory.path()), None);
        for name in [
            "pacemaker-3.9.rng",
            "pacemaker-3.10.rng",
            "pacemaker-2.99.rng",
            "pacemaker-next.rng",
            "pacemaker-4.+1.rng",
            "pacemaker-4.rng",
            "pacemaker.rng",
        ] {
            fs::write(directory.path().join(name), "").unwrap();
        }
        assert_eq!(newest(directory.path()).unwrap().to_string(), "pacemaker-3.10");
        assert_eq!(newest(&directory.path().join("missing")), None);
    }

    #[test]
    fn prepare_makes_and_empties_without_leaving_the_directory() {
        let directory = tempfile::tempdir().unwrap();
        let precious = directory.path().join("precious");
        fs::create_dir(&precious).unwrap();
        fs::write(precious.join("file"), "x").unwrap();
        let schemas = directory.path().join("schemas");
        prepare(&schemas).unwrap();
        assert_eq!(fs::metadata(&schemas).unwrap().permissions().mode() & 0o777, 0o755);
        fs::create_dir_all(schemas.join("a/b")).unwrap();
        std::os::unix::fs::symlink(&precious, schemas.join("link")).unwrap();
        std::os::unix::fs::symlink(&precious, schemas.join("a/link")).unwrap();
        prepare(&schemas).unwrap();
        assert_eq!(names(&schemas), [""; 0]);
        assert_eq!(names(&precious), ["file"]);
    }

    #[test]
    fn prepare_does_not_follow_a_link_in_its_place() {
        let directory = tempfile::tempdir().unwrap();
        let link = directory.path().join("schemas");
        fs::create_dir(directory.path().join("target")).unwrap();
        std::os::unix::fs::symlink(directory.path().join("target"), &link).unwrap();
        assert!(matches!(prepare(&link), Err(SchemaError::NotADirectory(_))));
        let files = [("pacemaker-3.10.rng", "<grammar/>")];
        assert!(matches!(store(&link, files), Err(SchemaError::NotADirectory(_))));
        assert_eq!(names(&directory.path().join("target")), [""; 0]);
    }

    #[test]
    fn what_takes_the_directorys_name_meanwhile_gets_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let (schemas, moved) = (directory.path().join("schemas"), directory.path().join("moved"));
        prepare(&schemas).unwrap();
        let opened = Directory::open(&schemas).unwrap();
        fs::rename(&schemas, &moved).unwrap();
        let other = directory.path().join("other");
        fs::create_dir(&other).unwrap();
        fs::write(other.join("precious"), "x").unwrap();
        std::os::unix::fs::symlink(&other, &schemas).unwrap();
        opened.write("pacemaker-3.10.rng", "<grammar/>").unwrap();
        assert_eq!(names(&moved), ["pacemaker-3.10.rng"]);
        opened.empty().unwrap();
        assert_eq!((names(&moved), names(&other)), (vec![], vec!["precious".to_owned()]));
    }

    #[test]
    fn a_link_in_the_place_of_a_file_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let precious = directory.path().join("precious");
        fs::write(&precious, "x").unwrap();
        let schemas = directory.path().join("schemas");
        prepare(&schemas).unwrap();
        std::os::unix::fs::symlink(&precious, schemas.join("pacemaker-3.10.rng")).unwrap();
        store(&schemas, [("pacemaker-3.10.rng", "<grammar/>")]).unwrap();
        assert_eq!(fs::read_to_string(&precious).unwrap(), "x");
        std::os::unix::fs::symlink(&precious, schemas.join(".incoming")).unwrap();
        assert!(store(&schemas, [("pacemaker-3.11.rng", "<grammar/>")]).is_err());
        assert_eq!(fs::read_to_string(&precious).unwrap(), "x");
    }

    #[test]
    fn store_writes_all_or_clears() {
        let directory = tempfile::tempdir().unwrap();
        let good = [("pacemaker-3.10.rng", "<grammar/>"), ("upgrade-3.10-0.xsl", "<x/>")];
        assert_eq!(store(directory.path(), good).unwrap(), 2);
        assert_eq!(names(directory.path()), ["pacemaker-3.10.rng", "upgrade-3.10-0.xsl"]);
        let file = directory.path().join("pacemaker-3.10.rng");
        assert_eq!(fs::read_to_string(&file).unwrap(), "<grammar/>");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
        for bad in ["../x.rng", "/etc/x.rng", "a/b.rng", ".x.rng", "x.sh", "", "x.rng\0", "ü.rng"] {
            let files = [good[0], (bad, "")];
            assert!(matches!(store(directory.path(), files), Err(SchemaError::BadName(_))), "{bad:?}");
            assert_eq!(names(directory.path()), [""; 0], "{bad:?}");
        }
    }
}
