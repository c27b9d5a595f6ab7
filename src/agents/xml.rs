// SPDX-License-Identifier: LGPL-2.1-or-later
//! Text in the documents that describe agents. Upstream writes each kind of document by another writer, and each
//! writer spells other characters in another way, and so again from release to release; the tables stand side by side.
use crate::model::Release;

/// How one of upstream's writers spells characters.
pub(super) struct Spelling {
    /// A character, and what stands for it in 2.1 and in 3.0. The rules below are for the characters without a row
    /// here or in [`MARKUP`].
    rows: &'static [(char, &'static str, &'static str)],
    /// What stands for a control character below U+0020.
    control: &'static str,
    /// From here on characters are written as their numbers, in 2.1 and in 3.0.
    numbers_from: (Option<char>, Option<char>),
}

/// What every writer spells alike.
const MARKUP: [(char, &str, &str); 3] =
    [('<', "&lt;", "&lt;"), ('>', "&gt;", "&gt;"), ('&', "&amp;", "&amp;")];

/// Of documents about init scripts. XML forbids what has an empty spelling: 2.1 leaves it out, while 3.0 lets it
/// through and is not understood by any reader then, so it is left out for both.
pub(super) const INIT_SCRIPT: Spelling = Spelling {
    rows: &[
        ('\t', "\t", "\t"),
        ('\n', "\n", "\n"),
        ('\r', "&#13;", "&#x0D;"),
        ('\u{7f}', "\u{7f}", "&#x7F;"),
        ('\u{fffe}', "", ""),
        ('\u{ffff}', "", ""),
    ],
    control: "",
    numbers_from: (Some('\u{80}'), None),
};

/// Of documents about units of systemd, as text or attribute. 2.1 hides white space and quotes too.
pub(super) const UNIT: Spelling = Spelling {
    rows: &[('"', "&quot;", "\""), ('\'', "&apos;", "'"), ('\t', "    ", "\t"), ('\n', "\\n", "\n")],
    control: "\u{fffd}",
    numbers_from: (None, None),
};

/// Of documents about Linux-HA fence agents: libxml2's, which does not know the encoding of what it writes there.
pub(super) const LINUX_HA: Spelling = Spelling {
    rows: &[('\t', "\t", "\t"), ('\n', "\n", "\n"), ('\r', "&#13;", "&#13;")],
    control: "",
    numbers_from: (Some('\u{7f}'), Some('\u{7f}')),
};

/// `text` in the spelling of a document and a release.
pub(super) fn escape(text: &str, spelling: &Spelling, release: Release) -> String {
    let numbers_from = match release {
        Release::V2_1 => spelling.numbers_from.0,
        Release::V3_0 => spelling.numbers_from.1,
    };
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        let row = MARKUP.iter().chain(spelling.rows).find(|(known, ..)| *known == character);
        match (row, release) {
            (Some((_, old, _)), Release::V2_1) => escaped.push_str(old),
            (Some((_, _, new)), Release::V3_0) => escaped.push_str(new),
            (None, _) if character < ' ' => escaped.push_str(spelling.control),
            (None, _) if numbers_from.is_some_and(|first| character >= first) => {
                escaped.push_str(&format!("&#x{:X};", u32::from(character)));
            }
            (None, _) => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same text by each writer: 2.1, then 3.0.
    #[test]
    fn each_writer_has_its_own_spelling() {
        let text = "<\"'&>\t\n\r\u{1}\u{7f}é\u{ffff}";
        for (spelling, old, new) in [
            (&INIT_SCRIPT, "&lt;\"'&amp;&gt;\t\n&#13;\u{7f}&#xE9;", "&lt;\"'&amp;&gt;\t\n&#x0D;&#x7F;é"),
            (
                &UNIT,
                "&lt;&quot;&apos;&amp;&gt;    \\n\u{fffd}\u{fffd}\u{7f}é\u{ffff}",
                "&lt;\"'&amp;&gt;\t\n\u{fffd}\u{fffd}\u{7f}é\u{ffff}",
            ),
            (
                &LINUX_HA,
                "&lt;\"'&amp;&gt;\t\n&#13;&#x7F;&#xE9;&#xFFFF;",
                "&lt;\"'&amp;&gt;\t\n&#13;&#x7F;&#xE9;&#xFFFF;",
            ),
        ] {
            assert_eq!(escape(text, spelling, Release::V2_1), old);
            assert_eq!(escape(text, spelling, Release::V3_0), new);
        }
    }
}
