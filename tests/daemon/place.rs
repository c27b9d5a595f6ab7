// SPDX-License-Identifier: LGPL-2.1-or-later
//! A corner of this machine that one test has for itself: port 3121, libqb's names, and the directories that the
//! daemon reads and writes.
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Longer than anything that a test waits for takes on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// Where the original directories' changes are kept.
const STORE: &str = "/run/attack";

/// Runs a test in its own corner.
pub(crate) fn isolated(test: impl FnOnce() + Send + 'static) {
    // The harness's own thread must not change its namespaces: it may be the main one.
    let thread = std::thread::spawn(|| {
        enter();
        test();
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

fn enter() {
    assert!(nix::unistd::geteuid().is_root(), "this test makes namespaces and needs root: run it with sudo");
    let own = CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWNS;
    unshare(own).expect("own namespaces (in a container this needs CAP_SYS_ADMIN)");
    let nothing: Option<&str> = None;
    mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing).expect("private mounts");
    tmpfs("/run", "");
    tmpfs("/dev/shm", "");
    for directory in ["/etc", "/usr/lib", "/var/lib", "/var/log"] {
        overlay(directory);
    }
    for directory in ["/etc/pacemaker", "/etc/corosync", "/var/lib/pacemaker", "/var/log/pacemaker"] {
        // Safe: these are ours since `overlay` has checked.
        let _ = fs::remove_dir_all(directory);
    }
    for directory in ["/etc/pacemaker", "/var/lib/pacemaker/cores", "/var/log/pacemaker"] {
        fs::create_dir_all(directory).expect("directory");
    }
    let up = Command::new("ip")
        .args(["link", "set", "lo", "up"])
        .status()
        .expect("ip(8) of iproute2 is installed");
    assert!(up.success(), "loopback is up");
}

/// An empty file system at `path`; `options` as for mount(8).
pub(crate) fn tmpfs(path: &str, options: &str) {
    mount(Some("tmpfs"), path, Some("tmpfs"), MsFlags::empty(), Some(options)).expect("tmpfs");
}

/// The same with `flags`.
pub(crate) fn tmpfs_with(path: &str, flags: MsFlags) {
    let nothing: Option<&str> = None;
    mount(Some("tmpfs"), path, Some("tmpfs"), flags, nothing).expect("tmpfs");
}

/// Makes everything under `path` read-only, or writable again.
pub(crate) fn set_read_only(path: &str, read_only: bool) {
    let flags = if read_only { MsFlags::MS_RDONLY } else { MsFlags::empty() };
    let nothing: Option<&str> = None;
    mount(nothing, path, nothing, flags | MsFlags::MS_REMOUNT, nothing).expect("remount");
}

/// Shows the file `what` at `path`.
pub(crate) fn bind(what: &str, path: &str) {
    let nothing: Option<&str> = None;
    mount(Some(what), path, nothing, MsFlags::MS_BIND, nothing).expect("bind mount");
}

/// Changes below `path` are seen here alone.
fn overlay(path: &str) {
    let store = format!("{STORE}{path}");
    let (upper, work) = (format!("{store}/upper"), format!("{store}/work"));
    fs::create_dir_all(&upper).expect("directory");
    fs::create_dir_all(&work).expect("directory");
    let options = format!("lowerdir={path},upperdir={upper},workdir={work}");
    mount(Some("overlay"), path, Some("overlay"), MsFlags::empty(), Some(options.as_str()))
        .expect("overlayfs");
    let probe = Path::new(path).join(".attack");
    fs::write(&probe, "").expect("writable");
    assert!(Path::new(&upper).join(".attack").exists(), "{path} is not ours");
    fs::remove_file(probe).expect("removed");
}

/// Waits until `condition` holds.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    eventually_some(what, || condition().then_some(()));
}

/// Waits until there is something.
pub(crate) fn eventually_some<T>(what: &str, mut find: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(start.elapsed() < LIMIT, "not within {LIMIT:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
