// SPDX-License-Identifier: LGPL-2.1-or-later
//! GLib's containers as the C interface hands them over: tables of strings, and lists.
//!
//! Keys, values and items are `malloc`'s (`sys::cmem`); tables free theirs with `free(3)`, so that
//! C may steal or replace an entry.

use std::ffi::{CStr, c_char, c_void};
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

use super::super::cmem;
use super::bindings as glib;

/// A GHashTable whose keys and values are strings. It is destroyed when dropped, unless C got it.
#[derive(Debug)]
pub struct StringTable {
    raw: NonNull<glib::GHashTable>,
}

impl StringTable {
    /// An empty table.
    pub fn new() -> Self {
        // SAFETY: GLib's own functions for C strings, and free(3) for what `insert` copies.
        let raw = unsafe {
            glib::g_hash_table_new_full(
                Some(glib::g_str_hash),
                Some(glib::g_str_equal),
                Some(libc::free),
                Some(libc::free),
            )
        };
        let Some(raw) = NonNull::new(raw) else {
            std::alloc::handle_alloc_error(std::alloc::Layout::new::<u8>())
        };
        Self { raw }
    }

    /// A copy of another table. An entry without a value is left out, as upstream does. None for NULL.
    ///
    /// # Safety
    /// As for [`entries`].
    pub unsafe fn copy_of(table: *mut c_void) -> Option<Self> {
        if table.is_null() {
            return None;
        }
        let mut copy = Self::new();
        // SAFETY: the caller's promise; `insert` changes the copy only.
        for (key, value) in unsafe { entries(table) } {
            if let Some(value) = value {
                copy.insert(key, value);
            }
        }
        Some(copy)
    }

    /// Adds copies of both, instead of the entry with the same key.
    pub fn insert(&mut self, key: &CStr, value: &CStr) {
        // SAFETY: C strings; the copies are the table's, which frees what it replaces.
        unsafe {
            let (key, value) = (cmem::copy_string(key.as_ptr()), cmem::copy_string(value.as_ptr()));
            glib::g_hash_table_insert(self.raw.as_ptr(), key.cast(), value.cast());
        }
    }

    /// The value of `key`.
    pub fn get(&self, key: &CStr) -> Option<&CStr> {
        // SAFETY: the table lives as long as the borrow of us, which keeps `insert` away from its strings.
        unsafe { value_of(self.raw.as_ptr().cast(), key) }
    }

    /// Gives the table to C, which destroys it by [`destroy`] or `g_hash_table_destroy()`.
    pub fn into_raw(self) -> *mut c_void {
        let raw = self.raw.as_ptr().cast();
        let _ = std::mem::ManuallyDrop::new(self);
        raw
    }
}

