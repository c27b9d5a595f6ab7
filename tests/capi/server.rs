// SPDX-License-Identifier: LGPL-2.1-or-later
//! Objects of the executor's server side: programs that are linked with our library in their place, and that may have
//! definitions of their own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::libraries::{distribution_library, own_directory, own_library};
use crate::programs::with_theirs;
use crate::support::{compile, glib, output, packages, pkg_config, root};

/// How a program gets the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Shared,
    Static,
}

const BOTH: [Link; 2] = [Link::Shared, Link::Static];

/// `capi-tests/server/NAME.c` with these flags.
fn program(name: &str, variant: &str, link: Link, more: &[&str]) -> PathBuf {
    let directory = own_directory();
    let mut flags = packages(&["glib-2.0", "libxml-2.0"]);
    flags.extend(more.iter().map(|flag| (*flag).to_owned()));
    match link {
        Link::Shared => {
            flags.extend([
                format!("-L{}", directory.display()),
                format!("-Wl,-rpath,{}", directory.display()),
            ]);
            flags.push("-lpcmk-remote-rs".into());
            flags.push("-lxml2".into());
            flags.extend(glib());
        }
        Link::Static => {
            flags.push(directory.join("libpcmk-remote-rs.a").display().to_string());
            flags.push("-Wl,--gc-sections".into());
            let needed = ["--libs", "glib-2.0", "libqb", "libxml-2.0", "openssl"];
            flags.extend(pkg_config(Command::new("pkg-config").args(needed)));
            flags.extend(["-lgcc_s", "-lpthread", "-lm", "-ldl"].map(str::to_owned));
        }
    }
    compile(&format!("server/{name}"), &format!("server-{name}-{variant}-{link:?}").to_lowercase(), &flags)
}

