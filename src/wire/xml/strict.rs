// SPDX-License-Identifier: LGPL-2.1-or-later
//! Well-formed XML: quick-xml finds the markup, the rules it does not check are checked here.
use super::escape::{forbidden_at, is_blank, references_are_strict, unescape};
use super::tag::{Tag, has_duplicates};
use super::{Budget, Builder, Document, Element, Limits, MAX_DEPTH, XmlError};
use crate::model::Payload;
use quick_xml::Reader;
use quick_xml::events::Event;
use std::borrow::Cow;

/// A checked piece of a document. Comments and the XML declaration are skipped.
pub(super) enum Token<'a> {
    /// A start tag, whose attributes are still to be checked; `empty`: it is its element's end too.
    Start {
        tag: Tag<'a>,
        empty: bool,
    },
    End,
    Text(Cow<'a, str>),
    CData(&'a str),
}

/// Walks over exactly one element and what may stand around it.
pub(super) struct Scanner<'a> {
    text: &'a str,
    reader: Reader<&'a [u8]>,
    depth: usize,
    max_depth: usize,
    seen_root: bool,
    seen_event: bool,
    /// Where the last token begins and ends.
    pub(super) start: usize,
    pub(super) end: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str, max_depth: usize) -> Result<Self, XmlError> {
        if is_blank(text) {
            return Err(XmlError::Empty);
        }
        if let Some(offset) = forbidden_at(text) {
            return Err(XmlError::Malformed { what: "a character that XML forbids", offset });
        }
        let mut reader = Reader::from_str(text);
        reader.config_mut().check_comments = true;
        let (seen_root, seen_event) = (false, false);
        Ok(Self { text, reader, depth: 0, max_depth, seen_root, seen_event, start: 0, end: 0 })
    }

    pub(super) const fn malformed(&self, what: &'static str) -> XmlError {
        XmlError::Malformed { what, offset: self.start }
    }

    fn position(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    /// The text of the last token without `head` bytes at its begin and `tail` at its end.
    fn inner(&self, head: usize, tail: usize) -> &'a str {
        self.text.get(self.start.saturating_add(head)..self.end.saturating_sub(tail)).unwrap_or_default()
    }

    /// The next piece; None at the end, when exactly one element was there.
    pub(super) fn next(&mut self) -> Result<Option<Token<'a>>, XmlError> {
        loop {
            self.start = self.position();
            let event =
                self.reader.read_event().map_err(|_| self.malformed("markup does not fit together"))?;
            self.end = self.position();
            let first = !std::mem::replace(&mut self.seen_event, true);
            let token = match event {
                Event::Start(_) => self.open(false)?,
                Event::Empty(_) => self.open(true)?,
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    Token::End
                }
                Event::Text(_) => match self.characters()? {
                    Some(text) => text,
                    None => continue,
                },
                Event::GeneralRef(_) => self.reference()?,
                Event::CData(_) if self.depth > 0 => Token::CData(self.inner(9, 3)),
                Event::Comment(_) => continue,
                Event::Decl(_) if first && self.start == 0 => continue,
                Event::CData(_) | Event::Decl(_) => {
                    return Err(XmlError::NotOneElement { offset: self.start });
                }
                Event::DocType(_) => {
                    let what = "a document type declaration";
                    return Err(XmlError::Forbidden { what, offset: self.start });
                }
                Event::PI(_) => {
                    return Err(XmlError::Forbidden { what: "a processing instruction", offset: self.start });
                }
                Event::Eof if self.depth > 0 => return Err(self.malformed("an element without an end")),
                Event::Eof if !self.seen_root => return Err(XmlError::Empty),
                Event::Eof => return Ok(None),
            };
            return Ok(Some(token));
        }
    }

    fn open(&mut self, empty: bool) -> Result<Token<'a>, XmlError> {
        if self.depth == 0 && std::mem::replace(&mut self.seen_root, true) {
            return Err(XmlError::NotOneElement { offset: self.start });
        }
        let level = self.depth.saturating_add(1);
        Budget::within("levels", level, self.max_depth)?;
        if !empty {
            self.depth = level;
        }
        let content = self.inner(1, if empty { 2 } else { 1 });
        Ok(Token::Start { tag: Tag::new(content).map_err(|what| self.malformed(what))?, empty })
    }

    fn characters(&self) -> Result<Option<Token<'a>>, XmlError> {
        let text = self.inner(0, 0);
        if self.depth == 0 {
            let offset = self.start;
            return if is_blank(text) { Ok(None) } else { Err(XmlError::NotOneElement { offset }) };
        }
        if text.contains("]]>") {
            return Err(self.malformed("the end of a CDATA section that did not begin"));
        }
        Ok(Some(Token::Text(Cow::Borrowed(text))))
    }

    fn reference(&self) -> Result<Token<'a>, XmlError> {
        if self.depth == 0 {
            return Err(XmlError::NotOneElement { offset: self.start });
        }
        let raw = self.inner(0, 0);
        if !references_are_strict(raw) {
            return Err(XmlError::Forbidden { what: "an entity of its own", offset: self.start });
        }
        Ok(Token::Text(unescape(raw)))
    }
}

