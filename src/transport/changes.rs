// SPDX-License-Identifier: LGPL-2.1-or-later
//! Have files changed? Four calls of stat(2), which follow links, cost a hundredth of a handshake.
use crate::sys::x509::Time;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A file that was changed so many seconds ago may be changed again without another time of change: file systems write the
/// kernel's coarse clock, some only seconds.
const SETTLED_S: i64 = 2;

/// What tells one state of files from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp(Vec<Option<FileStamp>>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct FileStamp {
    /// Device and inode: a file that another was renamed over, or a link that leads elsewhere, differs here.
    place: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    pub(super) fn of<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Self {
        let stamp = |path: &Path| {
            let about = std::fs::metadata(path).ok()?;
            Some(FileStamp {
                place: (about.dev(), about.ino()),
                size: about.len(),
                modified: (about.mtime(), about.mtime_nsec()),
                changed: (about.ctime(), about.ctime_nsec()),
            })
        };
        Self(paths.into_iter().map(stamp).collect())
    }

    /// Would a change after `now`, the time of day, show?
    pub(super) fn is_settled(&self, now: Time) -> bool {
        let newest = self.0.iter().flatten().map(|file| file.changed.0).max();
        newest.is_none_or(|newest| !(0..SETTLED_S).contains(&now.0.saturating_sub(newest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_renamed_file_and_a_link_that_leads_elsewhere_show() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        let stamp = || Stamp::of([path("file").as_path()]);
        let missing = stamp();
        fs::write(path("file"), "1").unwrap();
        let first = stamp();
        fs::write(path("new"), "1").unwrap();
        fs::rename(path("new"), path("file")).unwrap();
        let second = stamp();
        fs::create_dir(path("set")).unwrap();
        fs::rename(path("file"), path("set/file")).unwrap();
        symlink("set/file", path("file")).unwrap();
        fs::write(path("other"), "1").unwrap();
        let third = stamp();
        symlink("other", path("link")).unwrap();
        fs::rename(path("link"), path("file")).unwrap();
        let fourth = stamp();
        assert!(missing != first && first != second && second != third && third != fourth);
        assert_eq!(fourth, stamp());
    }

    #[test]
    fn a_change_of_the_same_second_may_be_followed_by_another() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("file"), "1").unwrap();
        let stamp = Stamp::of([place.path().join("file").as_path()]);
        let changed = stamp.0[0].as_ref().unwrap().changed.0;
        let settled = |later: i64| stamp.is_settled(Time(changed + later));
        assert_eq!([-5, 0, 1, 2, 1000].map(settled), [true, false, false, true, true]);
        assert!(Stamp::of([Path::new("/nowhere")]).is_settled(Time(0)));
    }
}
