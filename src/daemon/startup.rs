// SPDX-License-Identifier: LGPL-2.1-or-later
//! The small things between start and listening. Nothing here is fatal: what fails is a warning in the log.
use crate::driver::environment::Environment;
use crate::model::site::{AGENT_STATE_DIRECTORY, CLUSTER_USER, CORE_DIRECTORY};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::{Mode, umask};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// More is never needed, and container managers hand out hard limits of a thousand million.
const MOST_FILES: u64 = 524_288;

/// New files are for owner and group: umask 0026. Before any file is made; agents inherit it.
pub fn set_file_mode_mask() {
    umask(Mode::from_bits_truncate(0o026));
}

/// Everything else, once there is a log.
pub fn prepare(environment: &Environment) {
    enter_core_directory(environment, Path::new(CORE_DIRECTORY));
    make_agents_directory(Path::new(AGENT_STATE_DIRECTORY));
    raise_file_limit();
}

/// Changes to the directory for core files, when running as root or the cluster's user (and USER, if set,
/// does not say otherwise).
fn enter_core_directory(environment: &Environment, directory: &Path) {
    if is_cluster_user(environment)
        && let Err(error) = std::env::set_current_dir(directory)
    {
        let directory = directory.display();
        log::warn!("cannot change to {directory}, core files go elsewhere: {error}");
    }
}

fn is_cluster_user(environment: &Environment) -> bool {
    let allowed = |name: &str| name == "root" || name == CLUSTER_USER;
    if environment.get("USER").is_some_and(|name| !name.to_str().is_some_and(allowed)) {
        return false;
    }
    let uid = nix::unistd::geteuid();
    uid.is_root()
        || nix::unistd::User::from_name(CLUSTER_USER).ok().flatten().is_some_and(|user| user.uid == uid)
}

fn make_agents_directory(directory: &Path) {
    let made = match std::fs::create_dir(directory) {
        // The mask has taken bits away that agents of other users need.
        Ok(()) => std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755)),
        Err(_) if directory.is_dir() => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = made {
        let directory = directory.display();
        log::warn!("cannot create {directory}, agents may miss it: {error}");
    }
}

/// Raises the soft limit to the hard one: every connection and running agent needs descriptors, and the soft
/// limit is for programs that use select(2). [`original_file_limit`] remembers it for agents.
fn raise_file_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        let _ = ORIGINAL_FILE_LIMIT.set((soft, hard));
        setrlimit(Resource::RLIMIT_NOFILE, hard.min(MOST_FILES).max(soft), hard)
    });
    if let Err(error) = raised {
        log::warn!("cannot raise the limit on open files: {error}");
    }
}

static ORIGINAL_FILE_LIMIT: once_cell::sync::OnceCell<(u64, u64)> = once_cell::sync::OnceCell::new();

/// RLIMIT_NOFILE, soft and hard, as the daemon was started with: agents are to see it.
pub fn original_file_limit() -> Option<(u64, u64)> {
    ORIGINAL_FILE_LIMIT.get().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_user_in_the_environment_switches_daemon_habits_off() {
        assert!(!is_cluster_user(&Environment::from_iter([("USER", "operator")])));
        let us = nix::unistd::geteuid().is_root();
        assert_eq!(is_cluster_user(&Environment::from_iter([("USER", "root")])), us);
        assert_eq!(is_cluster_user(&Environment::default()), us);
    }

    #[test]
    fn agents_directory_is_open_to_all_readers() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("agents");
        let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
        make_agents_directory(&path);
        assert_eq!(mode(), 0o755);
        // What an administrator made of it stays.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o1777)).unwrap();
        make_agents_directory(&path);
        assert_eq!(mode(), 0o1777);
    }

    #[test]
    fn file_limit_reaches_the_hard_one() {
        raise_file_limit();
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        assert!(soft == hard || soft >= MOST_FILES, "{soft} of {hard}");
        assert_eq!(original_file_limit().unwrap().1, hard);
    }
}