/// Runs it as the first process of namespaces of its own, with this file of container settings.
fn run_first(program: &Path, settings: &str) -> Output {
    const SCRIPT: &str =
        "mount -t tmpfs none /etc/pacemaker; printf '%s' \"$2\" >/etc/pacemaker/pcmk-init.env; exec \"$1\"";
    let mut command = Command::new("timeout");
    command.args(["60", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    command.args(["sh", "-euc", SCRIPT, "sh"]).arg(program).arg(settings);
    command.env("KEPT", "outside").output().unwrap()
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_daemon_that_is_the_first_process_leaves_an_init_behind() {
    for link in BOTH {
        let program = program("pidone", "ours", link, &[]);
        let output = run_first(&program, "PCMK_remote_port=4000\nKEPT=file\n");
        let wanted = "first: 0, leads a session: 1, SIGTERM blocked: 0\nparent: pcmk-init\n\
                      port 4000, log /var/log/pcmk-init.log, kept outside\n";
        assert_eq!(printed(&output), wanted, "{link:?}: {output:?}");
        assert_eq!(output.status.code(), Some(7), "{link:?}");
    }
}

#[test]
fn a_daemon_that_is_not_the_first_process_is_left_alone() {
    for link in BOTH {
        let program = program("pidone", "ours", link, &[]);
        let output = Command::new(&program).env("KEPT", "outside").output().unwrap();
        assert!(printed(&output).ends_with("port none, log none, kept outside\n"), "{output:?}");
        assert!(printed(&output).starts_with("first: 0, leads a session: 0"), "{output:?}");
    }
}

/// What the cluster's user runs.
fn agent(directory: &Path, name: &str, body: &str) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn alerts_run_in_the_programs_loop_and_are_waited_for() {
    for link in BOTH {
        let place = tempfile::tempdir().unwrap();
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let told =
            "echo \"$CRM_alert_kind, number $CRM_alert_node_sequence, $(id -un), $INHERITED\" >>\"$file\"";
        let told = agent(place.path(), "told", told);
        let hanging = agent(place.path(), "hanging", "exec sleep 1000");
        let program = program("alerts", "ours", link, &["-DRELEASE=300"]);
        let mut command = Command::new("timeout");
        command.arg("100").arg(&program).args([&told, &hanging, &place.path().join("file")]);
        let output = command.env("INHERITED", "from the program").output().unwrap();
        let line = "  node <&\">, number 1, hacluster, from the program\n";
        let wanted = format!(
            "no client: 1, no id: 1, no request: 1, no path: 1 1\nstarted: 0\nstarted: 0\nnot before the loop runs\nthreads: 1\n\
             drained by the limit of the one that hangs: 1\n{line}dropped: 0\n{line}"
        );
        assert_eq!(printed(&output), wanted, "{link:?}: {output:?}");
        assert!(output.status.success(), "{link:?}: {output:?}");
    }
}

/// The names of the static library are weak, and one of the program hides the shared library's.
#[test]
fn a_definition_of_the_programs_own_comes_first() {
    for link in BOTH {
        let program = program("pidone", "theirs", link, &["-DOWN"]);
        let output = Command::new(&program).output().unwrap();
        assert!(printed(&output).starts_with("the program's own: 1 1 1\n"), "{link:?}: {output:?}");
    }
}

/// `capi-tests/server/NAME.c` for this release, with our library before the distribution's libcrmcommon.
fn beside_theirs(name: &str, release: &str, variant: &str) -> PathBuf {
    let (number, common) = match release {
        "2.1" => ("215", "libcrmcommon.so.34"),
        _ => ("300", "libcrmcommon.so.68"),
    };
    let libraries = distribution_library(release).parent().unwrap().to_owned();
    let own = own_library(release);
    let mut flags = packages(&["glib-2.0", "libxml-2.0", "libqb"]);
    flags.push(format!("-DRELEASE={number}"));
    flags.push(format!("-D{}", variant.to_uppercase()));
    flags.push(own.display().to_string());
    flags.push(format!("-Wl,-rpath,{}", own.parent().unwrap().display()));
    flags.push(libraries.join(common).display().to_string());
    flags.extend(["-lxml2", "-lqb", "-Wl,--allow-shlib-undefined"].map(str::to_owned));
    flags.extend(glib());
    compile(&format!("server/{name}"), &format!("server-{name}-{release}-{variant}"), &flags)
}

/// What 2.1.5 says otherwise: its protocol has neither an uptime nor schemas.
fn as_in_2_1_5(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.contains("schemas neighbour"));
    let lines = lines.map(|line| {
        let older = line.replace(
            "lrmd_op=register lrmd_protocol_version=1.2",
            "lrmd_op=register lrmd_protocol_version=1.1",
        );
        if older == line { older } else { older.replace(" uptime=(s)", "") }
    });
    lines.map(|line| line + "\n").collect()
}

/// Neighbours, clients and the fencer are played by the program, whose libcrmcommon is the distribution's.
#[test]
fn commands_say_to_their_neighbours_what_upstreams_object_does() {
    for (variant, release) in
        [("execd", "2.1"), ("execd", "3.0"), ("remote", "2.1"), ("remote", "3.0"), ("pieces", "3.0")]
    {
        let file = root().join(format!("capi-tests/server/commands-{variant}.out"));
        let wanted = fs::read_to_string(file).unwrap();
        let wanted = if release == "2.1" { as_in_2_1_5(&wanted) } else { wanted };
        let found = output(&mut with_theirs(release, &beside_theirs("commands", release, variant)));
        assert_eq!(printed(&found), wanted, "{release} {variant}");
    }
}

/// The order for each client is kept, though clients go meanwhile.
#[test]
fn clients_that_go_while_they_or_others_are_told_something_leave_nothing_behind() {
    let wanted = "\
reply 1 to A: 0
reply 2 to B: 2
before: A heard lrmd_rsc_register lrmd_rsc_exec/0, C heard lrmd_rsc_register lrmd_rsc_exec/0
reply 3 to A: 0
B has left amid a notification: A heard lrmd_rsc_poke lrmd_rsc_exec/1, C heard lrmd_rsc_poke lrmd_rsc_exec/1
reply 4 to D: 4
D has left when it was answered: A heard lrmd_rsc_exec/1, C heard lrmd_rsc_exec/1
2 clients, 1 resources
the end: A heard, C heard
";
    for release in ["2.1", "3.0"] {
        let found = output(&mut with_theirs(release, &beside_theirs("eviction", release, "execd")));
        assert_eq!(printed(&found), wanted, "{release}");
    }
}
