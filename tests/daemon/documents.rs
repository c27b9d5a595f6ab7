// SPDX-License-Identifier: LGPL-2.1-or-later
//! The commands of docs/tls.md do what it says.
use crate::certificates::{TLS_1_2, TLS_1_3};
use crate::node::{PORT, Start, await_log};
use crate::place::isolated;
use pcmk_remote_rs::driver::blocking::{Client, Problem, Target};
use pcmk_remote_rs::model::certificate_files::CertificateFiles;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const DOCUMENT: &str = include_str!("../../docs/tls.md");
/// What commands begin with.
const PROGRAMS: [&str; 15] = [
    "cat",
    "chmod",
    "chown",
    "crm_attribute",
    "crm_mon",
    "crm_resource",
    "dd",
    "install",
    "openssl",
    "pcmk-remote",
    "pcs",
    "printf",
    "set",
    "systemctl",
    "touch",
];
/// What is run elsewhere: the command as the document has it, and the test that runs it.
const ELSEWHERE: [(&str, &str, &str); 5] = [
    ("crm_attribute -t nodes -N NODE -n maintenance -v true", CLUSTER, "\"maintenance\", \"-v\", \"true\""),
    ("crm_attribute -t nodes -N NODE -n maintenance -D", CLUSTER, "\"maintenance\", \"-D\""),
    ("crm_attribute -n maintenance-mode -v true", NODES, "\"maintenance-mode\", \"-v\", \"true\""),
    ("crm_attribute -n maintenance-mode -D", NODES, "\"maintenance-mode\", \"-D\""),
    ("systemctl reload pacemaker_remote", UNIT, "run(\"systemctl\", \"reload\", UNIT)"),
];
const CLUSTER: &str = include_str!("../cluster/rotation.py");
const NODES: &str = include_str!("../cluster/nodes.py");
const UNIT: &str = include_str!("../systemd/inside.py");

/// The indented blocks, each as text, continued lines joined.
fn blocks() -> Vec<String> {
    let mut blocks = vec![String::new()];
    for line in DOCUMENT.lines() {
        match line.strip_prefix("    ") {
            Some(line) => {
                let block = blocks.last_mut().unwrap();
                block.push_str(line.trim_end_matches('\\'));
                block.push_str(if line.ends_with('\\') { "" } else { "\n" });
            }
            None if blocks.last().unwrap().is_empty() => {}
            None => blocks.push(String::new()),
        }
    }
    blocks.retain(|block| !block.is_empty());
    blocks
}

/// What stands in the text between backquotes and is a command.
fn commands_in_text() -> Vec<&'static str> {
    let is_command = |words: &&str| {
        let mut words = words.split(' ');
        PROGRAMS.contains(&words.next().unwrap()) && words.next().is_some()
    };
    let text = DOCUMENT.lines().filter(|line| !line.starts_with("    "));
    text.flat_map(|line| line.split('`').skip(1).step_by(2)).filter(is_command).collect()
}

/// Runs a script where the authority is, with our programs; what it printed.
fn shell(place: &Path, script: &str) -> String {
    let programs = Path::new(env!("CARGO_BIN_EXE_pcmk-remote")).parent().unwrap().display();
    let output = Command::new("sh")
        .args(["-ec", script])
        .current_dir(place)
        .env("PATH", format!("{programs}:/usr/sbin:/usr/bin:/sbin:/bin"))
        .output()
        .unwrap();
    let text =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "{script}\n{text}");
    text
}

/// A connection with files from where the authority is.
fn connect(place: &Path, name: &str, priorities: &str) -> Result<Client, Problem> {
    let path = |name: String| -> PathBuf { place.join(name) };
    let files = CertificateFiles {
        ca: path("ca.pem".into()),
        crl: None,
        cert: path(format!("{name}.pem")),
        key: path(format!("{name}.key")),
    };
    let target = Target::new("127.0.0.1", PORT).with_certificates(files).with_tls_priorities(priorities);
    Client::connect(&target, name)
}

#[test]
fn every_command_of_the_document_on_tls_is_run() {
    isolated(|| {
        let place = tempfile::tempdir().unwrap();
        let place = place.path();
        let blocks = blocks();
        let [variables, authority, node, files, list] = &blocks[..] else { panic!("{blocks:#?}") };
        fs::create_dir_all("/etc/default").unwrap();
        // systemd knows comments only at a line's start.
        assert!(!variables.contains('#'), "{variables}");
        fs::write("/etc/default/pacemaker", variables).unwrap();
        shell(place, authority);
        shell(place, node);
        shell(place, &node.replace("web1", "web2"));
        shell(place, files);
        shell(place, list);
        let mut read_variables = Command::new("sh");
        read_variables.args([
            "-ec",
            "set -a; . /etc/default/pacemaker; exec \"$0\"",
            env!("CARGO_BIN_EXE_pacemaker-remoted"),
        ]);
        let daemon = Start::through(read_variables).ready();
        for priorities in [TLS_1_3, TLS_1_2] {
            drop(connect(place, "web1", priorities).unwrap());
            connect(place, "web2", priorities).map(drop).unwrap_err();
        }
        await_log(&["warning", "failed before it was authenticated", "certificate revoked", "CN=web2"]);
        // The most frequent mistake, which the check tells of, and the text says how to mend.
        shell(Path::new("/etc/pacemaker"), "chown root:root key.pem; chmod 600 key.pem");
        let check = commands_in_text().into_iter().find(|command| command.contains("--key-file")).unwrap();
        let text = shell(place, &check.replace("HOST", "127.0.0.1"));
        assert!(text.contains("user hacluster may not read /etc/pacemaker/key.pem"), "{text}");
        for name in ["old-ca.pem", "new-ca.pem"] {
            fs::copy(place.join("ca.pem"), place.join(name)).unwrap();
        }
        fs::copy(place.join("web1.pem"), place.join("cert.pem")).unwrap();
        for command in commands_in_text() {
            if ELSEWHERE.iter().any(|(known, ..)| *known == command) {
                continue;
            }
            let script = command.replace("HOST", "127.0.0.1").replace("PATH", "/etc/pacemaker/key.pem");
            let script = match &*script {
                "chown root:haclient" | "chmod 640" => format!("{script} /etc/pacemaker/key.pem"),
                // The place for its operand.
                "pcmk-remote check" => format!("{script} --help"),
                _ => script,
            };
            let text = shell(place, &script);
            if command.ends_with(" HOST") {
                assert!(
                    text.contains("the node's certificate is accepted here (CN=web1"),
                    "{command}: {text}"
                );
            }
        }
        assert!(!shell(place, &check.replace("HOST", "127.0.0.1")).contains("may not read"));
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn what_is_not_run_here_is_run_by_another_test() {
    for (command, test, words) in ELSEWHERE {
        assert!(commands_in_text().contains(&command), "{command}");
        assert!(test.contains(words), "{command}");
    }
}
