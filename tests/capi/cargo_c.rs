// SPDX-License-Identifier: LGPL-2.1-or-later
//! cargo-c builds and installs the same library: Debian 13's, since what builds from crates.io takes minutes.

use std::path::Path;
use std::process::Command;

use crate::libraries::{dynamic, exported, own_directory};
use crate::support::{compile, glib, lines, output, pkg_config, root};
use crate::symbols::symbols;

fn cargo_c(program: &str, arguments: &[&str]) -> Command {
    let programs = lines(Command::new(root().join("tests/roots")).arg("--cargo-c")).pop().unwrap();
    let mut command = Command::new(Path::new(&programs).join(program));
    let profile = ["--locked", "--profile", "capi", "--no-default-features"];
    command.args(arguments).args(profile).current_dir(root()).env("CARGO", env!("CARGO"));
    // What is tested is what gets where, not how fast it is: an optimised build takes two minutes more.
    command.env("CARGO_PROFILE_CAPI_LTO", "off").env("CARGO_PROFILE_CAPI_OPT_LEVEL", "1");
    command.env("CARGO_PROFILE_CAPI_CODEGEN_UNITS", "16");
    command
}

#[test]
fn cargo_c_builds_and_installs_the_same_library() {
    let place = tempfile::tempdir().unwrap();
    let directories = ["--prefix", "/usr", "--libdir", "/usr/lib"];
    output(cargo_c("cargo-cbuild", &["cbuild"]).args(directories));
    output(cargo_c("cargo-cinstall", &["cinstall"]).args(directories).arg("--destdir").arg(place.path()));

    let libraries = place.path().join("usr/lib");
    let library = libraries.join("libpcmk-remote-rs.so.0");
    assert_eq!(dynamic(&library, "SONAME"), ["libpcmk-remote-rs.so.0"]);
    let mut names = exported(&library);
    // Rust cannot hide what its own part in C calls.
    names.retain(|name| name != "pcmk_remote_rs_show_list");
    let mut expected = exported(&own_directory().join("libpcmk-remote-rs.so.0"));
    // Labels of the assembler, which rustc's list of exported names lacks: cargo-c gives the client side alone.
    let all = symbols();
    expected.retain(|name| !all.iter().any(|symbol| symbol.group == "server" && symbol.name == *name));
    assert_eq!(names, expected);
    assert!(libraries.join("libpcmk-remote-rs.a").exists());
    let header = std::fs::read(place.path().join("usr/include/pcmk-remote-rs.h")).unwrap();
    assert!(header == std::fs::read(root().join("include/pcmk-remote-rs.h")).unwrap());

    let mut query = Command::new("pkg-config");
    query.args(["--cflags", "--libs", "pcmk-remote-rs"]).env("PKG_CONFIG_PATH", libraries.join("pkgconfig"));
    let mut flags = pkg_config(&mut query);
    flags.insert(0, format!("-I{}", place.path().join("usr/include").display()));
    flags.insert(0, format!("-L{}", libraries.display()));
    flags.extend(glib());
    let program = compile("null-arguments", "null-arguments-cargo-c", &flags);
    output(Command::new(program).arg(env!("CARGO_PKG_VERSION")).env("LD_LIBRARY_PATH", &libraries));
}
