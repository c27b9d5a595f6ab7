// SPDX-License-Identifier: LGPL-2.1-or-later
//! Sessions of the remote transport with certificates: who is let in, what the other end is told, and files that change
//! under a program that lives long.

#![allow(clippy::disallowed_methods, reason = "tests start programs")]

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use pcmk_remote_rs::model::certificate_files::CertificateFiles;
use pcmk_remote_rs::sys::x509;

use crate::libraries::own_library;
use crate::programs::with_theirs;
use crate::support::work;
use crate::transport::with_distribution;
use pki::Case;

#[path = "../x509/pki.rs"]
#[allow(dead_code, reason = "the tests in memory need more of it")]
mod pki;

const ROLES: [&str; 2] = ["client", "server"];
const VERSIONS: [&str; 2] = ["1.3", "1.2"];

/// A line for the program: which end judges with these files, and what the other end shows.
fn trial(judge: &str, own: &CertificateFiles, cert: &str, key: &str, version: &str) -> String {
    let CertificateFiles { ca, crl, cert: own_cert, key: own_key } = own;
    let crl = crl.as_deref().unwrap_or(Path::new("-"));
    let other = pki::files(cert, key, "root", "-");
    let files = [own_cert, own_key, ca, crl, &other.cert, &other.key].map(|path| path.display().to_string());
    format!("{judge} {} NORMAL:-VERS-ALL:+VERS-TLS{version}\n", files.join(" "))
}

fn program() -> Command {
    let mut command = with_theirs("3.0", &with_distribution("judged", "3.0"));
    command.env("LD_PRELOAD", own_library("3.0"));
    command
}

/// What the program prints of these trials, a line each, and what the library logs.
fn judged(trials: &str, option: Option<(&str, &str)>) -> (Vec<String>, String) {
    let mut command = program();
    command.envs(option).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let text = trials.to_owned();
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let [printed, log] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{printed}\n{log}");
    (printed.lines().map(str::to_owned).collect(), log)
}

/// GnuTLS at the other end cannot show these at TLS 1.2.
fn can_be_shown(name: &str, version: &str) -> bool {
    version == "1.3" || !["ed25519", "ed448", "rsapss-key"].contains(&name)
}

