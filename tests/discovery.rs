// SPDX-License-Identifier: LGPL-2.1-or-later
//! What this node's agents are: our lists and metadata beside those of the distribution's `crm_resource`, both
//! in a mount namespace whose agent directories are ours. And `explain`, on a configuration that the
//! distribution's tools read. Needs root, or user namespaces.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

/// Puts our directories in the place of the node's.
const ENTER: &str = include_str!("support/enter-node.sh");

const HEADER: &str = "#!/bin/sh
### BEGIN INIT INFO
# Provides:          mail <a> & \"b\" 'c' é
# Required-Start:    $local_fs $network
# Required-Stop:
# Should-Start: x\ty
# Default-Start:     2 3 4 5
# Default-Start:     1
#Default-Stop:      none
# Short-Description: short 😀
# X-Unknown: field
# Description:       long
#  continued
#\ttabbed
### END INIT INFO
# Should-Stop: late
";

/// Made once, before any process is started: a file that somebody still writes to cannot be executed.
static NODE: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let node = tempfile::tempdir().unwrap();
    let agent = "#!/bin/sh\nprintf '<a>%s é \\377' \"$1 $OCF_RESOURCE_INSTANCE $LANG\"; env | grep ^OCF_R | sort; cat; echo no >&2\n";
    for (path, mode, content) in [
        ("ocf/heartbeat/Dummy", 0o755, agent),
        ("ocf/heartbeat/apache", 0o755, agent),
        ("ocf/heartbeat/.shellfuncs", 0o755, ""),
        ("ocf/heartbeat/README", 0o644, ""),
        ("ocf/heartbeat/lib/x", 0o755, ""),
        ("ocf/Acme/dummy", 0o755, agent),
        ("ocf/Acme/fails", 0o755, "#!/bin/sh\necho '<a/>'; exit 1\n"),
        ("ocf/Acme/silent", 0o755, "#!/bin/sh\nexit 0\n"),
        ("ocf/Acme/hangs", 0o755, "#!/bin/sh\necho '<a/>'; exec sleep 1000\n"),
        ("ocf/.hidden/x", 0o755, agent),
        ("ocf/file", 0o755, agent),
        ("init/mail", 0o755, HEADER),
        ("init/mail:in", 0o755, HEADER),
        ("init/in", 0o755, "#!/bin/sh\n"),
        ("init/Bare", 0o755, "#!/bin/sh\n"),
        ("init/crlf", 0o755, "### BEGIN INIT INFO\r\n# Provides: a\r\n# Should-Stop: \u{1}\u{7f}\r\n"),
        ("init/functions", 0o644, HEADER),
        ("init/.hidden", 0o755, ""),
        ("init/dir/x", 0o755, ""),
        ("sbin/fence_acme", 0o755, FENCE),
        ("sbin/fence_Broken", 0o755, "#!/bin/sh\nexit 1\n"),
        ("sbin/other", 0o755, ""),
        ("cib.xml", 0o644, CIB),
        ("explain.sh", 0o755, EXPLAIN),
    ] {
        let path = node.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    symlink("heartbeat", node.path().join("ocf/linked")).unwrap();
    symlink("mail", node.path().join("init/linked")).unwrap();
    symlink("nowhere", node.path().join("init/dangling")).unwrap();
    fs::create_dir(node.path().join("sbin/fence_dir")).unwrap();
    // A process that looks like the daemon's.
    fs::copy("/bin/sleep", node.path().join("pacemaker-execd")).unwrap();
    fs::copy(crm_resource(), node.path().join("crm_resource")).unwrap();
    node
});

const FENCE: &str = r#"#!/bin/sh
read -r order; [ "$#$order" = 0action=metadata ] || exit 1
echo '<?xml version="1.0" ?><!-- c --><resource-agent name="fence_acme" shortdesc="it&apos;s">
<longdesc>a &lt; b</longdesc><parameters><parameter name="action" required="1"><getopt mixed="-o" /></parameter>
<parameter name="plug" required="1" obsoletes="port"/><parameter name="port"/><parameter name="x" required="1"/>
</parameters><actions><action name="on" automatic="0"/><action name="off"/></actions></resource-agent>'
"#;

const CIB: &str = r#"<cib crm_feature_set="3.16.2" validate-with="pacemaker-3.7" epoch="1" num_updates="0" admin_epoch="0">
<configuration><crm_config/><nodes/><resources>
<template id="base" class="ocf" provider="heartbeat" type="Dummy"/>
<clone id="c"><primitive id="web" template="base"><instance_attributes id="i">
<nvpair id="a" name="state" value="/run/&quot;x&quot;"/><nvpair id="b" name="db_password" value="hunter2"/>
</instance_attributes></primitive></clone>
</resources><constraints/></configuration><status/></cib>"#;

