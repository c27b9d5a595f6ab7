// SPDX-License-Identifier: LGPL-2.1-or-later
//! May another user read a file? Root, who asks, may read all of them, so that it would not notice.
use nix::unistd::{Gid, Group, Uid, User, getgrouplist};
use std::ffi::CString;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A user of this machine, with all groups.
#[derive(Clone, Debug)]
pub struct Reader {
    name: String,
    uid: Uid,
    groups: Vec<Gid>,
}

impl Reader {
    /// The user of this name; None: there is none.
    pub fn named(name: &str) -> Option<Self> {
        let user = User::from_name(name).ok().flatten()?;
        let groups = getgrouplist(&CString::new(name).ok()?, user.gid).ok()?;
        Some(Self { name: name.to_owned(), uid: user.uid, groups })
    }

    /// What keeps the user from reading the file, by owners and modes; None: nothing.
    pub fn obstacle(&self, path: &Path) -> Option<String> {
        let closed = |path: &&Path, bit| {
            path.metadata()
                .is_ok_and(|about| self.bits(&about) & bit == 0)
                .then(|| path.metadata().ok())
                .flatten()
        };
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        for directory in path.ancestors().skip(1) {
            if let Some(about) = closed(&directory, 0o1) {
                return Some(self.describe(directory, &about, "may not enter"));
            }
        }
        closed(&path.as_path(), 0o4).map(|about| self.describe(&path, &about, "may not read"))
    }

    /// What the file's mode grants the user: 4 to read, 2 to write, 1 to enter.
    fn bits(&self, about: &Metadata) -> u32 {
        if self.uid.is_root() {
            0o7
        } else if about.uid() == self.uid.as_raw() {
            about.mode() >> 6 & 0o7
        } else if self.groups.contains(&Gid::from_raw(about.gid())) {
            about.mode() >> 3 & 0o7
        } else {
            about.mode() & 0o7
        }
    }

    fn describe(&self, path: &Path, about: &Metadata, what: &str) -> String {
        format!("user {} {what} {} ({})", self.name, path.display(), ownership(about))
    }
}

/// Whose a file is, and its mode, in words.
pub(super) fn ownership(about: &Metadata) -> String {
    let user = User::from_uid(Uid::from_raw(about.uid())).ok().flatten();
    let group = Group::from_gid(Gid::from_raw(about.gid())).ok().flatten();
    format!(
        "it belongs to {}:{} and has mode {:04o}",
        user.map_or_else(|| about.uid().to_string(), |user| user.name),
        group.map_or_else(|| about.gid().to_string(), |group| group.name),
        about.mode() & 0o7777
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn owner_group_and_others_count_and_so_do_directories() {
        let place = tempfile::tempdir().unwrap();
        let (directory, file) = (place.path().join("d"), place.path().join("d/f"));
        fs::create_dir(&directory).unwrap();
        fs::write(&file, "").unwrap();
        fs::set_permissions(place.path(), Permissions::from_mode(0o755)).unwrap();
        let about = file.metadata().unwrap();
        let reader = |uid: u32, gid: u32| Reader {
            name: "someone".to_owned(),
            uid: Uid::from_raw(uid),
            groups: vec![Gid::from_raw(gid)],
        };
        let (owner, member, other) = (
            reader(about.uid().max(1), about.gid()),
            reader(4_000_001, about.gid()),
            reader(4_000_001, 4_000_001),
        );
        for (mode, directory_mode, by_member, by_other) in [
            (0o600, 0o755, false, false),
            (0o640, 0o755, true, false),
            (0o644, 0o755, true, true),
            (0o644, 0o750, true, false),
        ] {
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            fs::set_permissions(&directory, Permissions::from_mode(directory_mode)).unwrap();
            assert_eq!(member.obstacle(&file).is_none(), by_member, "{mode:o}");
            assert_eq!(other.obstacle(&file).is_none(), by_other, "{mode:o}");
        }
        assert!(owner.obstacle(&file).is_none());
        assert!(other.obstacle(&file).unwrap().contains("may not enter"), "{:?}", other.obstacle(&file));
    }
}
