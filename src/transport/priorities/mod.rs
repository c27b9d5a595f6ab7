// SPDX-License-Identifier: LGPL-2.1-or-later
//! `PCMK_tls_priorities`: a GnuTLS priority string as an OpenSSL policy. docs/tls-priorities.md says what is
//! understood. What cannot be kept is refused by name or, where leaving it out is never weaker, noted.
mod finish;
mod known;
mod sets;
mod signatures;
mod translation;
mod words;

use crate::sys::tls::Policy;
use sets::Sets;
pub use translation::{PriorityError, Translation};

/// Translates a priority string for connections with a pre-shared key; a blank one gives the default policy.
pub fn translate(priorities: &str) -> Result<Translation, PriorityError> {
    translate_for(priorities, false)
}

/// The same for connections with certificates.
pub fn translate_with_certificates(priorities: &str) -> Result<Translation, PriorityError> {
    translate_for(priorities, true)
}

fn translate_for(priorities: &str, with_certificates: bool) -> Result<Translation, PriorityError> {
    if priorities.trim().is_empty() {
        let policy = if with_certificates { Policy::with_certificates() } else { Policy::default() };
        return Ok(Translation { policy, notes: Vec::new() });
    }
    let mut sets = Sets::new(with_certificates);
    for (position, word) in priorities.split(':').map(str::trim).enumerate() {
        if word.is_empty() {
            continue;
        }
        let upper = word.to_ascii_uppercase();
        let known = match upper.split_at_checked(1) {
            Some(("+", name)) => sets.add(name),
            Some(("-" | "!", name)) => sets.remove(name),
            Some(("%", _)) => sets.option(&upper)?,
            Some(("@", _)) if position == 0 => sets.system(word),
            // Levels without a sign come first, or replace what came before them.
            _ if position == 0 && upper == "NONE" => sets.start_from_nothing(),
            _ if upper == "LEGACY" => sets.start_legacy(),
            _ => sets.start(&upper),
        };
        if !known {
            return Err(PriorityError::Word(word.to_owned()));
        }
    }
    sets.finish()
}

#[cfg(test)]
mod tests;
