// SPDX-License-Identifier: LGPL-2.1-or-later
//! How a unit is described as an agent.
use super::names::unit_name;
use crate::agents::config::Node;
use crate::agents::metadata::Metadata;
use crate::agents::xml::{UNIT, escape};
use crate::model::Release;

/// What systemd says of the unit that this agent stands for; it has a description of any.
pub(in crate::agents) fn metadata(agent: &str, node: &Node<'_>) -> Metadata {
    let description = node.units.property(&unit_name(agent), "Description");
    Metadata::Known(describe(agent, description.as_deref(), node.release).into_bytes())
}

/// A unit as an agent.
pub(super) fn describe(agent: &str, description: Option<&str>, release: Release) -> String {
    let name = escape(agent, &UNIT, release);
    let long =
        description.map_or_else(|| format!("Systemd unit file for {name}"), |d| escape(d, &UNIT, release));
    let (doctype, unit) = match release {
        Release::V2_1 => ("<!DOCTYPE resource-agent SYSTEM \"ra-api-1.dtd\">\n", ""),
        Release::V3_0 => ("", "s"),
    };
    let mut text = format!(
        r#"<?xml version="1.0"?>
{doctype}<resource-agent name="{name}" version="0.1">
  <version>1.1</version>
  <longdesc lang="en">
    {long}
  </longdesc>
  <shortdesc lang="en">systemd unit file for {name}</shortdesc>
  <parameters/>
  <actions>
"#
    );
    for (action, seconds, interval) in
        [("start", 100, 0), ("stop", 100, 0), ("status", 100, 0), ("monitor", 100, 60), ("meta-data", 5, 0)]
    {
        let mut attributes = format!("name=\"{action}\" timeout=\"{seconds}{unit}\"");
        if interval > 0 {
            attributes.push_str(&format!(" interval=\"{interval}{unit}\""));
        }
        text.push_str(&format!("    <action {attributes} />\n"));
    }
    text.push_str("  </actions>\n  <special tag=\"systemd\"/>\n</resource-agent>\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_escaped() {
        let text = describe("we<b", Some("A \"b\" <c> & d\u{1}\te'"), Release::V3_0);
        assert!(text.contains("\n    A \"b\" &lt;c&gt; &amp; d\u{fffd}\te'\n"), "{text}");
        assert!(text.contains("name=\"we&lt;b\""), "{text}");
        let text = describe("web", Some("A \"b\" <c>\te'"), Release::V2_1);
        assert!(text.contains("\n    A &quot;b&quot; &lt;c&gt;    e&apos;\n"), "{text}");
    }

    #[test]
    fn documents_are_complete() {
        let text = describe("web", None, Release::V3_0);
        assert!(text.contains("<longdesc lang=\"en\">\n    Systemd unit file for web\n"), "{text}");
        assert!(text.contains("<action name=\"monitor\" timeout=\"100s\" interval=\"60s\" />"), "{text}");
        assert!(!text.contains("DOCTYPE"), "{text}");
        let text = describe("web", None, Release::V2_1);
        assert!(text.contains("ra-api-1.dtd\">\n<resource-agent"), "{text}");
        assert!(text.contains("<action name=\"meta-data\" timeout=\"5\" />"), "{text}");
    }
}
