// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the libraries export and need: the list and nothing else.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::libraries::{distribution_library, dropin, dynamic, exported, own_directory, own_library, soname};
use crate::support::{assert_generated, lines, output, root, work};
use crate::symbols::{Symbol, symbols};

/// What a library may need beside the C library and the compiler's own.
const NEEDED: [&str; 5] =
    ["libglib-2.0.so.0", "libxml2.so.2", "libqb.so.100", "libssl.so.3", "libcrypto.so.3"];
const SYSTEM: [&str; 4] = ["libgcc_s.so.1", "libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2"];

fn names(wanted: impl Fn(&Symbol) -> bool) -> Vec<String> {
    let mut names: Vec<String> =
        symbols().into_iter().filter(|symbol| wanted(symbol)).map(|symbol| symbol.name).collect();
    names.sort();
    names
}

/// How the transport functions were tried with each release. Only what a test of this repository has seen with that
/// release's own libraries is a yes.
const TRIED: [(&str, &str); 6] = [
    ("2.1.5", "yes"),
    ("2.1.9", "stand-in"),
    ("3.0.0", "yes"),
    ("3.0.1", "by hand"),
    ("3.0.2", "stand-in"),
    ("3.0.3", "by hand"),
];

const HEAD: &str = "\
<!-- Made from capi-tests/symbols.txt by tests/capi/exports.rs: do not edit. -->
# The C interface, name by name

`liblrmd.so.28` and `liblrmd.so.52` are the drop-ins for Pacemaker 2.1 and 3.0; `libpcmk-remote-rs` exports every name below.
Programs of 2.1.5 (Debian 12) and 3.0.0 (Debian 13) are what liblrmd's names are tested with.
";

const TRANSPORT: &str = "\
Objects and arguments of these have moved between releases; the library asks the process which of them it has. A column
says how the function was tried with the release:

* yes: by the tests, in a process with the distribution's unmodified libraries of this release.
* by hand: in the same way, with the libraries of Debian's forky (3.0.1) and sid (3.0.3), which move; no test repeats it.
* stand-in: by a program that is compiled with this release's layouts and prototypes, in a process that has the names by
  which the release is known, and none of its libraries.
* no: it is there, and only unit tests have seen it with this release's layouts. Local clients need a server of the
  release's own.

";

const SERVER: &str = "\
Each of these objects can be left out of the link of upstream's programs: execd_alerts, execd_commands, remoted_pidone, and of
pacemaker-execd all but main. The others (execd_ipc, execd_messages, remoted_proxy, remoted_schemas, remoted_tls) are not given yet.
Upstream's own objects were never linked with it by a test. Programs of the tests play the neighbours:

* execd_commands: with the unmodified libcrmcommon of 2.1.5 and of 3.0.0. What it gives execd_messages from 3.0.2 on is called by a
  program of ours in a process with 3.0.0's libraries; no run had those of 3.0.2.
* pacemaker-execd: by hand (`tests/cts/run-main`), an executor of our own main, `capi-tests/server/main-execd.c`, with the unmodified
  libraries of 2.1.5 and of 3.0.0 passed upstream's executor suite, 53 of 53. What concerns a remote daemon was not run.
* execd_alerts, remoted_pidone: by programs without Pacemaker's libraries.

";

/// The columns behind the name.
fn columns(symbol: &Symbol) -> Vec<&str> {
    if symbol.group == "transport" {
        let has = |release: &str| symbol.releases.iter().any(|known| known == release);
        let local = !include_str!("../../capi-tests/transport.c").contains(&symbol.name);
        let how = |how: &'static str| if local && how == "stand-in" { "no" } else { how };
        return TRIED.iter().map(|(release, tried)| if has(release) { how(tried) } else { "" }).collect();
    }
    if symbol.group == "server" {
        return Vec::new();
    }
    ["2.1", "3.0"].map(|release| if symbol.is_in_liblrmd(release) { "yes" } else { "" }).to_vec()
}

#[test]
fn generated_status_matrix_is_up_to_date() {
    let mut text = HEAD.to_owned();
    let groups = [
        ("public", "liblrmd, declared in crm/lrmd.h"),
        ("internal", "liblrmd, for Pacemaker's own programs"),
        (
            "transport",
            "The remote transport of libcrmcommon, as far as Pacemaker's controller, executor and remoted use it",
        ),
        ("server", "Objects of pacemaker-execd and pacemaker-remoted"),
        ("own", "In no release of Pacemaker"),
    ];
    for (group, title) in groups {
        let members: Vec<Symbol> = symbols().into_iter().filter(|symbol| symbol.group == group).collect();
        text += &format!("\n## {title} ({})\n\n", members.len());
        if group == "transport" {
            text += TRANSPORT;
            let releases = TRIED.map(|(release, _)| release);
            text += &format!("| name | {} |\n|---|{}\n", releases.join(" | "), "---|".repeat(TRIED.len()));
        } else if group == "server" {
            text += SERVER;
            text += "| name | object | in Pacemaker |\n|---|---|---|\n";
        } else {
            text += "| name | in Pacemaker | liblrmd.so.28 | liblrmd.so.52 |\n|---|---|---|---|\n";
        }
        for symbol in members {
            let kind = if symbol.data { " (data)" } else { "" };
            let mut cells = vec![format!("`{}`{kind}", symbol.name)];
            cells.extend(symbol.object.clone());
            if group != "transport" {
                cells.push(symbol.releases.join(" "));
            }
            cells.extend(columns(&symbol).iter().map(|cell| (*cell).to_owned()));
            text += &format!("| {} |\n", cells.join(" | "));
        }
    }
    assert_generated("docs/c-abi-status.md", &text);
}