const EXPLAIN: &str = r#"#!/bin/sh -eu
env -i SEEN=1 LISTEN_PORT=8080 NOTIFY_SOCKET=/x API_TOKEN=hunter2 OCF_ROOT=/wrong ./pacemaker-execd 1000 &
trap "kill $!" EXIT
until [ "$(cat /proc/$!/comm)" = pacemaker-execd ]; do :; done
CIB_file=cib.xml PATH=.:/usr/bin:/bin "$@"
"#;

fn crm_resource() -> PathBuf {
    let search = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::env::split_paths(&search).chain(["/usr/sbin".into()]);
    directories
        .map(|directory| directory.join("crm_resource"))
        .find(|file| file.exists())
        .expect("crm_resource is there (tests/setup test installs it)")
}

fn inside(program: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new("unshare");
    if !nix::unistd::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.args(["--mount", "sh", "-euc", ENTER, "sh"]).arg(NODE.path()).arg(program).args(arguments);
    command.env("LC_ALL", "C.UTF-8").env_remove("OCF_ROOT").output().expect("unshare starts")
}

fn theirs(arguments: &[&str]) -> Output {
    inside(&NODE.path().join("crm_resource"), arguments)
}

fn ours(arguments: &[&str]) -> Output {
    static LIKE: LazyLock<&str> = LazyLock::new(|| {
        let version = String::from_utf8(theirs(&["--version"]).stdout).unwrap();
        if version.starts_with("Pacemaker 2.") { "2.1" } else { "3.0" }
    });
    inside(Path::new(env!("CARGO_BIN_EXE_pcmk-remote")), &[arguments, &["--like", *LIKE]].concat())
}

fn lines(output: Output) -> Vec<String> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// We name agents in full.
fn bare(agents: Vec<String>) -> Vec<String> {
    let parts = |agent: &str| if agent.starts_with("ocf:") { 3 } else { 2 };
    agents.iter().map(|agent| agent.splitn(parts(agent), ':').last().unwrap().to_owned()).collect()
}

#[test]
fn lists_are_the_same() {
    assert_eq!(lines(ours(&["list"])), lines(theirs(&["--list-standards"])));
    let providers = lines(theirs(&["--list-ocf-providers"]));
    assert_eq!(providers, ["Acme", "heartbeat", "linked"]);
    assert_eq!(lines(ours(&["list", "providers"])), providers);
    let having = lines(theirs(&["--list-ocf-alternatives", "Dummy"]));
    assert_eq!(having, ["Acme", "heartbeat", "linked"]);
    assert_eq!(lines(ours(&["list", "providers", "Dummy"])), having);
    for (standard, some) in [
        ("ocf", "Dummy"),
        ("ocf:heartbeat", "apache"),
        ("ocf:Acme", "dummy"),
        ("lsb", "linked"),
        ("service", "mail"),
        ("stonith", "fence_acme"),
    ] {
        let expected = lines(theirs(&["--list-agents", standard]));
        assert!(expected.iter().any(|agent| agent == some), "{standard}: {expected:?}");
        assert_eq!(bare(lines(ours(&["list", "agents", standard]))), expected, "{standard}");
    }
    for nothing in ["ocf:nope", "systemd", "nagios"] {
        assert!(!theirs(&["--list-agents", nothing]).status.success());
        assert_eq!(ours(&["list", "agents", nothing]).status.code(), Some(1), "{nothing}");
    }
    assert_eq!(ours(&["list", "agents", "nope"]).status.code(), Some(2));
}

#[test]
fn what_ocf_agents_print_is_passed_on_to_the_byte() {
    for agent in ["ocf:heartbeat:Dummy", "ocf:linked:apache", "ocf:Acme:dummy"] {
        let (ours, theirs) = (ours(&["metadata", agent]), theirs(&["--show-metadata", agent]));
        assert!(ours.status.success() && theirs.status.success(), "{agent}");
        // Tools of Pacemaker say to agents how they would like their own output.
        assert!(ours.stdout.starts_with(b"<a>meta-data ") && ours.stdout.contains(&0xff), "{agent}");
        assert_eq!(String::from_utf8_lossy(&ours.stdout), String::from_utf8_lossy(&theirs.stdout), "{agent}");
        assert_eq!(ours.stdout, theirs.stdout, "{agent}");
    }
}

#[test]
fn init_scripts_are_described_in_the_same_words() {
    for agent in [
        "lsb:mail",
        "lsb:Bare",
        "service:mail",
        "lsb:linked",
        "lsb:functions",
        "lsb:/etc/init.d/mail",
        "lsb:mail:in",
    ] {
        let (ours, theirs) = (ours(&["metadata", agent]), theirs(&["--show-metadata", agent]));
        assert!(theirs.status.success(), "{agent}");
        let text = |output: Output| String::from_utf8(output.stdout).unwrap();
        assert_eq!(text(ours), text(theirs), "{agent}");
    }
    let crlf = String::from_utf8(ours(&["metadata", "lsb:crlf"]).stdout).unwrap();
    assert!(!crlf.contains(['\r', '\u{1}']), "{crlf}");
}

