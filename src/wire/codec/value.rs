// SPDX-License-Identifier: LGPL-2.1-or-later
//! Values of attributes as peers read and write them.
use crate::model::{Interval, Millis, ResourceId};
use crate::wire::names::attribute;
use crate::wire::xml::Element;

/// Decimal digits with an optional sign at the beginning of the text; what follows is ignored, as upstream
/// ignores it. None if there are no digits or too many.
fn number(element: &Element<'_>, name: &str) -> Option<i64> {
    let text = element.attribute(name)?.trim_start();
    let signs = usize::from(text.starts_with(['+', '-']));
    let digits = text.get(signs..)?;
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    text.get(..end.saturating_add(signs))?.parse().ok()
}

/// A number that peers keep in an `int`; zero if it is none or does not fit.
pub(super) fn int(element: &Element<'_>, name: &str) -> i32 {
    number(element, name).and_then(|value| i32::try_from(value).ok()).unwrap_or_default()
}

/// The same for an `unsigned int`.
pub(super) fn unsigned(element: &Element<'_>, name: &str) -> u32 {
    number(element, name).and_then(|value| u32::try_from(value).ok()).unwrap_or_default()
}

/// Seconds since the epoch, or a number of seconds; zero if it is none or negative.
pub(super) fn seconds(element: &Element<'_>, name: &str) -> u64 {
    number(element, name).and_then(|value| u64::try_from(value).ok()).unwrap_or_default()
}

/// Is there a number at all?
pub(super) fn is_number(element: &Element<'_>, name: &str) -> bool {
    number(element, name).is_some()
}

/// A span; zero if it is none or negative.
pub(super) fn millis(element: &Element<'_>, name: &str) -> Millis {
    Millis(seconds(element, name))
}

/// An interval.
pub(super) fn interval(element: &Element<'_>) -> Interval {
    Interval(unsigned(element, attribute::RSC_INTERVAL))
}

/// A span as it can be sent: peers keep it in an `int` and would read a longer one as none.
pub(super) fn sendable(span: Millis) -> u64 {
    span.0.min(i32::MAX.unsigned_abs().into())
}

/// The words that peers take for "yes".
pub(super) fn is_true(element: &Element<'_>, name: &str) -> bool {
    let Some(word) = element.attribute(name) else { return false };
    ["true", "on", "yes", "y", "1"].iter().any(|yes| word.eq_ignore_ascii_case(yes))
}

pub(super) fn resource_id(element: &Element<'_>) -> Option<ResourceId> {
    element.attribute(attribute::RSC_ID).map(ResourceId::new)
}

pub(super) fn text(element: &Element<'_>, name: &str) -> Option<String> {
    element.attribute(name).map(str::to_owned)
}
