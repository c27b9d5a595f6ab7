// SPDX-License-Identifier: LGPL-2.1-or-later
//! The XML of the protocol: elements with attributes, hardly any text.
//!
//! Reading is strict first. What is not well-formed is read again leniently, since peers up to 2.1 stop
//! escaping an attribute's value after its first non-ASCII character (see `lenient`). Document types and
//! entities beyond XML's own five are refused either way. Writing is always strict ([`Writer`]).
mod escape;
mod lenient;
mod payload;
mod strict;
mod tag;
mod writer;

pub use escape::is_name;
pub use payload::check_element;
pub use writer::Writer;

use crate::model::Payload;
use std::borrow::Cow;
use std::fmt;

/// Elements within elements: what libxml2 takes at most.
pub const MAX_DEPTH: usize = 256;
/// How much a message may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Elements and texts.
    nodes: usize,
    /// Attributes of all elements together.
    attributes: usize,
    /// Does what is kept as text count?
    counts_payload: bool,
}

impl Limits {
    /// About as much as 20 MiB of configuration have.
    pub const LARGE: Self = Self { nodes: 1 << 18, attributes: 1 << 20, counts_payload: false };
    /// For a program that takes messages of others into its own memory, and that has something else to do: what is built
    /// of one takes 30 MB at most, beside the text. It is enough for the notifications of any executor and for 4 MiB of
    /// configuration.
    pub const SMALL: Self = Self { nodes: 1 << 16, attributes: 1 << 18, counts_payload: true };
}

/// An element, borrowing from the text it was read from or the values it will be written from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// Names and values, in the order of the text; no name twice when read.
    pub attributes: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// What it contains.
    pub children: Vec<Node<'a>>,
}

/// A part of an element's content. Comments and blank text between elements are not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node<'a> {
    /// An element.
    Element(Element<'a>),
    /// Text, without its escapes.
    Text(Cow<'a, str>),
    /// A CDATA section's content.
    CData(Cow<'a, str>),
}

impl<'a> Element<'a> {
    /// Value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_ref())
    }

    /// Child elements, in order.
    pub fn elements(&self) -> impl Iterator<Item = &Element<'a>> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) | Node::CData(_) => None,
        })
    }

    /// The first child element with this name.
    pub fn child(&self, name: &str) -> Option<&Element<'a>> {
        self.elements().find(|element| element.name == name)
    }

    /// This element or one below it with this name, if there is exactly one.
    pub fn only_descendant(&self, name: &str) -> Option<&Element<'a>> {
        let mut found = None;
        let mut waiting = vec![self];
        while let Some(element) = waiting.pop() {
            if element.name == name && found.replace(element).is_some() {
                return None;
            }
            waiting.extend(element.elements());
        }
        found
    }
}

/// A message: its tree, except for a proxied message inside it, which stays text.
#[derive(Clone, Debug)]
pub struct Document<'a> {
    /// The tree. The child that was to be left alone has no children in it.
    pub root: Element<'a>,
    /// The first element inside that child.
    pub payload: Option<Payload>,
}

/// Why text is not a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields name themselves; offsets are bytes from the beginning")]
pub enum XmlError {
    /// Nothing but blanks.
    Empty,
    /// Something else than one element, at this offset.
    NotOneElement { offset: usize },
    /// A document type declaration, or an entity that is not XML's own.
    Forbidden { what: &'static str, offset: usize },
    /// More than we are willing to hold.
    TooMuch { what: &'static str, limit: usize },
    /// It is broken at this offset beyond what lenient reading repairs.
    Malformed { what: &'static str, offset: usize },
}

impl fmt::Display for XmlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the message is empty"),
            Self::NotOneElement { offset } => write!(f, "not exactly one XML element (see byte {offset})"),
            Self::Forbidden { what, offset } => write!(f, "{what} is not allowed (at byte {offset})"),
            Self::TooMuch { what, limit } => write!(f, "the XML has more than {limit} {what}"),
            Self::Malformed { what, offset } => write!(f, "malformed XML at byte {offset}: {what}"),
        }
    }
}

impl std::error::Error for XmlError {}

/// Reads exactly one element, strictly if possible, else leniently.
///
/// ```
/// use pcmk_remote_rs::wire::xml::read;
/// let element = read(r#"<a b="1 &lt; 2"><c/></a>"#).unwrap();
/// assert_eq!(element.attribute("b"), Some("1 < 2"));
/// assert!(element.child("c").is_some());
/// // As a 2.1 peer writes it:
/// let element = read(r#"<a b="© 2020 "we" <us@example.org>" c="1"/>"#).unwrap();
/// assert_eq!(element.attribute("b"), Some(r#"© 2020 "we" <us@example.org>"#));
/// ```
pub fn read(text: &str) -> Result<Element<'_>, XmlError> {
    read_within(text, Limits::LARGE)
}

/// The same, for a tree of limited size.
pub fn read_within(text: &str, limits: Limits) -> Result<Element<'_>, XmlError> {
    let strict = strict::read_within(text, None, limits).map(|document| document.root);
    strict.or_else(|error| retry(text, error, limits))
}

