// SPDX-License-Identifier: LGPL-2.1-or-later
//! How Pacemaker reads a variable's value, for the client library and the remote transport alike.

/// The number that `value` begins with; what follows the digits is ignored, as upstream does. None without digits, and
/// for a number that no option has.
pub(super) fn leading_number(value: &str) -> Option<u32> {
    let value = value.trim_start();
    let value = value.strip_prefix('+').unwrap_or(value);
    let end = value.find(|character: char| !character.is_ascii_digit()).unwrap_or(value.len());
    value.get(..end)?.parse().ok()
}