#[test]
fn every_chain_is_judged_as_by_the_daemon() {
    let cases = pki::verify();
    let mut trials = String::new();
    let mut expected = Vec::new();
    for case in &cases {
        let own = pki::files("node", "node", case.ca, case.crl);
        for version in VERSIONS.into_iter().filter(|version| can_be_shown(case.name, version)) {
            for judge in ROLES {
                trials += &trial(judge, &own, case.cert, case.key, version);
                expected.push((case, format!("{} {judge} {version}", case.name)));
            }
        }
    }
    let (printed, log) = judged(&trials, None);
    assert_eq!(printed.len(), expected.len(), "{log}");
    let mut wrong = String::new();
    for (line, (case, name)) in printed.iter().zip(&expected) {
        let accepted = line == "credentials 0 handshake 0 alert -1";
        if accepted != (case.outcome == "accept") {
            writeln!(wrong, "{name}: {line}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}\n{log}");
}

/// The numbers of RFC 8446.
#[test]
fn the_refused_end_is_told_by_an_alert_and_the_log_says_why() {
    for (cert, crl, alert, words) in [
        ("expired", "-", 45, "certificate has expired (its own certificate: CN=expired"),
        ("foreign", "-", 48, "unable to get local issuer certificate"),
        ("node", "node", 44, "certificate revoked"),
        ("not-yet", "-", 42, "not yet valid"),
    ] {
        let own = pki::files("rsa2048", "rsa2048", "root", crl);
        let trials: String = VERSIONS
            .into_iter()
            .flat_map(|version| ROLES.map(|judge| trial(judge, &own, cert, cert, version)))
            .collect();
        let (printed, log) = judged(&trials, None);
        for line in &printed {
            assert_eq!(line, &format!("credentials 0 handshake -348 alert {alert}"), "{cert}: {log}");
        }
        assert_eq!(log.matches("A peer's certificate is refused: ").count(), 4, "{log}");
        assert_eq!(log.matches(words).count(), 4, "{log}");
    }
}

#[test]
fn own_files_load_or_are_refused_by_name_as_in_the_daemon() {
    let cases = pki::load();
    let trials: String = cases
        .iter()
        .map(|case| {
            trial("server", &pki::files(case.cert, case.key, case.ca, case.crl), "p384", "p384", "1.3")
        })
        .collect();
    let (printed, log) = judged(&trials, None);
    assert_eq!(printed.len(), cases.len(), "{log}");
    for (line, Case { name, outcome, .. }) in printed.iter().zip(&cases) {
        assert_eq!(line == "credentials 61", *outcome == "fails", "{name}: {line}\n{log}");
    }
    let refused = cases.iter().filter(|case| case.outcome == "fails").count();
    assert_eq!(log.matches("cannot be used: ").count(), refused, "{log}");
}

#[test]
fn sessions_demand_what_the_options_say() {
    let file = fs::read(pki::files("p384", "p384", "root", "-").cert).unwrap();
    let fingerprint = x509::certificates(&file).unwrap()[0].fingerprint().unwrap().to_string();
    let both = |judge: &str, cert: &str, crl: &str, option: (&str, &str)| {
        let own = pki::files("node", "node", "root", crl);
        let trials = VERSIONS.map(|version| trial(judge, &own, cert, cert, version)).concat();
        let (printed, log) = judged(&trials, Some(option));
        let outcomes: Vec<_> = printed.iter().map(|line| line.split(" alert").next().unwrap()).collect();
        assert_eq!(outcomes[0], outcomes[1], "{judge} {option:?}: {log}");
        (outcomes[0].to_owned(), log)
    };
    const MADE: &str = "credentials 0 handshake 0";
    const REFUSED: &str = "credentials 0 handshake -348";
    for (judge, (variable, value), met, unmet, words) in [
        ("client", ("PCMK_tls_verify_host", "yes"), "node", "other-host", "lacks '127.0.0.1'"),
        (
            "client",
            ("PCMK_tls_verify_purpose", "yes"),
            "purpose-server",
            "purpose-client",
            "lacks serverAuth",
        ),
        (
            "server",
            ("PCMK_tls_verify_purpose", "yes"),
            "purpose-client",
            "purpose-server",
            "lacks clientAuth",
        ),
        ("client", ("PCMK_tls_peer_names", "n1 localhost"), "node", "other-host", "none of the names"),
        ("server", ("PCMK_tls_peer_names", "elsewhere.example"), "other-host", "node", "none of the names"),
        ("server", ("PCMK_tls_peer_fingerprints", &*fingerprint), "p384", "node", "is not allowed"),
        ("client", ("PCMK_tls_security_level", "2"), "rsa2048", "rsa1024", "key too weak"),
        ("server", ("PCMK_tls_min_rsa_bits", "3072"), "rsa3072", "rsa2048", "3072 are demanded"),
        // What the level of the priorities asks for is demanded of keys, too.
        ("server", ("PCMK_tls_priorities", "NORMAL:%PROFILE_HIGH"), "node", "rsa2048", "too weak"),
    ] {
        assert_eq!(both(judge, met, "-", (variable, value)).0, MADE, "{judge} {variable}");
        let (outcome, log) = both(judge, unmet, "-", (variable, value));
        assert_eq!(outcome, REFUSED, "{judge} {variable}: {log}");
        assert!(log.contains("A peer's certificate is refused") && log.contains(words), "{variable}: {log}");
    }
    for judge in ROLES {
        for (crl, expected) in [("none", MADE), ("past-none", REFUSED), ("forged-none", REFUSED)] {
            let (outcome, log) = both(judge, "p384", crl, ("PCMK_tls_require_crl", "yes"));
            assert_eq!(outcome, expected, "{judge} {crl}: {log}");
        }
        for (value, expected) in [("256", MADE), ("384", REFUSED)] {
            let (outcome, log) = both(judge, "node", "-", ("PCMK_tls_min_curve_bits", value));
            assert_eq!(outcome, expected, "{judge} {value}: {log}");
        }
        for (variable, value, words) in [
            ("PCMK_tls_security_level", "x", "PCMK_tls_security_level is \"x\""),
            ("PCMK_tls_priorities", "NORMAL:%VERIFY_ALLOW_BROKEN", "%VERIFY_ALLOW_BROKEN"),
        ] {
            let (outcome, log) = both(judge, "node", "-", (variable, value));
            assert_eq!(outcome, "credentials 61");
            assert!(log.contains(words), "{log}");
        }
    }
}

/// A program whose credentials were made once.
struct LongLived {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    directory: tempfile::TempDir,
}

impl LongLived {
    fn start() -> Self {
        let directory = tempfile::tempdir_in(work()).unwrap();
        let log = fs::File::create(directory.path().join("log")).unwrap();
        let mut command = program();
        command.env("KEEP", "yes").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output, directory }
    }

    fn own(&self) -> CertificateFiles {
        let [ca, crl, cert, key] = ["ca", "crl", "cert", "key"].map(|name| self.directory.path().join(name));
        CertificateFiles { ca, crl: Some(crl), cert, key }
    }

    fn put(&self, name: &str, from: &Path) {
        let new = self.directory.path().join("new");
        fs::write(&new, fs::read(from).unwrap()).unwrap();
        fs::rename(new, self.directory.path().join(name)).unwrap();
    }

    fn put_all(&self, files: &CertificateFiles) {
        for (name, from) in [
            ("ca", &files.ca),
            ("key", &files.key),
            ("cert", &files.cert),
            ("crl", files.crl.as_ref().unwrap()),
        ] {
            self.put(name, from);
        }
    }

    fn tries(&mut self, judge: &str, cert: &str, version: &str) -> String {
        let line = trial(judge, &self.own(), cert, cert, version);
        self.input.write_all(line.as_bytes()).unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }

    /// Its log, once it has ended.
    fn ends(mut self) -> String {
        drop(self.input);
        assert!(self.child.wait().unwrap().success());
        fs::read_to_string(self.directory.path().join("log")).unwrap()
    }
}

#[test]
fn a_program_that_lives_long_follows_its_files_and_its_sessions_stay() {
    const STANDING: &str = "standing works";
    let set = |name: &str, list: &str| pki::files(name, name, "root", list);
    for judge in ROLES {
        for version in VERSIONS {
            let mut program = LongLived::start();
            let accepted = |shown: &str| format!("credentials 0 handshake 0 alert -1 {shown} {STANDING}");
            program.put_all(&set("node", "none"));
            assert_eq!(program.tries(judge, "p384", version), accepted("O=Cluster,CN=node of 1"));
            program.put_all(&set("rsa2048", "none"));
            assert_eq!(program.tries(judge, "p384", version), accepted("O=Cluster,CN=rsa2048 of 1"));
            // The peer is revoked.
            program.put("crl", set("node", "node").crl.as_deref().unwrap());
            let refused = program.tries(judge, "node", version);
            assert!(
                refused.starts_with("credentials 0 handshake -348 alert 44") && refused.ends_with(STANDING),
                "{refused}"
            );
            // Half a set, and then no key at all, change nothing.
            program.put("key", &set("node", "none").key);
            assert_eq!(program.tries(judge, "p384", version), accepted("O=Cluster,CN=rsa2048 of 1"));
            fs::remove_file(program.own().key).unwrap();
            assert_eq!(program.tries(judge, "p384", version), accepted("O=Cluster,CN=rsa2048 of 1"));
            // The old authority and a new one, and a chain.
            program.put("ca", &pki::directory().join("file/two-cas.pem"));
            program.put("key", &pki::files("by-inter", "by-inter", "root", "-").key);
            program.put("cert", &pki::files("@chain.pem", "by-inter", "root", "-").cert);
            assert_eq!(program.tries(judge, "foreign", version), accepted("O=Cluster,CN=by-inter of 2"));
            let log = program.ends();
            assert_eq!(log.matches("New certificates are in use").count(), 3, "{log}");
            assert_eq!(log.matches("are not used, those from before stay in use").count(), 2, "{log}");
        }
    }
}
