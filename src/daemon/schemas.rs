// SPDX-License-Identifier: LGPL-2.1-or-later
//! Schema files: those installed here, and the directory for newer ones that the cluster hands out.
use std::fmt;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
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

/// Makes the directory for received schemas, or empties it. Nothing outside it is touched: links in it are
/// removed, not followed.
pub fn prepare(directory: &Path) -> Result<(), SchemaError> {
    let io = |error| SchemaError::Io(directory.into(), error);
    match fs::symlink_metadata(directory) {
        Ok(metadata) if metadata.is_dir() => empty(directory),
        Ok(_) => Err(SchemaError::NotADirectory(directory.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().mode(0o755).create(directory).map_err(io)?;
            // Whatever the mask: tools of any user read the schemas.
            fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).map_err(io)
        }
        Err(error) => Err(io(error)),
    }
}

fn empty(directory: &Path) -> Result<(), SchemaError> {
    let io = |error| SchemaError::Io(directory.into(), error);
    for entry in fs::read_dir(directory).map_err(io)? {
        let entry = entry.map_err(io)?;
        let is_directory = entry.file_type().map_err(io)?.is_dir();
        let path = entry.path();
        let removed = if is_directory { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.map_err(|error| SchemaError::Io(path, error))?;
    }
    Ok(())
}

/// Writes received files, given as name and contents, into the prepared directory: each one whole or not at
/// all. When one fails the directory is emptied again, because a part of a schema set is worse than none.
pub fn store<'a>(
    directory: &Path,
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<usize, SchemaError> {
    let stored = store_all(directory, files);
    if stored.is_err()
        && let Err(error) = empty(directory)
    {
        log::warn!("cannot clear the schema directory: {error}");
    }
    stored
}

fn store_all<'a>(
    directory: &Path,
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
        let path = directory.join(name);
        write_whole(directory, &path, contents).map_err(|error| SchemaError::Io(path, error))?;
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

fn write_whole(directory: &Path, path: &Path, contents: &str) -> io::Result<()> {
    // Hidden from tools that look for *.rng, and no name that is_plain lets pass.
    let temporary = directory.join(".incoming");
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&temporary)?;
    file.write_all(contents.as_bytes())?;
    file.set_permissions(fs::Permissions::from_mode(0o644))?;
    fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;

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
