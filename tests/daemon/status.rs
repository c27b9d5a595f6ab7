// SPDX-License-Identifier: LGPL-2.1-or-later
//! The status socket, as its readers see it.
use crate::bystander::Bystander;
use crate::node::{
    Start, await_log, completion, connect, log_text, make_agent, make_key, register, serving, start_operation,
};
use crate::place::{LIMIT, eventually, eventually_some, isolated, set_read_only, tmpfs};
use pcmk_remote_rs::driver::status::{Document, socket_of};
use pcmk_remote_rs::model::{Request, ResourceId};
use std::fs;
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Output};

fn socket() -> PathBuf {
    socket_of("pacemaker-remoted")
}

fn text() -> String {
    let mut stream = UnixStream::connect(socket()).expect("the daemon shows its status");
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

fn document() -> Document {
    let text = text();
    serde_json::from_str(&text).unwrap_or_else(|problem| panic!("{problem}: {text}"))
}

fn tool(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pcmk-remote")).arg("status").args(arguments).output().unwrap()
}

fn printed(arguments: &[&str]) -> String {
    let output = tool(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What a program in Python makes of a text at its standard input; it fails when it does not like it.
fn judge(program: &str, arguments: &[&str], text: &str) {
    fs::write("/run/judged", text).unwrap();
    let output = Command::new("/usr/bin/python3")
        .args(["-c", program])
        .args(arguments)
        .stdin(fs::File::open("/run/judged").unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
}

fn fits_the_schema(text: &str) {
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/status.schema.json");
    let program = "import json, sys, jsonschema\n\
                   schema = json.load(open(sys.argv[1]))\n\
                   jsonschema.Draft7Validator.check_schema(schema)\n\
                   jsonschema.validate(json.load(sys.stdin), schema)";
    judge(program, &[schema], text);
}

/// A node with a client, a resource that is monitored and one that is being started.
fn with_resources() -> (crate::node::Daemon, pcmk_remote_rs::driver::blocking::Client) {
    make_agent("Good", "exit 0");
    make_agent("Slow", "case $1 in start) exec sleep 600;; esac; echo 'not yet' >&2; exit 7");
    let daemon = serving();
    let mut client = connect("watcher").unwrap();
    register(&mut client, "good", "Good");
    register(&mut client, "slow", "Slow");
    start_operation(&mut client, "good", "monitor", 60_000);
    completion(&mut client);
    start_operation(&mut client, "slow", "monitor", 0);
    completion(&mut client);
    start_operation(&mut client, "slow", "start", 0);
    client.call(Request::ResourceInfo(Some(ResourceId::new("none")))).unwrap();
    (daemon, client)
}

#[test]
fn the_document_tells_who_is_connected_and_what_runs() {
    isolated(|| {
        let (daemon, _client) = with_resources();
        let wrong = Command::new(env!("CARGO_BIN_EXE_pcmk-remote"))
            .args(["check", "127.0.0.1", "--key", "/etc/hostname"])
            .output()
            .unwrap();
        assert!(!wrong.status.success(), "another key is refused");
        let found = eventually_some("the refusal is counted", || {
            let found = document();
            (!found.overview.handshakes.as_ref().unwrap().refused.is_empty()).then_some(found)
        });
        let overview = &found.overview;
        assert_eq!((overview.version, overview.daemon.name.as_str()), (1, "pacemaker-remoted"));
        assert_eq!(overview.daemon.pid.cast_signed(), daemon.pid().as_raw());
        assert!(overview.daemon.listening.iter().any(|address| address.ends_with(":3121")));
        assert_eq!(overview.credential.as_ref().unwrap().keys, 1);
        assert_eq!((overview.counts.clients, overview.counts.resources), (1, 2));
        assert_eq!((overview.counts.operations, overview.counts.in_flight), (2, 1));
        let refusal = &overview.refusals[0];
        assert_eq!((refusal.reason.as_str(), refusal.count), ("unknown-resource", 1));
        let [watcher] = &found.clients[..] else { panic!("{:?}", found.clients) };
        assert_eq!((watcher.name.as_deref(), watcher.kind.as_str()), (Some("watcher"), "remote"));
        let tls = watcher.tls.as_ref().unwrap();
        assert_eq!((tls.version.as_str(), tls.credential.as_str()), ("TLS 1.3", "key"));
        assert!(watcher.address.as_ref().unwrap().starts_with("127.0.0.1:"));
        let [good, slow] = &found.resources[..] else { panic!("{:?}", found.resources) };
        assert_eq!((good.id.as_str(), good.agent.as_str()), ("good", "ocf:test:Good"));
        let monitor = &good.operations[0];
        assert_eq!((monitor.state.as_str(), monitor.exit, monitor.interval_ms), ("resting", Some(0), 60_000));
        assert!(monitor.due_in_ms.is_some_and(|due| (0..=60_000).contains(&due)), "{monitor:?}");
        let start = &slow.operations[0];
        assert_eq!((start.action.as_str(), start.state.as_str()), ("start", "running"));
        let last = slow.last.as_ref().unwrap();
        assert_eq!((last.action.as_str(), last.exit, last.status.as_str()), ("monitor", 7, "done"));
        fits_the_schema(&text());
    });
}

#[test]
fn the_tool_shows_it_as_a_table_as_json_and_as_metrics() {
    isolated(|| {
        let (_daemon, _client) = with_resources();
        let table = printed(&[]);
        for words in
            ["pacemaker-remoted", "watcher", "good", "monitor each 1 min 0 s", "running for", "done 7"]
        {
            assert!(table.contains(words), "{words}: {table}");
        }
        fits_the_schema(&printed(&["--json"]));
        let metrics = printed(&["--prometheus"]);
        assert!(
            metrics.contains("pcmk_remote_operations_in_flight{daemon=\"pacemaker-remoted\"} 1\n"),
            "{metrics}"
        );
        let program = "import sys\n\
                       from prometheus_client.parser import text_string_to_metric_families as families\n\
                       assert len([s for f in families(sys.stdin.read()) for s in f.samples]) > 20";
        judge(program, &[], &metrics);
    });
}

#[test]
fn without_a_daemon_or_without_permission_the_tool_says_what_to_do() {
    isolated(|| {
        let said = |output: Output| {
            assert_eq!(output.status.code(), Some(1));
            String::from_utf8(output.stderr).unwrap()
        };
        assert!(said(tool(&[])).contains("systemctl start pacemaker_remote"));
        assert!(said(tool(&["--socket", "/run/none"])).contains("no daemon serves /run/none"));
        let _daemon = serving();
        let nobody = Command::new("setpriv")
            .args([
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                env!("CARGO_BIN_EXE_pcmk-remote"),
                "status",
            ])
            .output()
            .unwrap();
        assert!(said(nobody).contains("member of the group haclient"));
    });
}

#[test]
fn the_socket_is_the_clusters_and_goes_with_its_daemon() {
    isolated(|| {
        let daemon = serving();
        let found = fs::symlink_metadata(socket()).unwrap();
        let group = nix::unistd::Group::from_name("haclient").unwrap().expect("the cluster's group");
        assert!(found.file_type().is_socket());
        assert_eq!((found.mode() & 0o7777, found.uid(), found.gid()), (0o660, 0, group.gid.as_raw()));
        // One that died without a word leaves its socket, and its successor takes it.
        daemon.signal(nix::sys::signal::Signal::SIGKILL);
        drop(daemon);
        assert!(fs::exists(socket()).unwrap());
        let successor = Start::new().ready();
        assert_eq!(document().overview.daemon.pid.cast_signed(), successor.pid().as_raw());
        assert_eq!(successor.stop(), Some(0));
        assert!(!fs::exists(socket()).unwrap());
    });
}

#[test]
fn no_place_for_the_socket_is_a_warning() {
    isolated(|| {
        make_key(64);
        let directory = socket().parent().unwrap().to_owned();
        fs::create_dir(&directory).unwrap();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).unwrap();
        let daemon = Start::new().ready();
        connect("c").unwrap();
        await_log(&["warning", "pcmk-remote status cannot show", "mode 0777"]);
        assert_eq!(daemon.stop(), Some(0));
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
        tmpfs(directory.to_str().unwrap(), "mode=0755");
        set_read_only(directory.to_str().unwrap(), true);
        let daemon = Start::new().ready();
        connect("c").unwrap();
        await_log(&["warning", "pcmk-remote status cannot show", "Read-only"]);
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn readers_that_never_read_disturb_nobody() {
    isolated(|| {
        make_agent("Good", "exit 0");
        let daemon = serving();
        let mut client = connect("crowd").unwrap();
        for number in 0..1_500 {
            register(&mut client, &format!("resource-{number}-{}", "x".repeat(200)), "Good");
            while client.next_notification(std::time::Instant::now()).unwrap().is_some() {}
        }
        let bystander = Bystander::nameless();
        let before = daemon.resident_kib();
        let crowd: Vec<_> = (0..1_000).filter_map(|_| UnixStream::connect(socket()).ok()).collect();
        assert!(crowd.len() > 100, "{}", crowd.len());
        await_log(&["warning", "status socket was turned away"]);
        let asked = bystander.answered();
        eventually("the bystander is served meanwhile", || bystander.answered() > asked + 20);
        let grown = daemon.resident_kib().saturating_sub(before);
        assert!(grown < 4 * 1024, "{grown} KiB for readers");
        drop(crowd);
        let found = eventually_some("readers are served again", || {
            let found: Document = serde_json::from_str(&text()).ok()?;
            found.error.is_none().then_some(found)
        });
        assert_eq!(found.resources.len(), 1_500);
        assert!(found.overview.readers.turned_away > 0, "{:?}", found.overview.readers);
        bystander.noticed_nothing();
        assert_eq!(log_text().matches("status socket was").count(), 1, "one line");
    });
}
