// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the executor wants of the fencer, as messages, whatever becomes of the connection meanwhile.
use crate::model::{Execution, FenceOrder, Millis, Outcome};
use crate::wire::fencer::{self, Call};
use crate::wire::xml::XmlError;
use std::collections::BTreeMap;

/// Names one order; the caller's choice, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What is to be done for the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FencerStep {
    /// Connect; comes back as [`FencerSession::connected`] or [`FencerSession::disconnected`].
    Connect,
    /// Send this.
    Send(String),
    /// An order is done; the result is in the fencer's own terms.
    Done(Ticket, Outcome),
}

#[derive(Debug)]
struct Order {
    ticket: Ticket,
    order: FenceOrder,
    execution: Execution,
}

#[derive(Debug, Default)]
enum Link {
    #[default]
    Down,
    Connecting,
    Up {
        token: String,
    },
}

/// The orders under way. Connects when there is one, and stays connected.
#[derive(Debug, Default)]
pub struct FencerSession {
    link: Link,
    last_call: i32,
    /// Until there is a connection, in the order in which they came.
    waiting: BTreeMap<u64, Order>,
    last_waiting: u64,
    /// By the number of the request that is to be answered.
    calls: BTreeMap<i32, Order>,
    /// Where each order is.
    places: BTreeMap<Ticket, Place>,
}

/// Under which number an order is among those that wait for a connection, or for an answer.
#[derive(Clone, Copy, Debug)]
enum Place {
    Waiting(u64),
    Asked(i32),
}

impl FencerSession {
    /// Takes an order.
    pub fn begin(&mut self, ticket: Ticket, order: FenceOrder, execution: Execution) -> Vec<FencerStep> {
        let order = Order { ticket, order, execution };
        match self.link {
            Link::Up { .. } => self.request(order),
            Link::Connecting => {
                self.wait(order);
                Vec::new()
            }
            Link::Down => {
                self.link = Link::Connecting;
                self.wait(order);
                vec![FencerStep::Connect]
            }
        }
    }

    fn wait(&mut self, order: Order) {
        self.last_waiting = self.last_waiting.wrapping_add(1);
        self.places.insert(order.ticket, Place::Waiting(self.last_waiting));
        self.waiting.insert(self.last_waiting, order);
    }

    /// Forgets an order, whose answer nobody waits for any longer; false when it is done already.
    pub fn forget(&mut self, ticket: Ticket) -> bool {
        match self.places.remove(&ticket) {
            Some(Place::Waiting(number)) => self.waiting.remove(&number).is_some(),
            Some(Place::Asked(call)) => self.calls.remove(&call).is_some(),
            None => false,
        }
    }

    /// There is a connection, with this token.
    pub fn connected(&mut self, token: String) -> Vec<FencerStep> {
        self.link = Link::Up { token };
        let waiting = std::mem::take(&mut self.waiting);
        waiting.into_values().flat_map(|order| self.request(order)).collect()
    }

    /// There is none, or none any longer: every order has this result.
    pub fn disconnected(&mut self, outcome: &Outcome) -> Vec<FencerStep> {
        self.link = Link::Down;
        self.places.clear();
        let (calls, waiting) = (std::mem::take(&mut self.calls), std::mem::take(&mut self.waiting));
        let orders = calls.into_values().chain(waiting.into_values());
        orders.map(|order| FencerStep::Done(order.ticket, outcome.clone())).collect()
    }

    /// The fencer sent an event.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn received(&mut self, text: &str) -> Result<Vec<FencerStep>, XmlError> {
        let answer = fencer::decode_event(text)?;
        let Some(answer) = answer else { return Ok(Vec::new()) };
        let Some(order) = self.calls.remove(&answer.call_id) else { return Ok(Vec::new()) };
        if order.order == FenceOrder::Start && answer.outcome.is_ok() {
            return Ok(self.request(Order { order: FenceOrder::Monitor, ..order }));
        }
        self.places.remove(&order.ticket);
        Ok(vec![FencerStep::Done(order.ticket, answer.outcome)])
    }

    fn request(&mut self, order: Order) -> Vec<FencerStep> {
        let Link::Up { token } = &self.link else { return Vec::new() };
        self.last_call = self.last_call.checked_add(1).unwrap_or(1);
        let call = Call { token, id: self.last_call };
        let Execution { resource_id, agent, params, timeout, .. } = &order.execution;
        let text = match order.order {
            FenceOrder::Start => fencer::encode_registration(call, resource_id, agent, params),
            FenceOrder::Monitor => fencer::encode_monitor(call, resource_id, whole_seconds(*timeout)),
            FenceOrder::Stop => fencer::encode_removal(call, resource_id),
        };
        self.places.insert(order.ticket, Place::Asked(self.last_call));
        self.calls.insert(self.last_call, order);
        vec![FencerStep::Send(text)]
    }
}