impl Default for StringTable {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for StringTable {
    fn drop(&mut self) {
        // SAFETY: our table, which C never got.
        unsafe { destroy(self.raw.as_ptr().cast()) }
    }
}

/// Destroys a table of any kind. NULL is allowed.
///
/// # Safety
/// `table` is NULL or a GHashTable whose reference is the caller's to give up.
pub unsafe fn destroy(table: *mut c_void) {
    if !table.is_null() {
        // SAFETY: the caller's promise.
        unsafe { glib::g_hash_table_destroy(table.cast()) }
    }
}

/// Takes a reference to another owner's table: it stays, though its owner destroys it, and is then empty.
///
/// # Safety
/// `table` is a living GHashTable.
pub unsafe fn keep(table: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { glib::g_hash_table_ref(table.cast()) };
}

/// Puts an entry into another owner's table. What was there under this key is freed as the table frees it.
///
/// # Safety
/// `table` is a living GHashTable with strings as keys; key and value are such as it holds and become its own.
pub unsafe fn insert(table: *mut c_void, key: *mut c_void, value: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { glib::g_hash_table_insert(table.cast(), key, value) };
}

/// Takes an entry out of another owner's table and frees it as the table does, if there is one with this key.
///
/// # Safety
/// `table` is a living GHashTable with strings as keys.
pub unsafe fn remove(table: *mut c_void, key: &CStr) {
    // SAFETY: the caller's promise; the key is only read.
    unsafe { glib::g_hash_table_remove(table.cast(), key.as_ptr().cast()) };
}

/// The value of `key` in somebody's table.
///
/// # Safety
/// As for [`entries`]; the value is not to be used after the entry has changed.
pub unsafe fn value_of<'a>(table: *mut c_void, key: &CStr) -> Option<&'a CStr> {
    if table.is_null() {
        return None;
    }
    // SAFETY: the caller's promise; the key is only read.
    unsafe { string(glib::g_hash_table_lookup(table.cast(), key.as_ptr().cast())) }
}

/// The entries of somebody's table of strings, in no order. None for NULL; a key that is NULL is passed over.
///
/// # Safety
/// `table` is NULL or a GHashTable whose keys and values are C strings or NULL, and it does not change until the
/// iterator is gone and its strings are no longer used.
pub unsafe fn entries<'a>(table: *mut c_void) -> Entries<'a> {
    let mut place = MaybeUninit::uninit();
    let state = NonNull::new(table).map(|table| {
        // SAFETY: GLib fills the place in, from a table that is alive by the caller's promise.
        unsafe {
            glib::g_hash_table_iter_init(place.as_mut_ptr(), table.as_ptr().cast());
            place.assume_init()
        }
    });
    Entries { state, strings: std::marker::PhantomData }
}

/// See [`entries`].
#[derive(Debug)]
pub struct Entries<'a> {
    state: Option<glib::GHashTableIter>,
    strings: std::marker::PhantomData<&'a CStr>,
}

impl<'a> Iterator for Entries<'a> {
    type Item = (&'a CStr, Option<&'a CStr>);

    fn next(&mut self) -> Option<Self::Item> {
        let state = self.state.as_mut()?;
        loop {
            let (mut key, mut value) = (ptr::null_mut(), ptr::null_mut());
            // SAFETY: the table is alive and unchanged, by the promise made to `entries`.
            if unsafe { glib::g_hash_table_iter_next(state, &raw mut key, &raw mut value) } == 0 {
                self.state = None;
                return None;
            }
            // SAFETY: C strings or NULL, by the same promise.
            if let (Some(key), value) = unsafe { (string(key), string(value)) } {
                return Some((key, value));
            }
        }
    }
}

/// # Safety
/// `text` is NULL or a C string that outlives `'a`.
unsafe fn string<'a>(text: *mut c_void) -> Option<&'a CStr> {
    // SAFETY: not NULL where it is read; the rest is the caller's promise.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text.cast::<c_char>()) })
}

/// A GList in the making. What is in it is freed when it is dropped, unless C got it.
#[derive(Debug)]
pub struct List<T> {
    head: *mut glib::GList,
    free: unsafe extern "C" fn(*mut T),
}

impl<T> List<T> {
    /// An empty list whose items `free` frees.
    ///
    /// # Safety
    /// `free` may be called once with each item that [`prepend`](Self::prepend) gets.
    pub unsafe fn new(free: unsafe extern "C" fn(*mut T)) -> Self {
        Self { head: ptr::null_mut(), free }
    }

    /// Puts an item, which is the list's from now on, before all others.
    pub fn prepend(&mut self, item: *mut T) {
        // SAFETY: the list is ours alone.
        self.head = unsafe { glib::g_list_prepend(self.head, item.cast()) };
    }

    /// Gives the list to C, which frees it and its items. An empty list is NULL.
    pub fn into_raw(mut self) -> *mut c_void {
        std::mem::replace(&mut self.head, ptr::null_mut()).cast()
    }
}

impl<T> Drop for List<T> {
    fn drop(&mut self) {
        // SAFETY: the list is ours alone; its items are freed as `new` was told, and then the cells.
        unsafe {
            for item in items::<T>(self.head.cast()) {
                (self.free)(item);
            }
            glib::g_list_free(self.head);
        }
    }
}

