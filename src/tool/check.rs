// SPDX-License-Identifier: LGPL-2.1-or-later
//! `pcmk-remote check`: which layer of the way to a remote node fails, and the remedy.
use super::arguments::Peer;
use super::words;
use crate::driver::blocking::{self, Problem, Step};
use std::process::ExitCode;
use std::time::Instant;

/// Options of `pcmk-remote check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
By default the check ends before the handshake does: at TLS 1.3 the node has then shown that it accepts the key, and \
a cluster that uses the node notices nothing. With --full it signs on as a client. Pacemaker's own daemon tells the \
cluster of that, which drops its connection and makes a new one; this project's daemon does not.

Exit status: 0 nothing failed; 1 a layer failed; 2 the command line is wrong.")]
pub(super) struct Options {
    /// Name or address of the remote node
    host: String,
    #[command(flatten)]
    peer: Peer,
    /// Finish the handshake and sign on. With Pacemaker's own daemon this disturbs a cluster that uses the node
    #[arg(long)]
    full: bool,
}

#[allow(clippy::disallowed_methods, reason = "the tool times what it shows; it is no driver")]
pub(super) fn run(options: &Options) -> ExitCode {
    let target = options.peer.target(&options.host);
    println!("{} port {}", options.host, options.peer.port);
    let mut begun = Instant::now();
    let checked = blocking::check(&target, options.full.then_some("pcmk-remote-check"), &mut |step| {
        let taken = words::time(begun.elapsed());
        begun = Instant::now();
        show(&step, &taken);
    });
    match checked {
        Ok(()) if options.full => ExitCode::SUCCESS,
        Ok(()) => {
            println!(
                "  {:<9} not tried: --full signs on, which with Pacemaker's own daemon disturbs a cluster that uses the node",
                "protocol"
            );
            ExitCode::SUCCESS
        }
        Err(problem) => {
            complain(&problem);
            ExitCode::FAILURE
        }
    }
}

fn show(step: &Step, taken: &str) {
    let (layer, text) = match step {
        Step::Resolved(addresses) => {
            ("name", addresses.iter().map(|address| address.ip().to_string()).collect::<Vec<_>>().join(", "))
        }
        Step::Connected(address) => ("TCP", format!("connected to {address}")),
        Step::KeyRead(warnings) if warnings.is_empty() => ("key", "read".to_owned()),
        Step::KeyRead(warnings) => ("key", format!("read, but: {}", warnings.join("; "))),
        Step::CertificatesRead { certificate, notes } if notes.is_empty() => {
            ("key", format!("read, {certificate}"))
        }
        Step::CertificatesRead { certificate, notes } => {
            ("key", format!("read, {certificate}, but: {}", notes.join("; ")))
        }
        Step::CertificateAccepted { version, cipher, subject } => (
            "TLS",
            format!(
                "the node's certificate is accepted here ({subject}; {version}, {cipher}); only --full can tell whether it \
                 accepts ours"
            ),
        ),
        Step::KeyAccepted { version, cipher } => (
            "TLS",
            format!("the node accepts our key ({version}, {cipher}); stopped before it gained a client"),
        ),
        Step::KeyUndecided => (
            "TLS",
            "the node takes pre-shared keys, but with TLS 1.2 only --full can tell whether it accepts ours"
                .to_owned(),
        ),
        Step::SignedOn(description) => ("protocol", format!("signed on ({description})")),
    };
    println!("  {layer:<9} ok      {text}  [{taken}]");
}

fn complain(problem: &Problem) {
    println!("  {:<9} FAILED  {problem}", words::layer(problem));
    if !problem.remedy().is_empty() {
        println!("  {:<9}         {}", "", problem.remedy());
    }
}
