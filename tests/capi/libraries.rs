// SPDX-License-Identifier: LGPL-2.1-or-later
//! The libraries under test, built once for all tests, and the distribution's.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::support::{lines, output, root, work};

/// Where `make dropin` and `make lib` would put theirs: dropin/2.1, dropin/3.0, lib.
static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
    let place = work().join("libraries");
    for (kind, release, directory) in [
        ("dropin", "2.1", "dropin/2.1"),
        ("lib", "2.1", "lib"),
        ("dropin", "3.0", "dropin/3.0"),
        ("lib", "3.0", "lib"),
    ] {
        build(kind, release, &place.join(directory));
    }
    place
});

/// Runs packaging/build-library.
pub(crate) fn build(kind: &str, release: &str, directory: &Path) {
    let mut command = Command::new(root().join("packaging/build-library"));
    output(command.args([kind, release]).arg(directory).env("CARGO", env!("CARGO")));
}

/// The directory of libpcmk-remote-rs, of release 3.0, and libpcmk-remote-rs-2.1.
pub(crate) fn own_directory() -> PathBuf {
    BUILT.join("lib")
}

/// The name, for the linker, of the library of our own with this release's layouts.
pub(crate) fn own_name(release: &str) -> &'static str {
    if release == "2.1" { "pcmk-remote-rs-2.1" } else { "pcmk-remote-rs" }
}

/// The library of our own with this release's layouts.
pub(crate) fn own_library(release: &str) -> PathBuf {
    own_directory().join(format!("lib{}.so.0", own_name(release)))
}

/// The directory of the drop-in for a release.
pub(crate) fn dropin_directory(release: &str) -> PathBuf {
    BUILT.join("dropin").join(release)
}

/// The drop-in for a release.
pub(crate) fn dropin(release: &str) -> PathBuf {
    dropin_directory(release).join(soname(release))
}

pub(crate) fn soname(release: &str) -> &'static str {
    match release {
        "2.1" => "liblrmd.so.28",
        "3.0" => "liblrmd.so.52",
        _ => panic!("no release {release}"),
    }
}

/// The root directory with the distribution's Pacemaker of this release.
pub(crate) fn distribution(release: &str) -> PathBuf {
    lines(Command::new(root().join("tests/roots")).arg(release)).pop().unwrap().into()
}

/// Where the distribution's crm/lrmd.h of this release is.
pub(crate) fn distribution_headers(release: &str) -> PathBuf {
    lines(Command::new(root().join("tests/roots")).args(["--headers", release])).pop().unwrap().into()
}

/// The distribution's liblrmd of this release.
pub(crate) fn distribution_library(release: &str) -> PathBuf {
    let mut find = Command::new("find");
    find.arg(distribution(release).join("usr/lib")).args(["-maxdepth", "2", "-name", soname(release)]);
    lines(&mut find).pop().unwrap_or_else(|| panic!("Pacemaker {release} must be there")).into()
}

/// What a shared library or a static one gives to a program that links it, sorted, without the versions of the symbols.
pub(crate) fn exported(library: &Path) -> Vec<String> {
    let dynamic = library.extension().is_none_or(|extension| extension != "a");
    let mut command = Command::new("nm");
    command.arg(if dynamic { "-D" } else { "-g" }).args(["--without-symbol-versions", "--defined-only"]);
    command.arg(library);
    let line = |line: String| match line.split(' ').collect::<Vec<_>>()[..] {
        // The name of a version is one, too.
        [_, "A", _] => None,
        [_, _, name] => Some(name.to_owned()),
        _ => None,
    };
    let mut names: Vec<String> = lines(&mut command).into_iter().filter_map(line).collect();
    names.sort();
    names
}

/// By which function the library tells the two layouts of an output object apart, which have one soname in 2.1.
#[test]
fn a_function_tells_where_an_output_object_has_its_lists() {
    for (release, name, newer) in [("2.1", "libcrmcommon.so.34", false), ("3.0", "libcrmcommon.so.68", true)]
    {
        let functions = exported(&distribution_library(release).with_file_name(name));
        let has = |function: &str| functions.iter().any(|other| other == function);
        assert!(has("crm_exit_str"));
        assert_eq!(has("pcmk__output_get_log_level"), newer, "{release}");
    }
}

/// Values of a tag in a library's dynamic section.
pub(crate) fn dynamic(library: &Path, tag: &str) -> Vec<String> {
    lines(Command::new("readelf").args(["-d", "-W"]).arg(library))
        .into_iter()
        .filter(|line| line.contains(&format!("({tag})")))
        .filter_map(|line| Some(line.split_once('[')?.1.trim_end_matches(']').to_owned()))
        .collect()
}
