// SPDX-License-Identifier: LGPL-2.1-or-later
//! Certificates with real peers: the distribution's daemon and library of 3.0 and ours, either on either side, judge the
//! chains of tests/pki alike, and callers get the codes and events that a controller understands.
#[path = "../x509/pki.rs"]
#[allow(dead_code, reason = "the tests in memory need more of it")]
mod pki;

use crate::place::{self, eventually};
use crate::release::{Build, Release};
use crate::site::{Server, Site};
use pcmk_remote_rs::driver::blocking::{self, Client, Target};
use pcmk_remote_rs::sys::x509;
use pki::Case;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const TLS_1_3: &str = "NORMAL:-VERS-ALL:+VERS-TLS1.3";
const TLS_1_2: &str = "NORMAL:-VERS-ALL:+VERS-TLS1.2";

/// Both ends of a trial.
struct Peers {
    server: Server,
    /// Where our library is; None: the distribution's is used.
    library: Option<PathBuf>,
    binary: PathBuf,
}

impl Peers {
    fn are_all() -> Vec<Self> {
        let release = Release::V3_0;
        let ours = release.our_library();
        let binary = release.program("certificates", Build::Plain);
        let with = |server, library: Option<&PathBuf>| Self {
            server,
            library: library.cloned(),
            binary: binary.clone(),
        };
        vec![
            with(Server::Ours, None),
            with(Server::Distribution, Some(&ours)),
            with(Server::Ours, Some(&ours)),
        ]
    }

    fn describe(&self) -> String {
        let library = if self.library.is_some() { "ours" } else { "the distribution's" };
        format!("daemon {:?}, library {library}", self.server)
    }
}

/// What the program printed of a case: `NAME:VERSION WAY` to the result and the events.
type Results = BTreeMap<String, String>;

/// Lines for the program.
#[derive(Default)]
struct Trials(String);

impl Trials {
    fn add(&mut self, name: &str, files: [&str; 4], version: &str, priorities: &str, ways: &str) {
        let [cert, key, ca, crl] = files;
        writeln!(self.0, "{name}:{version} {cert} {key} {ca} {crl} {priorities} {ways}").unwrap();
    }

    fn run(&self, site: &Site, peers: &Peers) -> Results {
        self.run_with(site, peers, &[])
    }

    /// The same with more in the program's environment.
    fn run_with(&self, site: &Site, peers: &Peers, environment: &[(&str, &str)]) -> Results {
        let text = site.run_cases(&peers.binary, peers.library.as_deref(), environment, &self.0);
        let split = |line: &str| {
            let (name, rest) = line.split_once(' ').unwrap();
            let (way, result) = rest.split_once(' ').unwrap();
            (format!("{name} {way}"), result.to_owned())
        };
        text.lines().map(split).collect()
    }
}

/// A file of the tables as it is seen inside.
fn shown(path: &Path) -> String {
    crate::site::inside(path)
}

fn files(case: &Case, ca: &str, crl: &str) -> [String; 4] {
    let files = pki::files(case.cert, case.key, ca, crl);
    let crl = files.crl.as_deref().map_or_else(|| "-".to_owned(), shown);
    [shown(&files.cert), shown(&files.key), shown(&files.ca), crl]
}

fn good() -> Case {
    Case { name: "good", cert: "node", key: "node", ca: "root", crl: "-", outcome: "accept" }
}

/// The environment of a daemon.
fn environment(files: &[String; 4]) -> Vec<(&'static str, &str)> {
    let names = ["PCMK_cert_file", "PCMK_key_file", "PCMK_ca_file", "PCMK_crl_file"];
    names
        .into_iter()
        .zip(files)
        .filter(|(_, path)| *path != "-")
        .map(|(name, path)| (name, path.as_str()))
        .collect()
}

/// With GnuTLS on either side some things cannot be shown at all, and one is judged less strictly.
fn outcome(case: &Case, judge_is_ours: bool) -> &'static str {
    if case.name == "lists-newer-other-key" && !judge_is_ours { "accept" } else { case.outcome }
}

