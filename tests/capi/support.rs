// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the tests of the C interface share.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of Rust below a folder of the repository, in the order of their names.
pub(crate) fn rust_files(folder: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    found.sort();
    found
}

/// Where the tests of this program may write.
pub(crate) fn work() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// Runs a program that must succeed.
pub(crate) fn output(command: &mut Command) -> Output {
    let result = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        result.status.success(),
        "{command:?} ended with {}\n{}\n{}",
        result.status,
        text(&result.stdout),
        text(&result.stderr)
    );
    result
}

/// The lines that it prints.
pub(crate) fn lines(command: &mut Command) -> Vec<String> {
    String::from_utf8(output(command).stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Fails when the file differs from `wanted`, or writes it when asked to.
pub(crate) fn assert_generated(path: &str, wanted: &str) {
    let file = root().join(path);
    if std::env::var_os("PCMK_UPDATE").is_some() {
        fs::write(&file, wanted).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(found == wanted, "{path} is out of date: run PCMK_UPDATE=1 cargo test --test capi generated");
}

/// Compiles `capi-tests/NAME.c` to a program called `program`.
pub(crate) fn compile(name: &str, program: &str, flags: &[String]) -> PathBuf {
    let binary = work().join(program);
    let source = root().join("capi-tests").join(name).with_extension("c");
    // Tests that run side by side make the same program: none may find half of it.
    let place = tempfile::tempdir_in(work()).unwrap();
    let made = place.path().join("program");
    let mut command = Command::new("cc");
    command.args(["-g", "-Wall", "-Wextra", "-Werror"]).arg(source).arg("-o").arg(&made).args(flags);
    output(&mut command);
    std::fs::rename(made, &binary).unwrap();
    binary
}

/// The flag that has a directory searched for headers.
pub(crate) fn include(directory: &Path) -> String {
    format!("-I{}", directory.display())
}

/// The flags for pcmk-remote-rs.h with the interface of this release.
pub(crate) fn own_header(release: &str) -> Vec<String> {
    let mut flags = vec!["-DPCMK_REMOTE_RS".to_owned(), include(&root().join("include"))];
    if release == "2.1" {
        flags.push("-DPCMK_REMOTE_RS_ABI_2_1".into());
    }
    flags
}

/// What pkg-config says.
pub(crate) fn pkg_config(command: &mut Command) -> Vec<String> {
    lines(command).remove(0).split_whitespace().map(str::to_owned).collect()
}

/// The compiler's flags for packages of the distribution.
pub(crate) fn packages(names: &[&str]) -> Vec<String> {
    pkg_config(Command::new("pkg-config").arg("--cflags").args(names))
}

/// The linker's flags for GLib, which a program uses itself.
pub(crate) fn glib() -> Vec<String> {
    pkg_config(Command::new("pkg-config").args(["--libs", "glib-2.0"]))
}
