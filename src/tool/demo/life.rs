// SPDX-License-Identifier: LGPL-2.1-or-later
//! The life of one resource: each operation, its result and its time.
#![allow(clippy::disallowed_methods, reason = "the tool times what it shows; it is no driver")]

use super::daemon::Daemon;
use crate::driver::blocking::{Client, Target};
use crate::model::{
    Agent, CallId, Cancel, Completion, ExecStatus, Execute, Interval, Millis, Notification, Notify, OcfExit,
    Params, Request, ResourceId,
};
use crate::tool::words;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

const RESOURCE: &str = "web";
const INTERVAL: Interval = Interval(500);
const TIMEOUT: Millis = Millis(20_000);

/// The show: a client and what it plays with.
struct Show<'a> {
    client: Client,
    daemon: &'a Daemon,
    params: Arc<Params>,
}

/// Plays the whole life; an error says what did not go as it must.
pub(super) fn play(daemon: &Daemon, provider: &str, name: &str) -> Result<(), String> {
    let mut show = Show::connect(daemon)?;
    println!("\n  {:<36}{:<24}{:>10}", "operation", "result", "time");
    show.register(provider, name)?;
    show.once("monitor", "probe", OcfExit::NOT_RUNNING)?;
    show.once("start", "start", OcfExit::OK)?;
    let call = show.monitor_recurring()?;
    show.fail(call)?;
    println!("  recovery, as a cluster does it:");
    show.cancel()?;
    show.once("stop", "stop", OcfExit::OK)?;
    show.once("start", "start", OcfExit::OK)?;
    show.monitor_recurring()?;
    show.cancel()?;
    show.once("stop", "stop", OcfExit::OK)?;
    show.once("monitor", "probe", OcfExit::NOT_RUNNING)?;
    show.unregister()
}

impl<'a> Show<'a> {
    fn connect(daemon: &'a Daemon) -> Result<Self, String> {
        let begun = Instant::now();
        let target = Target::new("127.0.0.1", daemon.port).with_key_file(daemon.key());
        let client =
            Client::connect(&target, "pcmk-remote-demo").map_err(|problem| words::problem(&problem))?;
        println!("  client   {}, {}", client.describe(), words::time(begun.elapsed()));
        let state = daemon.resource_state().to_string_lossy().into_owned();
        let params = Params::from_iter([("state", state.as_str()), ("crm_feature_set", "3.16.2")]);
        Ok(Self { client, daemon, params: Arc::new(params) })
    }

    fn register(&mut self, provider: &str, name: &str) -> Result<(), String> {
        let agent = Agent { standard: "ocf".into(), provider: Some(provider.into()), name: name.into() };
        let what = format!("register {RESOURCE}, {agent}");
        let request = Request::RegisterResource { resource_id: Some(id()), agent, drop_recurring: true };
        self.ask(&what, request)
    }

    fn unregister(&mut self) -> Result<(), String> {
        self.ask(&format!("unregister {RESOURCE}"), Request::UnregisterResource(Some(id())))
    }

    fn cancel(&mut self) -> Result<(), String> {
        let cancel = Cancel { resource_id: Some(id()), action: Some("monitor".into()), interval: INTERVAL };
        self.ask("cancel the recurring monitor", Request::Cancel(cancel))
    }

    /// Asks and shows the answer; refusals are errors.
    fn ask(&mut self, what: &str, request: Request) -> Result<(), String> {
        let begun = Instant::now();
        let reply = self
            .client
            .call(request)
            .map_err(|problem| format!("{what}: {}", words::call_problem(&problem)))?;
        let taken = begun.elapsed();
        reply.result().map_err(|refused| format!("{what}: refused with error {}", refused.code))?;
        line(what, "accepted", taken);
        Ok(())
    }

    /// Runs an action once; its result must be `expected`.
    fn once(&mut self, action: &str, label: &str, expected: OcfExit) -> Result<(), String> {
        let begun = Instant::now();
        let call = self.execute(action, Interval(0))?;
        let done = self.completion(call)?;
        show(label, &done, begun.elapsed());
        expect(label, &done, expected)
    }

    /// Starts the recurring monitor and waits for its first result; the operation's call id.
    fn monitor_recurring(&mut self) -> Result<CallId, String> {
        let begun = Instant::now();
        let call = self.execute("monitor", INTERVAL)?;
        let done = self.completion(call)?;
        show(&format!("monitor, every {INTERVAL}"), &done, begun.elapsed());
        expect("monitor", &done, OcfExit::OK)?;
        Ok(call)
    }

    /// Takes the resource's state away and waits until the executor reports it by itself.
    fn fail(&mut self, call: CallId) -> Result<(), String> {
        let state = self.daemon.resource_state();
        fs::remove_file(&state).map_err(|problem| format!("cannot remove {}: {problem}", state.display()))?;
        println!("  the resource is made to fail: its state file is removed");
        let begun = Instant::now();
        let done = self.completion(call)?;
        show("monitor, reported by itself", &done, begun.elapsed());
        expect("monitor", &done, OcfExit::NOT_RUNNING)
    }

    fn execute(&mut self, action: &str, interval: Interval) -> Result<CallId, String> {
        let execute = Execute {
            resource_id: Some(id()),
            action: action.into(),
            interval,
            timeout: TIMEOUT,
            start_delay: Millis(0),
            user_data: None,
            params: Arc::clone(&self.params),
            notify: Notify { origin_only: false, changes_only: true },
        };
        let reply = self.client.call(Request::Execute(Box::new(execute)));
        let reply = reply.map_err(|problem| words::call_problem(&problem))?;
        reply.result().map_err(|refused| format!("{action}: refused with error {}", refused.code))
    }

    /// The next result of the operation with this call id. A cancelled operation's last word is passed over.
    fn completion(&mut self, call: CallId) -> Result<Box<Completion>, String> {
        let deadline = Instant::now() + Duration::from_millis(TIMEOUT.0);
        loop {
            let news = self.client.next_notification(deadline).map_err(|problem| words::problem(&problem))?;
            match news {
                Some(Notification::Completed(done))
                    if done.call_id == call && done.outcome.status != ExecStatus::Cancelled =>
                {
                    return Ok(done);
                }
                Some(_) => {}
                None => return Err(format!("no result of operation {} within {TIMEOUT}", call.0)),
            }
        }
    }
}

fn id() -> ResourceId {
    ResourceId::new(RESOURCE)
}

fn line(what: &str, result: &str, taken: Duration) {
    println!("  {what:<36}{result:<24}{:>10}", words::time(taken));
}

fn show(label: &str, done: &Completion, taken: Duration) {
    line(label, &words::outcome(&done.outcome), taken);
    if let Some(reason) = &done.outcome.reason {
        println!("      {reason}");
    }
}

fn expect(label: &str, done: &Completion, expected: OcfExit) -> Result<(), String> {
    if done.outcome.exit == expected && done.outcome.status == ExecStatus::Done {
        return Ok(());
    }
    let output = done.outcome.output.as_deref().unwrap_or("the agent printed nothing");
    Err(format!(
        "{label} ended with {}, not {}: {output}",
        words::outcome(&done.outcome),
        words::exit(expected)
    ))
}
