// SPDX-License-Identifier: LGPL-2.1-or-later
//! Runs one action of an OCF agent on a remote node and shows its result.
//!
//!     cargo run --example run_an_agent -- HOST PROVIDER AGENT ACTION [NAME=VALUE]...
//!
//! For a node of one's own: a cluster that uses the node drops its connection to Pacemaker's own daemon when another client
//! signs on.
#![allow(clippy::disallowed_methods, reason = "a program reads the clock")]

use pcmk_remote_rs::client::{Client, Target};
use pcmk_remote_rs::model::site::REMOTE_PORT;
use pcmk_remote_rs::model::{
    Agent, CallId, Completion, Execute, Interval, Millis, Notification, Notify, Params, Request, ResourceId,
};
use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const TIMEOUT: Millis = Millis(20_000);

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [host, provider, name, action, params @ ..] = arguments.as_slice() else {
        return Err("usage: run_an_agent HOST PROVIDER AGENT ACTION [NAME=VALUE]...".into());
    };
    let params: Params = params.iter().filter_map(|pair| pair.split_once('=')).collect();

    // The key is looked for where Pacemaker keeps it; `Target::with_key_file` names another place.
    let mut client = Client::connect(&Target::new(host, REMOTE_PORT), "run_an_agent")?;
    println!("connected: {}", client.describe());

    // The executor knows actions of resources only: the agent becomes one for as long as this program needs it.
    let resource_id = ResourceId::new("run_an_agent");
    let agent = Agent { standard: "ocf".into(), provider: Some(provider.clone()), name: name.clone() };
    call(
        &mut client,
        Request::RegisterResource { resource_id: Some(resource_id.clone()), agent, drop_recurring: true },
    )?;
    let call_id = call(
        &mut client,
        Request::Execute(Box::new(Execute {
            resource_id: Some(resource_id.clone()),
            action: action.as_str().into(),
            interval: Interval(0),
            timeout: TIMEOUT,
            start_delay: Millis(0),
            user_data: None,
            params: params.into(),
            notify: Notify::default(),
        })),
    )?;
    let done = completion(&mut client, call_id)?;
    call(&mut client, Request::UnregisterResource(Some(resource_id)))?;

    println!("{action}: {:?}, exit code {}", done.outcome.status, done.outcome.exit.0);
    if let Some(reason) = &done.outcome.reason {
        println!("reason: {reason}");
    }
    Ok(if done.outcome.exit.0 == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Asks and waits for the answer; a refusal is an error.
fn call(client: &mut Client, request: Request) -> Result<CallId, Box<dyn Error>> {
    Ok(client.call(request)?.result()?)
}

/// Waits until the operation with this number has ended.
fn completion(client: &mut Client, call_id: CallId) -> Result<Box<Completion>, Box<dyn Error>> {
    let deadline = Instant::now() + TIMEOUT.into() + Duration::from_secs(10);
    while let Some(notification) = client.next_notification(deadline)? {
        match notification {
            Notification::Completed(done) if done.call_id == call_id => return Ok(done),
            _ => {}
        }
    }
    Err("the executor did not report a result".into())
}
