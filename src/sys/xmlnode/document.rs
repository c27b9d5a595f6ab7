// SPDX-License-Identifier: LGPL-2.1-or-later
//! A tree of our own.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};

use super::bindings as xml;
use super::{Node, c_string, made};

/// A document with one element in it, freed when dropped.
#[derive(Debug)]
pub struct Document {
    root: NonNull<xml::xmlNode>,
    free: unsafe extern "C" fn(root: *mut c_void),
}

impl Document {
    /// A document whose only element is empty and has this name.
    pub fn new(name: &str) -> Self {
        let name = c_string(name);
        // SAFETY: strings that end with NUL and are copied; the element becomes the document's.
        let root = unsafe {
            let document = made(xml::xmlNewDoc(c"1.0".as_ptr().cast())).as_ptr();
            let root = made(xml::xmlNewDocNode(document, ptr::null_mut(), name.as_ptr().cast(), ptr::null()));
            xml::xmlDocSetRootElement(document, root.as_ptr());
            root
        };
        Self { root, free: free_document }
    }

    /// Frees the document by another function than libxml2's.
    ///
    /// # Safety
    /// `free` frees the document of the element that it is given, all of it.
    #[must_use]
    pub unsafe fn freed_by(mut self, free: unsafe extern "C" fn(root: *mut c_void)) -> Self {
        self.free = free;
        self
    }

    /// The element, for C, which frees it with its document as libxml2 asks.
    pub fn into_raw(self) -> *mut c_void {
        ManuallyDrop::new(self).root.as_ptr().cast()
    }

    /// Takes back what [`into_raw`](Self::into_raw) has given; None for NULL.
    ///
    /// # Safety
    /// `root` is NULL or came from there, and nobody else frees it.
    #[cfg(test)]
    pub(crate) unsafe fn from_raw(root: *mut c_void) -> Option<Self> {
        NonNull::new(root.cast()).map(|root| Self { root, free: free_document })
    }

    /// The element.
    pub fn root(&self) -> Node<'_> {
        Node { raw: self.root, tree: PhantomData }
    }
}

impl Drop for Document {
    fn drop(&mut self) {
        // SAFETY: the root of a document that is ours and that nobody uses any more: elements are only lent.
        unsafe { (self.free)(self.root.as_ptr().cast()) };
    }
}

/// Frees the document of which `root` is the root.
///
/// # Safety
/// `root` is the root of a document that nobody uses any more.
pub unsafe extern "C" fn free_document(root: *mut c_void) {
    // SAFETY: a living root, by the caller's promise; freeing the document frees it with it.
    unsafe { xml::xmlFreeDoc((*root.cast::<xml::xmlNode>()).doc.cast()) };
}
