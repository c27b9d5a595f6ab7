// SPDX-License-Identifier: LGPL-2.1-or-later
//! What must hold, whatever happens. Everything here panics with the world's seed (see `World::run`).
use pcmk_remote_rs::core::{PeerId, RequestToken, RunId};
use pcmk_remote_rs::model::{Completion, Execution, Interval, Request, ResourceId};
use std::collections::{BTreeMap, BTreeSet};

type Recurring = (ResourceId, String, Interval);

#[derive(Debug)]
struct InFlight {
    resource_id: ResourceId,
    recurring: Option<Recurring>,
    started_ms: u64,
    limit_ms: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Checks {
    /// Executor clients and local sessions that the server was told of and not yet told the end of.
    pub(crate) peers: BTreeSet<PeerId>,
    /// Peers whose end the server has ordered: they lose the connection instead of getting an answer.
    closing: BTreeSet<PeerId>,
    in_flight: BTreeMap<RunId, InFlight>,
    busy: BTreeMap<ResourceId, RunId>,
    runs_seen: BTreeSet<RunId>,
    /// End of the last run of any kind, by resource.
    last_end: BTreeMap<ResourceId, u64>,
    /// End of the last run of a recurring operation that nobody has touched since.
    rests_since: BTreeMap<Recurring, u64>,
    /// How often the rhythm of a recurring operation could be checked.
    pub(crate) rhythms: u64,
    /// Requests that the server has not answered.
    open_requests: BTreeMap<(PeerId, u32), Request>,
    /// One-shots that were accepted, with how often their result was told to the client that stays.
    one_shots: BTreeMap<i32, u32>,
    /// The client that stays, once it has signed on.
    observer: Option<PeerId>,
    /// Something may happen so much later than it is due.
    late_ms: u64,
    /// One-shots that were accepted before it had.
    unobserved: BTreeSet<i32>,
}

impl Checks {
    /// `late_ms`: something may happen so much later than it is due.
    pub(crate) fn new(late_ms: u64) -> Self {
        Self { late_ms, ..Self::default() }
    }

    pub(crate) fn peer_is_there(&self, peer: PeerId, what: &str) {
        assert!(self.peers.contains(&peer), "{what} for {peer:?}, which is gone");
    }

    pub(crate) fn peer_gone(&mut self, peer: PeerId) {
        self.peers.remove(&peer);
        self.open_requests.retain(|(asker, _), _| *asker != peer);
    }

    /// The last client of the executor has left, and takes the recurring operations along.
    pub(crate) fn deserted(&mut self) {
        self.forget(|_| true);
    }

    pub(crate) fn closing(&mut self, peer: PeerId) {
        self.peer_is_there(peer, "disconnection");
        assert!(self.closing.insert(peer), "{peer:?} is closed twice");
        // What came before has been answered; what came behind will not be.
        self.open_requests.retain(|(asker, _), _| *asker != peer);
    }

    pub(crate) fn asked(&mut self, peer: PeerId, token: RequestToken, request: &Request) {
        if !matches!(request, Request::Check { .. }) && !self.closing.contains(&peer) {
            let earlier = self.open_requests.insert((peer, token.0), request.clone());
            assert!(earlier.is_none(), "the same number twice");
        }
        self.rhythm_is_touched(request);
    }

    /// Called when the request is made and when it is answered: others may be between.
    fn rhythm_is_touched(&mut self, request: &Request) {
        // Whatever may start, end or replace recurring operations also ends what we know of their rhythm.
        match request {
            Request::Execute(execute) if execute.action.eq_ignore_ascii_case("stop") => {
                self.forget(|(id, ..)| Some(id) == execute.resource_id.as_ref());
            }
            Request::Execute(execute) => self.forget(|(id, action, interval)| {
                Some(id) == execute.resource_id.as_ref()
                    && action.eq_ignore_ascii_case(&execute.action)
                    && *interval == execute.interval
            }),
            Request::Cancel(cancel) => self.forget(|(id, _, interval)| {
                Some(id) == cancel.resource_id.as_ref() && *interval == cancel.interval
            }),
            Request::RegisterResource { resource_id, .. } | Request::UnregisterResource(resource_id) => {
                self.forget(|(id, ..)| Some(id) == resource_id.as_ref());
            }
            _ => {}
        }
    }

    fn forget(&mut self, concerns: impl Fn(&Recurring) -> bool) {
        self.rests_since.retain(|recurring, _| !concerns(recurring));
        for run in self.in_flight.values_mut() {
            run.recurring.take_if(|recurring| concerns(recurring));
        }
    }

