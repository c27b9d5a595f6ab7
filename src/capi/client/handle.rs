// SPDX-License-Identifier: LGPL-2.1-or-later
//! What lies behind the private pointer of a `lrmd_t`.

use std::ffi::{CStr, c_void};
use std::rc::Rc;

use crate::capi::abi::api::Lrmd;
use crate::model::{Millis, Reply, Request};

/// Called with a message of a proxied session: the handle, the caller's pointer, an `xmlNode` that is lent.
pub type ProxyCallback = Option<unsafe extern "C" fn(*mut Lrmd, *mut c_void, *mut c_void)>;

/// A connection to an executor, or the place for one. Held by one `lrmd_t` and, while a call of it is under way, by
/// that call.
#[derive(Debug)]
pub struct Handle {}

impl Handle {
    /// The handle behind `lrmd`; None for NULL and for one that is being deleted.
    ///
    /// # Safety
    /// `lrmd` is NULL or came from this library and was not deleted.
    pub unsafe fn of(_lrmd: *mut Lrmd) -> Option<Rc<Self>> {
        None
    }

    /// The node that the connection is to, as events carry it; None for the local executor.
    pub fn node_name(&self) -> Option<&CStr> {
        None
    }

    /// Asks and waits for the answer. `timeout` 0 or more than the carrier's limit: that limit.
    ///
    /// # Errors
    /// A negated errno, as the slots return it.
    pub fn call(&self, _request: Request, _options: u32, _timeout: Millis) -> Result<Reply, i32> {
        Err(-107)
    }

    /// Sends without waiting.
    ///
    /// # Errors
    /// A negated errno, as the slots return it.
    pub fn send(&self, _request: Request) -> Result<(), i32> {
        Err(-107)
    }

    /// Sends the text of a `lrmd_ipc_proxy` element as it is, but for the envelope's attributes, without waiting.
    ///
    /// # Errors
    /// A negated errno, as the slots return it.
    pub fn send_proxy(&self, _element: &str) -> Result<(), i32> {
        Err(-107)
    }

    /// Where messages of proxied sessions go. A connection made afterwards signs on as a provider.
    pub fn set_proxy_callback(&self, _callback: ProxyCallback, _user_data: *mut c_void) {}
}
