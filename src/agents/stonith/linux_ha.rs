// SPDX-License-Identifier: LGPL-2.1-or-later
//! Metadata of Linux-HA fence agents, which are cluster-glue's, in the very words of each release.
use crate::agents::names::FileName;
use crate::agents::xml;
use crate::model::Release;
use std::fmt::Write;

/// Stands for what an agent does not say.
const NOTHING: &str = "<!-- no value -->";

/// What an agent says of itself; the parameters are XML.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the fields name themselves")]
pub struct LinuxHaFacts {
    pub identity: Option<String>,
    pub description: Option<String>,
    pub parameters: Option<String>,
}

/// Can an agent have this name? cluster-glue makes a path below its own directories of it, and loads what is there.
/// Scripts have a directory of their own: `external/ipmi`.
pub fn is_linux_ha_name(name: &str) -> bool {
    name.split('/').all(|part| FileName::new(part).is_some())
}

/// The document for the agent `name`.
pub fn linux_ha_metadata(name: &str, facts: &LinuxHaFacts, release: Release) -> String {
    let (doctype, version) = match release {
        Release::V2_1 => ("<!DOCTYPE resource-agent SYSTEM \"ra-api-1.dtd\">\n", "1.0"),
        Release::V3_0 => ("", "1.1"),
    };
    let words =
        |fact: &Option<String>| xml::escape(fact.as_deref().unwrap_or(NOTHING), &xml::LINUX_HA, release);
    let (long, short) = (words(&facts.description), words(&facts.identity));
    let parameters = facts.parameters.as_deref().unwrap_or(NOTHING);
    let mut text = format!(
        "<?xml version=\"1.0\"?>\n{doctype}<resource-agent name=\"{name}\">\n  <version>{version}</version>\n  \
         <longdesc lang=\"en\">\n{long}\n  </longdesc>\n  <shortdesc lang=\"en\">{short}</shortdesc>\n\
         {parameters}\n  <actions>\n"
    );
    push_actions(&mut text, release);
    text.push_str(
        "  </actions>\n  <special tag=\"heartbeat\">\n    <version>2.0</version>\n  </special>\n</resource-agent>\n",
    );
    text
}

fn push_actions(text: &mut String, release: Release) {
    for (action, seconds) in [("start", 20), ("stop", 15), ("status", 20), ("monitor", 20), ("meta-data", 15)]
    {
        let (blanks, unit, end) = match release {
            // In columns, but for the longest.
            Release::V2_1 if action == "meta-data" => (2, "", " />"),
            Release::V2_1 => (8 - action.len(), "", if action == "monitor" { "/>" } else { " />" }),
            Release::V3_0 => (1, "s", " />"),
        };
        let interval = if action == "monitor" { format!(" interval=\"3600{unit}\"") } else { String::new() };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "    <action name=\"{action}\"{:blanks$}timeout=\"{seconds}{unit}\"{interval}{end}",
            ""
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere_but_below_the_agents_directories() {
        assert!(["ipmilan", "external/ipmi"].into_iter().all(is_linux_ha_name));
        assert!(
            !["", "/tmp/evil", "../evil", "external/../../evil", "a//b", "."]
                .into_iter()
                .any(is_linux_ha_name)
        );
    }

    #[test]
    fn what_an_agent_says_is_framed_in_the_words_of_the_release() {
        let facts = LinuxHaFacts {
            identity: Some("A <b>".into()),
            description: None,
            parameters: Some("<parameters/>".into()),
        };
        let old = linux_ha_metadata("external/x", &facts, Release::V2_1);
        assert!(old.contains("\n<resource-agent name=\"external/x\">\n  <version>1.0</version>\n"));
        assert!(old.contains("<longdesc lang=\"en\">\n&lt;!-- no value --&gt;\n  </longdesc>"));
        assert!(old.contains(">A &lt;b&gt;</shortdesc>\n<parameters/>\n  <actions>\n"));
        assert!(
            old.contains("    <action name=\"start\"   timeout=\"20\" />\n    <action name=\"stop\"    t")
        );
        assert!(
            old.contains("\"monitor\" timeout=\"20\" interval=\"3600\"/>\n    <action name=\"meta-data\"  t")
        );
        let new = linux_ha_metadata("x", &LinuxHaFacts::default(), Release::V3_0);
        assert!(!new.contains("DOCTYPE") && new.contains("<!-- no value -->\n  <actions>"));
        assert!(new.contains("<action name=\"monitor\" timeout=\"20s\" interval=\"3600s\" />\n"));
    }
}
