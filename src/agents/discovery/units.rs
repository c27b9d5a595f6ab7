// SPDX-License-Identifier: LGPL-2.1-or-later
//! Units of systemd as agents: which there are, and how one is described. systemd knows both.
use super::super::config::NodeUnits;
use super::super::systemd::{EXTENSIONS, unit_name};
use crate::model::Release;

/// The units that a cluster can manage, without the extension of services, in the order of their letters.
pub(super) fn names(units: &dyn NodeUnits) -> Vec<String> {
    let mut names: Vec<String> = units.files().iter().filter_map(|path| name(path)).collect();
    names.sort_by_cached_key(|name| (name.to_ascii_lowercase(), name.clone()));
    names.dedup();
    names
}

fn name(path: &str) -> Option<String> {
    let file = path.rsplit('/').next()?;
    let extension = EXTENSIONS.iter().find(|extension| file.ends_with(**extension))?;
    let name = if *extension == ".service" { file.strip_suffix(extension)? } else { file };
    (!name.is_empty()).then(|| name.to_owned())
}

/// Does systemd have the unit that this agent stands for?
pub(super) fn exists(agent: &str, units: &dyn NodeUnits) -> bool {
    let state = units.property(&unit_name(agent), "LoadState");
    matches!(state.as_deref(), Some("loaded" | "masked"))
}

/// What systemd says of the unit that this agent stands for; it has a description of any.
pub(super) fn metadata(agent: &str, release: Release, units: &dyn NodeUnits) -> String {
    describe(agent, units.property(&unit_name(agent), "Description").as_deref(), release)
}

/// A unit as an agent.
pub(in crate::agents) fn describe(agent: &str, description: Option<&str>, release: Release) -> String {
    let name = escaped(agent, release);
    let long = description.map_or_else(|| format!("Systemd unit file for {name}"), |d| escaped(d, release));
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

/// As text or attribute of XML; what XML cannot hold is replaced. 2.1 hides white space and quotes too.
fn escaped(text: &str, release: Release) -> String {
    let mut result = String::with_capacity(text.len());
    for character in text.chars() {
        match (character, release) {
            ('&', _) => result.push_str("&amp;"),
            ('<', _) => result.push_str("&lt;"),
            ('>', _) => result.push_str("&gt;"),
            ('"', Release::V2_1) => result.push_str("&quot;"),
            ('\'', Release::V2_1) => result.push_str("&apos;"),
            ('\t', Release::V2_1) => result.push_str("    "),
            ('\n', Release::V2_1) => result.push_str("\\n"),
            ('\t' | '\n', Release::V3_0) => result.push(character),
            ('\0'..=' ', _) if character != ' ' => result.push('\u{fffd}'),
            (other, _) => result.push(other),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::super::super::config::fake::FakeUnits;
    use super::*;

    #[test]
    fn what_a_cluster_can_manage() {
        let units = FakeUnits::default()
            .with("/lib/systemd/system/web.service", "loaded", "")
            .with("/lib/systemd/system/Data.mount", "loaded", "")
            .with("/lib/systemd/system/vpn@.service", "loaded", "")
            .with("/lib/systemd/system/a.timer", "loaded", "")
            .with("/lib/systemd/system/a.path", "loaded", "")
            .with("/lib/systemd/system/a.socket", "loaded", "")
            .with("/lib/systemd/system/a.target", "loaded", "")
            .with("/lib/systemd/system/.service", "loaded", "")
            .with("/run/systemd/generator/web.service", "loaded", "");
        assert_eq!(names(&units), ["a.path", "a.socket", "a.timer", "Data.mount", "vpn@", "web"]);
        assert!(names(&FakeUnits::default()).is_empty());
    }

    #[test]
    fn a_unit_that_systemd_could_load_exists() {
        let units = FakeUnits::default()
            .with("/x/web.service", "loaded", "")
            .with("/x/off.service", "masked", "")
            .with("/x/bad.service", "bad-setting", "");
        for (agent, there) in
            [("web", true), ("web.service", true), ("off", true), ("bad", false), ("no", false)]
        {
            assert_eq!(exists(agent, &units), there, "{agent}");
        }
    }

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
