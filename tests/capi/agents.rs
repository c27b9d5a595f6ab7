// SPDX-License-Identifier: LGPL-2.1-or-later
//! Listings and metadata through the C interface: the same from our drop-ins as from the distribution's liblrmd, on a
//! node whose agents are ours (a mount namespace). Needs root, or user namespaces.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::libraries::dropin_directory;
use crate::programs::{for_drop_in, with_theirs};
use crate::support::{compile, output};

/// Puts our directories in the place of the node's.
const ENTER: &str = include_str!("../support/enter-node.sh");

const HEADER: &str = "#!/bin/sh
### BEGIN INIT INFO
# Provides:          mail <a> & \"b\"
# Required-Start:    $local_fs
# Default-Start:     2 3 4 5
# Short-Description: short
# Description:       long
#  continued
### END INIT INFO
";

/// Made once, before any process is started: a file that somebody still writes to cannot be executed.
static NODE: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let node = tempfile::tempdir().unwrap();
    // They take a moment, in which the caller's main loop is to turn.
    for (path, content) in [
        (
            "ocf/heartbeat/Dummy",
            "sleep 0.3; printf '<a>%s</a>' \"$1 $OCF_RESOURCE_TYPE $OCF_RESKEY_shown\"; cat",
        ),
        ("ocf/Acme/dummy", "sleep 0.3; echo '<a/>'; echo no >&2"),
        ("ocf/Acme/fails", "sleep 0.3; echo '<a/>'; echo ocf-exit-reason:why >&2; exit 1"),
        ("ocf/Acme/silent", "sleep 0.3; exit 0"),
        ("ocf/Acme/killed", "sleep 0.3; kill -9 $$"),
        ("sbin/fence_acme", "read -r order; sleep 0.3; echo \"<a><b/>$order<actions><c/></actions></a>\""),
        ("sbin/fence_fails", "sleep 0.3; echo no >&2; exit 3"),
    ] {
        write(node.path(), path, &format!("#!/bin/sh\n{content}\n"));
    }
    write(node.path(), "init/mail", HEADER);
    for prefix in ["ocf/unfit/", "sbin/fence_unfit_"] {
        make_unfit(&format!("{}/{prefix}", node.path().display()));
    }
    node
});

/// Makes agents that cannot run; `prefix` begins their paths.
fn make_unfit(prefix: &str) {
    let path = |name: &str| PathBuf::from(format!("{prefix}{name}"));
    fs::create_dir_all(path("directory")).unwrap();
    for (name, mode, content) in [
        ("plain", 0o644, "#!/bin/sh\n"),
        ("interpreter", 0o755, "#!/nowhere\n"),
        ("crlf", 0o755, "#!/bin/sh\r\n"),
    ] {
        fs::write(path(name), content).unwrap();
        fs::set_permissions(path(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    // Upstream lists fence agents that cannot be executed, and special files: docs/differences.md.
    if prefix.contains("fence_") {
        fs::remove_file(path("plain")).unwrap();
    }
    symlink("nowhere", path("dangling")).unwrap();
}

fn write(node: &Path, path: &str, content: &str) {
    let path = node.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// What a program prints on that node.
fn printed(program: &Command, libraries: Option<&Path>) -> String {
    let mut command = Command::new("unshare");
    if !nix::unistd::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.args(["--mount", "sh", "-euc", ENTER, "sh"]).arg(NODE.path());
    command.arg(program.get_program()).args(program.get_args());
    command.env("LC_ALL", "C.UTF-8").env_remove("OCF_ROOT");
    if let Some(libraries) = libraries {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    String::from_utf8(output(&mut command).stdout).unwrap()
}

fn assert_same(name: &str, at_least: &str) {
    for release in ["2.1", "3.0"] {
        let program = compile(name, &format!("{name}-{release}"), &for_drop_in(release));
        let wanted = printed(&with_theirs(release, &program), None);
        assert!(wanted.contains(at_least), "{release}: {wanted}");
        let ours = printed(&Command::new(&program), Some(&dropin_directory(release)));
        assert_eq!(ours, wanted, "{release}");
    }
}

#[test]
fn lists_and_metadata_are_those_of_the_distributions_library() {
    assert_same("listings", "metadata of fence_acme: 0\n<a><b/>action=metadata<actions><c/><action");
}

#[test]
fn agents_are_asked_while_the_main_loop_goes_on_and_answer_once() {
    assert_same("metadata", "the main loop went on: yes\n  returned 0 after 1 answer");
}
