// SPDX-License-Identifier: LGPL-2.1-or-later
//! A resource as the cluster has configured it, asked of the cluster's own tool: that is no client of the
//! executor, so nobody is disturbed.
use crate::driver::blocking::output_of;
use crate::model::{Agent, Params, ResourceId};
use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};
use std::ffi::OsString;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

/// What an executor is told of a resource.
#[derive(Debug)]
pub(super) struct Configured {
    pub(super) id: ResourceId,
    pub(super) agent: Agent,
    pub(super) params: Params,
}

/// The resource `id`, with the parameters of `action`.
pub(super) fn look_up(id: &str, action: &str) -> Result<Configured, String> {
    let mut search = std::env::var_os("PATH").unwrap_or_default();
    search.push(OsString::from(":/usr/sbin"));
    let cause = |problem| format!("the cluster does not tell what the resource '{id}' is: {problem}");
    let told =
        output_of("crm_resource", &["--query-xml", "--resource", id], &search, LIMIT).map_err(cause)?;
    read(id, action, &told).map_err(cause)
}

/// Words, then XML with one primitive in it: that of a clone or of a group with one member too.
fn read(id: &str, action: &str, told: &str) -> Result<Configured, String> {
    let at = told.find("<primitive").ok_or("it is no primitive; name one of its members")?;
    let mut reader = Reader::from_str(told.get(at..).unwrap_or_default());
    // What comes after is the end of a clone.
    reader.config_mut().allow_unmatched_ends = true;
    let mut configured = None;
    let mut path: Vec<String> = Vec::new();
    let mut of_this_action = false;
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(tag) => {
                path.push(tag.name().as_ref().to_owned());
                enter(&path, &tag, (id, action), &mut of_this_action, &mut configured)?;
            }
            Event::Empty(tag) => {
                path.push(tag.name().as_ref().to_owned());
                enter(&path, &tag, (id, action), &mut of_this_action, &mut configured)?;
                path.pop();
            }
            Event::End(_) => drop(path.pop()),
            Event::Eof => return configured.ok_or_else(|| "it did not print XML".to_owned()),
            _ => {}
        }
        if path.is_empty() && configured.is_some() {
            return configured.ok_or_else(String::new);
        }
    }
}

fn enter(
    path: &[String],
    tag: &BytesStart<'_>,
    (id, action): (&str, &str),
    of_this_action: &mut bool,
    configured: &mut Option<Configured>,
) -> Result<(), String> {
    let get = |name| attribute(tag, name);
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match (&path[..], configured) {
        (["primitive"], configured @ None) => {
            let missing = "it has no agent";
            let agent = Agent {
                standard: get("class").ok_or(missing)?,
                provider: get("provider"),
                name: get("type").ok_or(missing)?,
            };
            *configured = Some(Configured { id: ResourceId::new(id), agent, params: Params::new() });
        }
        (["primitive", "operations", "op"], _) => *of_this_action = get("name").as_deref() == Some(action),
        (["primitive", "instance_attributes", "nvpair"], Some(configured)) => {
            // The first one counts, but for an action's own.
            if let (Some(name), Some(value)) = (get("name"), get("value"))
                && configured.params.get(&name).is_none()
            {
                configured.params.set(name, value);
            }
        }
        (["primitive", "operations", "op", "instance_attributes", "nvpair"], Some(configured))
            if *of_this_action =>
        {
            if let (Some(name), Some(value)) = (get("name"), get("value")) {
                configured.params.set(name, value);
            }
        }
        _ => {}
    }
    Ok(())
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = tag.attributes().flatten().find(|attribute| attribute.key.as_ref() == name)?;
    Some(unescape(&found.value).ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: &str = r#"d1	(ocf:pacemaker:Dummy):	 Stopped
Resource XML:
<clone id="c"><primitive id="d1" class="ocf" provider="pacemaker" type="Dummy">
  <instance_attributes id="i">
    <nvpair id="a" name="state" value="/run/x &lt; &quot;y&quot;"/>
    <nvpair id="b" name="level" value="1"/>
  </instance_attributes>
  <instance_attributes id="j"><nvpair id="e" name="level" value="7"/></instance_attributes>
  <meta_attributes id="m"><nvpair id="c" name="target-role" value="Started"/></meta_attributes>
  <operations>
    <op id="s" name="start" interval="0"/>
    <op id="o" name="monitor" interval="10s"><instance_attributes id="k">
      <nvpair id="d" name="level" value="10"/></instance_attributes></op>
  </operations>
</primitive></clone>
"#;

    fn shown(configured: &Configured) -> Vec<(&str, &str)> {
        configured.params.iter().collect()
    }

    #[test]
    fn a_resource_is_read_with_the_parameters_of_the_action() {
        let start = read("d1:0", "start", TOLD).unwrap();
        assert_eq!((start.id.as_str(), start.agent.to_string()), ("d1:0", "ocf:pacemaker:Dummy".to_owned()));
        assert_eq!(shown(&start), [("level", "1"), ("state", "/run/x < \"y\"")]);
        assert_eq!(shown(&read("d1", "monitor", TOLD).unwrap())[0], ("level", "10"));
    }

    #[test]
    fn what_is_no_primitive_is_refused() {
        assert!(read("x", "start", "").is_err());
        assert!(read("x", "start", "<group id='x'/>").unwrap_err().contains("members"));
        assert!(read("x", "start", "<primitive id='x'/>").is_err());
        assert!(read("x", "start", "<primitive id='x' class='lsb'").is_err());
    }
}
