// SPDX-License-Identifier: LGPL-2.1-or-later
//! Fence agents. What one says of itself is meant for its own command line; clusters are told that they need
//! not set what the fencer sets, and that a fence device can be started and stopped.
use crate::agents::config::{AgentConfig, AgentFiles};
use crate::agents::failure::{not_installed, stat_failed};
use crate::agents::metadata::{Inquiry, Metadata, NoMetadata};
use crate::agents::names::FileName;
use crate::agents::plan::{Convention, Plan};
use crate::model::Agent;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// What an agent reads for its orders.
const ORDER: &[u8] = b"action=metadata\n";
/// Parameters that the fencer sets itself.
const OPTIONAL: [&str; 3] = ["action", "plug", "port"];
/// Actions of a device, not of its agent.
const OWN_ACTIONS: [&str; 2] = ["stop", "start"];

/// Runs the agent with the order to describe itself.
pub(in crate::agents) fn metadata(
    agent: &Agent,
    config: &AgentConfig,
    files: &dyn AgentFiles,
) -> Result<Metadata, NoMetadata> {
    let refuse = |verdict: Box<_>| NoMetadata::from(*verdict);
    let program = FileName::of(agent, &agent.name).map_err(refuse)?.inside(&config.fence_dir);
    let facts = files.facts(&program).map_err(|errno| NoMetadata::from(stat_failed(&program, errno)))?;
    if !facts.regular {
        return Err(refuse(not_installed(format!("{} is not a file, so no agent", program.display()))));
    }
    let plan = Plan::of(program, None, Convention::Ocf);
    Ok(Metadata::Ask(Box::new(Inquiry { plan, input: ORDER, adapt })))
}

/// An agent's own metadata as clusters are to see it; the rest of the text stays as it is.
///
/// # Errors
/// What is wrong with it, in words.
fn adapt(document: Vec<u8>) -> Result<Vec<u8>, String> {
    let text = String::from_utf8(document).map_err(|_| "it is not UTF-8".to_owned())?;
    let mut reader = Reader::from_str(&text);
    let mut result = String::with_capacity(text.len() + 200);
    let mut missing = OWN_ACTIONS.to_vec();
    let (mut depth, mut seen_root, mut start) = (0_usize, false, 0);
    loop {
        let event = reader.read_event().map_err(|error| error.to_string())?;
        let end = usize::try_from(reader.buffer_position()).unwrap_or(text.len());
        let source = text.get(start..end).unwrap_or_default();
        start = end;
        match event {
            Event::Eof if seen_root && depth == 0 => return Ok(result.into_bytes()),
            Event::Eof => return Err("it is incomplete".to_owned()),
            Event::Start(tag) => {
                (depth, seen_root) = (depth + 1, true);
                push_tag(&mut result, &tag, source, ">", &mut missing)?;
            }
            Event::Empty(tag) if is(&tag, "actions") => {
                seen_root = true;
                result.push_str("<actions>");
                push_missing(&mut result, &mut missing);
                result.push_str("</actions>");
            }
            Event::Empty(tag) => {
                seen_root = true;
                push_tag(&mut result, &tag, source, "/>", &mut missing)?;
            }
            Event::End(tag) => {
                depth = depth.saturating_sub(1);
                if tag.name().as_ref() == "actions" {
                    push_missing(&mut result, &mut missing);
                }
                result.push_str(source);
            }
            Event::Text(_) if depth == 0 && !source.trim().is_empty() => {
                return Err("there is text around it".to_owned());
            }
            _ => result.push_str(source),
        }
    }
}

fn is(tag: &BytesStart<'_>, name: &str) -> bool {
    tag.name().as_ref() == name
}

/// The tag as it is, or as an optional parameter. Notes an action that is there.
fn push_tag(
    result: &mut String,
    tag: &BytesStart<'_>,
    source: &str,
    close: &str,
    missing: &mut Vec<&str>,
) -> Result<(), String> {
    let attributes = tag.attributes().collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    let name = attributes.iter().find(|attribute| attribute.key.as_ref() == "name");
    let name = name.map(|attribute| &*attribute.value).unwrap_or_default();
    if is(tag, "action") {
        missing.retain(|action| *action != name);
    }
    if !is(tag, "parameter") || !OPTIONAL.contains(&name) {
        result.push_str(source);
        return Ok(());
    }
    result.push_str("<parameter");
    for attribute in attributes.iter().filter(|attribute| attribute.key.as_ref() != "required") {
        let value = attribute.value.replace('"', "&quot;");
        result.push_str(&format!(" {}=\"{value}\"", attribute.key.as_ref()));
    }
    result.push_str(" required=\"0\"");
    result.push_str(close);
    Ok(())
}

fn push_missing(result: &mut String, missing: &mut Vec<&str>) {
    for action in missing.drain(..) {
        result.push_str(&format!("<action name=\"{action}\" timeout=\"20s\"/>"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapted(document: &str) -> Result<String, String> {
        adapt(document.into()).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn what_the_fencer_sets_becomes_optional() {
        let before = "<?xml version=\"1.0\" ?>\n<resource-agent name=\"x\">\n<parameters>\
                      <parameter name=\"action\" required=\"1\"><getopt mixed=\"-o\" /></parameter>\
                      <parameter unique='a\"b' name='port'/><parameter name=\"Plug\" required=\"1\"/></parameters>\
                      <actions><action name=\"start\" timeout=\"9\"/></actions><!-- c -->&lt;</resource-agent>\n";
        let after = "<?xml version=\"1.0\" ?>\n<resource-agent name=\"x\">\n<parameters>\
                     <parameter name=\"action\" required=\"0\"><getopt mixed=\"-o\" /></parameter>\
                     <parameter unique=\"a&quot;b\" name=\"port\" required=\"0\"/><parameter name=\"Plug\" required=\"1\"/></parameters>\
                     <actions><action name=\"start\" timeout=\"9\"/><action name=\"stop\" timeout=\"20s\"/></actions>\
                     <!-- c -->&lt;</resource-agent>\n";
        assert_eq!(adapted(before).unwrap(), after);
    }

    #[test]
    fn actions_are_added_once() {
        let full = "<a><actions><action name=\"stop\"/><action name=\"start\"/></actions></a>";
        assert_eq!(adapted(full).unwrap(), full);
        let both = "<action name=\"stop\" timeout=\"20s\"/><action name=\"start\" timeout=\"20s\"/>";
        assert_eq!(adapted("<a><actions/></a>").unwrap(), format!("<a><actions>{both}</actions></a>"));
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for text in ["", "usage: fence_x", "<a>", "<a></b>", "<a/> trailing", "<a b=c/>"] {
            assert!(adapted(text).is_err(), "{text}");
        }
        assert!(adapt(b"<a>\xff</a>".to_vec()).is_err());
    }
}
