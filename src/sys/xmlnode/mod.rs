// SPDX-License-Identifier: LGPL-2.1-or-later
//! Trees of libxml2, in which a few functions of the C interface take and give messages. Only the tree is used here:
//! reading and writing text is `wire::xml`'s, whose rules then hold for every message.
//!
//! Namespaces are not looked at; no message of the protocol has any.

#[allow(
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    missing_docs,
    dead_code,
    clippy::all,
    unreachable_pub
)]
#[rustfmt::skip]
mod bindings;
mod document;

pub use document::{Document, free_document};

use std::borrow::Cow;
use std::ffi::{CStr, CString, c_void};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use bindings as xml;

/// An element of a tree that is lent for `'a`. Copies of it are the same element, as in C.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    raw: NonNull<xml::xmlNode>,
    tree: PhantomData<&'a Document>,
}

/// Hears the parts of an element in the order of its text. Each start is followed by its attributes.
#[allow(missing_docs, reason = "the names are XML's own")]
pub trait Visitor {
    fn start(&mut self, name: &str);
    fn attribute(&mut self, name: &str, value: &str);
    fn text(&mut self, text: &str);
    fn cdata(&mut self, content: &str);
    fn end(&mut self);
}

impl<'a> Node<'a> {
    /// The element behind an `xmlNode *`; None for NULL and for a node of another kind.
    ///
    /// # Safety
    /// `node` is NULL or a node of libxml2 whose tree lives, stays in place and is touched by no other thread as
    /// long as `'a`.
    pub unsafe fn from_raw(node: *mut c_void) -> Option<Self> {
        let raw = NonNull::new(node.cast::<xml::xmlNode>())?;
        // SAFETY: a living node, by the caller's promise.
        let is_element = unsafe { (*raw.as_ptr()).type_ } == xml::xmlElementType_XML_ELEMENT_NODE;
        is_element.then_some(Self { raw, tree: PhantomData })
    }

    /// The `xmlNode *`.
    pub fn as_raw(self) -> *mut c_void {
        self.raw.as_ptr().cast()
    }

    /// Its name.
    pub fn name(self) -> Cow<'a, str> {
        // SAFETY: an element has a name, which lives as long as the element does.
        unsafe { text((*self.raw.as_ptr()).name) }
    }

    /// Value of an attribute.
    pub fn attribute(self, name: &str) -> Option<String> {
        let name = c_string(name);
        // SAFETY: a living element, and a string that ends with NUL; what is found belongs to the element.
        unsafe {
            let attribute = xml::xmlHasProp(self.raw.as_ptr(), name.as_ptr().cast());
            Some(value(attribute.as_ref()?))
        }
    }

    /// Sets an attribute, or changes it. What follows a NUL in the value is left away, as in C.
    pub fn set_attribute(self, name: &str, value: &str) {
        let (name, value) = (c_string(name), c_string(value));
        // SAFETY: a living element; the strings end with NUL and are copied.
        let attribute =
            unsafe { xml::xmlSetProp(self.raw.as_ptr(), name.as_ptr().cast(), value.as_ptr().cast()) };
        made(attribute);
    }

    /// Removes an attribute, if it is there.
    pub fn remove_attribute(self, name: &str) {
        let name = c_string(name);
        // SAFETY: a living element, and a string that ends with NUL.
        unsafe { xml::xmlUnsetProp(self.raw.as_ptr(), name.as_ptr().cast()) };
    }

    /// Its child elements, in order.
    pub fn children(self) -> impl Iterator<Item = Self> {
        // SAFETY: a living element; children live as long as it does.
        let first = unsafe { xml::xmlFirstElementChild(self.raw.as_ptr()) };
        let next = |node: &NonNull<xml::xmlNode>| {
            // SAFETY: the same for siblings.
            NonNull::new(unsafe { xml::xmlNextElementSibling(node.as_ptr()) })
        };
        std::iter::successors(NonNull::new(first), next).map(|raw| Self { raw, tree: PhantomData })
    }

    /// The first child element with this name.
    pub fn child(self, name: &str) -> Option<Self> {
        self.children().find(|child| child.name() == name)
    }

    /// Adds an element to the end of this one.
    pub fn add_element(self, name: &str) -> Self {
        let name = c_string(name);
        // SAFETY: the document of a living element; the name ends with NUL and is copied.
        let child = unsafe {
            xml::xmlNewDocNode(self.document(), ptr::null_mut(), name.as_ptr().cast(), ptr::null())
        };
        Self { raw: self.add(child), tree: PhantomData }
    }

    /// Adds text to the end of this element.
    pub fn add_text(self, text: &str) {
        if let Some((start, length)) = span(text) {
            // SAFETY: the document of a living element; `length` bytes are readable at `start` and are copied.
            self.add(unsafe { xml::xmlNewDocTextLen(self.document(), start, length) });
        }
    }

    /// Adds a CDATA section to the end of this element.
    pub fn add_cdata(self, content: &str) {
        if let Some((start, length)) = span(content) {
            // SAFETY: the document of a living element; `length` bytes are readable at `start` and are copied.
            self.add(unsafe { xml::xmlNewCDataBlock(self.document(), start, length) });
        }
    }

    /// Adds a copy of an element with all that it holds.
    pub fn add_copy(self, original: Node<'_>) {
        // SAFETY: living elements; 1: with attributes and everything inside. The original is only read.
        self.add(unsafe { xml::xmlDocCopyNode(original.raw.as_ptr(), self.document(), 1) });
    }

    /// Tells `visitor` of this element and all that it holds. Comments and instructions are passed over.
    pub fn visit(self, visitor: &mut impl Visitor) {
        let mut place = self.raw;
        // Not by recursion: how deep a caller's tree is must not decide about our stack.
        loop {
            // SAFETY: `place` walks a living tree, which nobody changes meanwhile.
            let node = unsafe { place.as_ref() };
            let down = enter(node, visitor);
            if let Some(child) = down {
                place = child;
                continue;
            }
            let mut leave = node;
            loop {
                if leave.type_ == xml::xmlElementType_XML_ELEMENT_NODE {
                    visitor.end();
                }
                if ptr::eq(leave, self.raw.as_ptr()) {
                    return;
                }
                if let Some(next) = NonNull::new(leave.next) {
                    place = next;
                    break;
                }
                // SAFETY: below the element where we began, every node has a parent.
                leave = unsafe { &*leave.parent };
            }
        }
    }

    fn document(self) -> *mut xml::xmlDoc {
        // SAFETY: a living element.
        unsafe { (*self.raw.as_ptr()).doc }.cast()
    }

    /// Hangs a new node, or NULL if there was no memory, below this element.
    fn add(self, child: *mut xml::xmlNode) -> NonNull<xml::xmlNode> {
        let child = made(child);
        // SAFETY: a living element, and a node without a parent, which becomes the element's.
        made(unsafe { xml::xmlAddChild(self.raw.as_ptr(), child.as_ptr()) })
    }
}

