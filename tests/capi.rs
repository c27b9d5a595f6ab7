// SPDX-License-Identifier: LGPL-2.1-or-later
//! The C interface: the generated header and matrix are up to date, the library exports exactly what it says, and
//! C programs get the same from it as from the distribution's liblrmd.
//!
//! After a change of the interface, `PCMK_UPDATE=1 cargo test --test capi generated` writes the generated files.
//! Needs a C and a C++ compiler, pkg-config, pacemaker-dev, git and meson.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn output(command: &mut Command) -> Output {
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

fn lines(command: &mut Command) -> Vec<String> {
    String::from_utf8(output(command).stdout).unwrap().lines().map(str::to_owned).collect()
}

/// The library, built once for all tests here.
static LIBRARY: LazyLock<PathBuf> = LazyLock::new(|| {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("capi");
    output(Command::new(root().join("meson-wrap/cargo-build")).arg(&directory).env("CARGO", env!("CARGO")));
    directory
});

struct Symbol {
    name: String,
    upstream: String,
    here: bool,
}

fn symbols() -> Vec<Symbol> {
    let text = fs::read_to_string(root().join("capi-tests/symbols.tsv")).unwrap();
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .skip(1)
        .map(|line| match line.split('\t').collect::<Vec<_>>()[..] {
            [name, upstream, state @ ("here" | "absent")] => {
                Symbol { name: name.into(), upstream: upstream.into(), here: state == "here" }
            }
            _ => panic!("symbols.tsv: {line}"),
        })
        .collect()
}

