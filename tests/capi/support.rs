// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the tests of the C interface share.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
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
