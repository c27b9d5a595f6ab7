// SPDX-License-Identifier: LGPL-2.1-or-later
//! The programs in `examples` do what they say, on a node whose daemon serves.
use crate::node::{KEY, connect, make_agent, serving};
use crate::place::isolated;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const METADATA: &str = r#"<?xml version="1.0"?>
<resource-agent name="greeter"><version>1.0</version><shortdesc lang="en">Greets</shortdesc></resource-agent>"#;

/// An example's program. It is built here, since `cargo test --test daemon` alone builds none.
fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let profile = own.ancestors().nth(2).unwrap();
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--offline", "--locked", "--example", name, "--no-default-features"]);
    build.args(["--features", &features().join(","), "--target-dir"]).arg(profile.parent().unwrap());
    match profile.file_name().and_then(|profile| profile.to_str()) {
        Some("debug") | None => &mut build,
        Some(profile) => build.args(["--profile", profile]),
    };
    let status = build.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap();
    assert!(status.success(), "the example {name} does not compile");
    profile.join("examples").join(name)
}

/// Those that this test was built with: with others, all would be compiled a second time.
fn features() -> Vec<&'static str> {
    let tool = cfg!(feature = "tool").then_some("tool");
    let capi = cfg!(feature = "capi").then_some("capi");
    ["daemon"].into_iter().chain(tool).chain(capi).collect()
}

/// Exit code, and standard output or, if there is none, standard error.
fn output(program: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let done = Command::new(program).args(arguments).output().unwrap();
    let bytes = if done.stdout.is_empty() { done.stderr } else { done.stdout };
    (done.status.code(), String::from_utf8(bytes).unwrap())
}

fn assert_has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no \"{part}\" in:\n{text}");
    }
}

#[test]
fn run_an_agent_shows_the_result_of_the_action() {
    let program = program("run_an_agent");
    isolated(move || {
        let _daemon = serving();
        make_agent(
            "greeter",
            r#"[ "$OCF_RESKEY_name" = web ] || { echo "ocf-exit-reason:no name" >&2; exit 6; }"#,
        );
        let (code, text) = output(&program, &["127.0.0.1", "test", "greeter", "start", "name=web"]);
        assert_has(&text, &["connected: TLS 1.3, ", "start: Done, exit code 0\n"]);
        assert_eq!(code, Some(0), "{text}");
        let (code, text) = output(&program, &["127.0.0.1", "test", "greeter", "start"]);
        assert_has(&text, &["start: Done, exit code 6\n", "reason: no name\n"]);
        assert_eq!(code, Some(1), "{text}");
    });
}

#[test]
fn check_a_node_names_the_layer_that_fails_and_disturbs_no_client() {
    let program = program("check_a_node");
    isolated(move || {
        let (code, text) = output(&program, &["127.0.0.1"]);
        assert_has(&text, &["name: [127.0.0.1:3121]\n", "cannot connect to 127.0.0.1:3121", "remedy: "]);
        assert_eq!(code, Some(1), "{text}");
        let _daemon = serving();
        let mut bystander = connect("bystander").unwrap();
        let (code, text) = output(&program, &["127.0.0.1"]);
        assert_has(&text, &["the node has the same key\n", "127.0.0.1 can be reached\n"]);
        assert_eq!(code, Some(0), "{text}");
        let told = bystander.next_notification(std::time::Instant::now()).unwrap();
        assert_eq!(told, None, "the check signed on");
        fs::remove_file(KEY).unwrap();
        let (code, text) = output(&program, &["127.0.0.1"]);
        assert_has(&text, &["TCP: connected", "authkey", "remedy: "]);
        assert_eq!(code, Some(1), "{text}");
    });
}

#[test]
fn own_event_loop_signs_on_and_is_answered() {
    let program = program("own_event_loop");
    isolated(move || {
        let _daemon = serving();
        let (code, text) = output(&program, &["127.0.0.1"]);
        assert_has(&text, &["encrypted: TLS 1.3, ", "signed on: protocol 1.", "the executor answers: 0\n"]);
        assert_eq!(code, Some(0), "{text}");
    });
}

#[test]
fn list_agents_shows_what_agents_say_of_themselves() {
    let program = program("list_agents");
    isolated(move || {
        make_agent("greeter", &format!("[ \"$1\" = meta-data ] && cat <<'END'\n{METADATA}\nEND"));
        make_agent("silent", "exit 1");
        let (code, text) = output(&program, &["test"]);
        assert_has(&text, &["ocf:test:greeter: Greets\n", "ocf:test:silent: "]);
        assert_eq!(code, Some(0), "{text}");
    });
}
