// SPDX-License-Identifier: LGPL-2.1-or-later
//! Messages as C callers have them, trees of libxml2, and as the library has them, text.

use crate::sys::xmlnode::{Document, Node, Visitor};
use crate::wire::xml::{self, Element, Writer, XmlError};

/// The text of an element with all that it holds; strictly valid whatever the caller put in. The element is only
/// read.
pub fn text_of(element: Node<'_>) -> String {
    let mut writer = Writer::new();
    element.visit(&mut writer);
    writer.finish()
}

/// The tree of a message, read as leniently as every message.
///
/// # Errors
/// It is no message, or more of one than we hold.
pub fn document_of(text: &str) -> Result<Document, XmlError> {
    let root = xml::read(text)?;
    let document = Document::new(&root.name);
    fill(document.root(), &root);
    Ok(document)
}

/// Recurses no deeper than what the reader lets through.
fn fill(place: Node<'_>, element: &Element<'_>) {
    for (name, value) in &element.attributes {
        if let Ok(name) = std::ffi::CString::new(name.as_bytes()) {
            place.set_attribute(&name, value);
        }
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
    fn what_xml_cannot_carry_is_replaced() {
        let document = Document::new("a");
        document.root().set_attribute(c"b", "\u{1}x");
        assert_eq!(text_of(document.root()), "<a b=\"\u{fffd}x\"/>");
    }
}
