// SPDX-License-Identifier: LGPL-2.1-or-later
//! `pcmk-remote exec`: one action of an agent, run by a remote node's executor.
#![allow(clippy::disallowed_methods, reason = "the tool keeps its own deadline; it is no driver")]

use super::arguments::Peer;
use super::names::{agent, parameters};
use super::{busy, words};
use crate::driver::blocking::Client;
use crate::model::{
    CallId, Completion, ExecStatus, Execute, Interval, Millis, Notification, Notify, Request, ResourceId,
};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How much longer than the action itself its result may take.
const GRACE: Duration = Duration::from_secs(10);

/// Options of `pcmk-remote exec`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The action runs under a resource id of its own, so it does not meet the cluster's operations. But Pacemaker's own \
daemon tells a cluster that uses the node of each client that signs on, and the cluster drops its connection and makes \
a new one (with this project's daemon it does not). So exec refuses to sign on, unless it can see that no cluster is \
connected, or --disturb is given.

Exit status: the agent's exit code (0 to 191); 124 timed out; 125 the action could not be run; 2 the command line is \
wrong.")]
pub(super) struct Options {
    /// Agent, as ocf:PROVIDER:TYPE or STANDARD:TYPE
    agent: String,
    /// Action: start, stop, monitor, meta-data, ...
    action: String,
    /// Parameters for the agent, as NAME=VALUE
    parameters: Vec<String>,
    /// Name or address of the remote node
    #[arg(short = 'H', long, default_value = "localhost")]
    host: String,
    #[command(flatten)]
    peer: Peer,
    /// Limit of the action, in seconds
    #[arg(short, long, default_value_t = 20)]
    timeout: u32,
    /// Resource id that the agent sees
    #[arg(long, default_value = "pcmk-remote-exec")]
    id: String,
    /// Sign on even if a cluster uses the node
    #[arg(long)]
    disturb: bool,
}

pub(super) fn run(options: &Options) -> ExitCode {
    match act(options) {
        Ok(done) => {
            show(&done);
            match done.outcome.status {
                ExecStatus::Timeout => ExitCode::from(124),
                _ => ExitCode::from(u8::try_from(done.outcome.exit.0).unwrap_or(125)),
            }
        }
        Err(problem) => {
            eprintln!("pcmk-remote exec: {problem}");
            ExitCode::from(125)
        }
    }
}

fn act(options: &Options) -> Result<Box<Completion>, String> {
    let agent = agent(&options.agent)?;
    let params = parameters(&options.parameters)?;
    if !options.disturb {
        ask_leave(&options.host, options.peer.port)?;
    }
    let id = ResourceId::new(options.id.as_str());
    let mut client = Client::connect(&options.peer.target(&options.host), "pcmk-remote-exec")
        .map_err(|problem| words::problem(&problem))?;
    call(
        &mut client,
        Request::RegisterResource { resource_id: Some(id.clone()), agent, drop_recurring: true },
    )?;
    let timeout = Duration::from_secs(u64::from(options.timeout));
    let execute = Execute {
        resource_id: Some(id.clone()),
        action: options.action.as_str().into(),
        interval: Interval(0),
        timeout: Millis::from(timeout),
        start_delay: Millis(0),
        user_data: None,
        params: Arc::new(params),
        notify: Notify { origin_only: true, changes_only: false },
    };
    let call_id = call(&mut client, Request::Execute(Box::new(execute)))?;
    let done = completion(&mut client, call_id, Instant::now() + timeout + GRACE);
    // The result matters more than whether the node has forgotten the resource.
    let _ = call(&mut client, Request::UnregisterResource(Some(id)));
    done
}

/// Is it known that no cluster would be disturbed?
fn ask_leave(host: &str, port: u16) -> Result<(), String> {
    let why = match busy::established(host, port) {
        Some(0) => return Ok(()),
        Some(count) => format!(
            "{count} connection(s) to port {port} are established, so a cluster may be using this node"
        ),
        None => format!("whether a cluster uses {host} cannot be seen from here"),
    };
    Err(format!(
        "{why}; if the node runs Pacemaker's own daemon, signing on makes the cluster drop its connection. To do it all \
         the same, add --disturb"
    ))
}

fn call(client: &mut Client, request: Request) -> Result<CallId, String> {
    let reply = client.call(request).map_err(|problem| words::call_problem(&problem))?;
    reply.result().map_err(|refused| format!("the node refused it with error {}", refused.code))
}

fn completion(client: &mut Client, call_id: CallId, deadline: Instant) -> Result<Box<Completion>, String> {
    loop {
        match client.next_notification(deadline).map_err(|problem| words::problem(&problem))? {
            Some(Notification::Completed(done)) if done.call_id == call_id => return Ok(done),
            Some(_) => {}
            None => return Err("no result came in time; the action may still be running".to_owned()),
        }
    }
}

fn show(done: &Completion) {
    let outcome = &done.outcome;
    eprintln!(
        "{} on {}: {} after {}",
        done.action,
        done.resource_id,
        words::outcome(outcome),
        done.exec_time
    );
    if let Some(reason) = &outcome.reason {
        eprintln!("{reason}");
    }
    if let Some(output) = &outcome.output {
        print!("{output}");
    }
}
