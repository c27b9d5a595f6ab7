// SPDX-License-Identifier: LGPL-2.1-or-later
//! The two linked lists of the interface: names, and pairs of keys and values. Elements come from `malloc`, own their
//! strings, and the last one ends with NULL.

use std::ptr;

use crate::capi::abi::shared::{LrmdKeyValue, LrmdList};
use crate::sys::cmem;

/// An element of a list.
pub(super) trait Element {
    /// The place of the pointer to the next element.
    fn next(&mut self) -> &mut *mut Self;

    /// Frees what the element owns beside the next one.
    ///
    /// # Safety
    /// Its strings are NULL or from `malloc`, and not used afterwards.
    unsafe fn free_content(&self);
}

impl Element for LrmdKeyValue {
    fn next(&mut self) -> &mut *mut Self {
        &mut self.next
    }

    unsafe fn free_content(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            cmem::free(self.key);
            cmem::free(self.value);
        }
    }
}

impl Element for LrmdList {
    fn next(&mut self) -> &mut *mut Self {
        &mut self.next
    }

    unsafe fn free_content(&self) {
        // SAFETY: the caller's promise.
        unsafe { cmem::free(self.val.cast_mut()) }
    }
}

/// Adds elements, whose next one is NULL, to the end of a list.
///
/// # Safety
/// `list` points to NULL or to a list that nobody else uses meanwhile.
pub(super) unsafe fn append<E: Element>(list: *mut *mut E, elements: impl IntoIterator<Item = E>) {
    let mut place = list;
    // SAFETY: `place` walks from the caller's pointer over the places of the pointers to the next element, all of them
    // alive and used by nobody else.
    unsafe {
        while let Some(element) = (*place).as_mut() {
            place = element.next();
        }
        for element in elements {
            *place = cmem::new(element);
            place = (**place).next();
        }
    }
}

/// Frees a list; NULL is allowed.
///
/// # Safety
/// `head` is NULL or a list, all of it from `malloc`, and not used afterwards.
pub(super) unsafe fn free<E: Element>(head: *mut E) {
    let mut place = head;
    // SAFETY: an element of the list, whose successor is read before it is freed.
    while let Some(element) = unsafe { place.as_mut() } {
        let next = std::mem::replace(element.next(), ptr::null_mut());
        // SAFETY: the element owns its strings and is from `malloc`; nobody uses it again.
        unsafe {
            element.free_content();
            cmem::free(place);
        }
        place = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_added_at_the_end_and_all_are_freed() {
        let element = |name: &[u8]| LrmdList { val: cmem::string_of(name), next: ptr::null_mut() };
        let mut list: *mut LrmdList = ptr::null_mut();
        // SAFETY: a list of our own, freed once.
        unsafe {
            append(&raw mut list, [element(b"a")]);
            append(&raw mut list, [element(b"b"), element(b"c")]);
            append(&raw mut list, []);
            let mut names = Vec::new();
            let mut place = list;
            while let Some(element) = place.as_ref() {
                names.push(*element.val.cast::<u8>());
                place = element.next;
            }
            assert_eq!(names, b"abc");
            free(list);
            free::<LrmdKeyValue>(ptr::null_mut());
        }
    }
}
