// SPDX-License-Identifier: LGPL-2.1-or-later
//! What stands between `<` and `>` of a well-formed start tag.
use super::escape::{references_are_strict, split_name, trim_start, unescape};
use memchr::memchr3;
use std::borrow::Cow;
use std::collections::HashSet;

/// What an attribute takes in most tags, in bytes.
const USUAL_LENGTH: usize = 16;

/// A start tag whose name is checked.
#[derive(Clone, Copy)]
pub(super) struct Tag<'a> {
    pub(super) name: &'a str,
    rest: &'a str,
}

/// Attributes of a tag one by one; an error says what is wrong.
pub(super) struct Attributes<'a> {
    rest: &'a str,
}

/// A well-formed attribute.
#[derive(Clone, Copy)]
pub(super) struct Attribute<'a> {
    pub(super) name: &'a str,
    /// As written; its references are ones that XML knows.
    raw: &'a str,
    has_references: bool,
}

impl<'a> Attribute<'a> {
    pub(super) fn value(self) -> Cow<'a, str> {
        if self.has_references { unescape(self.raw) } else { Cow::Borrowed(self.raw) }
    }
}

impl<'a> Tag<'a> {
    /// `content` without `<`, `/>` and `>`.
    pub(super) fn new(content: &'a str) -> Result<Self, &'static str> {
        let (name, rest) = split_name(content);
        if name.is_empty() || trim_start(rest).len() == rest.len() && !rest.is_empty() {
            return Err("not a name of an element");
        }
        Ok(Self { name, rest })
    }

    /// About how many attributes a tag of this length has, and never very many.
    pub(super) fn usual_count(self) -> usize {
        (self.rest.len() / USUAL_LENGTH).min(16)
    }

    pub(super) fn attributes(self) -> Attributes<'a> {
        Attributes { rest: self.rest }
    }

    /// Checks all attributes without keeping them.
    pub(super) fn check(self, names: &mut Vec<&'a str>) -> Result<(), &'static str> {
        names.clear();
        for attribute in self.attributes() {
            names.push(attribute?.name);
        }
        if has_duplicates(names, |name| name) { Err("an attribute twice") } else { Ok(()) }
    }
}

/// Do two items have the same name? Quadratic for few, where that is fastest.
pub(super) fn has_duplicates<T>(items: &[T], name: impl Fn(&T) -> &str) -> bool {
    if items.len() > 16 {
        let mut seen = HashSet::with_capacity(items.len());
        return !items.iter().all(|item| seen.insert(name(item)));
    }
    let mut rest = items;
    while let Some((first, others)) = rest.split_first() {
        if others.iter().any(|other| name(other) == name(first)) {
            return true;
        }
        rest = others;
    }
    false
}

/// Splits a value off at the quote that closes it; true: it has references. `<` may not stand in it.
fn split_value(text: &str, quote: u8) -> Result<(&str, bool, &str), &'static str> {
    const UNESCAPED: &str = "an unescaped character in a value";
    const UNFINISHED: &str = "a value without quotes";
    let (mut end, mut has_references) = (0usize, false);
    loop {
        let rest = text.as_bytes().get(end..).unwrap_or_default();
        end = end.saturating_add(memchr3(quote, b'<', b'&', rest).ok_or(UNFINISHED)?);
        match text.as_bytes().get(end) {
            Some(b'&') => has_references = true,
            Some(b'<') => return Err(UNESCAPED),
            _ => break,
        }
        end = end.saturating_add(1);
    }
    let (value, rest) = text.split_at_checked(end).ok_or(UNFINISHED)?;
    if has_references && !references_are_strict(value) {
        return Err(UNESCAPED);
    }
    Ok((value, has_references, rest.get(1..).unwrap_or_default()))
}

impl<'a> Attributes<'a> {
    /// Reads the attribute that `text` begins with.
    fn read(&mut self, text: &'a str) -> Result<Attribute<'a>, &'static str> {
        let (name, after) = split_name(text);
        if name.is_empty() {
            return Err("not a name of an attribute");
        }
        let after = trim_start(after).strip_prefix('=').ok_or("an attribute without a value")?;
        let after = trim_start(after);
        let quote = after.bytes().next().filter(|byte| matches!(byte, b'"' | b'\''));
        let quoted = after.get(1..).unwrap_or_default();
        let (raw, has_references, rest) = split_value(quoted, quote.ok_or("a value without quotes")?)?;
        self.rest = rest;
        Ok(Attribute { name, raw, has_references })
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>, &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = trim_start(self.rest);
        if text.is_empty() {
            return None;
        }
        let result =
            if text.len() == self.rest.len() { Err("no blank before an attribute") } else { self.read(text) };
        if result.is_err() {
            self.rest = "";
        }
        Some(result)
    }
}
