// SPDX-License-Identifier: LGPL-2.1-or-later
//! Strictly valid XML 1.0 on one line, whatever the values are.
use super::escape::{escape_attribute, escape_text, is_name};
use super::tag::has_duplicates;
use super::{Element, Node};
use crate::model::Payload;
use std::collections::HashSet;
use std::fmt::{Display, Write as _};
use std::ops::Range;

/// Writes elements from the outside in. Characters that XML cannot carry become U+FFFD. Names of the protocol's own are
/// not checked; of foreign ones, an attribute's that is no name is left away, and an element's becomes `_`. Elements
/// still open at the end are closed.
///
/// ```
/// use pcmk_remote_rs::wire::xml::Writer;
/// let mut writer = Writer::new();
/// writer.start("a").attribute("b", "1 < 2\n").start("c").end();
/// assert_eq!(writer.finish(), "<a b=\"1 &lt; 2&#x0A;\"><c/></a>");
/// ```
#[derive(Debug, Default)]
pub struct Writer {
    out: String,
    /// Where in `out` the names of open elements stand.
    open: Vec<Range<usize>>,
    in_tag: bool,
}

impl Writer {
    /// An empty document.
    pub fn new() -> Self {
        Self { out: String::with_capacity(512), ..Self::default() }
    }

    /// Opens an element inside the one that is open.
    pub fn start(&mut self, name: &'static str) -> &mut Self {
        debug_assert!(is_name(name), "{name}");
        self.begin(name)
    }

    /// The same with a foreign name.
    pub fn foreign_start(&mut self, name: &str) -> &mut Self {
        self.begin(if is_name(name) { name } else { "_" })
    }

    fn begin(&mut self, name: &str) -> &mut Self {
        self.close_tag();
        self.out.push('<');
        let begin = self.out.len();
        self.out.push_str(name);
        self.open.push(begin..self.out.len());
        self.in_tag = true;
        self
    }

    /// An attribute of the element that was just started; each name once.
    pub fn attribute(&mut self, name: &'static str, value: &str) -> &mut Self {
        debug_assert!(is_name(name), "{name}");
        self.put(name, |out| escape_attribute(value, out))
    }

    /// The same with a foreign name.
    pub fn foreign_attribute(&mut self, name: &str, value: &str) -> &mut Self {
        if is_name(name) { self.put(name, |out| escape_attribute(value, out)) } else { self }
    }

    /// The same for a number.
    pub fn number(&mut self, name: &'static str, value: impl Display) -> &mut Self {
        self.put(name, |out| {
            let _ = write!(out, "{value}");
        })
    }

    fn put(&mut self, name: &str, value: impl FnOnce(&mut String)) -> &mut Self {
        if self.in_tag {
            self.out.push(' ');
            self.out.push_str(name);
            self.out.push_str("=\"");
            value(&mut self.out);
            self.out.push('"');
        }
        self
    }

    /// The same, if there is a value.
    pub fn optional(&mut self, name: &'static str, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.attribute(name, value),
            None => self,
        }
    }

    /// Text inside the open element.
    pub fn text(&mut self, text: &str) -> &mut Self {
        if !self.open.is_empty() {
            self.close_tag();
            escape_text(text, &mut self.out);
        }
        self
    }

    /// A CDATA section; several where the content would end it.
    pub fn cdata(&mut self, content: &str) -> &mut Self {
        if self.open.is_empty() {
            return self;
        }
        self.close_tag();
        self.out.push_str("<![CDATA[");
        let clean = content.replace(|c| !super::escape::is_char(c), "\u{FFFD}");
        self.out.push_str(&clean.replace("]]>", "]]]]><![CDATA[>"));
        self.out.push_str("]]>");
        self
    }

    /// A whole element that was checked before.
    pub fn payload(&mut self, payload: &Payload) -> &mut Self {
        self.close_tag();
        self.out.push_str(payload.as_str());
        self
    }

    /// An element with all that it holds.
    pub fn element(&mut self, element: &Element<'_>) -> &mut Self {
        self.foreign_start(&element.name);
        let mut seen = HashSet::new();
        let doubtful = has_duplicates(&element.attributes, |(name, _)| name);
        for (name, value) in &element.attributes {
            if !doubtful || seen.insert(name) {
                self.foreign_attribute(name, value);
            }
        }
        for child in &element.children {
            match child {
                Node::Element(child) => self.element(child),
                Node::Text(text) => self.text(text),
                Node::CData(content) => self.cdata(content),
            };
        }
        self.end()
    }

    /// Closes the innermost open element.
    pub fn end(&mut self) -> &mut Self {
        let Some(name) = self.open.pop() else { return self };
        if std::mem::take(&mut self.in_tag) {
            self.out.push_str("/>");
        } else {
            self.out.push_str("</");
            self.out.extend_from_within(name);
            self.out.push('>');
        }
        self
    }

    /// The document.
    pub fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.end();
        }
        self.out
    }

    fn close_tag(&mut self) {
        if std::mem::take(&mut self.in_tag) {
            self.out.push('>');
        }
    }
}

impl Element<'_> {
    /// The element as strictly valid XML.
    pub fn to_text(&self) -> String {
        let mut writer = Writer::new();
        writer.element(self);
        writer.finish()
    }
}
