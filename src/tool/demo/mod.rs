// SPDX-License-Identifier: LGPL-2.1-or-later
//! `pcmk-remote demo`: a daemon with a key of its own on loopback, and an agent's whole life over TLS.

mod daemon;
mod life;

use daemon::Daemon;
use std::path::PathBuf;
use std::process::ExitCode;

/// Options of `pcmk-remote demo`.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// The daemon to show (default: the one beside this program, else the installed one)
    #[arg(long)]
    daemon: Option<PathBuf>,
    /// Agent that plays the resource, as PROVIDER:TYPE; it must keep its state in a file named by the parameter `state`
    #[arg(long, default_value = "heartbeat:Dummy")]
    agent: String,
    /// Keep the state directory (key, log, state of the resource) for a look at it
    #[arg(long)]
    keep: bool,
}

pub(super) fn run(options: &Options) -> ExitCode {
    match show(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("pcmk-remote demo: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn show(options: &Options) -> Result<(), String> {
    let (provider, agent) =
        options.agent.split_once(':').ok_or_else(|| format!("{}: not PROVIDER:TYPE", options.agent))?;
    println!("A Pacemaker Remote node on this machine, with a key of its own. Nothing else is touched.\n");
    let mut daemon = Daemon::start(options.daemon.as_deref(), options.keep)?;
    let played = life::play(&daemon, provider, agent);
    if played.is_err() {
        daemon.show_log();
    }
    let stopped = daemon.stop();
    played?;
    stopped?;
    println!("{ADVICE}");
    Ok(())
}

const ADVICE: &str = "\
To let a cluster manage this machine as a remote node:
  1. make install, then on every node, this one too, the same key:
       dd if=/dev/urandom of=/etc/pacemaker/authkey bs=4096 count=1   (once, then copy it)
       chown root:haclient /etc/pacemaker/authkey; chmod 640 /etc/pacemaker/authkey
  2. here:               systemctl enable --now pacemaker_remote
  3. on a cluster node:  pcmk-remote check THIS_HOST
                         pcs cluster node add-remote THIS_HOST
                         (or: crm configure primitive THIS_HOST ocf:pacemaker:remote)";
