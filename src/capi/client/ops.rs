// SPDX-License-Identifier: LGPL-2.1-or-later
//! Requests to the executor. Results are the executor's own, or a negated errno when there was no answer.

use std::ffi::{c_char, c_int, c_uint};
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;

use super::handle::Handle;
use super::lists;
use super::text::{owned, text};
use super::values::lrmd_free_op_info;
use crate::capi::abi::api::{CallOptions, GList, Lrmd, LrmdEventCallback};
use crate::capi::abi::shared::{LrmdKeyValue, LrmdOpInfo, LrmdRscInfo};
use crate::capi::entry::slot;
use crate::capi::rc;
use crate::model::{
    Agent, Cancel, Execute, Interval, Millis, Notify, Params, RecurringOperation, ReplyBody, Request,
    ResourceId, ResourceOperations, Standard,
};
use crate::sys::cmem;
use crate::sys::glib::containers::List;
use crate::wire::names::call_option;

slot! {
    /// Asks the executor whether it is there. A poke event follows; over TLS nothing is waited for.
    ///
    /// # Safety
    /// `lrmd` came from this library.
    pub(super) unsafe fn slot_poke(lrmd: *mut Lrmd) -> c_int, failed = rc::NOT_CONNECTED; |handle| {
        if handle.is_remote() {
            handle.send(Request::Poke).err().unwrap_or(0)
        } else {
            ask(handle, Request::Poke, 0, 0).min(0)
        }
    }
}

slot! {
    /// Makes a resource known to the executor.
    ///
    /// # Safety
    /// `lrmd` came from this library; the others are NULL or C strings.
    pub(super) unsafe fn slot_register_rsc(
        lrmd: *mut Lrmd,
        #[shown] rsc_id: *const c_char,
        #[shown] standard: *const c_char,
        #[shown] provider: *const c_char,
        #[shown] agent: *const c_char,
        options: CallOptions,
    ) -> c_int, failed = rc::NOT_CONNECTED; |handle| {
        // SAFETY: NULL or C strings, by the caller's promise.
        let (id, standard, provider, name) =
            unsafe { (resource(rsc_id), owned(standard), owned(provider), owned(agent)) };
        let (Some(id), Some(standard), Some(name)) = (id, standard, name) else { return rc::INVALID };
        let agent = Agent { standard, provider, name };
        if needs_provider(&agent) {
            return rc::INVALID;
        }
        let drop_recurring = options & call_option::DROP_RECURRING_TEST != 0;
        let request = Request::RegisterResource { resource_id: Some(id), agent, drop_recurring };
        ask(handle, request, options, 0)
    }
}

/// Is the provider missing that the standard demands?
fn needs_provider(agent: &Agent) -> bool {
    agent.standard() == Some(Standard::Ocf) && agent.provider.is_none()
}

slot! {
    /// The agent of a resource, as the executor knows it; NULL if it does not, or without an answer. The caller frees
    /// it with `lrmd_free_rsc_info()`.
    ///
    /// # Safety
    /// `lrmd` came from this library; `rsc_id` is NULL or a C string.
    pub(super) unsafe fn slot_get_rsc_info(
        lrmd: *mut Lrmd,
        #[shown] rsc_id: *const c_char,
        options: CallOptions,
    ) -> *mut LrmdRscInfo, failed = ptr::null_mut(); |handle| {
        // SAFETY: NULL or a C string, by the caller's promise.
        let request = Request::ResourceInfo(unsafe { resource(rsc_id) });
        let Ok(reply) = handle.call(request, options, Millis(0)) else { return ptr::null_mut() };
        let ReplyBody::ResourceInfo(found) = reply.body else { return ptr::null_mut() };
        if needs_provider(&found.agent) {
            return ptr::null_mut();
        }
        let [standard, name] =
            [&found.agent.standard, &found.agent.name].map(|part| cmem::string_of(part.as_bytes()));
        let provider = found.agent.provider.as_deref().map(|part| cmem::string_of(part.as_bytes()));
        cmem::new(LrmdRscInfo {
            // The id is the caller's own, which it just proved to be right.
            // SAFETY: NULL or a C string, by the caller's promise.
            id: unsafe { cmem::copy_string(rsc_id) },
            r#type: name,
            standard,
            provider: provider.unwrap_or(ptr::null_mut()),
        })
    }
}

