// SPDX-License-Identifier: LGPL-2.1-or-later
//! What an alert agent is told of an event. Pure.

use super::stamp::Stamp;
use crate::capi::abi::words::AlertWords;
use crate::model::Params;

/// Kinds of events, with their bits in an alert's filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Node = 1,
    Fencing = 2,
    Resource = 4,
    Attribute = 8,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Fencing => "fencing",
            Self::Resource => "resource",
            Self::Attribute => "attribute",
        }
    }
}

/// An event: its kind, and its keys without their prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) kind: Kind,
    facts: Vec<(&'static str, String)>,
}

/// A finished operation, as far as alerts tell of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Operation {
    pub(super) resource: String,
    pub(super) action: String,
    /// The key of the transition that asked for it.
    pub(super) transition: Option<String>,
    pub(super) interval_ms: u32,
    pub(super) timeout_ms: i32,
    pub(super) exec_time_ms: u32,
    pub(super) status: i32,
    pub(super) rc: i32,
}

/// An alert: an agent and whom it alerts of what.
#[derive(Clone, Debug, Default)]
pub(super) struct Alert {
    pub(super) id: Option<String>,
    pub(super) path: Option<String>,
    pub(super) recipient: String,
    pub(super) format: Option<Vec<u8>>,
    pub(super) timeout_ms: i32,
    /// Bits of [`Kind`].
    pub(super) kinds: u32,
    /// Attributes of interest; None: all.
    pub(super) attributes: Option<Vec<String>>,
    /// Instance attributes.
    pub(super) own: Vec<(String, String)>,
}

/// `enum pcmk_exec_status`.
const DONE: i32 = 0;
const TIMED_OUT: i32 = 2;

impl Event {
    pub(super) fn attribute(node: String, id: u32, name: String, value: String) -> Self {
        let facts = vec![
            ("node", node),
            ("nodeid", id.cast_signed().to_string()),
            ("attribute_name", name),
            ("attribute_value", value),
        ];
        Self { kind: Kind::Attribute, facts }
    }

    pub(super) fn node(node: String, id: u32, state: String) -> Self {
        let facts = vec![("node", node), ("desc", state), ("nodeid", id.cast_signed().to_string())];
        Self { kind: Kind::Node, facts }
    }

    pub(super) fn fencing(target: String, action: String, text: String, rc: i32) -> Self {
        let facts = vec![("node", target), ("task", action), ("desc", text), ("rc", rc.to_string())];
        Self { kind: Kind::Fencing, facts }
    }

    /// None for a probe that found what was expected, which is no news.
    pub(super) fn resource(node: String, operation: &Operation, words: &AlertWords) -> Option<Self> {
        let expected = operation.transition.as_deref().map_or(0, expected_rc);
        let is_probe = operation.interval_ms == 0 && operation.action.eq_ignore_ascii_case("monitor");
        if is_probe && operation.rc == expected {
            return None;
        }
        // A recurring operation that timed out has no time of its own; its limit is near it.
        let exec_time = if operation.status == TIMED_OUT && operation.exec_time_ms == 0 {
            operation.timeout_ms
        } else {
            operation.exec_time_ms.cast_signed()
        };
        let text = if operation.status == DONE {
            (words.exit)(operation.rc)
        } else {
            (words.status)(operation.status).to_owned()
        };
        let facts = vec![
            ("node", node),
            ("rsc", operation.resource.clone()),
            ("task", operation.action.clone()),
            ("interval", operation.interval_ms.to_string()),
            ("target_rc", expected.to_string()),
            ("status", operation.status.to_string()),
            ("rc", operation.rc.to_string()),
            ("exec_time", exec_time.to_string()),
            ("desc", text),
        ];
        Some(Self { kind: Kind::Resource, facts })
    }

    /// Does `alert` want to hear of this?
    pub(super) fn concerns(&self, alert: &Alert) -> bool {
        if alert.kinds & self.kind as u32 == 0 {
            return false;
        }
        match (self.kind, &alert.attributes) {
            (Kind::Attribute, Some(names)) => names.iter().any(|name| self.fact("attribute_name") == name),
            _ => true,
        }
    }

    fn fact(&self, key: &str) -> &str {
        self.facts.iter().find(|(name, _)| *name == key).map_or("", |(_, value)| value)
    }

    /// The environment of the agent of `alert`. An instance attribute cannot replace what we say.
    pub(super) fn told_to(&self, alert: &Alert, stamp: &Stamp, words: &AlertWords) -> Params {
        let facts = self.facts.iter().map(|(key, value)| (*key, value.clone()));
        let common = [
            ("kind", self.kind.name().to_owned()),
            ("version", words.version.to_owned()),
            ("recipient", alert.recipient.clone()),
            ("timestamp_epoch", stamp.epoch_s.to_string()),
            ("timestamp_usec", format!("{:06}", stamp.microseconds)),
        ];
        let shown = alert.format.as_deref().and_then(|format| stamp.show(format));
        let shown = shown.map(|shown| ("timestamp", shown));
        let mut params: Params = alert.own.iter().cloned().collect();
        for (key, value) in facts.chain(common).chain(shown) {
            for prefix in words.prefixes {
                params.set(format!("{prefix}{key}"), value.clone());
            }
        }
        params
    }
}

/// The exit code that a transition's key "action:transition:exit code:uuid" expects; -1: it is no such key.
fn expected_rc(key: &str) -> i32 {
    let mut parts = key.splitn(4, ':');
    let numbers: [Option<i32>; 3] =
        std::array::from_fn(|_| parts.next().and_then(|part| part.trim().parse().ok()));
    let named = parts.next().is_some_and(|uuid| !uuid.trim().is_empty());
    match numbers {
        [Some(_), Some(_), Some(expected)] if named => expected,
        _ => -1,
    }
}

#[cfg(test)]
mod tests;
