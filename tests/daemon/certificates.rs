// SPDX-License-Identifier: LGPL-2.1-or-later
//! A node that uses certificates: who becomes a client, who does not, and what others hear of it.
#[path = "../x509/pki.rs"]
#[allow(dead_code, reason = "the tests in memory need more of it")]
pub(crate) mod pki;

use crate::node::{LOG, PORT, Start, await_log, make_key};
use crate::peer::{Peer, dial, is_closed, request};
use crate::place::{LIMIT, isolated};
use crate::startup::refuses_to_start;
use pcmk_remote_rs::driver::blocking::{Client, Problem, Step, Target, check};
use pcmk_remote_rs::model::certificate_files::CertificateFiles;
use pcmk_remote_rs::model::{Notification, Request};
use pcmk_remote_rs::session::SessionError;
use pcmk_remote_rs::sys::tls::{Policy, Stream, TlsError};
use pcmk_remote_rs::transport::credentials::Credentials;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) const TLS_1_3: &str = "NORMAL:-VERS-TLS1.2";
pub(crate) const TLS_1_2: &str = "NORMAL:-VERS-TLS1.3";

/// A daemon with these files.
pub(crate) fn start(files: &CertificateFiles) -> Start {
    with_files(Start::new(), files)
}

/// The same by way of another program.
pub(crate) fn start_through(program: Command, files: &CertificateFiles) -> Start {
    with_files(Start::through(program), files)
}

fn with_files(mut start: Start, files: &CertificateFiles) -> Start {
    let paths = [
        ("PCMK_ca_file", Some(&files.ca)),
        ("PCMK_cert_file", Some(&files.cert)),
        ("PCMK_key_file", Some(&files.key)),
        ("PCMK_crl_file", files.crl.as_ref()),
    ];
    for (variable, path) in paths {
        if let Some(path) = path {
            start = start.env(variable, path.to_str().unwrap());
        }
    }
    start
}

pub(crate) fn connect(cert: &str, priorities: &str) -> Result<Client, Problem> {
    let target = Target::new("127.0.0.1", PORT).with_certificates(pki::files(cert, cert, "root", "-"));
    Client::connect(&target.with_tls_priorities(priorities), cert)
}

/// Everything that was told to a client before the answer to what it asks now.
fn told(client: &mut Client) -> Vec<Notification> {
    client.call(Request::Poke).unwrap().result().unwrap();
    let mut told = Vec::new();
    loop {
        match client.next_notification(Instant::now() + LIMIT).unwrap().expect("the poke is told") {
            Notification::Poke { .. } => return told,
            other => told.push(other),
        }
    }
}

