// SPDX-License-Identifier: LGPL-2.1-or-later
//! C programs that need no daemon: the same from our libraries as from the distribution's, and nothing lost.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::libraries::{
    distribution, distribution_headers, distribution_library, dropin_directory, own_directory, soname,
};
use crate::support::{compile, glib, include, lines, output, own_header, packages, pkg_config};

/// Flags for a program of this release, which gets its liblrmd when it runs.
pub(crate) fn for_drop_in(release: &str) -> Vec<String> {
    let mut flags = vec![include(&distribution_headers(release))];
    flags.extend(packages(&["glib-2.0", "libxml-2.0"]));
    flags.push(dropin_directory(release).join(soname(release)).display().to_string());
    flags.extend(glib());
    flags
}

fn for_own_library() -> Vec<String> {
    let directory = own_directory();
    let mut flags = own_header("3.0");
    flags.extend(packages(&["glib-2.0"]));
    flags.extend([format!("-L{}", directory.display()), format!("-Wl,-rpath,{}", directory.display())]);
    flags.push("-lpcmk-remote-rs".into());
    flags.extend(glib());
    flags
}

/// Runs a program with the distribution's libraries of this release.
pub(crate) fn with_theirs(release: &str, program: &Path) -> Command {
    let root = distribution(release);
    let libraries: PathBuf = distribution_library(release).parent().unwrap().to_owned();
    if root == Path::new("/") {
        return Command::new(program);
    }
    let mut command = Command::new(root.join("lib64/ld-linux-x86-64.so.2"));
    command.arg("--library-path").arg(libraries).arg(program);
    command
}

#[test]
fn values_are_the_same_on_the_distributions_libraries_and_on_ours() {
    for release in ["2.1", "3.0"] {
        let program = compile("values", &format!("values-{release}"), &for_drop_in(release));
        let wanted = output(&mut with_theirs(release, &program)).stdout;
        assert!(wanted.len() > 500, "{release}");
        let mut ours = Command::new(&program);
        ours.env("LD_LIBRARY_PATH", dropin_directory(release));
        assert_eq!(output(&mut ours).stdout, wanted, "{release}");
        let loaded = lines(ours.env("LD_TRACE_LOADED_OBJECTS", "1")).join("\n");
        let library = dropin_directory(release).join(soname(release));
        assert!(loaded.contains(&library.display().to_string()), "{loaded}");
    }
}

#[test]
fn values_are_the_same_with_our_own_header_and_library() {
    let theirs = compile("values", "values-theirs", &for_drop_in("3.0"));
    let ours = compile("values", "values-own", &for_own_library());
    assert_eq!(output(&mut Command::new(ours)).stdout, output(&mut with_theirs("3.0", &theirs)).stdout);
}

#[test]
fn nothing_is_leaked_or_freed_twice() {
    let mut flags = for_own_library();
    flags.push("-fsanitize=address,undefined".into());
    let program = compile("values", "values-sanitized", &flags);
    output(Command::new(program).env("ASAN_OPTIONS", "detect_leaks=1:alloc_dealloc_mismatch=1"));
}

#[test]
fn null_arguments_are_harmless_where_upstream_crashes() {
    let program = compile("null-arguments", "null-arguments", &for_own_library());
    output(Command::new(program).arg(env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_program_may_hold_the_library_in_itself() {
    let mut flags = own_header("3.0");
    flags.extend(packages(&["glib-2.0"]));
    flags.push(own_directory().join("libpcmk-remote-rs.a").display().to_string());
    flags.push("-Wl,--gc-sections".into());
    flags.extend(pkg_config(Command::new("pkg-config").args([
        "--libs",
        "glib-2.0",
        "libqb",
        "libxml-2.0",
        "openssl",
    ])));
    flags.extend(["-lgcc_s", "-lpthread", "-lm", "-ldl"].map(str::to_owned));
    let program = compile("null-arguments", "null-arguments-static", &flags);
    output(Command::new(program).arg(env!("CARGO_PKG_VERSION")));
}
