// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the executors are asked, step by step, and what each step ends with.
use pcmk_remote_rs::core::{Input, PeerId, RequestToken};
use pcmk_remote_rs::driver::hub::{Arrival, Inbox, NewPeer};
use pcmk_remote_rs::model::{
    Agent, Cancel, Execute, Interval, Millis, Notify, Params, ProtocolVersion, Request, RequestMessage,
    ResourceId,
};
use std::cell::RefCell;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What was seen and not taken yet.
#[derive(Clone, Default)]
pub(crate) struct Lines(Rc<RefCell<Vec<String>>>);

impl Lines {
    pub(crate) fn add(&self, line: String) {
        self.0.borrow_mut().push(line);
    }

    /// Is there a line with this in it?
    pub(crate) fn has(&self, part: &str) -> bool {
        self.count(part) > 0
    }

    pub(crate) fn count(&self, part: &str) -> usize {
        self.0.borrow().iter().filter(|line| line.contains(part)).count()
    }

    pub(crate) fn take(&self) -> Vec<String> {
        self.0.take()
    }
}

/// Requests that are put in together.
pub(crate) struct Step {
    pub(crate) about: &'static str,
    requests: Vec<(u32, Request)>,
    /// In the line that the step ends with.
    pub(crate) last: &'static str,
}

impl Step {
    pub(crate) fn put(&self, inbox: &Inbox<u64, u64>) {
        for (token, request) in &self.requests {
            ask(inbox, *token, request.clone());
        }
    }
}

pub(crate) struct Script {
    pub(crate) steps: Vec<Step>,
}

const PEER: PeerId = PeerId(1);

fn ask(inbox: &Inbox<u64, u64>, token: u32, request: Request) {
    if matches!(request, Request::Register { .. }) {
        assert_eq!(inbox.new_peer(), PEER);
        inbox.put(Arrival::Joined(PEER, NewPeer::Remote(PEER.0)));
    }
    let incoming = RequestMessage { client_name: Some("test".into()), options: 0, request };
    inbox.input(Input::Request { peer: PEER, token: RequestToken(token), incoming });
}

fn signing_on() -> Request {
    Request::Register { version: Some(ProtocolVersion::OURS), is_provider: false, client_name: None }
}

pub(crate) fn sign_on(inbox: &Inbox<u64, u64>) {
    ask(inbox, 1, signing_on());
}

fn registered(id: &str, agent: &str) -> Request {
    let agent = Agent { standard: "ocf".into(), provider: Some("test".into()), name: agent.into() };
    Request::RegisterResource { resource_id: Some(ResourceId::new(id)), agent, drop_recurring: true }
}

fn executed(id: &str, action: &str, interval: u32, timeout: u64) -> Request {
    Request::Execute(Box::new(Execute {
        resource_id: Some(ResourceId::new(id)),
        action: action.into(),
        interval: Interval(interval),
        timeout: Millis(timeout),
        start_delay: Millis(0),
        user_data: None,
        params: Arc::new(Params::new()),
        notify: Notify::default(),
    }))
}

fn cancelled(id: &str, action: &str, interval: u32) -> Request {
    Request::Cancel(Cancel {
        resource_id: Some(ResourceId::new(id)),
        action: Some(action.into()),
        interval: Interval(interval),
    })
}

const MINUTE: u64 = 60_000;

