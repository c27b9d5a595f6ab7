// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a caller can tell apart between Pacemaker's releases, beside layouts: one field for each difference. A release
//! that differs from another in a few points names these and takes the rest from it (`..super::v3_0::BEHAVIOUR`).

use std::ffi::{c_int, c_void};

use crate::model::{Millis, ProtocolVersion};
use crate::sys::crmcommon::{Missing, PacemakerLibrary};
use crate::wire::ipc::IpcLayout;

/// A function of Pacemaker's common library that frees the document of an element.
pub type FreeElement = unsafe fn(&PacemakerLibrary, *mut c_void) -> Result<(), Missing>;

/// How the client library of one release behaves.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    /// How long a remote daemon that was asked to end waits for the cluster's answer; None: as long as it takes.
    pub shutdown_answer_limit: Option<Millis>,
    /// The result that a connect event carries after a TLS handshake that took too long.
    pub slow_handshake_event_code: c_int,
    /// Does `connect_async` also send a connect event when it fails at once?
    pub immediate_failure_has_connect_event: bool,
    /// Is the connect event part of the descriptor's dispatch? Then a disconnect event that its callback causes waits
    /// for the end of that dispatch.
    pub connect_event_is_dispatched: bool,
    /// Does the connect event come before the disconnect event when the handshake failed or the sign-on was refused?
    pub refusal_event_precedes_disconnect: bool,
    /// Does ending a connection whose handshake is over, but not its sign-on, cause a disconnect event?
    pub unfinished_sign_on_has_disconnect_event: bool,
    /// Are the events that follow a waited call over TLS delivered outside the descriptor's dispatch?
    pub waited_call_delivers_outside_dispatch: bool,
    /// If the configured key file cannot be used, are the default ones tried?
    pub default_keys_stand_in: bool,
    /// The protocol version that the release's own library announces, by which executors know what its cluster serves.
    pub protocol_version: ProtocolVersion,
    /// How long an agent may take to print its metadata.
    pub metadata_limit: Millis,
    /// The layout of local messages that this node's executor expects.
    pub local_layout: fn() -> IpcLayout,
}
