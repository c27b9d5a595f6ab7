// SPDX-License-Identifier: LGPL-2.1-or-later
//! Reading what peers up to 2.1 write.
//!
//! Their writer stops escaping an attribute's value as soon as it meets two bytes beyond ASCII in a row, which
//! is any non-ASCII character in UTF-8; what follows in that value has raw `<`, `"` and line breaks. The same
//! writer puts no text between tags and exactly one blank before an attribute, and that tells where such a
//! value really ends: at a quote followed by ` name="`, or by the end of the tag and another tag (or
//! nothing). A value that imitates this is cut there; what it makes up cannot replace attributes before it,
//! since the first of a name wins.
//!
//! Forgiven besides: raw `<` and `&` in values, missing blanks, unknown references, characters that XML
//! forbids, processing instructions. Not forgiven: elements that do not close, since half a message may mean
//! the opposite of the whole.
use super::escape::{is_blank, is_name, is_space, split_name, unescape};
use super::{Builder, Element, Limits, XmlError};
use std::borrow::Cow;
use std::collections::HashSet;

/// Reads one element.
pub(super) fn read(text: &str, max_depth: usize) -> Result<Element<'_>, XmlError> {
    read_within(text, max_depth, Limits::LARGE)
}

/// The same, for a tree of limited size.
pub(super) fn read_within(text: &str, max_depth: usize, limits: Limits) -> Result<Element<'_>, XmlError> {
    let rest = text.trim_end_matches(is_space);
    let mut reader =
        Reader { text, rest, builder: Builder::new(max_depth, limits), quotes: Quotes::default() };
    while reader.builder.root.is_none() {
        if reader.rest.is_empty() {
            return Err(match reader.builder.open.is_empty() {
                true if is_blank(text) => XmlError::Empty,
                true => XmlError::NotOneElement { offset: 0 },
                false => reader.malformed("an element without an end"),
            });
        }
        reader.step()?;
    }
    reader.only_remarks_follow()?;
    reader.builder.root.ok_or(XmlError::Empty)
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
    builder: Builder<'a>,
    quotes: Quotes,
}

/// Quotes of which it is known that none that ends an unescaped value comes any more. Without this memory a
/// hostile message would cost time in the square of its length.
#[derive(Default)]
struct Quotes {
    no_double: bool,
    no_single: bool,
}

impl<'a> Reader<'a> {
    fn offset(&self) -> usize {
        self.text.len().saturating_sub(self.rest.len())
    }

    fn malformed(&self, what: &'static str) -> XmlError {
        XmlError::Malformed { what, offset: self.offset() }
    }

    /// One piece of markup, or the text before it.
    fn step(&mut self) -> Result<(), XmlError> {
        let rest = self.rest;
        if self.remark()? {
            return Ok(());
        }
        if let Some(after) = rest.strip_prefix("<![CDATA[") {
            let (content, after) =
                after.split_once("]]>").ok_or_else(|| self.malformed("a CDATA section without an end"))?;
            self.rest = after;
            return self.builder.cdata(content);
        }
        if rest.starts_with("<!") {
            return Err(XmlError::Forbidden { what: "a document type declaration", offset: self.offset() });
        }
        if let Some(after) = rest.strip_prefix("</") {
            return self.end_tag(after);
        }
        match rest.strip_prefix('<') {
            Some(after) if begins_name(after) => self.start_tag(after),
            _ => self.characters(),
        }
    }

