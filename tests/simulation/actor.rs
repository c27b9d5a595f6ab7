// SPDX-License-Identifier: LGPL-2.1-or-later
//! A client of the executor that asks whatever comes to its mind.
use crate::random::Random;
use pcmk_remote_rs::core::{Client, ClientCarrier, ClientSettings, PeerId, RequestId};
use pcmk_remote_rs::model::{
    Agent, Cancel, ClientId, Execute, Interval, Millis, Notify, Params, Payload, ProxyCommand, ProxyNotice,
    Request, ResourceId,
};
use std::sync::Arc;

/// What an actor is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Stays from beginning to end on an unbroken connection, and listens.
    Observer,
    /// Works.
    Worker,
    /// Works and carries the messages of local clients.
    Provider,
}

#[derive(Debug)]
pub(crate) struct Actor {
    pub(crate) role: Role,
    pub(crate) client: Client,
    pub(crate) connection: Option<PeerId>,
    pub(crate) connections: u32,
    pub(crate) waiting: Option<RequestId>,
    /// Has it left for good?
    pub(crate) done: bool,
    /// Does the server hear of its end much later?
    pub(crate) vanishes: bool,
    /// Notifications on the present connection.
    pub(crate) heard: u64,
}

impl Actor {
    pub(crate) fn new(number: usize, role: Role) -> Self {
        let settings = ClientSettings {
            name: Some(format!("actor{number}")),
            is_provider: role == Role::Provider,
            carrier: ClientCarrier::Remote,
        };
        let client = Client::new(settings);
        Self {
            role,
            client,
            connection: None,
            connections: 0,
            waiting: None,
            done: false,
            vanishes: false,
            heard: 0,
        }
    }
}

/// Something to ask; `true`: and to wait for.
pub(crate) fn whim(random: &mut Random) -> (Request, bool) {
    let id = || Some(ResourceId::new("r"));
    let resource_id = match random.below(8) {
        7 => Some(ResourceId::new("unknown")),
        number => id().map(|id| ResourceId::new(format!("{id}{}", number % 3))),
    };
    let interval = Interval(*random.pick(&[0, 40, 70, 70]));
    let request = match random.below(20) {
        0..5 => return (register(resource_id, random), true),
        5 => Request::UnregisterResource(resource_id),
        6..13 => return (execute(resource_id, interval, random), random.chance(70)),
        13 => {
            let action = Some(random.pick(&["monitor", "MONITOR", "start"]).to_string());
            Request::Cancel(Cancel { resource_id, action, interval })
        }
        14 => Request::ResourceInfo(resource_id),
        15 => Request::RecurringOperations(resource_id.filter(|_| random.chance(50))),
        16 => return (Request::Check { watchdog: None }, false),
        17 => Request::Alert {
            id: Some("alert".into()),
            path: random.chance(80).then(|| "/alert".into()),
            timeout: Millis(300),
            params: Params::new(),
        },
        18 => Request::Unknown("nonsense".into()),
        _ => Request::Poke,
    };
    (request, random.chance(60))
}

fn register(resource_id: Option<ResourceId>, random: &mut Random) -> Request {
    let name = (*random.pick(&["Dummy", "Dummy", "Dummy", "Stateful"])).to_owned();
    let agent = Agent { standard: "ocf".into(), provider: Some("heartbeat".into()), name };
    Request::RegisterResource { resource_id, agent, drop_recurring: true }
}

fn execute(resource_id: Option<ResourceId>, interval: Interval, random: &mut Random) -> Request {
    let action = match interval.0 {
        0 => *random.pick(&["start", "monitor", "stop", "notify"]),
        _ => "monitor",
    };
    Request::Execute(Box::new(Execute {
        resource_id,
        action: action.into(),
        interval,
        timeout: Millis(100 + random.below(100)),
        start_delay: Millis(if random.chance(15) { 1 + random.below(80) } else { 0 }),
        user_data: Some("data".into()),
        params: Arc::new(Params::from_iter([("state", "a b & <c> \"d\"\n"), ("1st", "")])),
        notify: Notify { origin_only: false, changes_only: random.chance(50) },
    }))
}

/// What a provider answers to news of a session, if anything.
pub(crate) fn provide(notice: ProxyNotice, acknowledge: bool, random: &mut Random) -> Option<ProxyCommand> {
    let payload = || Some(Payload::from_checked("<answer a=\"1\"/>"));
    match notice {
        ProxyNotice::Request { session, msg_id, flags, payload: question, .. } => {
            assert_eq!(flags, 0x300);
            Some(match random.below(10) {
                0 => ProxyCommand::Destroy { session },
                1 => ProxyCommand::Event { session, payload: payload() },
                2 => ProxyCommand::Event { session: ClientId::new("nobody"), payload: payload() },
                _ => {
                    let payload = schemas(question.as_str()).map(Payload::from_checked).or_else(payload);
                    ProxyCommand::Response { session, msg_id, payload }
                }
            })
        }
        ProxyNotice::ShutdownRequest if acknowledge => Some(ProxyCommand::ShutdownAck),
        ProxyNotice::ShutdownRequest => Some(ProxyCommand::ShutdownNack),
        ProxyNotice::New { .. } | ProxyNotice::Destroy { .. } => None,
    }
}

/// What a configuration daemon answers to a transfer of schemas.
fn schemas(question: &str) -> Option<&'static str> {
    let is_asked = |operation| question.contains(&format!("cib_op=\"{operation}\""));
    match question {
        _ if is_asked("register") => Some(r#"<reply cib_op="register"/>"#),
        _ if is_asked("cib_schemas") => {
            Some(r#"<reply cib_op="cib_schemas" cib_rc="0"><file path="pacemaker-4.0.rng">x</file></reply>"#)
        }
        _ => None,
    }
}
