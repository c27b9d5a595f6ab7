// SPDX-License-Identifier: LGPL-2.1-or-later
//! The states of a handle: whether it may be used ([`HandleState`]), and how its events are being delivered
//! ([`Dispatch`]). Each transition is a function of the state alone; [`Lifecycle`] and [`Delivery`] are what a handle
//! holds of them.

use std::cell::Cell;

use crate::capi::abi::api::{Lrmd, LrmdApiOperations};

/// The C structures of a handle: what `lrmd_api_new()` gave to C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Structures {
    pub(super) lrmd: *mut Lrmd,
    pub(super) operations: *mut LrmdApiOperations,
}

/// Whether a handle may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum HandleState {
    /// Calls are carried out and events delivered.
    #[default]
    Usable,
    /// A panic was caught while the handle was in use: what state its content has is not known. Calls fail, and nothing
    /// is delivered.
    Poisoned,
    /// `lrmd_api_delete()` disconnects. Its event may still be answered with calls, unless the handle is poisoned.
    Deleting { poisoned: bool },
    /// Calls fail, nothing is delivered, and the structures are freed once no callback is under way.
    Deleted { unfreed: Option<Structures> },
}

impl HandleState {
    /// Are calls carried out and events delivered?
    const fn is_usable(self) -> bool {
        matches!(self, Self::Usable | Self::Deleting { poisoned: false })
    }

    const fn is_deleted(self) -> bool {
        matches!(self, Self::Deleted { .. })
    }

    /// A panic was caught.
    const fn poisoned(self) -> Self {
        match self {
            Self::Usable | Self::Poisoned => Self::Poisoned,
            Self::Deleting { .. } => Self::Deleting { poisoned: true },
            Self::Deleted { .. } => self,
        }
    }

    /// C deletes the handle; None if it has done so before.
    const fn deletion_begun(self) -> Option<Self> {
        match self {
            Self::Usable => Some(Self::Deleting { poisoned: false }),
            Self::Poisoned => Some(Self::Deleting { poisoned: true }),
            Self::Deleting { .. } | Self::Deleted { .. } => None,
        }
    }

    /// The handle is disconnected; its structures are to be freed. What is deleted already stays as it is.
    const fn deleted(self, structures: Structures) -> Self {
        match self {
            Self::Usable | Self::Poisoned | Self::Deleting { .. } => {
                Self::Deleted { unfreed: Some(structures) }
            }
            Self::Deleted { .. } => self,
        }
    }

    /// No callback is under way; what is to be freed.
    const fn callbacks_returned(self) -> (Self, Option<Structures>) {
        match self {
            Self::Deleted { unfreed } => (Self::Deleted { unfreed: None }, unfreed),
            other => (other, None),
        }
    }
}

/// A handle's state, and how many callbacks are under way.
#[derive(Debug, Default)]
pub(super) struct Lifecycle {
    state: Cell<HandleState>,
    callbacks: Cell<u32>,
}

impl Lifecycle {
    /// Are calls carried out and events delivered?
    pub(super) fn is_usable(&self) -> bool {
        self.state.get().is_usable()
    }

    pub(super) fn is_deleted(&self) -> bool {
        self.state.get().is_deleted()
    }

    /// A panic was caught while the handle was in use.
    pub(super) fn poison(&self) {
        self.state.set(self.state.get().poisoned());
    }

    /// Begins to delete the handle; false if that was begun before.
    pub(super) fn begin_deletion(&self) -> bool {
        let begun = self.state.get().deletion_begun();
        if let Some(state) = begun {
            self.state.set(state);
        }
        begun.is_some()
    }

    /// The handle is disconnected and deleted; what is to be freed now.
    #[must_use]
    pub(super) fn delete(&self, structures: Structures) -> Option<Structures> {
        self.state.set(self.state.get().deleted(structures));
        self.unfreed()
    }

    /// A callback is called.
    pub(super) fn begin_callback(&self) {
        self.callbacks.set(self.callbacks.get() + 1);
    }

    /// A callback has returned; what is to be freed now.
    #[must_use]
    pub(super) fn end_callback(&self) -> Option<Structures> {
        self.callbacks.set(self.callbacks.get() - 1);
        self.unfreed()
    }

    fn unfreed(&self) -> Option<Structures> {
        if self.callbacks.get() > 0 {
            return None;
        }
        let (state, unfreed) = self.state.get().callbacks_returned();
        self.state.set(state);
        unfreed
    }
}

