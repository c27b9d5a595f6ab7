// SPDX-License-Identifier: LGPL-2.1-or-later
//! Characters, names and references of XML 1.0.
use std::borrow::Cow;

/// Stands for what XML cannot carry.
pub(super) const REPLACEMENT: char = '\u{FFFD}';

pub(super) const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

pub(super) fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
}

/// May XML contain this character, in whatever form?
pub(super) const fn is_char(c: char) -> bool {
    !matches!(c, '\0'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}')
}

/// Where the first character that XML cannot contain lies.
pub(super) fn forbidden_at(text: &str) -> Option<usize> {
    // One pass without a branch, so that it takes many bytes at once. 0xEF begins U+FFFE and U+FFFF.
    let suspicious = |byte: u8| (byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')) || byte == 0xEF;
    if text.bytes().fold(false, |found, byte| found | suspicious(byte)) {
        text.find(|c| !is_char(c))
    } else {
        None
    }
}

const fn starts_name(c: char) -> bool {
    matches!(c,
        ':' | '_' | 'A'..='Z' | 'a'..='z' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}'
        | '\u{FDF0}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
}

const fn continues_name(c: char) -> bool {
    starts_name(c)
        || matches!(c, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

/// Which bytes are ASCII characters that continue a name: nearly all names consist of these.
static CONTINUES_NAME: [bool; 256] = {
    let mut table = [false; 256];
    let mut entries: &mut [bool] = &mut table;
    let mut byte = 0u8;
    while let Some((entry, rest)) = entries.split_first_mut() {
        *entry = byte.is_ascii() && continues_name(byte as char);
        entries = rest;
        byte = byte.wrapping_add(1);
    }
    table
};

/// Splits the longest name of XML 1.0 (fifth edition) off the beginning of `text`; it is empty if there is none.
pub(super) fn split_name(text: &str) -> (&str, &str) {
    if !text.starts_with(starts_name) {
        return ("", text);
    }
    let bytes = text.as_bytes();
    let ends = |byte: &u8| CONTINUES_NAME.get(usize::from(*byte)) != Some(&true);
    let mut end = bytes.iter().position(ends).unwrap_or(bytes.len());
    if bytes.get(end).is_some_and(|byte| !byte.is_ascii()) {
        end = text.find(|c| !continues_name(c)).unwrap_or(text.len());
    }
    text.split_at_checked(end).unwrap_or(("", text))
}

/// Is this a name of XML 1.0 (fifth edition)?
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && split_name(text).1.is_empty()
}

/// `text` without the blanks that it begins with.
pub(super) fn trim_start(text: &str) -> &str {
    let end = text.bytes().position(|byte| !is_space(byte.into())).unwrap_or(text.len());
    text.get(end..).unwrap_or_default()
}

/// The character that a reference names, and how many bytes it takes after the `&`.
fn reference(after: &str) -> Option<(char, usize)> {
    // The longest that anybody may write, zeros aside: #1114111;
    let end = after.bytes().take(16).position(|byte| !byte.is_ascii_alphanumeric() && byte != b'#')?;
    let (name, rest) = after.split_at_checked(end)?;
    if !rest.starts_with(';') {
        return None;
    }
    let c = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix('x') {
                Some(hex) if hex.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                    u32::from_str_radix(hex, 16).ok()?
                }
                None if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok()?,
                _ => return None,
            };
            char::from_u32(code).filter(|c| *c != '\0')?
        }
    };
    Some((c, end.saturating_add(1)))
}

/// Are all references in `raw` ones that strict XML knows?
pub(super) fn references_are_strict(raw: &str) -> bool {
    raw.match_indices('&').all(|(at, _)| {
        let after = raw.get(at.saturating_add(1)..).unwrap_or_default();
        reference(after).is_some_and(|(c, _)| is_char(c))
    })
}

/// Resolves references. What is none stays as it is. (Raw line breaks in attributes stay too, although XML
/// would make them blanks: whoever sends them means them.)
pub(super) fn unescape(raw: &str) -> Cow<'_, str> {
    let Some((before, mut rest)) = raw.split_once('&') else { return Cow::Borrowed(raw) };
    let mut text = String::with_capacity(raw.len());
    text.push_str(before);
    loop {
        match reference(rest) {
            Some((c, length)) => {
                text.push(c);
                rest = rest.get(length..).unwrap_or_default();
            }
            None => text.push('&'),
        }
        match rest.split_once('&') {
            Some((before, after)) => {
                text.push_str(before);
                rest = after;
            }
            None => break,
        }
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// Appends `value` such that a reader finds the same characters in an attribute in double quotes.
pub(super) fn escape_attribute(value: &str, out: &mut String) {
    escape(value, out, |c| match c {
        '"' => Some("&quot;"),
        '\n' => Some("&#x0A;"),
        '\r' => Some("&#x0D;"),
        '\t' => Some("&#x09;"),
        _ => None,
    });
}

/// Appends `text` such that a reader finds the same characters between tags.
pub(super) fn escape_text(text: &str, out: &mut String) {
    escape(text, out, |c| (c == '\r').then_some("&#x0D;"));
}

fn escape(value: &str, out: &mut String, special: impl Fn(char) -> Option<&'static str>) {
    let mut rest = value;
    // 0xEF begins the two characters beyond ASCII that XML forbids.
    let suspicious = |byte: u8| byte < 0x20 || matches!(byte, b'&' | b'<' | b'>' | b'"' | 0xEF);
    while let Some(at) = rest.bytes().position(suspicious) {
        let (plain, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(plain);
        let mut characters = tail.chars();
        let Some(c) = characters.next() else { return };
        rest = characters.as_str();
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => match special(c) {
                Some(reference) => out.push_str(reference),
                None => out.push(if is_char(c) { c } else { REPLACEMENT }),
            },
        }
    }
    out.push_str(rest);
}