    pub(crate) fn answered(&mut self, peer: PeerId, token: RequestToken, rc: i32) {
        self.peer_is_there(peer, "reply");
        let request = self.open_requests.remove(&(peer, token.0)).expect("a reply that nobody waits for");
        self.rhythm_is_touched(&request);
        if let Request::Execute(execute) = request
            && !execute.interval.recurs()
            && rc > 0
        {
            match self.observer {
                Some(_) => drop(self.one_shots.insert(rc, 0)),
                None => drop(self.unobserved.insert(rc)),
            }
        }
    }

    /// The client that stays has signed on here.
    pub(crate) fn observed_by(&mut self, peer: PeerId) {
        self.observer = Some(peer);
    }

    /// All that the daemon knew is gone. Counts of what was checked stay.
    pub(crate) fn daemon_crashed(&mut self) {
        *self = Self { rhythms: self.rhythms, ..Self::new(self.late_ms) };
    }

    /// After each turn: a recurring operation whose time has come runs, or waits behind another one of its resource.
    pub(crate) fn nothing_forgotten(&self, now_ms: u64) {
        for (key, ended) in &self.rests_since {
            let due = ended + u64::from(key.2.0);
            assert!(
                now_ms < due + self.late_ms || self.busy.contains_key(&key.0),
                "{key:?} was due at {due} ms and does not run at {now_ms} ms"
            );
        }
    }

    /// After each turn: what was asked has been answered within it.
    pub(crate) fn nothing_unanswered(&self) {
        assert!(self.open_requests.is_empty(), "not answered: {:?}", self.open_requests);
    }

    pub(crate) fn run(&mut self, run: RunId, execution: &Execution, now_ms: u64) {
        assert!(self.runs_seen.insert(run), "{run:?} twice");
        let id = execution.resource_id.clone();
        if let Some(other) = self.busy.insert(id.clone(), run) {
            panic!("{run:?} and {other:?} of {id} at the same time");
        }
        let recurring = execution
            .interval
            .recurs()
            .then(|| (id.clone(), execution.action.to_ascii_lowercase(), execution.interval));
        if let Some(ended) = recurring.as_ref().and_then(|key| self.rests_since.remove(key)) {
            let due = ended + u64::from(execution.interval.0);
            let late_ms = self.late_ms;
            let after_another = self.last_end.get(&id).is_some_and(|end| now_ms <= end + late_ms);
            self.rhythms += 1;
            assert!(
                now_ms >= due && (now_ms <= due + late_ms || after_another),
                "{recurring:?} ran at {now_ms} ms, was due at {due} ms"
            );
        }
        let limit_ms = execution.timeout.0;
        self.in_flight.insert(run, InFlight { resource_id: id, recurring, started_ms: now_ms, limit_ms });
    }

    /// The server waits for alerts only, before it exits: agents go on, and nobody limits their time.
    pub(crate) fn abandoned(&mut self) {
        self.in_flight.values_mut().for_each(|run| run.limit_ms = 0);
        self.forget(|_| true);
    }

    pub(crate) fn finished(&mut self, run: RunId, unprepared: bool, now_ms: u64) {
        let Some(ended) = self.in_flight.remove(&run) else { return };
        self.busy.remove(&ended.resource_id);
        self.last_end.insert(ended.resource_id.clone(), now_ms);
        if ended.limit_ms > 0 {
            let took = now_ms - ended.started_ms;
            assert!(
                took < ended.limit_ms + 20 + self.late_ms,
                "{run:?} took {took} ms, was allowed {}",
                ended.limit_ms
            );
        }
        if let Some(key) = ended.recurring.filter(|_| !unprepared) {
            self.rests_since.insert(key, now_ms);
        }
    }

    /// A client that never leaves has been told of a result.
    pub(crate) fn told(&mut self, completion: &Completion) {
        if !completion.interval.recurs() {
            if self.unobserved.contains(&completion.call_id.0) {
                return;
            }
            let count = self.one_shots.get_mut(&completion.call_id.0).expect("a result of nothing");
            *count += 1;
            assert_eq!(*count, 1, "the result of call {} twice", completion.call_id);
        }
    }

    pub(crate) fn all_told(&self) -> bool {
        self.one_shots.values().all(|count| *count == 1)
    }

    pub(crate) fn every_one_shot_was_told(&self) {
        let untold: Vec<_> = self.one_shots.iter().filter(|(_, count)| **count == 0).collect();
        assert!(untold.is_empty(), "results nobody was told: {untold:?}");
    }

    pub(crate) fn nothing_in_flight(&self) {
        assert!(self.in_flight.is_empty(), "still running: {:?}", self.in_flight);
    }
}
