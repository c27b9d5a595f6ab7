// SPDX-License-Identifier: LGPL-2.1-or-later
//! Tells whether a remote node can be reached, layer by layer, and if not, what to do about it. A cluster that uses the
//! node does not notice.
//!
//!     cargo run --example check_a_node -- HOST [PORT]

use pcmk_remote_rs::check::{Step, Target, check};
use pcmk_remote_rs::model::site::REMOTE_PORT;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(host) = arguments.next() else {
        eprintln!("usage: check_a_node HOST [PORT]");
        return ExitCode::FAILURE;
    };
    let port = arguments.next().and_then(|port| port.parse().ok()).unwrap_or(REMOTE_PORT);

    let mut show = |step: Step| match step {
        Step::Resolved(addresses) => println!("name: {addresses:?}"),
        Step::Connected(address) => println!("TCP: connected to {address}"),
        Step::KeyRead(warnings) => {
            println!("key: read");
            warnings.iter().for_each(|warning| println!("key: {warning}"));
        }
        Step::CertificatesRead { certificate, notes } => {
            println!("key: read {certificate}");
            notes.iter().for_each(|note| println!("key: {note}"));
        }
        Step::CertificateAccepted { version, cipher, subject } => {
            println!("TLS: {version}, {cipher}; the certificate of {subject} is accepted here")
        }
        Step::KeyAccepted { version, cipher } => {
            println!("TLS: {version}, {cipher}; the node has the same key")
        }
        Step::KeyUndecided => {
            println!("TLS: 1.2; only a client that signs on finds out whether the keys are the same")
        }
        Step::SignedOn(versions) => println!("signed on: {versions}"),
    };
    match check(&Target::new(&host, port), None, &mut show) {
        Ok(()) => {
            println!("{host} can be reached");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            println!("{host} cannot be reached: {problem}");
            println!("remedy: {}", problem.remedy());
            ExitCode::FAILURE
        }
    }
}
