// SPDX-License-Identifier: LGPL-2.1-or-later
//! `pcmk-remote`: shows, checks and uses a Pacemaker Remote daemon, and a node's agents, from the command line.
#![forbid(unsafe_code)]

mod arguments;
mod busy;
mod check;
mod demo;
mod exec;
mod explain;
mod list;
mod metadata;
mod names;
mod status;
mod words;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Shows, checks and uses a Pacemaker Remote daemon.
#[derive(Debug, Parser)]
#[command(name = "pcmk-remote", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Run a daemon of its own on loopback and show an OCF agent's whole life over TLS
    Demo(demo::Options),
    /// Tell which layer of the way to a remote node fails (name, TCP, key, TLS, protocol) and the remedy
    Check(check::Options),
    /// Run one action of an agent through a remote node's executor and show its result
    Exec(exec::Options),
    /// List the agents of this node: standards, providers, or the agents of a standard
    List(list::Options),
    /// Print what an agent of this node says of itself, an XML document
    Metadata(metadata::Options),
    /// Show what an action would be on this node, without running it
    Explain(explain::Options),
    /// Show what the daemons of this node do: clients, resources, results, what runs and what waits
    Status(status::Options),
}

/// The program: reads the command line, acts, tells.
pub fn main() -> ExitCode {
    match Arguments::parse().action {
        Action::Demo(options) => demo::run(&options),
        Action::Check(options) => check::run(&options),
        Action::Exec(options) => exec::run(&options),
        Action::List(options) => list::run(&options),
        Action::Metadata(options) => metadata::run(&options),
        Action::Explain(options) => explain::run(&options),
        Action::Status(options) => status::run(&options),
    }
}
