// SPDX-License-Identifier: LGPL-2.1-or-later
//! `rsc_list`, the program's table of resources: main makes and destroys it, and what is in it is ours. Its values only
//! say which resource an entry stands for; the resources themselves are the core's.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::{CString, c_void};
use std::ptr::NonNull;

use crate::model::ResourceId;
use crate::sys::glib::containers;
use crate::sys::neighbours;

/// A value of the table. Its name is the key too.
struct Entry {
    name: CString,
}

#[derive(Default)]
struct Registry {
    /// The table that entries are in, of which a reference is ours: main destroys it while alerts are still waited for.
    table: Option<NonNull<c_void>>,
    /// All entries, by their addresses, with what they stand for; None: for what is no resource any longer.
    entries: BTreeMap<usize, Option<ResourceId>>,
    by_id: BTreeMap<ResourceId, usize>,
}

thread_local! {
    static REGISTRY: RefCell<Registry> = RefCell::default();
}

/// The table as main has made it, with a reference of ours.
fn table(registry: &mut Registry) -> Option<NonNull<c_void>> {
    if registry.table.is_none() {
        // SAFETY: the variable is a pointer that only this thread changes.
        let table = neighbours::rsc_list().and_then(|variable| NonNull::new(unsafe { variable.read() }));
        // SAFETY: a living table, since main destroys it after the last request at the earliest.
        registry.table = table.inspect(|table| unsafe { containers::keep(table.as_ptr()) });
    }
    registry.table
}

/// Puts a resource into the table, if it is not there.
pub(super) fn add(id: &ResourceId) {
    let added = REGISTRY.with_borrow_mut(|registry| {
        if registry.by_id.contains_key(id) {
            return None;
        }
        let table = table(registry)?;
        let entry = Box::into_raw(Box::new(Entry { name: name_of(id) }));
        registry.entries.insert(entry.addr(), Some(id.clone()));
        registry.by_id.insert(id.clone(), entry.addr());
        Some((table, entry))
    });
    if let Some((table, entry)) = added {
        // SAFETY: the table is alive by our reference; the key lives as long as the entry, which the table frees by
        // `free_rsc`.
        unsafe {
            let key = (*entry).name.as_ptr();
            containers::insert(table.as_ptr(), key.cast_mut().cast(), entry.cast());
        }
    }
}

/// Takes a resource out of the table that is none any longer.
pub(super) fn remove(id: &ResourceId) {
    let table = REGISTRY.with_borrow_mut(|registry| {
        let address = registry.by_id.remove(id)?;
        registry.entries.insert(address, None);
        registry.table
    });
    if let Some(table) = table {
        // SAFETY: the table is alive by our reference, and frees the entry in this call.
        unsafe { containers::remove(table.as_ptr(), &name_of(id)) };
    }
}

fn name_of(id: &ResourceId) -> CString {
    CString::new(id.as_str().replace('\0', "")).unwrap_or_default()
}

/// Frees an entry. The resource that it stood for, if it was not we who removed it.
///
/// # Safety
/// `data` is a value of the table that it does not hold any longer.
pub(super) unsafe fn free(data: *mut c_void) -> Option<ResourceId> {
    let entry = data.cast::<Entry>();
    let known = REGISTRY.with_borrow_mut(|registry| {
        let known = registry.entries.remove(&entry.addr());
        if let Some(Some(id)) = &known {
            registry.by_id.remove(id);
        }
        known
    });
    let Some(stood_for) = known else {
        log::error!("The program has put something of its own into the table of resources: it is not freed");
        return None;
    };
    // SAFETY: made by `add`, and the table's until now.
    drop(unsafe { Box::from_raw(entry) });
    stood_for
}
