// SPDX-License-Identifier: LGPL-2.1-or-later
//! One name, one interface: what was made for one release's layouts never runs on those of the other in silence.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use crate::libraries::{dynamic, own_directory, own_library, own_name};
use crate::support::{compile, glib, lines, output, own_header, packages, root};

const RELEASES: [(&str, &str); 2] = [("2.1", "3.0"), ("3.0", "2.1")];

/// A program of its own interface that finds its library where it is run with.
fn program(release: &str) -> std::path::PathBuf {
    let mut flags = own_header(release);
    flags.extend(packages(&["glib-2.0"]));
    flags.extend([format!("-L{}", own_directory().display()), format!("-l{}", own_name(release))]);
    flags.extend(glib());
    compile("values", &format!("values-named-{release}"), &flags)
}

#[test]
fn a_program_of_one_release_does_not_run_on_the_library_of_the_other() {
    for (release, other) in RELEASES {
        let program = program(release);
        let soname = format!("lib{}.so.0", own_name(release));
        assert!(dynamic(&program, "NEEDED").contains(&soname), "{release}");
        // Beside the other one it takes its own.
        output(Command::new(&program).env("LD_LIBRARY_PATH", own_directory()));

        // The other's file under its name, by a mistake at installation.
        let place = tempfile::tempdir().unwrap();
        symlink(own_library(other), place.path().join(&soname)).unwrap();
        let result = Command::new(&program).env("LD_LIBRARY_PATH", place.path()).output().unwrap();
        let said = String::from_utf8_lossy(&result.stderr).into_owned();
        assert!(!result.status.success() && result.stdout.is_empty(), "{said}");
        assert!(said.contains(&format!("version `PCMK_REMOTE_RS_{release}' not found")), "{said}");
    }
}

/// Asks for `name` where ours of this release is installed beside Pacemaker's headers of `pacemaker`.
fn pkg_config(name: &str, release: &str, pacemaker: &str) -> Output {
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(place.path().join(format!("{name}.pc")), text).unwrap();
    for theirs in ["pacemaker-fencing", "pacemaker-service", "pacemaker"] {
        write(theirs, &format!("Name: {theirs}\nDescription: upstream's\nVersion: {pacemaker}\n"));
    }
    for (source, own) in [("pacemaker-lrmd", "pacemaker-lrmd"), ("pcmk-remote-rs", own_name(release))] {
        let mut fill = Command::new(root().join("packaging/pkg-config-file"));
        fill.args([source, release, "/opt", "/opt/lib", "/opt/include"]);
        write(own, &(lines(&mut fill).join("\n") + "\n"));
    }
    Command::new("pkg-config")
        .args(["--print-errors", "--cflags", "--libs", name])
        .env("PKG_CONFIG_PATH", place.path())
        .output()
        .unwrap()
}

#[test]
fn pkg_config_names_the_library_of_the_release() {
    for (release, other) in RELEASES {
        let flags = String::from_utf8(pkg_config(own_name(release), release, "2.1.5").stdout).unwrap();
        let words: Vec<&str> = flags.split_whitespace().collect();
        assert!(words.contains(&&*format!("-l{}", own_name(release))), "{flags}");
        assert_eq!(words.contains(&"-DPCMK_REMOTE_RS_ABI_2_1"), release == "2.1", "{flags}");
        assert!(!pkg_config(own_name(other), release, "2.1.5").status.success());
    }
}

#[test]
fn headers_of_another_pacemaker_are_refused_beside_ours() {
    for (release, pacemaker, fits) in [
        ("2.1", "2.0.5", false),
        ("2.1", "2.1.0", true),
        ("2.1", "2.1.9", true),
        ("2.1", "3.0.0", false),
        ("3.0", "2.1.9", false),
        ("3.0", "3.0.0", true),
        ("3.0", "3.0.3", true),
        ("3.0", "3.1.0", false),
    ] {
        let result = pkg_config("pacemaker-lrmd", release, pacemaker);
        let said = String::from_utf8_lossy(&[result.stdout, result.stderr].concat()).into_owned();
        assert_eq!(result.status.success(), fits, "{release} beside {pacemaker}: {said}");
        assert!(fits || said.contains("pacemaker"), "{said}");
    }
}

#[test]
fn the_static_library_has_the_name_of_its_release() {
    let names = |directory: &Path| {
        let mut names: Vec<String> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.retain(|name| name.ends_with(".a"));
        names.sort();
        names
    };
    assert_eq!(names(&own_directory()), ["libpcmk-remote-rs-2.1.a", "libpcmk-remote-rs.a"]);
}
