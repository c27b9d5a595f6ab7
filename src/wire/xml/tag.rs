// SPDX-License-Identifier: LGPL-2.1-or-later
//! What stands between `<` and `>` of a well-formed start tag.
use super::escape::{is_name, is_space, references_are_strict};
use std::collections::HashSet;

/// A start tag whose name is checked.
#[derive(Clone, Copy)]
pub(super) struct Tag<'a> {
    pub(super) name: &'a str,
    rest: &'a str,
}

/// Attributes of a tag one by one, names with values as written; an error says what is wrong.
pub(super) struct Attributes<'a> {
    rest: &'a str,
}

impl<'a> Tag<'a> {
    /// `content` without `<`, `/>` and `>`.
    pub(super) fn new(content: &'a str) -> Result<Self, &'static str> {
        let end = content.find(is_space).unwrap_or(content.len());
        let (name, rest) = content.split_at_checked(end).unwrap_or((content, ""));
        if is_name(name) { Ok(Self { name, rest }) } else { Err("not a name of an element") }
    }

    pub(super) fn attributes(self) -> Attributes<'a> {
        Attributes { rest: self.rest }
    }

    /// Checks all attributes without keeping them.
    pub(super) fn check(self, names: &mut Vec<&'a str>) -> Result<(), &'static str> {
        names.clear();
        for attribute in self.attributes() {
            names.push(attribute?.0);
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

impl<'a> Attributes<'a> {
    fn read(&mut self) -> Result<(&'a str, &'a str), &'static str> {
        let text = self.rest.trim_start_matches(is_space);
        if text.len() == self.rest.len() {
            return Err("no blank before an attribute");
        }
        let (name, after) = text.split_once('=').ok_or("an attribute without a value")?;
        let name = name.trim_end_matches(is_space);
        if !is_name(name) {
            return Err("not a name of an attribute");
        }
        let after = after.trim_start_matches(is_space);
        let (value, rest) = match (after.strip_prefix('"'), after.strip_prefix('\'')) {
            (Some(quoted), _) => quoted.split_once('"'),
            (_, Some(quoted)) => quoted.split_once('\''),
            (None, None) => None,
        }
        .ok_or("a value without quotes")?;
        if value.contains('<') || !references_are_strict(value) {
            return Err("an unescaped character in a value");
        }
        self.rest = rest;
        Ok((name, value))
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<(&'a str, &'a str), &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.trim_start_matches(is_space).is_empty() {
            return None;
        }
        let result = self.read();
        if result.is_err() {
            self.rest = "";
        }
        Some(result)
    }
}
