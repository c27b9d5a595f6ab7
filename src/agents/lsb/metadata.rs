// SPDX-License-Identifier: LGPL-2.1-or-later
//! Metadata out of the header of an init script, in the very words of each release.
use super::names::script;
use crate::agents::config::Node;
use crate::agents::failure::stat_failed;
use crate::agents::metadata::{Metadata, NoMetadata};
use crate::agents::xml;
use crate::model::{Agent, Release};
use std::fmt::Write;

/// Longer than any header of an init script.
const SCRIPT_BYTES: usize = 1 << 20;

const BEGIN: &[u8] = b"### BEGIN INIT INFO";
const END: &[u8] = b"### END INIT INFO";

/// Fields that become elements below `special`, in this order.
const DEPENDENCIES: [&str; 7] = [
    "Provides",
    "Required-Start",
    "Required-Stop",
    "Should-Start",
    "Should-Stop",
    "Default-Start",
    "Default-Stop",
];
const SHORT: &str = "Short-Description";
const LONG: &str = "Description";

/// What the first header of a script says. Values keep the blank before them and their line's end.
#[derive(Default)]
struct Header<'a>(Vec<(&'static str, Vec<&'a [u8]>)>);

impl<'a> Header<'a> {
    fn read(script: &'a [u8]) -> Self {
        let mut header = Self::default();
        let lines = script.split_inclusive(|byte| *byte == b'\n');
        let mut lines = lines.skip_while(|line| !line.starts_with(BEGIN)).skip(1).peekable();
        while let Some(line) = lines.next_if(|line| line.starts_with(b"#") && !line.starts_with(END)) {
            let Some((name, value)) = field(line) else { continue };
            let mut values = vec![value];
            while let Some(more) = lines.next_if(|line| name == LONG && is_continuation(line)) {
                values.push(until_nul(more.get(1..).unwrap_or_default()));
            }
            if header.get(name).is_none() {
                header.0.push((name, values));
            }
        }
        header
    }

    fn get(&self, name: &str) -> Option<&[&'a [u8]]> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, values)| values.as_slice())
    }

    fn escaped(&self, name: &str, release: Release) -> Option<String> {
        Some(escape(&self.get(name)?.concat(), release))
    }
}

fn field(line: &[u8]) -> Option<(&'static str, &[u8])> {
    let line = line.strip_prefix(b"# ")?;
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = (line.get(..colon)?, line.get(colon + 1..)?);
    let known = DEPENDENCIES.into_iter().chain([SHORT, LONG]).find(|known| known.as_bytes() == name)?;
    Some((known, until_nul(value)))
}

fn is_continuation(line: &[u8]) -> bool {
    line.starts_with(b"#  ") || line.starts_with(b"#\t")
}

/// Upstream's lines are C strings.
fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// The metadata of a script.
pub(in crate::agents) fn of_script(agent: &Agent, node: &Node<'_>) -> Result<Metadata, NoMetadata> {
    let path = script(agent, node.config).map_err(|verdict| NoMetadata::from(*verdict))?;
    let refuse = |errno| NoMetadata::from(stat_failed(&path, errno));
    let content = node.files.read(&path, SCRIPT_BYTES).map_err(refuse)?;
    Ok(Metadata::Known(metadata(&agent.name, &content, node.release).into_bytes()))
}

/// The document for the script of the agent `name`. What the header does not say stays empty.
fn metadata(name: &str, script: &[u8], release: Release) -> String {
    let header = Header::read(script);
    let name = escape(name.as_bytes(), release);
    let attribute = name.replace('\'', "&apos;");
    let long = header.escaped(LONG, release).unwrap_or_else(|| name.clone());
    let short = header.escaped(SHORT, release).unwrap_or(name);
    let (doctype, version, parameters) = match release {
        Release::V2_1 => {
            ("<!DOCTYPE resource-agent SYSTEM 'ra-api-1.dtd'>\n", "1.0", "  <parameters>\n  </parameters>\n")
        }
        Release::V3_0 => ("", "1.1", "  <parameters/>\n"),
    };
    let mut text = format!(
        "<?xml version='1.0'?>\n{doctype}<resource-agent name='{attribute}' version='0.1'>\n  \
         <version>{version}</version>\n  <longdesc lang='en'>\n{long}  </longdesc>\n  \
         <shortdesc lang='en'>{short}</shortdesc>\n{parameters}  <actions>\n"
    );
    push_actions(&mut text, release);
    text.push_str("  </actions>\n  <special tag='LSB'>\n");
    for field in DEPENDENCIES {
        let value = header.escaped(field, release).unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "    <{field}>{value}</{field}>");
    }
    text.push_str("  </special>\n</resource-agent>\n");
    text
}

