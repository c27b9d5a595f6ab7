// SPDX-License-Identifier: LGPL-2.1-or-later
//! A client signs on.
#![allow(clippy::disallowed_methods, reason = "the uptime is told by the time of day that main has set")]

use std::env;
use std::ffi::c_int;
use std::time::{SystemTime, UNIX_EPOCH};

use super::super::clients::Caller;
use super::super::{executor, role};
use crate::capi::abi;
use crate::capi::abi::remote::Client;
use crate::model::{ProtocolVersion, Registered, ReplyBody, options};
use crate::sys::neighbours;

/// What a sign-on is answered. The reply says who the client is also when it refuses.
///
/// # Safety
/// `client` is the living client that `caller` describes.
pub(super) unsafe fn sign_on(
    caller: &Caller,
    client: *mut Client,
    version: Option<ProtocolVersion>,
    is_provider: bool,
) -> (c_int, ReplyBody) {
    let mut rc = 0;
    if version.is_none_or(|version| version < ProtocolVersion::OLDEST) {
        let theirs = version.map_or("none".to_owned(), |version| version.to_string());
        let (name, oldest) = (caller.describe(), ProtocolVersion::OLDEST);
        log::error!("{name} speaks protocol version {theirs}, need {oldest} or later");
        rc = -libc::EPROTO;
    }
    if is_provider {
        // SAFETY: the caller's promise.
        let refused = unsafe { begin_to_provide(caller, client, version) }.err();
        rc = refused.unwrap_or(rc);
    }
    (rc, ReplyBody::Registered(registered(caller)))
}

/// # Safety
/// As for [`sign_on`].
unsafe fn begin_to_provide(
    caller: &Caller,
    client: *mut Client,
    version: Option<ProtocolVersion>,
) -> Result<(), c_int> {
    let add = neighbours::ipc_proxy_add_provider().filter(|_| role::is_remote_daemon());
    let add = add.ok_or(-libc::EPROTONOSUPPORT)?;
    if !caller.is_remote() {
        log::warn!("{} is a local client, and cannot carry messages of others", caller.describe());
        return Err(-libc::EACCES);
    }
    // SAFETY: a living client.
    unsafe { add(client.cast()) };
    let both = version.map(|version| version.min(abi::layout().protocol_version));
    if both.is_some_and(|version| version >= ProtocolVersion::SCHEMAS)
        && let Some(request) = neighbours::remoted_request_cib_schema_files()
    {
        // SAFETY: a function without conditions.
        unsafe { request() };
    }
    if let Some(executor) = executor::get() {
        executor.provides(&caller.id);
    }
    Ok(())
}

/// What main has set when it began; from 2.1.9 on.
fn started() -> Option<u64> {
    // SAFETY: a variable that main sets once, before the first client.
    let started = unsafe { neighbours::start_time()?.read() };
    u64::try_from(started).ok().filter(|started| *started != 0)
}

fn registered(caller: &Caller) -> Registered {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let version = abi::layout().protocol_version;
    Registered {
        client_id: caller.id.clone(),
        version: Some(version),
        // It came with the version.
        uptime_s: started()
            .filter(|_| version >= ProtocolVersion::SCHEMAS)
            .map(|started| now.saturating_sub(started)),
        node_start_state: env::var(options::NODE_START_STATE.variable).ok(),
    }
}
