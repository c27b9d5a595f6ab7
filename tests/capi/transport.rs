// SPDX-License-Identifier: LGPL-2.1-or-later
//! The remote transport: C programs print the same with the distribution's libcrmcommon and with our library before it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::libraries::{distribution_library, own_library};
use crate::programs::with_theirs;
use crate::support::{compile, glib, lines, output, packages, root, work};
use crate::symbols::symbols;

/// A daemon in namespaces of its own, with a key; prints what a client sees of it. `$1` is our library, `$2` the
/// client, `$3` where the linker tells what it binds, the rest the daemon.
const SERVE: &str = r#"
library=$1 client=$2 bindings=$3; shift 3
ip link set lo up
for place in /etc/pacemaker /dev/shm /run; do mount -t tmpfs none $place; done
mkdir -m 0770 /run/crm; chown hacluster:haclient /run/crm
head -c 4096 /dev/urandom >/etc/pacemaker/authkey
LD_PRELOAD=$library LD_DEBUG=bindings LD_DEBUG_OUTPUT=$bindings PCMK_logfile=none "$@" >/dev/null 2>&1 &
daemon=$!
until "$client" check localhost >/dev/null 2>&1; do kill -0 $daemon; done
for action in monitor start monitor stop; do
    "$client" exec ocf:pacemaker:Dummy $action state=/run/Dummy 2>&1 | sed 's/ after .*//' || true
done
kill $daemon
wait $daemon && echo "the daemon has ended"
"#;

/// A program that calls as those of this version do, and gets its functions from `library`.
fn program(name: &str, version: &str, library: &Path) -> PathBuf {
    let mut flags = vec![format!("-DRELEASE={}", version.replace('.', ""))];
    flags.extend(packages(&["glib-2.0", "libxml-2.0", "libqb", "gnutls"]));
    flags.push(library.display().to_string());
    flags.extend(["-lgnutls", "-lxml2", "-lqb"].map(str::to_owned));
    flags.extend(glib());
    // That library's own needs are met when it runs.
    flags.push("-Wl,--allow-shlib-undefined".into());
    compile(name, &format!("{name}-{version}"), &flags)
}

/// A program that uses the distribution's libcrmcommon of this release.
pub(crate) fn with_distribution(name: &str, release: &str) -> PathBuf {
    let libraries = distribution_library(release).parent().unwrap().to_owned();
    let (version, common) = match release {
        "2.1" => ("2.1.5", "libcrmcommon.so.34"),
        _ => ("3.0.0", "libcrmcommon.so.68"),
    };
    program(name, version, &libraries.join(common))
}

/// What a program prints with the distribution's libraries alone.
fn printed_by_theirs(release: &str, program: &Path) -> String {
    let mut command = with_theirs(release, program);
    String::from_utf8(output(command.env("SBD_WATCHDOG_TIMEOUT", "10")).stdout).unwrap()
}

/// Our names that the program asks for.
fn wanted_names(program: &Path) -> Vec<String> {
    let asked = lines(Command::new("nm").args(["-D", "--undefined-only"]).arg(program));
    let asked = |name: &str| asked.iter().any(|line| line.split_whitespace().next_back() == Some(name));
    symbols().into_iter().map(|symbol| symbol.name).filter(|name| asked(name)).collect()
}

/// Runs it with both; `least` of our names must be used.
fn assert_same(name: &str, least: usize) {
    for release in ["2.1", "3.0"] {
        let program = with_distribution(name, release);
        let wanted = printed_by_theirs(release, &program);
        let mut ours = with_theirs(release, &program);
        ours.env("LD_PRELOAD", own_library(release)).env("LD_DEBUG", "bindings");
        let ours = output(ours.env("SBD_WATCHDOG_TIMEOUT", "10"));
        assert_eq!(String::from_utf8(ours.stdout).unwrap(), wanted, "{release}");

        // What the linker bound is proof that it was ours.
        let bindings = String::from_utf8_lossy(&ours.stderr).into_owned();
        let names = wanted_names(&program);
        assert!(names.len() >= least, "{names:?}");
        assert_bound(&bindings, &names, release);
    }
}

fn assert_bound(bindings: &str, names: &[String], release: &str) {
    for name in names {
        let bound = format!("to {} [0]: normal symbol `{name}'", own_library(release).display());
        assert!(bindings.lines().any(|line| line.contains(&bound)), "{release}: {name} was not ours");
    }
}

#[test]
fn sessions_and_messages_are_those_of_the_distributions_library() {
    assert_same("transport", 18);
}

/// Whose libraries are not at hand: programs that call as theirs do must see what the others see, in a process that has
/// the names of that release.
#[test]
fn programs_of_other_releases_find_their_layouts_and_arguments() {
    for (release, version) in [("2.1", "2.1.9"), ("3.0", "3.0.1"), ("3.0", "3.0.2")] {
        let marks = work().join(format!("release-marks-{version}.so"));
        let mut command = Command::new("cc");
        command.args(["-shared", "-fPIC", "-Wall", "-Wextra", "-Werror"]);
        command.arg(format!("-DRELEASE={}", version.replace('.', "")));
        output(command.arg(root().join("capi-tests/release-marks.c")).arg("-o").arg(&marks));
        let program = program("transport", version, &own_library(release));
        let mut ours = Command::new(program);
        ours.env("LD_PRELOAD", &marks).env("LD_LIBRARY_PATH", own_library(release).parent().unwrap());
        let ours = output(ours.env("SBD_WATCHDOG_TIMEOUT", "10"));
        let wanted = printed_by_theirs(release, &with_distribution("transport", release));
        assert_eq!(String::from_utf8(ours.stdout).unwrap(), wanted, "{version}");
    }
}

#[test]
fn local_clients_are_those_of_the_distributions_library() {
    assert_same("local-clients", 6);
}

#[test]
fn the_distributions_remote_daemon_serves_over_it() {
    for release in ["2.1", "3.0"] {
        let find = lines(Command::new(root().join("tests/roots")).args(["--remoted", release]));
        let daemon = PathBuf::from(find.last().unwrap());
        let place = tempfile::tempdir_in(work()).unwrap();
        let served = with_theirs(release, &daemon);
        let mut command = Command::new("unshare");
        command.args(["--net", "--mount", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"]);
        command.args(["timeout", "120", "sh", "-euc", SERVE, "sh"]).arg(own_library(release));
        command.arg(env!("CARGO_BIN_EXE_pcmk-remote")).arg(place.path().join("bindings"));
        command.arg(served.get_program()).args(served.get_args());
        let printed = String::from_utf8(output(&mut command).stdout).unwrap();
        let results: Vec<&str> = printed.lines().map(|line| line.rsplit(": ").next().unwrap()).collect();
        assert_eq!(
            results,
            ["not running (7)", "ok (0)", "ok (0)", "ok (0)", "the daemon has ended"],
            "{release}: {printed}"
        );
        let files = std::fs::read_dir(place.path()).unwrap();
        let bindings: String =
            files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
        let names = wanted_names(&daemon);
        assert!(names.len() > 18, "{names:?}");
        assert_bound(&bindings, &names, release);
    }
}