/// Reads a document. Elements inside a child of the root that is named `opaque` are checked but not built;
/// the first of them is kept as text.
pub(super) fn read<'a>(text: &'a str, opaque: Option<&str>) -> Result<Document<'a>, XmlError> {
    read_within(text, opaque, Limits::LARGE)
}

/// The same, for a tree of limited size.
pub(super) fn read_within<'a>(
    text: &'a str,
    opaque: Option<&str>,
    limits: Limits,
) -> Result<Document<'a>, XmlError> {
    let mut scanner = Scanner::new(text, MAX_DEPTH)?;
    let mut builder = Builder::new(MAX_DEPTH, limits);
    let mut payload = None;
    while let Some(token) = scanner.next()? {
        match token {
            Token::Start { tag, empty } => {
                let element = element(tag, &mut builder.budget, &scanner)?;
                let is_opaque = builder.open.len() == 1 && opaque.is_some_and(|name| tag.name == name);
                builder.start(element)?;
                if is_opaque && !empty {
                    let found = skip(&mut scanner, &mut builder.budget)?;
                    payload = payload.or(found);
                }
                if empty || is_opaque {
                    builder.end();
                }
            }
            Token::End => builder.end(),
            Token::Text(piece) => builder.text(piece)?,
            Token::CData(content) => builder.cdata(content)?,
        }
    }
    let root = builder.root.ok_or(XmlError::Empty)?;
    Ok(Document { root, payload })
}

fn element<'a>(tag: Tag<'a>, budget: &mut Budget, scanner: &Scanner<'a>) -> Result<Element<'a>, XmlError> {
    let mut attributes = Vec::new();
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|what| scanner.malformed(what))?;
        budget.attribute()?;
        attributes.push((Cow::Borrowed(attribute.name), attribute.value()));
    }
    if has_duplicates(&attributes, |(name, _)| name.as_ref()) {
        return Err(scanner.malformed("an attribute twice"));
    }
    Ok(Element { name: Cow::Borrowed(tag.name), attributes, children: Vec::new() })
}

/// Checks everything up to the end tag of the element whose start tag came last; its first child element.
fn skip(scanner: &mut Scanner<'_>, budget: &mut Budget) -> Result<Option<Payload>, XmlError> {
    let mut names = Vec::new();
    let mut depth = 1usize;
    let (mut begin, mut span) = (0, None);
    while depth > 0 {
        match scanner.next()? {
            Some(Token::Start { tag, empty }) => {
                tag.check(&mut names).map_err(|what| scanner.malformed(what))?;
                budget.skipped(names.len())?;
                if depth == 1 {
                    begin = scanner.start;
                }
                if !empty {
                    depth = depth.saturating_add(1);
                } else if depth == 1 {
                    span = span.or(Some(begin..scanner.end));
                }
            }
            Some(Token::End) => {
                depth = depth.saturating_sub(1);
                if depth == 1 {
                    span = span.or(Some(begin..scanner.end));
                }
            }
            Some(Token::Text(_) | Token::CData(_)) => {}
            None => break,
        }
    }
    Ok(span.and_then(|span| scanner.text.get(span)).map(Payload::from_checked))
}

/// Checks a document without building anything; where its element begins and ends.
pub(super) fn check(text: &str, max_depth: usize) -> Result<std::ops::Range<usize>, XmlError> {
    let mut scanner = Scanner::new(text, max_depth)?;
    let mut names = Vec::new();
    let mut span: Option<std::ops::Range<usize>> = None;
    while let Some(token) = scanner.next()? {
        match token {
            Token::Start { tag, .. } => {
                tag.check(&mut names).map_err(|what| scanner.malformed(what))?;
                let begin = span.map_or(scanner.start, |span| span.start);
                span = Some(begin..scanner.end);
            }
            Token::End => span = span.map(|span| span.start..scanner.end),
            Token::Text(_) | Token::CData(_) => {}
        }
    }
    span.ok_or(XmlError::Empty)
}
