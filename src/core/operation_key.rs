// SPDX-License-Identifier: LGPL-2.1-or-later
//! What operations are called: by the executor, and in requests.
use crate::model::Interval;
use std::sync::Arc;

/// The executor's own number for an operation; never reused. Of the operations of one resource the lower one has the
/// earlier turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct OperationKey(u64);

impl OperationKey {
    /// The number for the operation that is accepted next.
    pub(super) const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    #[cfg(test)]
    pub(super) const fn of(number: u64) -> Self {
        Self(number)
    }
}

/// What requests call an operation of a known resource. Case does not count in it. Those that recur come last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct OperationName {
    interval: Interval,
    action: Arc<str>,
}

impl OperationName {
    pub(super) fn new(action: &Arc<str>, interval: Interval) -> Self {
        let action = match action.bytes().any(|byte| byte.is_ascii_uppercase()) {
            true => action.to_ascii_lowercase().into(),
            false => action.clone(),
        };
        Self { interval, action }
    }

    /// Before all names of operations that recur.
    pub(super) fn first_that_recurs() -> Self {
        Self { interval: Interval(1), action: "".into() }
    }

    pub(super) const fn recurs(&self) -> bool {
        self.interval.recurs()
    }
}