impl Script {
    /// Ends of each kind, output of any length, a limit that is reached, a child that keeps the pipes, recurring
    /// monitors, cancelling, an alert, and an agent that is not there.
    pub(crate) fn of_everything() -> Self {
        let step = |about, last, requests| Step { about, requests, last };
        Self {
            steps: vec![
                step("signing on", "reply 1 #1", vec![(1, signing_on())]),
                step("a resource", "Registered", vec![(2, registered("r", "agent"))]),
                step(
                    "actions of a resource come in order",
                    "completed r stop",
                    vec![
                        (3, executed("r", "monitor", 0, MINUTE)),
                        (4, executed("r", "start", 0, MINUTE)),
                        (5, executed("r", "stop", 0, MINUTE)),
                    ],
                ),
                step("both outputs", "completed r say", vec![(6, executed("r", "say", 0, MINUTE))]),
                step("long output", "completed r shout", vec![(7, executed("r", "shout", 0, MINUTE))]),
                step("a limit", "completed r hang", vec![(8, executed("r", "hang", 0, 200))]),
                step(
                    "a child that keeps the pipes is not waited for",
                    "completed r leave",
                    vec![(9, executed("r", "leave", 0, MINUTE))],
                ),
                step("a signal", "completed r die", vec![(10, executed("r", "die", 0, MINUTE))]),
                step("recurring", "completed r monitor", vec![(11, executed("r", "monitor", 50, MINUTE))]),
                step("cancelling", "completed r monitor", vec![(12, cancelled("r", "monitor", 50))]),
                step(
                    "an agent that is not there",
                    "completed missing start",
                    vec![
                        (13, registered("missing", "missing")),
                        (14, executed("missing", "start", 0, MINUTE)),
                    ],
                ),
                step(
                    "an alert",
                    "completed r said",
                    vec![(15, alert()), (16, executed("r", "said", 0, MINUTE))],
                ),
                step(
                    "a resource that is unregistered while something of it runs",
                    "completed r hang",
                    vec![
                        (17, executed("r", "hang", 0, 300)),
                        (18, Request::UnregisterResource(Some(ResourceId::new("r")))),
                        (19, executed("missing", "monitor", 0, MINUTE)),
                    ],
                ),
            ],
        }
    }
}

fn alert() -> Request {
    Request::Alert {
        id: Some("a".into()),
        path: Some("/bin/true".into()),
        timeout: Millis(MINUTE),
        params: Params::from_iter([("CRM_alert_kind", "node")]),
    }
}

/// Recurring monitors of so many resources, ten a second each.
pub(crate) fn recur(inbox: &Inbox<u64, u64>, count: u32) {
    sign_on(inbox);
    for number in 0..count {
        let id = format!("r{number}");
        ask(inbox, 10 + 2 * number, registered(&id, "agent"));
        ask(inbox, 11 + 2 * number, executed(&id, "count", 100, MINUTE));
    }
}

/// One start of so many resources at once.
pub(crate) fn burst(inbox: &Inbox<u64, u64>, count: u32) {
    sign_on(inbox);
    for number in 0..count {
        let id = format!("r{number}");
        ask(inbox, 10 + 2 * number, registered(&id, "agent"));
        ask(inbox, 11 + 2 * number, executed(&id, "start", 0, MINUTE));
    }
}

const AGENT: &str = r#"#!/bin/sh
case $1 in
    monitor) exit 7 ;;
    say) echo out; echo error >&2; echo "ocf-exit-reason:because" >&2; exit 1 ;;
    shout) i=0; while [ $i -lt 3000 ]; do echo "$i a line that is long enough to fill the pipe more than once"; i=$((i + 1)); done ;;
    hang) exec sleep 1000 ;;
    leave) sleep 1000 & echo left; exit 0 ;;
    die) kill -9 $$ ;;
    count) date +%N ;;
esac
exit 0
"#;

/// A directory with the agent that all of this is about. One at a time: there is one default main context.
pub(crate) struct Place {
    directory: tempfile::TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Place {
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }
}

pub(crate) fn directory() -> Place {
    static ALONE: Mutex<()> = Mutex::new(());
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("test");
    std::fs::create_dir(&place).unwrap();
    let agent = place.join("agent");
    std::fs::write(&agent, AGENT).unwrap();
    std::fs::set_permissions(&agent, std::fs::Permissions::from_mode(0o755)).unwrap();
    Place { directory, _alone: alone }
}
