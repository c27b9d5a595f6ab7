// SPDX-License-Identifier: LGPL-2.1-or-later
//! Descriptor mode: the caller watches the descriptor and comes here.

use std::ffi::c_int;

use super::handle::Handle;
use crate::capi::abi::api::Lrmd;
use crate::capi::entry::entry;
use crate::capi::rc;

entry! {
    /// Is there something to dispatch? 1 if so, also when it is in memory already and the descriptor is quiet; 0 if
    /// not; a negated errno without a connection. It never waits: `timeout` is ignored, as upstream does.
    ///
    /// # Safety
    /// `lrmd` is NULL or came from this library and was not deleted.
    pub unsafe fn lrmd_poll(lrmd: *mut Lrmd, _timeout: c_int) -> c_int, failed = rc::NOT_CONNECTED; |handle| {
        let ready = handle.connection.try_with(|connection| {
            let connection = connection.filter(|connection| connection.is_ready())?;
            Some(connection.has_events() || connection.is_readable())
        });
        match ready {
            Some(Some(something)) => something.into(),
            Some(None) => rc::NOT_CONNECTED,
            // Asked by a log callback, while the connection is in use.
            None => 0,
        }
    }
}

entry! {
    /// Takes what has come and tells the callback, for about 2 ms; if more is there, the descriptor stays ready. False
    /// when there is no connection (any longer).
    ///
    /// # Safety
    /// `lrmd` is NULL or came from this library and was not deleted.
    pub unsafe fn lrmd_dispatch(lrmd: *mut Lrmd) -> bool, failed = false; |handle| {
        handle.advance();
        handle.deliver(handle.connection.generation());
        handle.after_use();
        handle.is_ready()
    }
}