fn check(wrong: &mut Vec<String>, peers: &Peers, results: &Results, name: &str, expected: &str) {
    let result = results.get(&format!("{name} waited")).map(String::as_str);
    let accepted = result.is_some_and(|result| result.starts_with('0'));
    if result.is_none() || accepted != (expected == "accept") {
        wrong.push(format!("{}: {name}: {result:?}, expected {expected}", peers.describe()));
    }
}

/// Each daemon judges the certificates that each library shows.
#[test]
fn daemons_judge_every_chain_as_pacemaker_does() {
    let all = Peers::are_all();
    let mut groups: BTreeMap<(&str, &str), Vec<Case>> = BTreeMap::new();
    for case in pki::verify() {
        groups.entry((case.ca, case.crl)).or_default().push(case);
    }
    place::isolated(move || {
        let site = Site::new(Release::V3_0);
        let mut wrong = Vec::new();
        for ((ca, crl), cases) in &groups {
            let mut trials = Trials::default();
            for case in cases {
                let files = files(case, "root", "-");
                for (version, priorities) in [("1.3", TLS_1_3), ("1.2", TLS_1_2)] {
                    trials.add(
                        case.name,
                        files.each_ref().map(String::as_str),
                        version,
                        priorities,
                        "waited",
                    );
                }
            }
            let settings = files(&good(), ca, crl);
            for server in [Server::Ours, Server::Distribution] {
                let daemon = site.serve_with(server, &environment(&settings));
                for peers in all.iter().filter(|peers| peers.server == server) {
                    let results = trials.run(&site, peers);
                    for case in cases {
                        // GnuTLS's client shows Ed448 and RSA-PSS, and takes no part in 1.2 with them.
                        let of_gnutls = peers.library.is_none()
                            && ["ed25519", "ed448", "rsapss-key"].contains(&case.name);
                        for version in
                            ["1.3", "1.2"].into_iter().filter(|version| !of_gnutls || *version == "1.3")
                        {
                            let expected = outcome(case, server == Server::Ours);
                            check(&mut wrong, peers, &results, &format!("{}:{version}", case.name), expected);
                        }
                    }
                }
                drop(daemon);
            }
        }
        assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    });
}

/// Of each kind one: what a daemon shows, and each library judges.
const SHOWN: [&str; 26] = [
    "good",
    "rsa2048",
    "rsapss-key",
    "ed25519",
    "p384",
    "rsa1024",
    "rsapss-signature",
    "chain",
    "chain-disorder",
    "issuer-missing",
    "issuer-in-ca-file",
    "issuer-not-ca",
    "issuer-vague",
    "cross-signed",
    "foreign",
    "impostor",
    "self-signed-pinned",
    "expired",
    "not-yet-valid",
    "purpose-client",
    "usage-encipherment",
    "names-broken",
    "list-node",
    "list-past-node",
    "lists-newer-other-key",
    "list-chain-issuer",
];

#[test]
fn libraries_judge_what_daemons_show_as_pacemaker_does() {
    let all = Peers::are_all();
    let cases: Vec<_> = pki::verify().into_iter().filter(|case| SHOWN.contains(&case.name)).collect();
    assert_eq!(cases.len(), SHOWN.len());
    place::isolated(move || {
        let site = Site::new(Release::V3_0);
        let mut wrong = Vec::new();
        for case in &cases {
            let mut trials = Trials::default();
            let client = files(&good(), case.ca, case.crl);
            for (version, priorities) in [("1.3", TLS_1_3), ("1.2", TLS_1_2)] {
                trials.add(case.name, client.each_ref().map(String::as_str), version, priorities, "waited");
            }
            let settings = files(case, "root", "-");
            for server in [Server::Ours, Server::Distribution] {
                let daemon = site.serve_with(server, &environment(&settings));
                for peers in all.iter().filter(|peers| peers.server == server) {
                    let results = trials.run(&site, peers);
                    for version in ["1.3", "1.2"] {
                        let expected = outcome(case, peers.library.is_some());
                        check(&mut wrong, peers, &results, &format!("{}:{version}", case.name), expected);
                    }
                }
                drop(daemon);
            }
        }
        assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    });
}