/// Reads exactly one element as XML 1.0 wants it: the first of the two ways of [`read`].
pub fn read_strictly(text: &str) -> Result<Element<'_>, XmlError> {
    strict::read(text, None).map(|document| document.root)
}

/// Reads exactly one element as peers up to 2.1 write it: the second of the two ways of [`read`].
pub fn read_leniently(text: &str) -> Result<Element<'_>, XmlError> {
    lenient::read(text, MAX_DEPTH)
}

/// Reads a message whose root may have a child named `opaque`, with an element inside that is kept as text.
pub fn read_document<'a>(text: &'a str, opaque: &str, limits: Limits) -> Result<Document<'a>, XmlError> {
    strict::read_within(text, Some(opaque), limits).or_else(|error| {
        let mut root = retry(text, error, limits)?;
        let holder = root.children.iter_mut().find_map(|node| match node {
            Node::Element(child) if child.name == opaque => Some(child),
            _ => None,
        });
        let content = holder.map(|holder| std::mem::take(&mut holder.children)).unwrap_or_default();
        let payload = content.iter().find_map(|node| match node {
            Node::Element(element) => Some(Payload::from_checked(element.to_text())),
            _ => None,
        });
        Ok(Document { root, payload })
    })
}

/// Lenient reading, where it can help.
fn retry(text: &str, error: XmlError, limits: Limits) -> Result<Element<'_>, XmlError> {
    match error {
        XmlError::Empty | XmlError::TooMuch { .. } => Err(error),
        XmlError::Forbidden { .. } | XmlError::NotOneElement { .. } | XmlError::Malformed { .. } => {
            lenient::read_within(text, MAX_DEPTH, limits)
        }
    }
}

/// Counts what a tree holds.
struct Budget {
    limits: Limits,
    nodes: usize,
    attributes: usize,
}

impl Budget {
    fn node(&mut self) -> Result<(), XmlError> {
        self.nodes = self.nodes.saturating_add(1);
        Self::within("nodes", self.nodes, self.limits.nodes)
    }

    fn attribute(&mut self) -> Result<(), XmlError> {
        self.add_attributes(1)
    }

    /// An element of what is kept as text.
    fn skipped(&mut self, attributes: usize) -> Result<(), XmlError> {
        if !self.limits.counts_payload {
            return Ok(());
        }
        self.node()?;
        self.add_attributes(attributes)
    }

    fn add_attributes(&mut self, count: usize) -> Result<(), XmlError> {
        self.attributes = self.attributes.saturating_add(count);
        Self::within("attributes", self.attributes, self.limits.attributes)
    }

    fn within(what: &'static str, count: usize, limit: usize) -> Result<(), XmlError> {
        if count > limit { Err(XmlError::TooMuch { what, limit }) } else { Ok(()) }
    }
}

/// Puts open elements together. Both readers feed it; it keeps depth and budget.
struct Builder<'a> {
    max_depth: usize,
    open: Vec<Element<'a>>,
    budget: Budget,
    root: Option<Element<'a>>,
    /// Blanks that begin a run of text, kept only if more than blanks follow in that run.
    blanks: String,
}

impl<'a> Builder<'a> {
    fn new(max_depth: usize, limits: Limits) -> Self {
        let budget = Budget { limits, nodes: 0, attributes: 0 };
        Self { max_depth, open: Vec::new(), budget, root: None, blanks: String::new() }
    }

    fn start(&mut self, element: Element<'a>) -> Result<(), XmlError> {
        self.blanks.clear();
        self.budget.node()?;
        Budget::within("levels", self.open.len().saturating_add(1), self.max_depth)?;
        self.open.push(element);
        Ok(())
    }

    fn end(&mut self) {
        self.blanks.clear();
        let Some(element) = self.open.pop() else { return };
        match self.open.last_mut() {
            Some(parent) => parent.children.push(Node::Element(element)),
            None => self.root = Some(element),
        }
    }

    /// A piece of a run of text, which lasts until the next tag or CDATA section, however a reader divides it. A
    /// run of blanks alone is dropped.
    fn text(&mut self, piece: Cow<'a, str>) -> Result<(), XmlError> {
        let Some(parent) = self.open.last_mut() else { return Ok(()) };
        match parent.children.last_mut() {
            Some(Node::Text(text)) => text.to_mut().push_str(&piece),
            _ if escape::is_blank(&piece) => self.blanks.push_str(&piece),
            _ => {
                self.budget.node()?;
                let mut text = piece;
                if !self.blanks.is_empty() {
                    text.to_mut().insert_str(0, &self.blanks);
                    self.blanks.clear();
                }
                parent.children.push(Node::Text(text));
            }
        }
        Ok(())
    }

    fn cdata(&mut self, content: &'a str) -> Result<(), XmlError> {
        self.blanks.clear();
        let Some(parent) = self.open.last_mut() else { return Ok(()) };
        self.budget.node()?;
        parent.children.push(Node::CData(Cow::Borrowed(content)));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
