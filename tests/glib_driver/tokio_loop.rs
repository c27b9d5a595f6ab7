// SPDX-License-Identifier: LGPL-2.1-or-later
//! The same executor on tokio: its hub, with the driver's own children and clock.
use crate::recorder::{Node, Recorder, agents, settings, shown};
use crate::script::{Lines, Script};
use pcmk_remote_rs::core::{Input, PeerId, RequestToken, RunId, Server};
use pcmk_remote_rs::driver::hub::{Carrier, Excess, Hub, Inbox, Next};
use pcmk_remote_rs::driver::tokio::Units;
use pcmk_remote_rs::driver::tokio::children::{Asked, RunHandle, start, start_alert};
use pcmk_remote_rs::driver::tokio::{Progress, Starter};
use pcmk_remote_rs::model::{
    Alert, ClientId, DeviceState, Execution, KillScope, Moment, Notification, Now, Reply,
};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tokio::task::LocalSet;

struct OnTokio {
    origin: Instant,
    starter: Starter,
    recorder: Recorder,
}

impl Carrier for OnTokio {
    type Remote = u64;
    type Local = u64;
    type Encoded = String;
    type Run = RunHandle;

    fn now(&self) -> Now {
        Now { mono: Moment::new(self.origin.elapsed()), epoch_s: 1 }
    }

    fn new_client_id(&mut self, peer: PeerId) -> ClientId {
        ClientId::new(format!("uuid-{}", peer.0))
    }

    fn send_reply(&mut self, to: &u64, token: RequestToken, reply: &Reply) -> usize {
        self.recorder.reply(*to, token, reply);
        0
    }

    fn encode(notification: &Notification) -> String {
        shown(notification)
    }

    fn send_notification(&mut self, to: &u64, notification: &String) -> usize {
        self.recorder.told(*to, notification);
        0
    }

    fn flush(&mut self, _: &u64) -> usize {
        0
    }

    fn hold(&mut self, _: &u64, _: bool) {}
    fn close(&mut self, _: &u64, _: Option<Excess>) {}
    fn say_goodbye(&mut self, _: &u64) {}
    fn respond(&mut self, _: &u64, _: i32, _: &str) {}
    fn send_event(&mut self, _: &u64, _: &str, _: Option<&Arc<str>>) {}

    fn waiting(&self, _: &u64) -> usize {
        0
    }

    fn hold_local(&mut self, _: &u64, _: bool) {}
    fn disconnect(&mut self, _: &u64, _: Option<Excess>) {}
    fn accept_proxied(&mut self, _: bool) {}

    fn run(&mut self, run: RunId, owner: Option<PeerId>, execution: &Execution) -> RunHandle {
        start(Asked { run, owner }, execution, &self.starter, &Units::default())
    }

    fn run_alert(&mut self, run: RunId, owner: Option<PeerId>, alert: &Alert) -> RunHandle {
        start_alert(Asked { run, owner }, alert, &self.starter)
    }

    fn fence(&mut self, _: RunId, _: Box<Execution>, _: DeviceState) -> RunHandle {
        RunHandle::default()
    }

    fn kill(&mut self, run: &RunHandle, scope: KillScope) {
        run.kill(scope, &self.starter);
    }

    fn stop_listening(&mut self) {}
}

/// What is seen of it, step by step.
pub(crate) fn run(script: &Script, directory: &Path) -> Vec<Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let (lines, inbox) = (Lines::default(), Inbox::default());
        let ended = inbox.clone();
        let starter = Starter::new(agents(directory), move |run, progress| {
            if let Progress::Ended(result) = progress {
                ended.input(Input::Finished { run, result });
            }
        });
        let carrier = OnTokio { origin: Instant::now(), starter, recorder: Recorder::new(lines.clone()) };
        let core = Server::new(settings(), carrier.now());
        let mut hub = Hub::new(core, carrier, inbox.clone(), Box::new(Node));
        let mut seen = Vec::new();
        for step in &script.steps {
            step.put(&inbox);
            loop {
                let next = hub.turn();
                if lines.has(step.last) {
                    break;
                }
                assert!(wait(&hub, next).await, "{} has not come: {:?}", step.last, lines.take());
            }
            seen.push(lines.take());
        }
        seen
    })
}

/// Waits for the next turn; false: nothing comes any more.
async fn wait(hub: &Hub<OnTokio>, next: Next) -> bool {
    let deadline = match next {
        Next::Wait(deadline) => deadline,
        Next::Again => return true,
        Next::Exit(_) => return false,
    };
    let woken = std::future::poll_fn(|context| {
        hub.inbox().wake(context.waker());
        if hub.inbox().is_empty() { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    });
    let now = hub.carrier().now().mono.since_origin();
    let left = deadline.map_or(crate::LIMIT, |deadline| deadline.since_origin().saturating_sub(now));
    tokio::time::timeout(left, woken).await.is_ok() || deadline.is_some()
}