#[test]
fn the_drop_ins_export_what_their_releases_have_and_nothing_else() {
    for release in ["2.1", "3.0"] {
        let wanted = names(|symbol| symbol.is_in_liblrmd(release));
        assert_eq!(exported(&dropin(release)), wanted, "{release}");
        let script = root().join("capi-tests/exported-names");
        let mut printed = lines(Command::new(script).arg(release));
        printed.sort();
        assert_eq!(printed, wanted, "{release}");
    }
}

#[test]
fn our_own_library_exports_every_name_and_nothing_else() {
    let wanted = names(|_| true);
    assert_eq!(exported(&own_directory().join("libpcmk-remote-rs.so.0")), wanted);
    assert_eq!(exported(&own_directory().join("libpcmk-remote-rs.a")), wanted);
}

#[test]
fn the_list_agrees_with_the_distributions_libraries() {
    for (release, version) in [("2.1", "2.1.5"), ("3.0", "3.0.0")] {
        let has = |symbol: &Symbol| {
            symbol.is_in_liblrmd(release) && symbol.releases.iter().any(|known| known == version)
        };
        assert_eq!(exported(&distribution_library(release)), names(has), "Pacemaker {version}");
    }
}

#[test]
fn functions_are_functions_and_data_is_data() {
    let library = own_directory().join("libpcmk-remote-rs.so.0");
    let table =
        lines(Command::new("nm").args(["-D", "--without-symbol-versions", "--defined-only"]).arg(library));
    for symbol in symbols() {
        let line = table.iter().find(|line| line.ends_with(&format!(" {}", symbol.name)));
        let line = line.unwrap_or_else(|| panic!("{} is not there", symbol.name));
        let kind = line.split(' ').nth(1).unwrap();
        assert!(if symbol.data { "BD".contains(kind) } else { kind == "T" }, "{line}");
    }
}

#[test]
fn libraries_need_what_they_use_under_names_of_their_own() {
    let libraries = [
        (dropin("2.1"), soname("2.1")),
        (dropin("3.0"), soname("3.0")),
        (own_library("2.1"), "libpcmk-remote-rs-2.1.so.0"),
        (own_library("3.0"), "libpcmk-remote-rs.so.0"),
    ];
    for (library, soname) in libraries {
        assert_eq!(dynamic(&library, "SONAME"), [soname]);
        let mut found = dynamic(&library, "NEEDED");
        found.retain(|name| !SYSTEM.contains(&name.as_str()));
        found.sort();
        let mut wanted = NEEDED.to_vec();
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{}", library.display());
        for tag in ["SYMBOLIC", "TEXTREL", "RPATH", "RUNPATH"] {
            let text = lines(Command::new("readelf").args(["-d", "-W"]).arg(&library)).join("\n");
            assert!(!text.contains(tag), "{}: {tag}", library.display());
        }
    }
}

/// A program that was linked as executables are holds the library's data itself; the library must use it there.
#[test]
fn data_may_live_in_the_program() {
    for (release, flags) in
        [("2.1", ["-fPIE", "-pie"]), ("3.0", ["-fPIE", "-pie"]), ("3.0", ["-fno-pie", "-no-pie"])]
    {
        let program = work().join(format!("data{release}{}", flags[1]));
        let library = dropin(release);
        let mut command = Command::new("cc");
        command.args(["-O2", "-Wall", "-Wextra", "-Werror"]).args(flags);
        command.arg(root().join("capi-tests/data.c")).arg("-o").arg(&program).arg(&library);
        command.args(
            lines(Command::new("pkg-config").args(["--cflags", "--libs", "glib-2.0"]))[0].split_whitespace(),
        );
        output(&mut command);
        let relocations = lines(Command::new("readelf").args(["-r", "-W"]).arg(&program)).join("\n");
        let copied =
            |name: &str| relocations.lines().any(|line| line.contains("COPY") && line.contains(name));
        assert!(copied("proxy_table"), "{relocations}");
        let directory: &Path = library.parent().unwrap();
        output(Command::new(&program).env("LD_LIBRARY_PATH", directory));
        assert!(fs::metadata(&program).is_ok());
    }
}
