// SPDX-License-Identifier: LGPL-2.1-or-later
//! Messages of others that we carry inside ours.
use super::{MAX_DEPTH, XmlError, lenient, strict};
use crate::model::Payload;

/// Levels that our own envelope adds around a payload.
const ENVELOPE_LEVELS: usize = 2;

/// Takes the text of exactly one element, so that it can be put into another message as it is. Blanks,
/// comments and an XML declaration around it are left away. What is only leniently readable is written anew.
///
/// ```
/// use pcmk_remote_rs::wire::xml::check_element;
/// let payload = check_element("<?xml version='1.0'?>\n<cib epoch=\"1\"><nodes/></cib>\n").unwrap();
/// assert_eq!(payload.as_str(), "<cib epoch=\"1\"><nodes/></cib>");
/// assert!(check_element("<a/><b/>").is_err());
/// assert!(check_element("<a></lrmd_ipc_msg></a>").is_err());
/// ```
pub fn check_element(text: &str) -> Result<Payload, XmlError> {
    let max_depth = MAX_DEPTH.saturating_sub(ENVELOPE_LEVELS);
    match strict::check(text, max_depth) {
        Ok(span) => Ok(Payload::from_checked(text.get(span).unwrap_or_default())),
        Err(error @ (XmlError::Empty | XmlError::TooMuch { .. })) => Err(error),
        Err(_) => Ok(Payload::from_checked(lenient::read(text, max_depth)?.to_text())),
    }
}