    /// Skips a comment or a processing instruction.
    fn remark(&mut self) -> Result<bool, XmlError> {
        for (begin, end) in [("<!--", "-->"), ("<?", "?>")] {
            if let Some(after) = self.rest.strip_prefix(begin) {
                let (_, after) =
                    after.split_once(end).ok_or_else(|| self.malformed("a remark without an end"))?;
                self.rest = after;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn only_remarks_follow(&mut self) -> Result<(), XmlError> {
        loop {
            self.rest = self.rest.trim_start_matches(is_space);
            if self.rest.is_empty() {
                return Ok(());
            }
            if !self.remark()? {
                return Err(XmlError::NotOneElement { offset: self.offset() });
            }
        }
    }

    fn end_tag(&mut self, after: &'a str) -> Result<(), XmlError> {
        let (name, after) =
            after.split_once('>').ok_or_else(|| self.malformed("an end tag without an end"))?;
        match self.builder.open.last() {
            Some(open) if open.name == name.trim_end_matches(is_space) => {
                self.rest = after;
                self.builder.end();
                Ok(())
            }
            _ => Err(self.malformed("an end tag of an element that is not open")),
        }
    }

    fn characters(&mut self) -> Result<(), XmlError> {
        // Up to the next markup, in one piece: a `<` that begins nothing is text.
        let mut markup = self.rest.match_indices('<').filter(|(at, _)| {
            let after = self.rest.get(at.saturating_add(1)..).unwrap_or_default();
            after.starts_with(['/', '!', '?']) || begins_name(after)
        });
        let length = markup.next().map_or(self.rest.len(), |(at, _)| at);
        let (text, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        if self.builder.open.is_empty() && !is_blank(text.trim_start_matches('\u{FEFF}')) {
            return Err(XmlError::NotOneElement { offset: self.offset() });
        }
        self.rest = rest;
        self.builder.text(unescape(text))
    }

    fn start_tag(&mut self, after: &'a str) -> Result<(), XmlError> {
        let ends = |c: char| is_space(c) || matches!(c, '/' | '>' | '<' | '=' | '"');
        let (name, mut rest) = split_before(after, ends);
        if !is_name(name) {
            return Err(self.malformed("not a name of an element"));
        }
        let mut attributes = Vec::new();
        let empty = loop {
            rest = rest.trim_start_matches(is_space);
            if let Some(after) = rest.strip_prefix("/>") {
                rest = after;
                break true;
            }
            if let Some(after) = rest.strip_prefix('>') {
                rest = after;
                break false;
            }
            if rest.is_empty() {
                return Err(self.malformed("a tag without an end"));
            }
            let (attribute, after) = attribute(rest, &mut self.quotes);
            if let Some(attribute) = attribute {
                self.builder.budget.attribute()?;
                attributes.push(attribute);
            }
            rest = after;
        };
        keep_first(&mut attributes);
        self.builder.start(Element { name: Cow::Borrowed(name), attributes, children: Vec::new() })?;
        self.rest = rest;
        if empty {
            self.builder.end();
        }
        Ok(())
    }
}

fn begins_name(text: &str) -> bool {
    !split_name(text).0.is_empty()
}

fn split_before(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(ends).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

type Attribute<'a> = (Cow<'a, str>, Cow<'a, str>);

/// One attribute, if what comes next is one, and what follows it. Always gets ahead.
fn attribute<'a>(text: &'a str, quotes: &mut Quotes) -> (Option<Attribute<'a>>, &'a str) {
    let (name, rest) = split_before(text, |c| is_space(c) || matches!(c, '=' | '>' | '/' | '"' | '\'' | '<'));
    if name.is_empty() {
        let mut characters = text.chars();
        characters.next();
        return (None, characters.as_str());
    }
    let Some(rest) = rest.trim_start_matches(is_space).strip_prefix('=') else { return (None, rest) };
    let rest = rest.trim_start_matches(is_space);
    let (value, rest) = match (rest.strip_prefix('"'), rest.strip_prefix('\'')) {
        (Some(quoted), _) => split_value(quoted, '"', &mut quotes.no_double),
        (_, Some(quoted)) => split_value(quoted, '\'', &mut quotes.no_single),
        (None, None) => split_before(rest, |c| is_space(c) || matches!(c, '>' | '/')),
    };
    (Some((Cow::Borrowed(name), unescape(value))), rest)
}

/// A quoted value and what follows its closing quote.
fn split_value<'a>(text: &'a str, quote: char, no_more: &mut bool) -> (&'a str, &'a str) {
    let mut unescaped = false;
    let mut first = None;
    for (at, c) in text.char_indices() {
        if c == quote {
            let after = text.get(at.saturating_add(1)..).unwrap_or_default();
            if !unescaped || *no_more || ends_value(after) {
                return (text.get(..at).unwrap_or_default(), after);
            }
            first = first.or(Some(at));
        }
        unescaped |= !c.is_ascii();
    }
    // Nothing looks like the end: the value ends at its first quote, or with the text.
    *no_more = true;
    let (value, after) = text.split_at_checked(first.unwrap_or(text.len())).unwrap_or((text, ""));
    (value, after.strip_prefix(quote).unwrap_or(after))
}

/// Does a value end before `after`, as far as the old writer's habits tell?
fn ends_value(after: &str) -> bool {
    if let Some(next) = after.strip_prefix("/>").or_else(|| after.strip_prefix('>')) {
        return next.is_empty() || next.starts_with('<');
    }
    let Some(next) = after.strip_prefix(' ') else { return false };
    let (name, next) = split_before(next, |c| is_space(c) || matches!(c, '=' | '"' | '<' | '>'));
    is_name(name) && next.starts_with("=\"")
}

fn keep_first(attributes: &mut Vec<Attribute<'_>>) {
    let mut seen = HashSet::with_capacity(attributes.len());
    attributes.retain(|(name, _)| seen.insert(name.clone()));
}