/// The items of somebody's list, first to last. None for NULL.
///
/// # Safety
/// `list` is NULL or a GList of pointers to `T`, and it does not change until the iterator is gone.
pub unsafe fn items<T>(list: *mut c_void) -> impl Iterator<Item = *mut T> {
    let mut place = list.cast::<glib::GList>();
    std::iter::from_fn(move || {
        // SAFETY: NULL or a cell of the list, by the caller's promise.
        let cell = unsafe { place.as_ref() }?;
        place = cell.next;
        Some(cell.data.cast())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(table: *mut c_void) -> Vec<(String, Option<String>)> {
        // SAFETY: a table that the test has made and that nobody changes.
        let entries = unsafe { entries(table) };
        let text = |text: &CStr| text.to_str().unwrap().to_owned();
        let mut all: Vec<_> = entries.map(|(key, value)| (text(key), value.map(text))).collect();
        all.sort();
        all
    }

    #[test]
    fn a_table_holds_the_last_value_of_each_key() {
        let mut table = StringTable::new();
        table.insert(c"a", c"1");
        table.insert(c"b", c"");
        table.insert(c"a", c"2");
        assert_eq!(table.get(c"a"), Some(c"2"));
        assert_eq!(table.get(c"c"), None);
        let raw = table.into_raw();
        assert_eq!(sorted(raw), [("a".into(), Some("2".into())), ("b".into(), Some(String::new()))]);
        // SAFETY: the table was given away by `into_raw` and is destroyed once.
        unsafe { destroy(raw) };
    }

    #[test]
    fn a_copy_is_independent_and_has_no_entry_without_a_value() {
        let mut original = StringTable::new();
        original.insert(c"a", c"1");
        // SAFETY: the key is the table's to free, and NULL needs no freeing.
        unsafe {
            let key = cmem::copy_string(c"empty".as_ptr());
            glib::g_hash_table_insert(original.raw.as_ptr(), key.cast(), ptr::null_mut());
        }
        let raw = original.raw.as_ptr().cast();
        assert_eq!(sorted(raw), [("a".into(), Some("1".into())), ("empty".into(), None)]);
        // SAFETY: the table is alive and unchanged.
        let copy = unsafe { StringTable::copy_of(raw) }.unwrap();
        drop(original);
        assert_eq!(sorted(copy.raw.as_ptr().cast()), [("a".into(), Some("1".into()))]);
    }

    #[test]
    fn null_is_an_empty_table_and_an_empty_list() {
        assert!(sorted(ptr::null_mut()).is_empty());
        // SAFETY: NULL is allowed.
        unsafe {
            assert!(StringTable::copy_of(ptr::null_mut()).is_none());
            assert_eq!(value_of(ptr::null_mut(), c"a"), None);
            destroy(ptr::null_mut());
            assert_eq!(items::<u8>(ptr::null_mut()).count(), 0);
        }
    }

    #[test]
    fn a_list_frees_its_items_unless_it_was_given_away() {
        unsafe extern "C" fn count(item: *mut u32) {
            // SAFETY: an item of the test's.
            unsafe { *item += 1 };
        }
        let (mut first, mut second) = (0, 0);
        // SAFETY: `count` may be called with what is put in below.
        let mut list = unsafe { List::new(count) };
        list.prepend(&raw mut second);
        list.prepend(&raw mut first);
        let raw = list.into_raw();
        // SAFETY: the list's cells are alive until they are freed here.
        unsafe {
            assert_eq!(items(raw).collect::<Vec<_>>(), [&raw mut first, &raw mut second]);
            glib::g_list_free(raw.cast());
        }
        assert_eq!((first, second), (0, 0));
        // SAFETY: as above.
        let mut list = unsafe { List::new(count) };
        list.prepend(&raw mut first);
        drop(list);
        assert_eq!((first, second), (1, 0));
    }
}
