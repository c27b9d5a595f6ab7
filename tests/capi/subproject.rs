// SPDX-License-Identifier: LGPL-2.1-or-later
//! Builds that find our libraries by themselves: meson's wrap, and pkg-config after `meson install`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{compile, glib, output, pkg_config, root};

/// The project of capi-tests/meson with the wrap as it is, but for where it fetches from: this tree, as it stands, as
/// a repository of its own.
fn project(place: &Path) -> PathBuf {
    let project = place.join("project");
    let packagefiles = project.join("subprojects/packagefiles");
    fs::create_dir_all(&packagefiles).unwrap();
    for name in ["meson/meson.build", "null-arguments.c", "values.c"] {
        let source = root().join("capi-tests").join(name);
        fs::copy(&source, project.join(source.file_name().unwrap())).unwrap();
    }
    symlink(root().join("meson-wrap/packagefiles/pcmk-remote-rs"), packagefiles.join("pcmk-remote-rs"))
        .unwrap();
    let source = place.join("source");
    let script = "mkdir $1 && git ls-files -z --cached --others --exclude-standard | \
                  xargs -0 cp -a --parents -t $1 && cd $1 && git init -q -b main && git add -A && \
                  git -c user.name=test -c user.email=test@localhost commit -q -m test";
    output(Command::new("sh").args(["-ec", script, "sh"]).arg(&source).current_dir(root()));
    let wrap = fs::read_to_string(root().join("meson-wrap/pcmk-remote-rs.wrap")).unwrap();
    let url = wrap.lines().find(|line| line.starts_with("url = ")).unwrap();
    let wrap = wrap.replace(url, &format!("url = file://{}", source.display()));
    fs::write(project.join("subprojects/pcmk-remote-rs.wrap"), wrap).unwrap();
    project
}

fn meson(project: &Path, arguments: &[&str]) -> Command {
    // What the other tests' libraries are made of need not be compiled again.
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root().join("target"), PathBuf::from);
    let mut command = Command::new("meson");
    command.args(arguments).current_dir(project).env("CARGO", env!("CARGO")).env("CARGO_TARGET_DIR", target);
    command
}

#[test]
fn a_meson_project_builds_both_as_a_subproject_and_installs_them() {
    let place = tempfile::tempdir().unwrap();
    let project = project(place.path());
    // The project wants the names of 2.1: a build of another release does not pass for it.
    let other = meson(&project, &["setup", "other", "--wrap-mode=forcefallback"]).output().unwrap();
    assert!(!other.status.success());
    let said = String::from_utf8_lossy(&[other.stdout, other.stderr].concat()).into_owned();
    assert!(said.contains("pcmk-remote-rs-2.1"), "{said}");

    let staging = place.path().join("staging");
    let staging_name = staging.to_str().unwrap();
    let setup = ["setup", "build", "--prefix=/usr", "--libdir=lib", "--wrap-mode=forcefallback"];
    output(meson(&project, &setup).arg("-Dpcmk-remote-rs:abi=2.1"));
    output(&mut meson(&project, &["test", "-C", "build"]));
    output(&mut meson(&project, &["install", "-C", "build", "--destdir", staging_name]));
    installed(&staging);
}

/// Programs find what was installed by pkg-config, and run on it.
fn installed(staging: &Path) {
    let flags = |name: &str| {
        let mut query = Command::new("pkg-config");
        query.args(["--cflags", "--libs", name]);
        let own = [staging.join("usr/lib/pkgconfig"), staging.join("usr/lib/pcmk-remote-rs/2.1/pkgconfig")];
        query.env("PKG_CONFIG_PATH", std::env::join_paths(own).unwrap());
        // In a package's root these would be absolute.
        let mut flags: Vec<String> = pkg_config(&mut query)
            .into_iter()
            .map(|flag| {
                let staged = staging.display();
                flag.replace("/usr/include/pcmk-remote-rs", &format!("{staged}/usr/include/pcmk-remote-rs"))
                    .replace("-L/usr/lib/pcmk", &format!("-L{staged}/usr/lib/pcmk"))
            })
            .collect();
        flags.extend(glib());
        flags
    };
    let mut own = flags("pcmk-remote-rs-2.1");
    assert!(own.contains(&"-DPCMK_REMOTE_RS_ABI_2_1".to_owned()), "{own:?}");
    own.insert(0, format!("-I{}", staging.join("usr/include").display()));
    own.insert(0, format!("-L{}", staging.join("usr/lib").display()));
    let program = compile("null-arguments", "null-arguments-installed", &own);
    let libraries = staging.join("usr/lib");
    output(Command::new(program).arg(env!("CARGO_PKG_VERSION")).env("LD_LIBRARY_PATH", libraries));

    let drop_in = flags("pacemaker-lrmd");
    // What upstream's file brings along, for those who rely on it.
    for flag in ["-llrmd", "-lcrmservice", "-lcrmcommon", "-lqb"] {
        assert!(drop_in.contains(&flag.to_owned()), "{flag}: {drop_in:?}");
    }
    let program = compile("values", "values-installed", &drop_in);
    let directory = staging.join("usr/lib/pcmk-remote-rs/2.1");
    assert!(directory.join("liblrmd.so.28").exists());
    output(Command::new(program).env("LD_LIBRARY_PATH", directory));
}