slot! {
    /// Lists the recurring operations of a resource (NULL: of all): a GList of `lrmd_op_info_t`, the last one first,
    /// which the caller frees with `g_list_free_full()` and `lrmd_free_op_info()`.
    ///
    /// # Safety
    /// `lrmd` came from this library; `rsc_id` is NULL or a C string; `output` is NULL or may be written.
    pub(super) unsafe fn slot_get_recurring_ops(
        lrmd: *mut Lrmd,
        #[shown] rsc_id: *const c_char,
        timeout_ms: c_int,
        options: CallOptions,
        output: *mut *mut GList,
    ) -> c_int, failed = rc::NOT_CONNECTED; {
        // SAFETY: NULL or writable, by the caller's promise.
        let Some(output) = (unsafe { output.as_mut() }) else { return rc::INVALID };
        *output = ptr::null_mut();
        // SAFETY: the caller's promise.
        let Some(handle) = (unsafe { Handle::of(lrmd) }) else { return rc::NOT_CONNECTED };
        handle.poison_on_panic(|| {
            // SAFETY: NULL or a C string, by the caller's promise.
            let request = Request::RecurringOperations(unsafe { resource(rsc_id) });
            let reply = match handle.call(request, options, millis(timeout_ms)) {
                Ok(reply) => reply,
                Err(error) => return error,
            };
            if let (0, ReplyBody::Recurring(resources)) = (reply.rc, &reply.body) {
                *output = operation_list(resources);
            }
            reply.rc
        })
    }
}

/// The last one first, as upstream has it.
fn operation_list(resources: &[ResourceOperations]) -> *mut GList {
    // SAFETY: the function frees what the list gets here.
    let mut list = unsafe { List::new(lrmd_free_op_info) };
    for resource in resources {
        for operation in &resource.operations {
            list.prepend(operation_info(&resource.resource_id, operation));
        }
    }
    list.into_raw()
}

fn operation_info(resource_id: &ResourceId, operation: &RecurringOperation) -> *mut LrmdOpInfo {
    cmem::new(LrmdOpInfo {
        rsc_id: cmem::string_of(resource_id.as_str().as_bytes()),
        action: cmem::string_of(operation.action.as_bytes()),
        interval_ms_s: cmem::string_of(operation.interval.0.to_string().as_bytes()),
        timeout_ms_s: cmem::string_of(operation.timeout.0.to_string().as_bytes()),
    })
}

slot! {
    /// Has the executor forget a resource.
    ///
    /// # Safety
    /// `lrmd` came from this library; `rsc_id` is NULL or a C string.
    pub(super) unsafe fn slot_unregister_rsc(
        lrmd: *mut Lrmd,
        #[shown] rsc_id: *const c_char,
        options: CallOptions,
    ) -> c_int, failed = rc::NOT_CONNECTED; |handle| {
        // SAFETY: NULL or a C string, by the caller's promise.
        let request = Request::UnregisterResource(unsafe { resource(rsc_id) });
        ask(handle, request, options, 0)
    }
}

slot! {
    /// Sets what is called with each event; NULL: nothing.
    ///
    /// # Safety
    /// `lrmd` came from this library; `callback` may be called as long as it is set.
    pub(super) unsafe fn slot_set_callback(lrmd: *mut Lrmd, callback: LrmdEventCallback) |handle| {
        handle.callback.set(callback);
    }
}

