// SPDX-License-Identifier: LGPL-2.1-or-later
//! What an agent says of itself, asked in the caller's process and waited for. As upstream, an agent of this node is
//! meant, even for a connection to another node.

use std::ffi::{c_char, c_int};
use std::ptr;

use super::lists;
use super::text::text;
use crate::capi::abi::api::{CallOptions, Lrmd};
use crate::capi::abi::shared::LrmdKeyValue;
use crate::capi::abi::{BEHAVIOUR, RELEASE};
use crate::capi::entry::slot;
use crate::capi::rc;
use crate::driver::blocking::{NoMetadata, NodeAgents};
use crate::driver::linux_ha;
use crate::model::{Agent, Params, Standard};
use crate::sys::cmem;

slot! {
    /// As `get_metadata_params` without parameters.
    ///
    /// # Safety
    /// As for `get_metadata_params`.
    pub(super) unsafe fn slot_get_metadata(
        _lrmd: *mut Lrmd,
        #[shown] standard: *const c_char,
        #[shown] provider: *const c_char,
        #[shown] agent: *const c_char,
        output: *mut *mut c_char,
        _options: CallOptions,
    ) -> c_int, failed = -libc::EIO; {
        // SAFETY: the caller's promise, and no parameters.
        unsafe { metadata_of([standard, provider, agent], output, ptr::null_mut()) }
    }
}

slot! {
    /// Stores the metadata of an agent of this node in `output`; an OCF agent is run with `params`, which are freed.
    /// Waits for the agent, at most 30 s (Pacemaker 3.0: 20 s), in the caller's thread.
    ///
    /// Returns 0, or: -EINVAL if an argument is missing or there is no such agent, -EIO if the agent could not be run or
    /// gave none. For a fence agent: -ENODEV if there is none, -ENODATA if it could not be run, -ETIME if it was late,
    /// -201 if it gave none. The caller frees `output` with `free()`; it is not touched when the result is not 0.
    ///
    /// # Safety
    /// The strings are NULL or C strings; `output` is NULL or may be written; `params` is NULL or a list of this
    /// library that is not used afterwards.
    pub(super) unsafe fn slot_get_metadata_params(
        _lrmd: *mut Lrmd,
        #[shown] standard: *const c_char,
        #[shown] provider: *const c_char,
        #[shown] agent: *const c_char,
        output: *mut *mut c_char,
        _options: CallOptions,
        params: *mut LrmdKeyValue,
    ) -> c_int, failed = -libc::EIO; {
        // SAFETY: the caller's promise.
        unsafe { metadata_of([standard, provider, agent], output, params) }
    }
}

/// # Safety
/// As for `get_metadata_params`.
unsafe fn metadata_of(
    [standard, provider, agent]: [*const c_char; 3],
    output: *mut *mut c_char,
    params: *mut LrmdKeyValue,
) -> c_int {
    // SAFETY: by the caller's promise; the list is freed after its last use.
    let (parameters, standard, provider, name) = unsafe {
        let parameters = parameters(params);
        lists::free(params);
        (parameters, text(standard), text(provider), text(agent))
    };
    let (Some(standard), Some(name)) = (standard, name) else { return -libc::EINVAL };
    if output.is_null() {
        return -libc::EINVAL;
    }
    let agent = agent_of(&standard, provider.as_deref(), &name);
    match document(&agent, &parameters) {
        Ok(document) => {
            // SAFETY: may be written, by the caller's promise.
            unsafe { output.write(cmem::string_of(&document)) };
            0
        }
        Err((code, reason)) => {
            log::error!("No metadata of {agent}: {reason}");
            code
        }
    }
}

/// An agent as callers name it. Only the standard OCF has providers: for others one is not looked at.
pub(super) fn agent_of(standard: &str, provider: Option<&str>, name: &str) -> Agent {
    let provided = Standard::named(standard).is_some_and(Standard::has_providers);
    Agent {
        standard: standard.to_owned(),
        provider: provider.filter(|_| provided).map(str::to_owned),
        name: name.to_owned(),
    }
}

/// A list of parameters. The first of a name is overridden by those behind it, as when they are put into a table.
///
/// # Safety
/// `head` is NULL or a list that ends with NULL, whose strings are NULL or C strings.
unsafe fn parameters(head: *const LrmdKeyValue) -> Params {
    let mut params = Params::new();
    let mut place = head;
    // SAFETY: `place` walks the list, which the caller keeps alive meanwhile; a reference ends before the next.
    while let Some(element) = unsafe { place.as_ref() } {
        // SAFETY: the caller's promise.
        if let (Some(key), Some(value)) = unsafe { (text(element.key), text(element.value)) } {
            params.set(key, value);
        }
        place = element.next;
    }
    params
}

/// # Errors
/// The code and the reason.
fn document(agent: &Agent, params: &Params) -> Result<Vec<u8>, (c_int, String)> {
    let standard = agent.standard();
    let asked = NodeAgents::new(RELEASE).metadata(agent, params, BEHAVIOUR.metadata_limit);
    asked.or_else(|error| {
        // A fence agent that is no program may be a plugin.
        let is_missing = matches!(error, NoMetadata::NotInstalled(_));
        let plugin = (standard == Some(Standard::Stonith) && is_missing)
            .then(|| linux_ha::metadata(&agent.name, RELEASE))
            .flatten();
        match plugin {
            Some(document) => Ok(document.into_bytes()),
            None => Err((rc::of_metadata(&error, standard), error.to_string())),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capi::client::values::{lrmd_key_value_add, lrmd_key_value_freeall};
    use std::ffi::CStr;

    fn get(standard: *const c_char, provider: *const c_char, agent: &CStr) -> c_int {
        let mut output = ptr::null_mut();
        // SAFETY: literals, a list of our own, and a place for the answer, of which there is none here.
        let code = unsafe {
            let params = lrmd_key_value_add(ptr::null_mut(), c"a".as_ptr(), c"1".as_ptr());
            let place = &raw mut output;
            slot_get_metadata_params(ptr::null_mut(), standard, provider, agent.as_ptr(), place, 0, params)
        };
        assert!(output.is_null());
        code
    }

    #[test]
    fn what_is_not_there_has_upstreams_codes() {
        let nobody = c"nobody's";
        assert_eq!(get(ptr::null(), ptr::null(), nobody), -libc::EINVAL);
        assert_eq!(get(c"ocf".as_ptr(), ptr::null(), nobody), -libc::EINVAL);
        assert_eq!(get(c"ocf".as_ptr(), c"heartbeat".as_ptr(), nobody), -libc::EINVAL);
        assert_eq!(get(c"lsb".as_ptr(), ptr::null(), nobody), -libc::EIO);
        assert_eq!(get(c"stonith".as_ptr(), ptr::null(), nobody), -libc::ENODEV);
        assert_eq!(get(c"nagios".as_ptr(), ptr::null(), nobody), -libc::EINVAL);
    }

    #[test]
    fn parameters_are_read_and_the_last_of_a_name_counts() {
        // SAFETY: literals and a list of our own, freed once.
        unsafe {
            let list = lrmd_key_value_add(ptr::null_mut(), c"a".as_ptr(), c"1".as_ptr());
            lrmd_key_value_add(list, c"b".as_ptr(), ptr::null());
            lrmd_key_value_add(list, c"a".as_ptr(), c"2".as_ptr());
            let params = parameters(list);
            assert_eq!(params, Params::from_iter([("a", "2")]));
            lrmd_key_value_freeall(list);
        }
    }
}