/// What a caller of our library gets, with either daemon.
#[test]
fn a_refusal_is_a_failed_connect_at_once_with_a_code_that_fits() {
    let all = Peers::are_all();
    place::isolated(move || {
        let site = Site::new(Release::V3_0);
        let with = |cert, ca| Case { name: "", cert, key: cert, ca, crl: "-", outcome: "" };
        let (expired, foreign) = (files(&with("expired", "root"), "root", "-"), files(&good(), "root2", "-"));
        let missing = files(&Case { key: "@missing", ..good() }, "root", "-");
        let mut trials = Trials::default();
        for (version, priorities) in [("1.3", TLS_1_3), ("1.2", TLS_1_2)] {
            for (name, files) in
                [("we-are-refused", &expired), ("we-refuse", &foreign), ("own-files", &missing)]
            {
                trials.add(name, files.each_ref().map(String::as_str), version, priorities, "both");
            }
            trials.add("we-have-a-key", ["-"; 4], version, priorities, "both");
        }
        let settings = files(&good(), "root", "-");
        for peers in all.iter().filter(|peers| peers.library.is_some()) {
            let daemon = site.serve_with(peers.server, &environment(&settings));
            let results = trials.run(&site, peers);
            drop(daemon);
            // Upstream's daemon sends no alert, so that a refusal behind the handshake is not certain.
            let (waited, event) = if peers.server == Server::Ours {
                ("-129 disconnect", "0 connect=-129 disconnect")
            } else {
                ("-70 disconnect", "0 connect=-103 disconnect")
            };
            for (case, expected) in [
                ("we-are-refused:1.3 waited", waited),
                ("we-are-refused:1.3 async", event),
                ("we-are-refused:1.2 waited", "-129 disconnect"),
                ("we-are-refused:1.2 async", "0 connect=-129 disconnect"),
                ("we-refuse:1.3 waited", "-129 disconnect"),
                ("we-refuse:1.3 async", "0 connect=-129 disconnect"),
                ("we-refuse:1.2 waited", "-129 disconnect"),
                ("we-refuse:1.2 async", "0 connect=-129 disconnect"),
                ("own-files:1.3 waited", "-61 disconnect"),
                ("own-files:1.3 async", "0 disconnect connect=-61"),
                ("we-have-a-key:1.3 waited", "-129 disconnect"),
                ("we-have-a-key:1.2 async", "0 connect=-129 disconnect"),
            ] {
                let got = results.get(case).map(String::as_str);
                assert_eq!(got, Some(expected), "{}: {case}\n{}", peers.describe(), site.log());
            }
        }
    });
}

/// A good case whose list, and whose certificate, are these.
fn with(cert: &'static str, crl: &'static str) -> Case {
    Case { cert, key: cert, crl, ..good() }
}

fn fingerprint(name: &str) -> String {
    let file = std::fs::read(pki::files(name, name, "root", "-").cert).unwrap();
    x509::certificates(&file).unwrap()[0].fingerprint().unwrap().to_string()
}

/// Our library with an option, on one daemon: 0 and no words, or a code and words of the log.
struct Demand<'a> {
    list: &'static str,
    option: (&'static str, &'a str),
    code: &'static str,
    words: &'static str,
}

impl Demand<'_> {
    /// A refusal is told in two ways; to be let in is the same in both.
    fn ways(&self) -> &'static str {
        if self.code == "0" { "waited" } else { "both" }
    }
}