/// Everything but blanks, comments and what stands before the root element.
fn canonical(document: &[u8]) -> Vec<String> {
    let tag = |tag: &BytesStart<'_>| {
        let mut attributes: Vec<_> = tag
            .attributes()
            .map(|attribute| attribute.unwrap())
            .map(|attribute| (attribute.key.as_ref().to_owned(), attribute.value.replace("&apos;", "'")))
            .collect();
        attributes.sort_unstable();
        format!("{} {attributes:?}", tag.name().as_ref())
    };
    let mut reader = Reader::from_str(std::str::from_utf8(document).unwrap());
    reader.config_mut().expand_empty_elements = true;
    reader.config_mut().trim_text(true);
    let mut events = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => return events,
            Event::Start(start) | Event::Empty(start) => events.push(tag(&start)),
            Event::End(_) => events.push("end".to_owned()),
            Event::Text(text) => events.push(text.to_string()),
            Event::GeneralRef(reference) => events.push(reference.to_string()),
            Event::CData(text) => events.push(text.to_string()),
            Event::Decl(_) | Event::DocType(_) | Event::Comment(_) | Event::PI(_) => {}
        }
    }
}

#[test]
fn fence_agents_are_presented_alike() {
    let agent = "stonith:fence_acme";
    let (ours, theirs) = (ours(&["metadata", agent]), theirs(&["--show-metadata", agent]));
    let events = canonical(&ours.stdout);
    assert!(events.iter().any(|event| event.contains("\"stop\"")), "{events:?}");
    assert_eq!(events, canonical(&theirs.stdout));
}

#[test]
fn failures_are_told_apart() {
    for (agent, code, words) in [
        ("ocf:Acme:fails", 1, "exited with 1"),
        ("ocf:Acme:silent", 1, "printed nothing"),
        ("stonith:fence_Broken", 1, "exited with 1"),
        ("ocf:Acme:nope", 5, "install the package"),
        ("ocf:heartbeat:README", 1, "chmod a+x"),
        ("lsb:nope", 5, "/etc/init.d/nope"),
        ("stonith:fence_nope", 5, "/usr/sbin/fence_nope"),
        ("stonith:fence_dir", 5, "fence_dir"),
        ("nagios:x", 2, "'nagios'"),
        ("ocf:x", 2, "no agent"),
    ] {
        let output = ours(&["metadata", agent]);
        let reason = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{agent}: {reason}");
        assert!(output.stdout.is_empty() && reason.contains(words), "{agent}: {reason}");
        if code != 2 {
            assert!(!theirs(&["--show-metadata", agent]).status.success(), "{agent}");
        }
    }
    let late = ours(&["metadata", "ocf:Acme:hangs", "--timeout", "1"]);
    assert_eq!((late.status.code(), late.stdout.len()), (Some(124), 0));
}

fn explain(arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_pcmk-remote");
    inside(&NODE.path().join("explain.sh"), &[&[program, "explain"], arguments].concat())
}

#[test]
fn an_action_of_a_configured_resource_is_explained_without_its_secrets() {
    for id in ["web", "web:0"] {
        let lines = lines(explain(&[id, "monitor", "OCF_CHECK_LEVEL=10"]));
        let all = lines.join("\n");
        for line in [
            &format!("monitor of {id} (ocf:heartbeat:Dummy)"),
            "program    /usr/lib/ocf/resource.d/heartbeat/Dummy",
            "arguments  monitor",
            "  OCF_CHECK_LEVEL=10",
            "  OCF_RESKEY_state=/run/\"x\"",
            "  OCF_RESKEY_db_password=<hidden>",
            &format!("  OCF_RESOURCE_INSTANCE={id}"),
            "  OCF_ROOT=/usr/lib/ocf",
            "  LISTEN_PORT=8080",
            "  SEEN=1",
            "  API_TOKEN=<hidden>",
        ] {
            assert!(lines.iter().any(|other| other == line), "{line} is not in\n{all}");
        }
        assert!(!all.contains("hunter2") && !all.contains("/wrong") && !all.contains("NOTIFY"), "{all}");
    }
}

#[test]
fn what_would_not_run_is_explained() {
    for (arguments, words) in [
        (&["ocf:heartbeat:README", "start"][..], "chmod a+x"),
        (&["ocf:Acme:dummy", "start", "secret=lrm://"], "Unable to load CIB secrets"),
        (&["nope", "start"], "nope"),
    ] {
        let output = explain(arguments);
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8(told).unwrap();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains(words), "{told}");
    }
}