/// How events are being delivered. Some are part of the dispatch of what the descriptor brought: a disconnect event
/// that their callbacks cause waits for the dispatch to end. All others are delivered at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Dispatch {
    /// What the descriptor brought is not being dispatched.
    #[default]
    Idle,
    /// It is.
    Dispatching { disconnect_owed: bool },
    /// It is, but the present event would come from another source of upstream's: what it causes is delivered at once.
    Outside { disconnect_owed: bool },
}

impl Dispatch {
    const fn owes_disconnect(self) -> bool {
        match self {
            Self::Idle => false,
            Self::Dispatching { disconnect_owed } | Self::Outside { disconnect_owed } => disconnect_owed,
        }
    }

    /// What the descriptor brought is dispatched from now on; `outside`: as if another source had brought it. A
    /// callback may run the main loop, and this handle with it, within a dispatch.
    const fn begun(self, outside: bool) -> Self {
        let disconnect_owed = self.owes_disconnect();
        if outside { Self::Outside { disconnect_owed } } else { Self::Dispatching { disconnect_owed } }
    }

    /// C disconnects. None: the event is delivered at once.
    const fn disconnect_deferred(self) -> Option<Self> {
        match self {
            Self::Dispatching { .. } => Some(Self::Dispatching { disconnect_owed: true }),
            Self::Idle | Self::Outside { .. } => None,
        }
    }

    /// The disconnect event that was owed is delivered.
    const fn disconnect_delivered(self) -> Self {
        match self {
            Self::Idle => Self::Idle,
            Self::Dispatching { .. } => Self::Dispatching { disconnect_owed: false },
            Self::Outside { .. } => Self::Outside { disconnect_owed: false },
        }
    }
}

/// What a handle has to deliver, and how.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    dispatch: Cell<Dispatch>,
    /// `connect_async` has promised a connect event.
    connect_event_owed: Cell<bool>,
    /// There was a waited call since the last dispatch, in a release where upstream delivers what follows it from
    /// another source.
    waited_call: Cell<bool>,
}

impl Delivery {
    /// A connect event is promised.
    pub(super) fn owe_connect_event(&self) {
        self.connect_event_owed.set(true);
    }

    /// Was one promised? It is no longer, as it is delivered now or will not be.
    pub(super) fn take_connect_event(&self) -> bool {
        self.connect_event_owed.take()
    }

    /// What follows is not part of the next dispatch.
    pub(super) fn note_waited_call(&self, separate: bool) {
        self.waited_call.set(separate);
    }

    /// Does a waited call have events delivered even if the descriptor brings nothing?
    pub(super) fn follows_waited_call(&self) -> bool {
        self.waited_call.get()
    }

    /// What the descriptor brought is dispatched from now on.
    pub(super) fn begin(&self) {
        self.dispatch.set(self.dispatch.get().begun(self.waited_call.take()));
    }

    /// The dispatch is over. Is a disconnect event due?
    #[must_use]
    pub(super) fn end(&self) -> bool {
        self.dispatch.replace(Dispatch::Idle).owes_disconnect()
    }

    /// Delivers an event as if another source had brought it.
    pub(super) fn outside(&self, deliver: impl FnOnce()) {
        let before = self.dispatch.get();
        if let Dispatch::Dispatching { .. } = before {
            self.dispatch.set(before.begun(true));
            deliver();
            self.dispatch.set(self.dispatch.get().begun(false));
        } else {
            deliver();
        }
    }

    /// C disconnects. True: the disconnect event waits for the end of the dispatch.
    #[must_use]
    pub(super) fn defer_disconnect(&self) -> bool {
        let deferred = self.dispatch.get().disconnect_deferred();
        if let Some(dispatch) = deferred {
            self.dispatch.set(dispatch);
        }
        deferred.is_some()
    }

    /// Was a disconnect event waiting? It is delivered now.
    #[must_use]
    pub(super) fn take_disconnect(&self) -> bool {
        let before = self.dispatch.get();
        self.dispatch.set(before.disconnect_delivered());
        before.owes_disconnect()
    }
}

#[cfg(test)]
mod tests {
    use super::Dispatch::{Dispatching, Idle, Outside};
    use super::HandleState::{Deleted, Deleting, Poisoned, Usable};
    use super::*;
    use std::ptr;

