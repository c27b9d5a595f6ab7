// SPDX-License-Identifier: LGPL-2.1-or-later
//! Messages as C callers have them, trees of libxml2, and as the library has them, text.

use std::ffi::c_void;

use crate::capi::abi::{CRM_COMMON, FREE_ELEMENT};
use crate::sys::unwind::guard;
use crate::sys::xmlnode::{Document, Node, Visitor, free_document};
use crate::wire::xml::{self, Element, Limits, Writer, XmlError};

/// The text of an element with all that it holds; strictly valid whatever the caller put in. The element is only
/// read.
pub fn text_of(element: Node<'_>) -> String {
    let mut writer = Writer::new();
    element.visit(&mut writer);
    writer.finish()
}

/// What the tree of a message from a remote node may take, in bytes of memory. libxml2 takes ten times as much as the
/// text of a configuration has, so that this is enough for 4 MiB of it.
const MOST: usize = 48 * 1024 * 1024;
/// What libxml2 takes for an element or a text, and for an attribute, beside their characters.
const PER_NODE: usize = 170;
const PER_ATTRIBUTE: usize = 320;

/// The tree of a message, read as leniently as every message.
///
/// # Errors
/// It is no message, or more of one than we hold.
pub fn document_of(text: &str) -> Result<Document, XmlError> {
    xml::read(text).map(|root| tree_of(&root))
}

/// The same for a message of a remote node, which must not take all memory of its cluster's programs.
///
/// # Errors
/// It is no message, or too large.
pub fn bounded_document_of(text: &str) -> Result<Document, XmlError> {
    let root = xml::read_within(text, Limits::SMALL)?;
    if weight(&root).saturating_add(text.len()) > MOST {
        return Err(XmlError::TooMuch { what: "bytes of memory", limit: MOST });
    }
    Ok(tree_of(&root))
}

fn tree_of(root: &Element<'_>) -> Document {
    // SAFETY: `free_element` frees the whole document, one way or the other.
    let document = unsafe { Document::new(&root.name).freed_by(free_element) };
    fill(document.root(), root);
    document
}

/// Frees the document of an element that C code may have worked on: Pacemaker's functions hang data of their own on
/// what they add, which only its own function frees.
///
/// # Safety
/// `root` is NULL or the root of a document that nobody uses any more.
pub unsafe extern "C" fn free_element(root: *mut c_void) {
    // SAFETY: the caller's promise.
    guard((), || unsafe {
        if root.is_null() {
            return;
        }
        if !CRM_COMMON.is_loaded() || FREE_ELEMENT(&CRM_COMMON, root).is_err() {
            free_document(root);
        }
    });
}

/// Recurses no deeper than what the reader lets through.
fn weight(element: &Element<'_>) -> usize {
    let own = PER_NODE.saturating_add(element.attributes.len().saturating_mul(PER_ATTRIBUTE));
    let children = element.children.iter().map(|child| match child {
        xml::Node::Element(child) => weight(child),
        xml::Node::Text(_) | xml::Node::CData(_) => PER_NODE,
    });
    children.fold(own, usize::saturating_add)
}

/// Recurses no deeper than what the reader lets through.
fn fill(place: Node<'_>, element: &Element<'_>) {
    for (name, value) in &element.attributes {
        place.set_attribute(name, value);
    }
    for child in &element.children {
        match child {
            xml::Node::Element(child) => fill(place.add_element(&child.name), child),
            xml::Node::Text(text) => place.add_text(text),
            xml::Node::CData(content) => place.add_cdata(content),
        }
    }
}

impl Visitor for Writer {
    fn start(&mut self, name: &str) {
        Self::start(self, name);
    }

    fn attribute(&mut self, name: &str, value: &str) {
        Self::attribute(self, name, value);
    }

    fn text(&mut self, text: &str) {
        Self::text(self, text);
    }

    fn cdata(&mut self, content: &str) {
        Self::cdata(self, content);
    }

    fn end(&mut self) {
        Self::end(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(text: &str) -> String {
        text_of(document_of(text).unwrap().root())
    }

    #[test]
    fn a_message_survives_the_way_there_and_back() {
        let text = "<a b=\"1 &lt; 2 &amp; &quot;3&quot;&#x0A;\" c=\"\"><d>t &lt; u</d><![CDATA[<raw>]]><e f=\"\u{e9}\"/></a>";
        assert_eq!(round(text), text);
    }

    #[test]
    fn a_broken_message_of_an_old_peer_becomes_a_valid_one() {
        assert_eq!(round("<a b=\"\u{a9} \"we\" <us>\"/>"), "<a b=\"\u{a9} &quot;we&quot; &lt;us&gt;\"/>");
        assert!(document_of("no message").is_err());
    }

    #[test]
    fn a_tree_that_would_take_much_more_than_its_text_is_refused() {
        let elements = |count| format!("<a>{}</a>", "<b c='' d='' e='' f=''/>".repeat(count));
        assert!(bounded_document_of(&elements(20_000)).is_ok());
        assert!(document_of(&elements(40_000)).is_ok());
        let refused = bounded_document_of(&elements(40_000)).unwrap_err();
        assert_eq!(refused, XmlError::TooMuch { what: "bytes of memory", limit: MOST });
    }

    #[test]
    fn what_xml_cannot_carry_is_replaced() {
        let document = Document::new("a");
        document.root().set_attribute("b", "\u{1}x");
        assert_eq!(text_of(document.root()), "<a b=\"\u{fffd}x\"/>");
    }
}
