// SPDX-License-Identifier: LGPL-2.1-or-later
//! What agents this node has. As upstream, no executor is asked, not even for a connection to another node: the lists
//! are of the node on which the caller runs.

use std::ffi::{c_char, c_int};
use std::ptr;

use super::lists;
use super::text::text;
use crate::capi::abi::RELEASE;
use crate::capi::abi::api::Lrmd;
use crate::capi::abi::shared::LrmdList;
use crate::capi::entry::slot;
use crate::driver::blocking::NodeAgents;
use crate::driver::linux_ha;
use crate::model::Standard;
use crate::sys::cmem;

slot! {
    /// Adds this node's agents of a standard to a list; of all standards if it is NULL. Only OCF agents have providers.
    ///
    /// Returns their number, or -EPROTONOSUPPORT if there are none. The caller frees the list with
    /// `lrmd_list_freeall()`.
    ///
    /// # Safety
    /// `agents` is NULL or points to NULL or a list of this library; the others are NULL or C strings.
    pub(super) unsafe fn slot_list_agents(
        _lrmd: *mut Lrmd,
        agents: *mut *mut LrmdList,
        #[shown] standard: *const c_char,
        #[shown] provider: *const c_char,
    ) -> c_int, failed = -libc::EIO; {
        // SAFETY: NULL or C strings, by the caller's promise.
        let (standard, provider) = unsafe { (text(standard), text(provider)) };
        let names = agent_names(standard.as_deref(), provider.as_deref());
        // SAFETY: by the caller's promise.
        match unsafe { append(agents, &names) } {
            0 => -libc::EPROTONOSUPPORT,
            count => count,
        }
    }
}

fn agent_names(standard: Option<&str>, provider: Option<&str>) -> Vec<String> {
    let known = standard.and_then(Standard::named);
    if standard.is_some() && known.is_none() {
        return Vec::new();
    }
    let mut agents = NodeAgents::new(RELEASE).agents(known, provider);
    if matches!(known, None | Some(Standard::Stonith)) {
        // Plugins come before fence agents, which come last.
        let first = agents.iter().position(|agent| agent.standard() == Some(Standard::Stonith));
        let rest = agents.split_off(first.unwrap_or(agents.len()));
        let mut names: Vec<String> = agents.into_iter().map(|agent| agent.name).collect();
        names.extend(linux_ha::names());
        names.extend(rest.into_iter().map(|agent| agent.name));
        return names;
    }
    agents.into_iter().map(|agent| agent.name).collect()
}

slot! {
    /// Adds the providers of OCF agents to a list; if `agent` is not NULL, only those that have this agent, in any
    /// letter case.
    ///
    /// Returns their number. The caller frees the list with `lrmd_list_freeall()`.
    ///
    /// # Safety
    /// `providers` is NULL or points to NULL or a list of this library; `agent` is NULL or a C string.
    pub(super) unsafe fn slot_list_ocf_providers(
        _lrmd: *mut Lrmd,
        #[shown] agent: *const c_char,
        providers: *mut *mut LrmdList,
    ) -> c_int, failed = -libc::EIO; {
        let node = NodeAgents::new(RELEASE);
        // SAFETY: NULL or a C string, by the caller's promise.
        let names = match unsafe { text(agent) } {
            Some(agent) => node.providers_of(&agent),
            None => node.providers(),
        };
        // SAFETY: by the caller's promise.
        unsafe { append(providers, &names) }
    }
}

slot! {
    /// Adds the standards that have, or may have, agents on this node to a list.
    ///
    /// Returns their number. The caller frees the list with `lrmd_list_freeall()`.
    ///
    /// # Safety
    /// `standards` is NULL or points to NULL or a list of this library.
    pub(super) unsafe fn slot_list_standards(
        _lrmd: *mut Lrmd,
        standards: *mut *mut LrmdList,
    ) -> c_int, failed = -libc::EIO; {
        let mut found = NodeAgents::new(RELEASE).standards();
        if !found.contains(&Standard::Stonith) && !linux_ha::names().is_empty() {
            found.push(Standard::Stonith);
        }
        let names: Vec<String> = found.into_iter().map(|standard| standard.name().to_owned()).collect();
        // SAFETY: by the caller's promise.
        unsafe { append(standards, &names) }
    }
}

/// Adds copies of the names to the end of a list and returns their number. With NULL for the list they are counted
/// only.
///
/// # Safety
/// `list` is NULL or points to NULL or a list that nobody else uses meanwhile.
unsafe fn append(list: *mut *mut LrmdList, names: &[String]) -> c_int {
    if !list.is_null() {
        let element =
            |name: &String| LrmdList { val: cmem::string_of(name.as_bytes()), next: ptr::null_mut() };
        // SAFETY: the caller's promise.
        unsafe { lists::append(list, names.iter().map(element)) };
    }
    c_int::try_from(names.len()).unwrap_or(c_int::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capi::client::values::lrmd_list_freeall;
    use std::ffi::CStr;

    fn names(list: *mut LrmdList) -> Vec<String> {
        let mut names = Vec::new();
        let mut place = list;
        while !place.is_null() {
            // SAFETY: an element of a list that these tests made.
            unsafe {
                names.push(CStr::from_ptr((*place).val).to_str().unwrap().to_owned());
                place = (*place).next;
            }
        }
        names
    }

    #[test]
    fn names_are_added_at_the_end() {
        let mut list = ptr::null_mut();
        // SAFETY: a list of our own, freed once.
        unsafe {
            assert_eq!(append(&raw mut list, &["a".into()]), 1);
            assert_eq!(append(&raw mut list, &["b".into(), "c".into()]), 2);
            assert_eq!(append(ptr::null_mut(), &["d".into()]), 1);
            assert_eq!(names(list), ["a", "b", "c"]);
            lrmd_list_freeall(list);
        }
    }

    #[test]
    fn standards_are_those_of_every_node() {
        let mut list = ptr::null_mut();
        // SAFETY: a list of our own, freed once; no handle is needed.
        unsafe {
            let count = slot_list_standards(ptr::null_mut(), &raw mut list);
            let found = names(list);
            assert_eq!(usize::try_from(count).unwrap(), found.len());
            for standard in ["ocf", "lsb", "service"] {
                assert!(found.iter().any(|name| name == standard), "{found:?}");
            }
            lrmd_list_freeall(list);
        }
    }

    #[test]
    fn a_standard_that_nobody_knows_has_no_agents() {
        let mut list = ptr::null_mut();
        // SAFETY: a literal and a list of our own, which stays NULL.
        let count =
            unsafe { slot_list_agents(ptr::null_mut(), &raw mut list, c"nobody's".as_ptr(), ptr::null()) };
        assert_eq!((count, list), (-libc::EPROTONOSUPPORT, ptr::null_mut()));
    }
}