fn push_actions(text: &mut String, release: Release) {
    for (action, seconds) in [
        ("meta-data", 5),
        ("start", 15),
        ("stop", 15),
        ("status", 15),
        ("restart", 15),
        ("force-reload", 15),
        ("monitor", 15),
    ] {
        let (blanks, unit) = match release {
            Release::V2_1 => ("force-reload".len() - action.len(), ""),
            Release::V3_0 => (0, "s"),
        };
        let interval =
            if action == "monitor" { format!(" interval='{seconds}{unit}'") } else { String::new() };
        let _ = writeln!(
            text,
            "    <action name='{action}'{:blanks$} timeout='{seconds}{unit}'{interval} />",
            ""
        );
    }
}

/// Bytes that are no UTF-8 are taken for Latin-1, as by 2.1 (3.0 lets them through, and is not understood by any reader
/// then).
fn escape(bytes: &[u8], release: Release) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(&xml::escape(chunk.valid(), &xml::INIT_SCRIPT, release));
        for byte in chunk.invalid() {
            match release {
                Release::V2_1 => drop(write!(text, "&#{byte};")),
                Release::V3_0 => text.push(char::from(*byte)),
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value<'a>(document: &'a str, element: &str) -> &'a str {
        let rest = &document[document.find(&format!("<{element}")).unwrap()..];
        let start = rest.find('>').unwrap() + 1;
        &rest[start..rest.find(&format!("</{element}>")).unwrap()]
    }

    #[test]
    fn a_header_is_read_as_upstream_reads_it() {
        let script = "#!/bin/sh\n# Provides: too early\n### BEGIN INIT INFO\n# Provides:  a <b> & \"c\"\n\
                      # Provides: second\n#Should-Start: no blank\n# should-stop: lower\n# Required-Stop:\n\
                      # Short-Description: short\n# Description: one\n#  two\n#\tthree\n# Default-Start: 2 3\n\
                      ### END INIT INFO\n# Default-Stop: late\n";
        let document = metadata("x", script.as_bytes(), Release::V3_0);
        for (element, expected) in [
            ("Provides", "  a &lt;b&gt; &amp; \"c\"\n"),
            ("Should-Start", ""),
            ("Should-Stop", ""),
            ("Required-Stop", "\n"),
            ("shortdesc", " short\n"),
            ("longdesc", "\n one\n  two\n\tthree\n  "),
            ("Default-Start", " 2 3\n"),
            ("Default-Stop", ""),
        ] {
            assert_eq!(value(&document, element), expected, "{element}");
        }
    }

    #[test]
    fn a_script_without_a_header_has_its_name() {
        for script in ["", "#!/bin/sh\n", "### BEGIN INIT INFO", "### BEGIN INIT INFO\n\n# Provides: x\n"] {
            let document = metadata("a'<", script.as_bytes(), Release::V2_1);
            assert_eq!(value(&document, "longdesc"), "\na'&lt;  ");
            assert_eq!(value(&document, "Provides"), "");
            assert!(document.contains("<resource-agent name='a&apos;&lt;' version"), "{document}");
        }
    }

    #[test]
    fn releases_escape_differently() {
        let script = b"### BEGIN INIT INFO\n# Provides:\xff\x01\xc3\xa9\x7f\r\n# Should-Stop:a\0b\n";
        let old = metadata("x", script, Release::V2_1);
        assert_eq!(value(&old, "Provides"), "&#255;&#xE9;\x7f&#13;\n");
        assert_eq!(value(&old, "Should-Stop"), "a");
        assert_eq!(value(&metadata("x", script, Release::V3_0), "Provides"), "\u{ff}é&#x7F;&#x0D;\n");
    }

    #[test]
    fn documents_are_complete() {
        let document = metadata("x", b"", Release::V2_1);
        assert!(document.contains("\n    <action name='stop'         timeout='15' />\n"), "{document}");
        assert!(document.contains("timeout='15' interval='15' />\n  </actions>\n"), "{document}");
        let document = metadata("x", b"", Release::V3_0);
        assert!(document.contains("\n    <action name='stop' timeout='15s' />\n"), "{document}");
        assert!(document.ends_with("<Default-Stop></Default-Stop>\n  </special>\n</resource-agent>\n"));
    }
}