/// Tells what begins here; the answer is the first node inside, if this is an element that has one.
fn enter(node: &xml::xmlNode, visitor: &mut impl Visitor) -> Option<NonNull<xml::xmlNode>> {
    match node.type_ {
        xml::xmlElementType_XML_ELEMENT_NODE => {
            // SAFETY: the names and values of a living element's attributes live as long as it does.
            unsafe {
                visitor.start(&text(node.name));
                let mut next = node.properties.as_ref();
                while let Some(attribute) = next {
                    visitor.attribute(&text(attribute.name), &value(attribute));
                    next = attribute.next.as_ref();
                }
            }
            NonNull::new(node.children)
        }
        xml::xmlElementType_XML_TEXT_NODE => {
            // SAFETY: what a node of text contains is a string that lives as long as the node.
            visitor.text(&unsafe { text(node.content) });
            None
        }
        xml::xmlElementType_XML_CDATA_SECTION_NODE => {
            // SAFETY: the same for CDATA.
            visitor.cdata(&unsafe { text(node.content) });
            None
        }
        _ => None,
    }
}

/// An attribute's value, whose pieces of text libxml2 keeps as its children.
///
/// # Safety
/// A living attribute.
unsafe fn value(attribute: &xml::xmlAttr) -> String {
    let mut whole = String::new();
    let mut piece = attribute.children;
    // SAFETY: the pieces live as long as the attribute does.
    while let Some(node) = unsafe { piece.as_ref() } {
        // SAFETY: the same for their content.
        whole.push_str(&unsafe { text(node.content) });
        piece = node.next;
    }
    whole
}

/// What a string of libxml2 says; what is not UTF-8 in it is replaced, since C callers may have put anything there.
///
/// # Safety
/// NULL, which says nothing, or a string that ends with NUL and lives as long as `'a`.
unsafe fn text<'a>(string: *const xml::xmlChar) -> Cow<'a, str> {
    if string.is_null() {
        return Cow::Borrowed("");
    }
    // SAFETY: not NULL, and by the caller's promise a string.
    unsafe { CStr::from_ptr(string.cast()) }.to_string_lossy()
}

fn c_string(value: &str) -> CString {
    let value = value.split('\0').next().unwrap_or_default();
    CString::new(value).unwrap_or_default()
}

/// Where text begins and how many bytes it has; None: more than libxml2 can count.
fn span(text: &str) -> Option<(*const xml::xmlChar, i32)> {
    Some((text.as_ptr(), i32::try_from(text.len()).ok()?))
}

/// What libxml2 made; it makes nothing only when there is no memory.
fn made<T>(thing: *mut T) -> NonNull<T> {
    NonNull::new(thing).unwrap_or_else(|| std::alloc::handle_alloc_error(std::alloc::Layout::new::<T>()))
}

#[cfg(test)]
mod tests;