    const STRUCTURES: Structures =
        Structures { lrmd: ptr::without_provenance_mut(8), operations: ptr::without_provenance_mut(16) };
    const FREED: HandleState = Deleted { unfreed: None };
    const UNFREED: HandleState = Deleted { unfreed: Some(STRUCTURES) };
    const DELETING: HandleState = Deleting { poisoned: false };
    const POISONED_DELETING: HandleState = Deleting { poisoned: true };

    #[test]
    fn every_transition_of_every_handle_state() {
        // State, is it usable, after a panic, deletion begun, deleted, left by the callbacks and what is freed then.
        let table = [
            (Usable, true, Poisoned, Some(DELETING), UNFREED, (Usable, None)),
            (Poisoned, false, Poisoned, Some(POISONED_DELETING), UNFREED, (Poisoned, None)),
            (DELETING, true, POISONED_DELETING, None, UNFREED, (DELETING, None)),
            (POISONED_DELETING, false, POISONED_DELETING, None, UNFREED, (POISONED_DELETING, None)),
            (UNFREED, false, UNFREED, None, UNFREED, (FREED, Some(STRUCTURES))),
            (FREED, false, FREED, None, FREED, (FREED, None)),
        ];
        for (state, usable, poisoned, deletion_begun, deleted, left) in table {
            assert_eq!(state.is_usable(), usable, "{state:?}");
            assert_eq!(state.is_deleted(), matches!(state, Deleted { .. }), "{state:?}");
            assert_eq!(state.poisoned(), poisoned, "{state:?}");
            assert_eq!(state.deletion_begun(), deletion_begun, "{state:?}");
            assert_eq!(state.deleted(STRUCTURES), deleted, "{state:?}");
            assert_eq!(state.callbacks_returned(), left, "{state:?}");
        }
    }

    #[test]
    fn structures_are_freed_once_and_only_without_callbacks() {
        let at_once = Lifecycle::default();
        assert!(at_once.begin_deletion() && !at_once.begin_deletion());
        assert_eq!(at_once.delete(STRUCTURES), Some(STRUCTURES));
        at_once.begin_callback();
        assert_eq!(at_once.end_callback(), None);
        let nested = Lifecycle::default();
        nested.begin_callback();
        nested.begin_callback();
        assert_eq!(nested.delete(STRUCTURES), None);
        assert_eq!(nested.end_callback(), None);
        assert_eq!(nested.end_callback(), Some(STRUCTURES));
    }

    #[test]
    fn every_transition_of_every_dispatch() {
        let (dispatching, outside) =
            (|owed| Dispatching { disconnect_owed: owed }, |owed| Outside { disconnect_owed: owed });
        // State, begun, begun outside, disconnect event deferred, paid, owed.
        let table = [
            (Idle, dispatching(false), outside(false), None, Idle, false),
            (
                dispatching(false),
                dispatching(false),
                outside(false),
                Some(dispatching(true)),
                dispatching(false),
                false,
            ),
            (
                dispatching(true),
                dispatching(true),
                outside(true),
                Some(dispatching(true)),
                dispatching(false),
                true,
            ),
            (outside(false), dispatching(false), outside(false), None, outside(false), false),
            (outside(true), dispatching(true), outside(true), None, outside(false), true),
        ];
        for (state, begun, begun_outside, deferred, paid, owed) in table {
            assert_eq!(state.begun(false), begun, "{state:?}");
            assert_eq!(state.begun(true), begun_outside, "{state:?}");
            assert_eq!(state.disconnect_deferred(), deferred, "{state:?}");
            assert_eq!(state.disconnect_delivered(), paid, "{state:?}");
            assert_eq!(state.owes_disconnect(), owed, "{state:?}");
        }
    }

    #[test]
    fn a_disconnect_waits_for_the_dispatch_that_caused_it_and_for_no_other() {
        let delivery = Delivery::default();
        assert!(!delivery.defer_disconnect());
        delivery.begin();
        delivery.outside(|| assert!(!delivery.defer_disconnect()));
        assert!(delivery.defer_disconnect());
        assert!(delivery.end() && !delivery.end());
        delivery.note_waited_call(true);
        delivery.begin();
        assert!(!delivery.defer_disconnect() && !delivery.follows_waited_call());
        assert!(!delivery.end());
    }

    #[test]
    fn what_is_owed_is_taken_once() {
        let delivery = Delivery::default();
        delivery.owe_connect_event();
        assert!(delivery.take_connect_event() && !delivery.take_connect_event());
        delivery.begin();
        assert!(delivery.defer_disconnect());
        assert!(delivery.take_disconnect() && !delivery.take_disconnect());
        assert!(!delivery.end());
    }
}