fn demanded(site: &Site, peers: &Peers, demands: &[Demand<'_>]) {
    for demand in demands {
        let client = files(&good(), "root", demand.list);
        let mut trials = Trials::default();
        for (version, priorities) in [("1.3", TLS_1_3), ("1.2", TLS_1_2)] {
            trials.add("demand", client.each_ref().map(String::as_str), version, priorities, demand.ways());
        }
        let told = |log: String| log.matches(demand.words).count();
        let before = told(site.log());
        let results = trials.run_with(site, peers, &[demand.option]);
        assert_eq!(results.len(), if demand.ways() == "both" { 4 } else { 2 });
        for (trial, result) in &results {
            let code = result.rsplit_once("connect=").map_or(&**result, |(_, code)| code);
            let context = format!("{}, {:?}: {trial}: {result}", peers.describe(), demand.option);
            assert_eq!(code.split(' ').next(), Some(demand.code), "{context}\n{}", site.log());
        }
        let log = site.log();
        assert!(demand.words.is_empty() || told(log.clone()) > before, "{:?}: {log}", demand.option);
    }
}

/// The library's options, whichever daemon is on the other side.
#[test]
fn our_library_demands_more_of_either_daemon_by_options() {
    let own = fingerprint("purpose-server");
    let other = fingerprint("node");
    let all = Peers::are_all();
    place::isolated(move || {
        let site = Site::new(Release::V3_0);
        let met = |variable, value, list| Demand { list, option: (variable, value), code: "0", words: "" };
        let unmet =
            |variable, value, list, words| Demand { list, option: (variable, value), code: "-129", words };
        for peers in all.iter().filter(|peers| peers.library.is_some()) {
            let shown = files(&with("purpose-server", "-"), "root", "-");
            let daemon = site.serve_with(peers.server, &environment(&shown));
            demanded(
                &site,
                peers,
                &[
                    met("PCMK_tls_verify_host", "yes", "-"),
                    met("PCMK_tls_verify_purpose", "yes", "-"),
                    met("PCMK_tls_peer_names", "n1,localhost", "-"),
                    met("PCMK_tls_peer_fingerprints", &own, "-"),
                    met("PCMK_tls_require_crl", "yes", "none"),
                    met("PCMK_tls_security_level", "3", "-"),
                    met("PCMK_tls_min_curve_bits", "256", "-"),
                    unmet("PCMK_tls_peer_names", "n1", "-", "its subjectAltName has none of the names n1"),
                    unmet("PCMK_tls_peer_fingerprints", &other, "-", "is not allowed"),
                    unmet("PCMK_tls_require_crl", "yes", "past-none", "revoked: CRL has expired"),
                    unmet("PCMK_tls_min_curve_bits", "384", "-", "256 bits, 384 are demanded"),
                    Demand {
                        list: "-",
                        option: ("PCMK_tls_require_crl", "yes"),
                        code: "-71",
                        words: "PCMK_tls_require_crl is set, but PCMK_crl_file is not",
                    },
                    Demand {
                        list: "-",
                        option: ("PCMK_tls_security_level", "x"),
                        code: "-71",
                        words: "PCMK_tls_security_level is \"x\": not a security level",
                    },
                ],
            );
            drop(daemon);
            for (cert, demand) in [
                (
                    "other-host",
                    unmet("PCMK_tls_verify_host", "yes", "-", "its subjectAltName lacks '127.0.0.1'"),
                ),
                ("purpose-client", unmet("PCMK_tls_verify_purpose", "yes", "-", "lacks serverAuth")),
                ("rsa2048", unmet("PCMK_tls_min_rsa_bits", "3072", "-", "2048 bits, 3072 are demanded")),
                ("rsa1024", unmet("PCMK_tls_security_level", "2", "-", "key too weak")),
                ("rsa2048", met("PCMK_tls_min_rsa_bits", "2048", "-")),
            ] {
                let daemon =
                    site.serve_with(peers.server, &environment(&files(&with(cert, "-"), "root", "-")));
                demanded(&site, peers, &[demand]);
                drop(daemon);
            }
        }
    });
}

/// The daemon's options, with an unmodified library on the other side.
#[test]
fn our_daemon_demands_more_of_the_distributions_library_by_options() {
    let p384 = fingerprint("p384");
    let all = Peers::are_all();
    place::isolated(move || {
        let site = Site::new(Release::V3_0);
        let peers = all.iter().find(|peers| peers.library.is_none()).unwrap();
        for (variable, value, accepted, refused, words) in [
            ("PCMK_tls_peer_names", "elsewhere.example", "other-host", "node", "none of the names"),
            ("PCMK_tls_peer_fingerprints", &*p384, "p384", "node", "SHA-256 fingerprint"),
            ("PCMK_tls_verify_purpose", "yes", "purpose-client", "purpose-server", "lacks clientAuth"),
            ("PCMK_tls_security_level", "2", "rsa2048", "rsa1024", "key too weak"),
            ("PCMK_tls_min_rsa_bits", "3072", "rsa3072", "rsa2048", "3072 are demanded"),
        ] {
            let settings = files(&good(), "root", "-");
            let settings: Vec<_> = environment(&settings).into_iter().chain([(variable, value)]).collect();
            let daemon = site.serve_with(peers.server, &settings);
            let mut trials = Trials::default();
            for cert in [accepted, refused] {
                let files = files(&with(cert, "-"), "root", "-");
                for (version, priorities) in [("1.3", TLS_1_3), ("1.2", TLS_1_2)] {
                    trials.add(cert, files.each_ref().map(String::as_str), version, priorities, "waited");
                }
            }
            let results = trials.run(&site, peers);
            for version in ["1.3", "1.2"] {
                let code = |cert| results[&format!("{cert}:{version} waited")].starts_with('0');
                assert!(code(accepted) && !code(refused), "{variable}: {results:?}\n{}", site.log());
            }
            eventually("the log says why", || site.log().contains(words));
            drop(daemon);
        }
    });
}

/// Pacemaker 2.1 knows keys alone. Whoever meets it with certificates says so.
#[test]
fn a_peer_of_2_1_meets_certificates_and_a_clear_line_says_so() {
    const LINE: &str = "uses the pre-shared key, as Pacemaker 2.1 does";
    const REFUSES: &str = "authenticated: the peer refuses our certificate";
    let release = Release::V2_1;
    let program = release.program("certificates", Build::Plain);
    let library = release.our_library();
    release.remoted();
    place::isolated(move || {
        let site = Site::new(release);
        let settings = files(&good(), "root", "-");
        for library in [None, Some(&*library)] {
            for (version, priorities) in [("1.3", TLS_1_3), ("1.2", TLS_1_2)] {
                // One daemon has few lines for one source.
                let daemon = site.serve_with(Server::Ours, &environment(&settings));
                let mut trials = Trials::default();
                let shown = settings.each_ref().map(String::as_str);
                trials.add("key", ["-"; 4], version, priorities, "waited");
                trials.add("files", shown, version, priorities, "waited");
                // Our library trusts no authority where it uses a key, and says that in its alert at TLS 1.3.
                let lines =
                    || [LINE, REFUSES].map(|line| site.log().matches(line).count()).iter().sum::<usize>();
                let before = lines();
                let text = site.run_cases(&program, library, &[], &trials.0);
                assert!(text.lines().all(|line| line.contains(" waited -")), "{text}");
                eventually("each peer has its line", || lines() >= before + 2);
                drop(daemon);
            }
        }
        let log = site.log();
        for line in [
            "the peer uses certificates (PCMK_ca_file",
            "have no effect: programs of Pacemaker 2.1 use the pre-shared key alone",
        ] {
            assert!(log.contains(line), "{line}: {log}");
        }

        let daemon = site.serve(Server::Distribution);
        for priorities in [TLS_1_3, TLS_1_2] {
            let target = Target::new("127.0.0.1", crate::site::PORT).with_tls_priorities(priorities);
            let target = target.with_certificates(pki::files("node", "node", "root", "-"));
            for problem in [
                Client::connect(&target, "client").unwrap_err(),
                blocking::check(&target, None, &mut |_| {}).unwrap_err(),
            ] {
                let text = problem.to_string();
                assert!(text.contains(LINE), "{text}");
            }
        }
        drop(daemon);
    });
}

/// A daemon that accepts the key beside certificates tells clients of GnuTLS and of OpenSSL apart.
#[test]
fn while_a_cluster_changes_over_clients_with_a_key_and_with_certificates_are_accepted() {
    let all = Peers::are_all();
    place::isolated(move || {
        let site = Site::new(Release::V3_0);
        let expired = files(&Case { cert: "expired", key: "expired", ..good() }, "root", "-");
        let settings = files(&good(), "root", "-");
        let mut trials = Trials::default();
        for (version, priorities) in [("1.3", TLS_1_3), ("1.2", TLS_1_2), ("any", "NORMAL")] {
            for (name, files) in [("certificate", &settings), ("expired", &expired)] {
                trials.add(name, files.each_ref().map(String::as_str), version, priorities, "waited");
            }
            trials.add("key", ["-"; 4], version, priorities, "waited");
        }
        let mut wrong = Vec::new();
        for (is_set, with_key) in [("yes", "accept"), ("no", "refuse")] {
            let mut variables = environment(&settings);
            variables.push(("PCMK_tls_accept_psk", is_set));
            let daemon = site.serve_with(Server::Ours, &variables);
            for peers in all.iter().filter(|peers| peers.server == Server::Ours) {
                let results = trials.run(&site, peers);
                for version in ["1.3", "1.2", "any"] {
                    for (name, expected) in
                        [("certificate", "accept"), ("expired", "refuse"), ("key", with_key)]
                    {
                        check(&mut wrong, peers, &results, &format!("{name}:{version}"), expected);
                    }
                }
            }
            drop(daemon);
        }
        assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), site.log());
    });
}