#[test]
fn a_refused_client_is_told_so_and_no_other_client_hears_of_it() {
    isolated(|| {
        let daemon = start(&pki::files("node", "node", "root", "node-hold")).ready();
        // The node's own certificate is on its list, which only peers look at.
        let mut observer = connect("rsa2048", TLS_1_3).unwrap();
        told(&mut observer);
        for priorities in [TLS_1_3, TLS_1_2] {
            for cert in ["expired", "foreign", "node", "usage-agreement"] {
                let problem = connect(cert, priorities).unwrap_err();
                let named = matches!(
                    &problem,
                    Problem::Handshake(SessionError::Tls(
                        TlsError::CertificateRefusedByPeer(_) | TlsError::PeerAlert(_)
                    ))
                );
                assert!(named, "{cert} {priorities}: {problem:?}");
            }
        }
        assert_eq!(told(&mut observer), []);
        await_log(&["warning", "failed before it was authenticated", "certificate has expired"]);
        await_log(&["warning", "certificate revoked", "O=Cluster"]);
        let second = connect("soon", TLS_1_2).unwrap();
        assert_eq!(told(&mut observer), [Notification::NewClient]);
        await_log(&["warning", "The certificate of 127.0.0.1 (CN=soon", "in 9 days"]);
        drop((second, observer));
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn a_check_says_which_side_refuses_and_is_not_noticed() {
    isolated(|| {
        let daemon = start(&pki::files("node", "node", "root", "rsa2048-listed")).ready();
        let mut observer = connect("p384", "").unwrap();
        told(&mut observer);
        let steps = |cert: &str, ca: &str, priorities: &str, full: Option<&str>| {
            let target = Target::new("127.0.0.1", PORT).with_tls_priorities(priorities);
            let target = target.with_certificates(pki::files(cert, cert, ca, "-"));
            let mut steps = Vec::new();
            let result = check(&target, full, &mut |step| steps.push(step));
            (steps, result)
        };
        for priorities in [TLS_1_3, TLS_1_2] {
            let (found, result) = steps("rsa2048", "root", priorities, None);
            assert_eq!(result, Ok(()));
            let read = found.iter().any(|step| match step {
                Step::CertificatesRead { certificate, .. } => certificate.contains("CN=rsa2048"),
                _ => false,
            });
            let accepted = found.iter().any(|step| match step {
                Step::CertificateAccepted { subject, .. } => subject == "CN=node,O=Cluster",
                _ => false,
            });
            assert!(read && accepted, "{found:?}");
            let we_refuse = steps("rsa2048", "root2", priorities, None).1.unwrap_err();
            let text = we_refuse.to_string();
            assert!(
                text.contains("the peer's certificate is refused: ") && text.contains("CN=node"),
                "{text}"
            );
        }
        assert_eq!(told(&mut observer), []);
        let it_refuses = steps("rsa2048", "root", "", Some("check")).1.unwrap_err().to_string();
        assert!(it_refuses.contains("the peer refuses our certificate: ") && it_refuses.contains("revoked"));
        drop(observer);
        assert_eq!(daemon.stop(), Some(0));
    });
}

/// Unlike with Pacemaker's own daemon, which tells a controller of each client, so that it disconnects.
#[test]
fn a_full_check_is_not_noticed_by_the_cluster() {
    isolated(|| {
        let daemon = start(&pki::files("node", "node", "root", "-")).ready();
        let files = pki::files("p384", "p384", "root", "-");
        let mut credentials = Credentials::with_certificates(files.clone(), Policy::with_certificates());
        let mut cluster = Peer::over(dial(), &credentials.client_context().unwrap()).unwrap();
        cluster.sign_on("controller", true);
        let target = Target::new("127.0.0.1", PORT).with_certificates(files);
        check(&target, Some("check"), &mut |_| {}).unwrap();
        cluster.send_text(&request("lrmd_rsc_poke", 2, ""));
        loop {
            let text = cluster.next_text().unwrap();
            assert!(!text.contains("lrmd_rsc_new_client"), "{text}");
            if text.contains("lrmd_remote_msg_id=\"2\"") {
                break;
            }
        }
        drop(cluster);
        assert_eq!(daemon.stop(), Some(0));
    });
}

/// A session that is resumed would not be judged again, and a client that is told of authorities keeps a certificate of
/// others back, so that nothing could be said about it.
#[test]
fn no_session_is_resumed_or_negotiated_again_and_no_authority_is_named() {
    isolated(|| {
        let files = pki::files("node", "node", "root", "-");
        let daemon = start(&files).ready();
        for version in ["-tls1_3", "-tls1_2"] {
            let mut client = Command::new("openssl");
            client.args(["s_client", "-connect", &format!("127.0.0.1:{PORT}"), "-reconnect", version]);
            client.arg("-cert").arg(&files.cert).arg("-key").arg(&files.key).arg("-CAfile").arg(&files.ca);
            let mut client =
                client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            // A letter that has it negotiate again, which nothing but the end of the connection answers.
            client.stdin.take().unwrap().write_all(b"R\n").unwrap();
            let output = client.wait_with_output().unwrap();
            let [text, errors] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
            assert!(text.matches("New, TLSv1").count() > 2, "{version}: {text}");
            assert!(text.contains("No client certificate CA names sent"), "{version}: {text}");
            for word in ["Reused, TLSv1", "TLS session ticket:", "Post-Handshake New Session Ticket"] {
                assert!(!text.contains(word), "{version}: {text}");
            }
            assert!(version == "-tls1_3" || errors.contains("no renegotiation"), "{version}: {errors}");
        }
        drop(connect("p384", "").unwrap());
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn there_is_no_key_beside_certificates() {
    isolated(|| {
        make_key(4096);
        let daemon = start(&pki::files("node", "node", "root", "-")).ready();
        for priorities in [TLS_1_3, TLS_1_2] {
            let target = Target::new("127.0.0.1", PORT).with_tls_priorities(priorities);
            let problem = Client::connect(&target, "with-a-key").unwrap_err();
            assert!(matches!(problem, Problem::Handshake(_) | Problem::ClosedInHandshake), "{problem:?}");
        }
        drop(connect("p384", "").unwrap());
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn a_withheld_last_flight_makes_no_client() {
    isolated(|| {
        let daemon = start(&pki::files("node", "node", "root", "-")).ready();
        let mut observer = connect("rsa2048", "").unwrap();
        told(&mut observer);
        let begun = Instant::now();
        let mut waiting = Vec::new();
        for cert in ["p384", "expired"] {
            let files = pki::files(cert, cert, "root", "-");
            let mut credentials = Credentials::with_certificates(files, Policy::with_certificates());
            let mut tls = Stream::client(&credentials.client_context().unwrap()).unwrap();
            let mut socket = dial();
            let mut buffer = [0; 16 * 1024];
            tls.handshake().unwrap();
            // Everything but the last record is sent, which is Finished.
            while !tls.is_established() {
                socket.write_all(tls.output()).unwrap();
                tls.sent(usize::MAX);
                let count = socket.read(&mut buffer).unwrap();
                tls.feed(&buffer[..count]);
                tls.handshake().unwrap();
            }
            let flight = tls.output().to_vec();
            let last = last_record(&flight);
            socket.write_all(&flight[..last]).unwrap();
            waiting.push(socket);
        }
        assert_eq!(told(&mut observer), []);
        let [good, bad] = &mut waiting[..] else { unreachable!() };
        assert!(is_closed(bad) && begun.elapsed() < Duration::from_secs(8));
        assert!(is_closed(good) && begun.elapsed() > Duration::from_secs(9));
        assert_eq!(told(&mut observer), []);
        drop(observer);
        assert_eq!(daemon.stop(), Some(0));
    });
}

/// Where the last record of a flight begins.
fn last_record(flight: &[u8]) -> usize {
    let mut at = 0;
    loop {
        let next = at + 5 + usize::from(u16::from_be_bytes([flight[at + 3], flight[at + 4]]));
        if next >= flight.len() {
            return at;
        }
        at = next;
    }
}

#[test]
fn files_must_be_good_at_start() {
    isolated(|| {
        make_key(64);
        let copy = |files: &CertificateFiles| {
            fs::copy(&files.cert, "/etc/pacemaker/cert.pem").unwrap();
            let cert = "/etc/pacemaker/cert.pem".into();
            CertificateFiles { cert, ..files.clone() }
        };
        let files = copy(&pki::files("node", "node", "root", "-"));
        fs::write(&files.cert, "nothing").unwrap();
        refuses_to_start(
            start(&files),
            &["X.509 certificate file /etc/pacemaker/cert.pem", "no certificate"],
        );
        fs::remove_file(LOG).unwrap();
        refuses_to_start(
            start(&pki::files("node", "@fifo", "root", "-")),
            &["private key file", "regular file"],
        );
        fs::remove_file(LOG).unwrap();
        let daemon = start(&pki::files("expired", "expired", "root", "-")).ready();
        await_log(&["error", "The certificate of this node in", "has expired on"]);
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn too_few_variables_are_named_and_the_key_is_used() {
    isolated(|| {
        let key = make_key(64);
        let ca = pki::files("node", "node", "root", "-").ca;
        let daemon =
            Start::new().env("PCMK_ca_file", ca.to_str().unwrap()).env("CIB_cert_file", "/x").ready();
        await_log(&["warning", "PCMK_ca_file and CIB_cert_file are set, but not PCMK_key_file"]);
        drop(Peer::connect(&key));
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn a_key_file_for_everybody_is_warned_of() {
    isolated(|| {
        let files = pki::files("node", "node", "root", "-");
        fs::copy(&files.key, "/etc/pacemaker/key.pem").unwrap();
        fs::set_permissions("/etc/pacemaker/key.pem", fs::Permissions::from_mode(0o644)).unwrap();
        let daemon = start(&CertificateFiles { key: "/etc/pacemaker/key.pem".into(), ..files }).ready();
        await_log(&["warning", "Private key file /etc/pacemaker/key.pem", "chmod 640"]);
        assert_eq!(daemon.stop(), Some(0));
    });
}