/// The nearest number of seconds that does not mean "no limit".
pub const fn whole_seconds(timeout: Millis) -> u64 {
    match timeout {
        Millis(0) => 0,
        Millis(..1500) => 1,
        Millis(ms) => ms.saturating_add(500) / 1000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Agent, ExecStatus, Interval, OcfExit, Params, ResourceId};
    use std::sync::Arc;

    fn device() -> Execution {
        Execution {
            resource_id: ResourceId::new("power"),
            agent: Agent { standard: "stonith".into(), provider: None, name: "fence_x".into() },
            action: "start".into(),
            interval: Interval(0),
            timeout: Millis(1500),
            params: Arc::new(Params::new()),
        }
    }

    fn answer(call: i32, exit: i32, status: i32) -> String {
        format!("<r t=\"stonith-ng\" st_callid=\"{call}\" rc-code=\"{exit}\" op-status=\"{status}\"/>")
    }

    fn sent(steps: &[FencerStep]) -> &str {
        match steps {
            [FencerStep::Send(text)] => text,
            other => panic!("{other:?}"),
        }
    }

    fn up() -> FencerSession {
        let mut session = FencerSession::default();
        assert!(session.connected("t".into()).is_empty());
        session
    }

    const OK: Outcome = Outcome::new(OcfExit::OK, ExecStatus::Done);

    #[test]
    fn a_start_registers_and_then_monitors() {
        let mut session = up();
        let steps = session.begin(Ticket(1), FenceOrder::Start, device());
        assert!(sent(&steps).contains("st_device_register"));
        let steps = session.received(&answer(1, 0, 0)).unwrap();
        assert!(sent(&steps).contains("st_execute") && sent(&steps).contains("st_timeout=\"2\""));
        assert!(session.received(&answer(1, 0, 0)).unwrap().is_empty(), "answered already");
        assert_eq!(session.received(&answer(2, 0, 0)).unwrap(), [FencerStep::Done(Ticket(1), OK)]);
    }

    #[test]
    fn a_refused_registration_is_the_result() {
        let mut session = up();
        session.begin(Ticket(1), FenceOrder::Start, device());
        let refused = Outcome::new(OcfExit(1), ExecStatus::NotInstalled);
        assert_eq!(session.received(&answer(1, 1, 7)).unwrap(), [FencerStep::Done(Ticket(1), refused)]);
    }

    #[test]
    fn orders_wait_for_one_connection_and_keep_their_order() {
        let mut session = FencerSession::default();
        assert_eq!(session.begin(Ticket(1), FenceOrder::Stop, device()), [FencerStep::Connect]);
        assert!(session.begin(Ticket(2), FenceOrder::Monitor, device()).is_empty());
        let steps = session.connected("token".into());
        assert_eq!(steps.len(), 2);
        assert!(sent(&steps[..1]).contains("st_device_remove") && sent(&steps[..1]).contains("\"token\""));
        assert!(sent(&steps[1..]).contains("st_callid=\"2\""));
    }

    #[test]
    fn a_connection_that_fails_or_goes_ends_every_order_and_the_next_one_connects() {
        let lost = Outcome::new(OcfExit::ERROR, ExecStatus::NotConnected);
        let mut session = FencerSession::default();
        session.begin(Ticket(1), FenceOrder::Start, device());
        assert_eq!(session.disconnected(&lost), [FencerStep::Done(Ticket(1), lost.clone())]);
        assert_eq!(session.begin(Ticket(2), FenceOrder::Start, device()), [FencerStep::Connect]);
        session.connected("t".into());
        assert_eq!(session.disconnected(&lost), [FencerStep::Done(Ticket(2), lost.clone())]);
        assert!(session.received(&answer(1, 0, 0)).unwrap().is_empty());
        assert!(session.disconnected(&lost).is_empty());
    }

    #[test]
    fn a_forgotten_order_is_not_continued() {
        let mut session = up();
        session.begin(Ticket(1), FenceOrder::Start, device());
        assert!(session.forget(Ticket(1)));
        assert!(!session.forget(Ticket(1)));
        assert!(session.received(&answer(1, 0, 0)).unwrap().is_empty());
    }

    #[test]
    fn an_order_that_waits_for_the_connection_can_be_forgotten_and_the_others_keep_their_order() {
        let mut session = FencerSession::default();
        for number in 1..=3 {
            session.begin(Ticket(number), FenceOrder::Stop, device());
        }
        assert!(session.forget(Ticket(2)) && !session.forget(Ticket(2)));
        assert_eq!(session.connected("t".into()).len(), 2);
        let lost = Outcome::new(OcfExit::ERROR, ExecStatus::NotConnected);
        let done = |number| FencerStep::Done(Ticket(number), lost.clone());
        assert_eq!(session.disconnected(&lost), [done(1), done(3)]);
        assert!(session.places.is_empty() && !session.forget(Ticket(1)));
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        assert!(up().received("<a").is_err());
    }

    #[test]
    fn a_limit_stays_a_limit() {
        let seconds = [0, 1, 1499, 1500, 20_000].map(|ms| whole_seconds(Millis(ms)));
        assert_eq!(seconds, [0, 1, 1, 2, 20]);
    }
}