/// A program that lives long has whole new certificates at its next connection, and the last good ones otherwise.
#[test]
fn a_librarys_certificates_are_replaced_as_a_whole() {
    let release = Release::V3_0;
    let (library, binary) = (release.our_library(), release.program("rotation", Build::Plain));
    place::isolated(move || {
        let site = Site::new(release);
        let cert = |name: &str| shown(&pki::directory().join("cert").join(name).with_extension("pem"));
        let key = |name: &str| shown(&pki::directory().join("key").join(name).with_extension("pem"));
        let unchanged = || "-".to_owned();
        // Name, files, the certificate that is shown; None: the connection is refused.
        let steps = [
            ("first", [cert("rsa2048"), key("rsa2048"), cert("root")], Some("rsa2048")),
            ("renewed", [cert("p384"), key("p384"), unchanged()], Some("p384")),
            ("half", [unchanged(), key("node"), unchanged()], Some("p384")),
            ("gone", [unchanged(), "gone".to_owned(), unchanged()], Some("p384")),
            ("whole", [cert("node"), key("node"), unchanged()], Some("node")),
            ("authority-alone", [unchanged(), unchanged(), cert("root2")], Some("node")),
            ("another-cluster", [cert("foreign"), key("foreign"), unchanged()], None),
            ("back", [cert("p384"), key("p384"), cert("root")], Some("p384")),
        ];
        let mut cases = String::new();
        for (name, files, _) in &steps {
            writeln!(cases, "{name} {}", files.join(" ")).unwrap();
        }
        let settings = files(&good(), "root", "-");
        for server in [Server::Ours, Server::Distribution] {
            let _ = std::fs::remove_file(site.log_file());
            let daemon = site.serve_with(server, &environment(&settings));
            let printed = site.run_cases(&binary, Some(&library), &[], &cases);
            if server == Server::Ours {
                eventually("the last connection is logged", || site.log().contains("back connected"));
            }
            drop(daemon);
            let results: Vec<_> = printed.lines().map(|line| line.split(' ').collect::<Vec<_>>()).collect();
            assert_eq!(results.len(), steps.len(), "{printed}");
            for ((name, _, shows), result) in steps.iter().zip(&results) {
                assert_eq!((result[0], result[2]), (*name, "0"), "{server:?}: {printed}\n{}", site.log());
                assert_eq!(result[1] == "0", shows.is_some(), "{server:?}: {printed}\n{}", site.log());
            }
            if server == Server::Ours {
                let log = site.log();
                let names = log.lines().filter_map(|line| line.split_once(") as CN=")?.1.split_once(','));
                let names: Vec<_> = names.map(|(name, _)| name).collect();
                assert_eq!(
                    names,
                    steps.iter().filter_map(|(_, _, shows)| *shows).collect::<Vec<_>>(),
                    "{log}"
                );
            }
        }
    });
}