/// What a shared library exports.
fn exported(library: &Path) -> Vec<String> {
    let mut names: Vec<String> = lines(Command::new("nm").args(["-D", "--defined-only"]).arg(library))
        .iter()
        .map(|line| line.split(' ').next_back().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// The flags for upstream's library. Its own dependencies are left to the linker, as a distribution does.
fn upstream_flags() -> Vec<String> {
    lines(Command::new("pkg-config").args(["--cflags", "--libs", "pacemaker-lrmd"]))
        .iter()
        .flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .filter(|flag| !flag.starts_with("-l") || flag == "-llrmd")
        .collect()
}

fn our_flags() -> Vec<String> {
    let library = LIBRARY.display();
    let include = root().join("include");
    vec![
        "-DPCMK_REMOTE_RS".into(),
        format!("-I{}", include.display()),
        format!("-L{library}"),
        format!("-Wl,-rpath,{library}"),
        "-lpcmk-remote-rs".into(),
    ]
}

/// Compiles `capi-tests/NAME.c` to a program called `program`.
fn compile(name: &str, program: &str, flags: &[String]) -> PathBuf {
    let binary = Path::new(env!("CARGO_TARGET_TMPDIR")).join(program);
    let source = root().join("capi-tests").join(name).with_extension("c");
    output(
        Command::new("cc")
            .args(["-g", "-Wall", "-Wextra", "-Werror"])
            .arg(source)
            .arg("-o")
            .arg(&binary)
            .args(flags),
    );
    binary
}

/// Fails when the file differs from `wanted`, or writes it when asked to.
fn assert_generated(path: &str, wanted: &str) {
    let file = root().join(path);
    if std::env::var_os("PCMK_UPDATE").is_some() {
        fs::write(&file, wanted).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(found == wanted, "{path} is out of date: run PCMK_UPDATE=1 cargo test --test capi generated");
}

#[test]
fn generated_header_is_up_to_date() {
    let mut builder = cbindgen::Builder::new()
        .with_config(cbindgen::Config::from_file(root().join("include/cbindgen.toml")).unwrap());
    for source in ["abi/shared.rs", "entry.rs", "client/values.rs"] {
        builder = builder.with_src(root().join("src/capi").join(source));
    }
    let mut header = Vec::new();
    builder.generate().unwrap().write(&mut header);
    assert_generated("include/pcmk-remote-rs.h", &String::from_utf8(header).unwrap());
}

#[test]
fn generated_status_matrix_is_up_to_date() {
    let symbols = symbols();
    let here = symbols.iter().filter(|symbol| symbol.here).count();
    let mut text = format!(
        "<!-- Generated from capi-tests/symbols.tsv by tests/capi.rs: do not edit. -->\n\
         # How much of liblrmd's C interface is here\n\n\
         {here} of the {} names that some version of upstream's library exports. What is absent is not exported at\n\
         all: a program that needs it does not link. Beside these the library exports `pcmk_remote_rs_version`.\n\n\
         The functions that take an event, a connection or a GLib type come with the drop-in builds, because the\n\
         event's layout differs between Pacemaker 2.1 and 3.0 and a library can have only one of the two.\n\n\
         | name | in upstream | here |\n|---|---|---|\n",
        symbols.len()
    );
    for symbol in &symbols {
        let state = if symbol.here { "yes" } else { "no" };
        text += &format!("| `{}` | {} | {state} |\n", symbol.name, symbol.upstream);
    }
    assert_generated("docs/c-abi-status.md", &text);
}

#[test]
fn the_library_exports_what_the_list_says_and_nothing_else() {
    let mut wanted: Vec<String> =
        symbols().into_iter().filter(|symbol| symbol.here).map(|symbol| symbol.name).collect();
    wanted.push("pcmk_remote_rs_version".into());
    wanted.sort();
    assert_eq!(exported(&LIBRARY.join("libpcmk-remote-rs.so.0")), wanted);
}

#[test]
fn the_list_agrees_with_the_distributions_library() {
    let version = lines(Command::new("pkg-config").args(["--modversion", "pacemaker-lrmd"])).remove(0);
    let directory = lines(Command::new("pkg-config").args(["--variable=libdir", "pacemaker-lrmd"])).remove(0);
    let wanted: Vec<String> = symbols()
        .into_iter()
        .filter(|symbol| symbol.upstream.split(' ').any(|known| known == version))
        .map(|symbol| symbol.name)
        .collect();
    assert_eq!(exported(&Path::new(&directory).join("liblrmd.so")), wanted, "Pacemaker {version}");
}

#[test]
fn values_are_the_same_with_upstreams_library_and_ours() {
    let theirs = compile("values", "values-upstream", &upstream_flags());
    let wanted = output(&mut Command::new(&theirs)).stdout;
    assert!(!wanted.is_empty());

    // The same program, our functions before upstream's; what the linker bound is proof that it was ours.
    let ours = LIBRARY.join("libpcmk-remote-rs.so.0");
    let replaced = output(Command::new(&theirs).env("LD_PRELOAD", &ours).env("LD_DEBUG", "bindings"));
    assert_eq!(replaced.stdout, wanted);
    let bindings = String::from_utf8_lossy(&replaced.stderr).into_owned();
    for symbol in symbols().iter().filter(|symbol| symbol.here) {
        let bound = format!("to {} [0]: normal symbol `{}'", ours.display(), symbol.name);
        let from_program = |line: &str| line.contains("values-upstream [0]") && line.contains(&bound);
        assert!(bindings.lines().any(from_program), "{} was not ours", symbol.name);
    }

    let own = compile("values", "values-ours", &our_flags());
    assert_eq!(output(&mut Command::new(own)).stdout, wanted);
}

#[test]
fn nothing_is_leaked_or_freed_twice() {
    let mut flags = our_flags();
    flags.push("-fsanitize=address,undefined".into());
    let program = compile("values", "values-sanitized", &flags);
    output(Command::new(program).env("ASAN_OPTIONS", "detect_leaks=1:alloc_dealloc_mismatch=1"));
}

#[test]
fn null_arguments_are_harmless_where_upstream_crashes() {
    let program = compile("null-arguments", "null-arguments", &our_flags());
    output(Command::new(program).arg(env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_header_suits_a_strict_c_and_a_cplusplus_compiler() {
    let header = root().join("include/pcmk-remote-rs.h");
    for (language, standard) in [("c", "-std=c99"), ("c++", "-std=c++11")] {
        let flags = [standard, "-x", language, "-pedantic", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"];
        output(Command::new("cc").args(flags).arg(&header));
    }
}

#[test]
fn a_meson_project_builds_it_as_a_subproject_and_installs_it() {
    let place = tempfile::tempdir().unwrap();
    let project = place.path().join("project");
    let packagefiles = project.join("subprojects/packagefiles");
    fs::create_dir_all(&packagefiles).unwrap();
    fs::copy(root().join("capi-tests/meson/meson.build"), project.join("meson.build")).unwrap();
    fs::copy(root().join("capi-tests/null-arguments.c"), project.join("null-arguments.c")).unwrap();
    symlink(root().join("meson-wrap/packagefiles/pcmk-remote-rs"), packagefiles.join("pcmk-remote-rs"))
        .unwrap();

    // The wrap as it is, but for where it fetches from: this tree, as it stands, as a repository of its own.
    let source = place.path().join("source");
    let script = "mkdir $1 && git ls-files -z --cached --others --exclude-standard | \
                  xargs -0 cp -a --parents -t $1 && cd $1 && git init -q -b main && git add -A && \
                  git -c user.name=test -c user.email=test@localhost commit -q -m test";
    output(Command::new("sh").args(["-ec", script, "sh"]).arg(&source).current_dir(root()));
    let wrap = fs::read_to_string(root().join("meson-wrap/pcmk-remote-rs.wrap")).unwrap();
    let url = wrap.lines().find(|line| line.starts_with("url = ")).unwrap();
    let wrap = wrap.replace(url, &format!("url = file://{}", source.display()));
    fs::write(project.join("subprojects/pcmk-remote-rs.wrap"), wrap).unwrap();

    // The crates that the other tests' library is made of need not be compiled again. It is finished first, since
    // the one that meson builds takes its place there.
    LazyLock::force(&LIBRARY);
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root().join("target"), PathBuf::from);
    let meson = |arguments: &[&str]| {
        let mut command = Command::new("meson");
        command
            .args(arguments)
            .current_dir(&project)
            .env("CARGO", env!("CARGO"))
            .env("CARGO_TARGET_DIR", &target);
        output(&mut command)
    };
    meson(&["setup", "build", "--prefix=/usr", "--libdir=lib"]);
    meson(&["test", "-C", "build"]);
    let staging = place.path().join("staging");
    meson(&["install", "-C", "build", "--destdir", staging.to_str().unwrap()]);

    let mut query = Command::new("pkg-config");
    query.env("PKG_CONFIG_LIBDIR", staging.join("usr/lib/pkgconfig")).env("PKG_CONFIG_SYSROOT_DIR", &staging);
    query.args(["--cflags", "--libs", "pcmk-remote-rs"]);
    let mut flags: Vec<String> = lines(&mut query)[0].split_whitespace().map(str::to_owned).collect();
    flags.push(format!("-Wl,-rpath,{}", staging.join("usr/lib").display()));
    let program = compile("null-arguments", "null-arguments-installed", &flags);
    output(Command::new(program).arg(env!("CARGO_PKG_VERSION")));
}
