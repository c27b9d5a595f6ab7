// SPDX-License-Identifier: LGPL-2.1-or-later
//! From names to files and back: the one check of a name that a peer sent before it becomes part of a path, and the
//! names of what a directory holds. A directory that cannot be read counts as empty: a node without init scripts is
//! no error. Names are in the order of their bytes, whatever the caller's locale; a name that is not UTF-8 cannot
//! stand in a configuration and is left out, as are hidden files.
use super::Verdict;
use super::config::AgentFiles;
use super::failure::not_installed;
use crate::model::Agent;
use std::path::{Component, Path, PathBuf};

/// A name that is a single step below a directory. Paths are made of no other names: an agent's, a provider's or a
/// resource's name comes from a peer, and must not lead out of the directory where it is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileName<'a>(&'a str);

impl<'a> FileName<'a> {
    /// None for a name that no file in a directory has.
    pub(super) fn new(name: &'a str) -> Option<Self> {
        let mut components = Path::new(name).components();
        let single = matches!(
            (components.next(), components.next()),
            (Some(Component::Normal(only)), None) if only == name
        );
        (single && !name.contains('\0')).then_some(Self(name))
    }

    /// The same, as part of an agent's name.
    ///
    /// # Errors
    /// The result of an action, or of a question, of such an agent: there is none.
    pub(super) fn of(agent: &Agent, part: &'a str) -> Result<Self, Box<Verdict>> {
        Self::new(part).ok_or_else(|| {
            not_installed(format!(
                "{agent} is not installed: {part:?} cannot be the name of a file in an agent directory"
            ))
        })
    }

    /// The file of this name in a directory.
    pub(super) fn inside(self, directory: &Path) -> PathBuf {
        directory.join(self.0)
    }
}

/// The directories of a search path, in their order.
pub(super) fn search_path(directories: &str) -> impl Iterator<Item = &Path> {
    directories.split(':').filter(|directory| !directory.is_empty()).map(Path::new)
}

/// Files in a directory that somebody may execute.
pub(super) fn executables(directory: &Path, files: &dyn AgentFiles) -> Vec<String> {
    let mut names = visible(directory, files);
    names.retain(|name| files.facts(&directory.join(name)).is_ok_and(|facts| facts.executable));
    names
}

/// Directories in a directory.
pub(super) fn directories(directory: &Path, files: &dyn AgentFiles) -> Vec<String> {
    let mut names = visible(directory, files);
    names.retain(|name| files.facts(&directory.join(name)).is_ok_and(|facts| facts.directory));
    names
}

fn visible(directory: &Path, files: &dyn AgentFiles) -> Vec<String> {
    let entries = files.entries(directory).unwrap_or_default();
    let mut names: Vec<String> = entries.into_iter().filter_map(|name| name.into_string().ok()).collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_is_a_single_step_below_a_directory() {
        for name in ["", ".", "..", "a/b", "/a", "a/", "./a", "../a", "a/..", "a\0b"] {
            assert_eq!(FileName::new(name), None, "{name:?}");
        }
        for name in ["rsc:0", "IPaddr2", "...", "..a", " ", "a\\b", "é"] {
            let path = FileName::new(name).unwrap().inside(Path::new("/one"));
            assert_eq!(path.parent(), Some(Path::new("/one")), "{name:?}");
        }
    }
}