slot! {
    /// Has the executor run an operation. Returns the call id that its events carry, or a negated errno. `params` is
    /// freed in any case.
    ///
    /// # Safety
    /// `lrmd` came from this library; the texts are NULL or C strings; `params` is NULL or a list that
    /// `lrmd_key_value_add()` made.
    pub(super) unsafe fn slot_exec(
        lrmd: *mut Lrmd,
        #[shown] rsc_id: *const c_char,
        #[shown] action: *const c_char,
        userdata: *const c_char,
        interval_ms: c_uint,
        timeout: c_int,
        start_delay: c_int,
        options: CallOptions,
        params: *mut LrmdKeyValue,
    ) -> c_int, failed = rc::NOT_CONNECTED; {
        // SAFETY: the caller's promises; the list is read before it is freed, once.
        let (params, handle) = unsafe { (taken(params), Handle::of(lrmd)) };
        let Some(handle) = handle else { return rc::NOT_CONNECTED };
        handle.poison_on_panic(|| {
            // SAFETY: NULL or C strings, by the caller's promise.
            let (resource_id, action, user_data) =
                unsafe { (resource(rsc_id), owned(action), owned(userdata)) };
            let execute = Execute {
                resource_id,
                action: action.unwrap_or_default().into(),
                interval: Interval(interval_ms),
                timeout: millis(timeout),
                start_delay: millis(start_delay),
                user_data,
                params: Arc::new(params),
                notify: Notify {
                    origin_only: options & call_option::NOTIFY_ORIGIN_ONLY != 0,
                    changes_only: options & call_option::NOTIFY_CHANGES_ONLY != 0,
                },
            };
            ask(&handle, Request::Execute(Box::new(execute)), options, timeout)
        })
    }
}

slot! {
    /// Has the executor stop a recurring operation.
    ///
    /// # Safety
    /// `lrmd` came from this library; the texts are NULL or C strings.
    pub(super) unsafe fn slot_cancel(
        lrmd: *mut Lrmd,
        #[shown] rsc_id: *const c_char,
        #[shown] action: *const c_char,
        interval_ms: c_uint,
    ) -> c_int, failed = rc::NOT_CONNECTED; |handle| {
        // SAFETY: NULL or C strings, by the caller's promise.
        let (resource_id, action) = unsafe { (resource(rsc_id), owned(action)) };
        let cancel = Cancel { resource_id, action, interval: Interval(interval_ms) };
        ask(handle, Request::Cancel(cancel), 0, 0)
    }
}

slot! {
    /// Has the executor run an alert. `params` is freed in any case.
    ///
    /// # Safety
    /// `lrmd` came from this library; the texts are NULL or C strings; `params` is NULL or a list that
    /// `lrmd_key_value_add()` made.
    pub(super) unsafe fn slot_exec_alert(
        lrmd: *mut Lrmd,
        #[shown] alert_id: *const c_char,
        alert_path: *const c_char,
        timeout: c_int,
        params: *mut LrmdKeyValue,
    ) -> c_int, failed = rc::NOT_CONNECTED; {
        // SAFETY: the caller's promises; the list is read before it is freed, once.
        let (params, handle) = unsafe { (taken(params), Handle::of(lrmd)) };
        let Some(handle) = handle else { return rc::NOT_CONNECTED };
        handle.poison_on_panic(|| {
            // SAFETY: NULL or C strings, by the caller's promise.
            let (id, path) = unsafe { (owned(alert_id), owned(alert_path)) };
            let request = Request::Alert { id, path, timeout: millis(timeout), params };
            ask(&handle, request, call_option::NOTIFY_ORIGIN_ONLY, timeout)
        })
    }
}

/// The executor's result, or why there is none.
fn ask(handle: &Rc<Handle>, request: Request, options: CallOptions, timeout: c_int) -> c_int {
    handle.call(request, options, millis(timeout)).map_or_else(|error| error, |reply| reply.rc)
}

/// # Safety
/// `id` is NULL or a C string.
unsafe fn resource(id: *const c_char) -> Option<ResourceId> {
    // SAFETY: the caller's promise.
    unsafe { text(id) }.map(|id| ResourceId::new(id.as_ref()))
}

fn millis(time: c_int) -> Millis {
    Millis(u64::try_from(time).unwrap_or_default())
}

fn first(table: &mut Params, key: &str, value: &str) {
    if table.get(key).is_none() {
        table.set(key, value);
    }
}

/// The parameters of a list, which is freed. Of a name that comes twice the first counts, as upstream has it.
///
/// # Safety
/// `params` is NULL or a list that `lrmd_key_value_add()` made, and nobody else uses it.
unsafe fn taken(params: *mut LrmdKeyValue) -> Params {
    let mut table = Params::new();
    let mut place = params;
    // SAFETY: the list ends with NULL; it is read to the end, then freed.
    unsafe {
        while let Some(pair) = place.as_ref() {
            if let (Some(key), Some(value)) = (text(pair.key), text(pair.value)) {
                first(&mut table, &key, &value);
            }
            place = pair.next;
        }
        lists::free(params);
    }
    table
}
