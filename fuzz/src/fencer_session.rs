// SPDX-License-Identifier: LGPL-2.1-or-later
//! Orders for a fencer that answers whatever it likes, and whose connection comes and goes: each order is done exactly
//! once, unless it is forgotten.
use super::golden;
use arbitrary::{Arbitrary, Unstructured};
use pcmk_remote_rs::model::{
    Agent, ExecStatus, Execution, FenceOrder, Interval, Millis, OcfExit, Outcome, Params, ResourceId,
};
use pcmk_remote_rs::session::{FencerSession, FencerStep, Ticket};
use pcmk_remote_rs::wire::fencer::{decode_event, decode_hello};
use pcmk_remote_rs::wire::xml::read_strictly;
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Arbitrary, Debug)]
enum Happening<'a> {
    Order { kind: u8, name: &'a str, parameter: &'a str, timeout: u16 },
    Forget(u8),
    Connected(&'a str),
    Disconnected,
    Answer { call: u8, exit: i16, status: i8, reason: &'a str },
    Text(&'a str),
}

#[derive(Default)]
struct World {
    session: FencerSession,
    open: BTreeSet<u64>,
    last: u64,
    connecting: bool,
}

impl World {
    fn happens(&mut self, happening: &Happening<'_>) {
        let steps = match *happening {
            Happening::Order { kind, name, parameter, timeout } => {
                self.last += 1;
                self.open.insert(self.last);
                let order = match kind % 3 {
                    0 => FenceOrder::Start,
                    1 => FenceOrder::Monitor,
                    _ => FenceOrder::Stop,
                };
                self.session.begin(Ticket(self.last), order, execution(name, parameter, timeout))
            }
            Happening::Forget(back) => {
                let number = self.last.saturating_sub(u64::from(back));
                let known = self.open.remove(&number);
                assert_eq!(self.session.forget(Ticket(number)), known, "order {number}");
                Vec::new()
            }
            Happening::Connected(token) if self.connecting => self.session.connected(token.to_owned()),
            Happening::Connected(_) => Vec::new(),
            Happening::Disconnected => {
                let lost = Outcome::new(OcfExit::ERROR, ExecStatus::NotConnected);
                let steps = self.session.disconnected(&lost);
                self.connecting = false;
                assert_eq!(steps.len(), self.open.len(), "a lost connection ends every order");
                steps
            }
            Happening::Answer { call, exit, status, reason } => {
                let reason: String = reason.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
                let text = format!(
                    "<r t=\"stonith-ng\" st_callid=\"{call}\" rc-code=\"{exit}\" op-status=\"{status}\" \
                     exit-reason=\"{reason}\"/>"
                );
                self.session.received(&text).expect("it can be read")
            }
            Happening::Text(text) => self.session.received(text).unwrap_or_default(),
        };
        self.carry_out(steps);
    }

    fn carry_out(&mut self, steps: Vec<FencerStep>) {
        for step in steps {
            match step {
                FencerStep::Connect => {
                    assert!(!self.connecting, "connects twice");
                    self.connecting = true;
                }
                FencerStep::Send(text) => {
                    let root = read_strictly(&text).expect("we write valid XML");
                    assert_eq!(root.attribute("t"), Some("stonith-ng"));
                }
                FencerStep::Done(Ticket(number), _) => {
                    assert!(self.open.remove(&number), "order {number} is done twice");
                }
            }
        }
    }
}

fn execution(name: &str, parameter: &str, timeout: u16) -> Execution {
    Execution {
        resource_id: ResourceId::new(name),
        agent: Agent { standard: "stonith".into(), provider: None, name: name.into() },
        action: "start".into(),
        interval: Interval(0),
        timeout: Millis(u64::from(timeout)),
        params: Arc::new(Params::from_iter([(parameter, name)])),
    }
}

pub fn fuzz_one(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Some(token) = decode_hello(&text) {
        assert!(text.len() >= token.len());
    }
    if let Ok(Some(answer)) = decode_event(&text) {
        assert!(answer.call_id > 0);
    }
    let mut input = Unstructured::new(data);
    let mut world = World::default();
    while !input.is_empty()
        && let Ok(happening) = Happening::arbitrary(&mut input)
    {
        world.happens(&happening);
    }
    world.happens(&Happening::Disconnected);
    assert!(world.open.is_empty(), "not done: {:?}", world.open);
}

/// Answers of real fencers, and golden messages.
pub fn seeds() -> Vec<Vec<u8>> {
    let answers = [
        r#"<st-reply st_origin="construct_async_reply" t="stonith-ng" st_op="st_execute" st_callid="6" st_callopt="0" op-status="7" rc-code="5" exit-reason="none" st_rc="-2"/>"#,
        r#"<reply st_op="register" st_clientid="fbec682e-1765-441f-b50c-e805635d23b8"/>"#,
        r#"<notify t="st_notify" subt="st_notify_fence" st_callid="3"/>"#,
    ];
    let answers = answers.iter().map(|text| text.as_bytes().to_vec());
    answers.chain(golden::texts().into_iter().step_by(8)).collect()
}
