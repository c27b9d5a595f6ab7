// SPDX-License-Identifier: LGPL-2.1-or-later
//! Requests of few names and all shapes, so that they concern each other.
use arbitrary::Arbitrary;
use pcmk_remote_rs::model::{
    Agent, Cancel, ClientId, Execute, Interval, Millis, Notify, Params, Payload, ProtocolVersion,
    ProxyCommand, Request, RequestMessage, ResourceId,
};
use pcmk_remote_rs::wire::codec::{Envelope, RequestFields, encode_request};
use std::sync::Arc;

#[derive(Arbitrary, Debug)]
pub enum Ask<'a> {
    SignOn { is_provider: bool, version: u8 },
    Poke,
    Register { resource: u8, agent: u8, drop_recurring: bool },
    Unregister(u8),
    Info(u8),
    Execute(Operation<'a>),
    Cancel { resource: u8, action: u8, interval: u8 },
    Recurring(u8),
    Check(bool),
    Alert { has_path: bool, timeout: u8 },
    Provide { kind: u8, session: u8, msg_id: i32 },
    Unknown(&'a str),
}

#[derive(Arbitrary, Debug)]
pub struct Operation<'a> {
    resource: u8,
    action: u8,
    interval: u8,
    timeout: u16,
    delay: u16,
    origin_only: bool,
    changes_only: bool,
    parameter: &'a str,
    value: &'a str,
}

fn resource(number: u8) -> Option<ResourceId> {
    (number % 8 != 7).then(|| ResourceId::new(format!("r{}", number % 8 % 3)))
}

fn action(number: u8) -> &'static str {
    ["start", "stop", "monitor", "MONITOR", "meta-data", "reload", "", "notify"][usize::from(number % 8)]
}

fn interval(number: u8) -> Interval {
    Interval([0, 0, 1, 10, 1000, 60_000, u32::MAX, 0][usize::from(number % 8)])
}

fn agent(number: u8) -> Agent {
    let of = |standard: &str, provider: Option<&str>, name: &str| Agent {
        standard: standard.into(),
        provider: provider.map(str::to_owned),
        name: name.into(),
    };
    match number % 6 {
        0 | 1 => of("ocf", Some("heartbeat"), "Dummy"),
        2 => of("systemd", None, "x.service"),
        3 => of("stonith", None, "fence_x"),
        4 => of("lsb", None, "y"),
        _ => of("", None, ""),
    }
}

impl Operation<'_> {
    fn execute(&self) -> Request {
        Request::Execute(Box::new(Execute {
            resource_id: resource(self.resource),
            action: action(self.action).into(),
            interval: interval(self.interval),
            timeout: Millis(u64::from(self.timeout)),
            start_delay: Millis(if self.delay.is_multiple_of(4) { u64::from(self.delay / 4) } else { 0 }),
            user_data: None,
            params: Arc::new(Params::from_iter([(self.parameter, self.value)])),
            notify: Notify { origin_only: self.origin_only, changes_only: self.changes_only },
        }))
    }
}

fn provide(kind: u8, session: u8, msg_id: i32) -> ProxyCommand {
    let session = ClientId::new(super::server_session::client_name(u64::from(session % 8)));
    let payload = || Some(Payload::from_checked("<answer a=\"1\"/>"));
    match kind % 8 {
        0 | 1 => ProxyCommand::Response { session, msg_id, payload: payload() },
        2 => ProxyCommand::Event { session, payload: payload() },
        3 => ProxyCommand::Event { session, payload: None },
        4 => ProxyCommand::Destroy { session },
        5 => ProxyCommand::ShutdownNack,
        6 => ProxyCommand::ShutdownAck,
        _ => ProxyCommand::Unknown { session: Some(session), op: "x".into() },
    }
}

impl Ask<'_> {
    pub fn request(&self) -> Request {
        match *self {
            Self::SignOn { is_provider, version } => {
                let client_name = (version % 4 != 3).then(|| "fuzzer".to_owned());
                let versions = [Some(ProtocolVersion::OURS), Some(ProtocolVersion::OLDEST), None];
                Request::Register { version: versions[usize::from(version % 3)], is_provider, client_name }
            }
            Self::Poke => Request::Poke,
            Self::Register { resource: number, agent: kind, drop_recurring } => Request::RegisterResource {
                resource_id: resource(number),
                agent: agent(kind),
                drop_recurring,
            },
            Self::Unregister(number) => Request::UnregisterResource(resource(number)),
            Self::Info(number) => Request::ResourceInfo(resource(number)),
            Self::Execute(ref operation) => operation.execute(),
            Self::Cancel { resource: number, action: name, interval: time } => Request::Cancel(Cancel {
                resource_id: resource(number),
                action: Some(action(name).to_owned()),
                interval: interval(time),
            }),
            Self::Recurring(number) => Request::RecurringOperations(resource(number)),
            Self::Check(with_time) => Request::Check { watchdog: with_time.then(|| "10s".to_owned()) },
            Self::Alert { has_path, timeout } => Request::Alert {
                id: Some("alert".into()),
                path: has_path.then(|| "/alert".into()),
                timeout: Millis(u64::from(timeout)),
                params: Params::new(),
            },
            Self::Provide { kind, session, msg_id } => Request::Proxy(provide(kind, session, msg_id)),
            Self::Unknown(op) => Request::Unknown(format!("x{op}")),
        }
    }

    /// As a client that calls itself `fuzzer` writes it.
    pub fn text(&self, envelope: Envelope) -> String {
        let client_name = Some("fuzzer".to_owned());
        let message = RequestMessage { client_name, options: 0, request: self.request() };
        encode_request(&message, &RequestFields::default(), envelope)
    }
}
