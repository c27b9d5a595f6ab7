// SPDX-License-Identifier: LGPL-2.1-or-later
//! The dispatcher: which folder answers for an agent standard. A new standard is a folder beside `ocf` and `lsb`, and
//! an arm in each match here (and one in `result` for what an exit code means).
use super::config::{AgentConfig, AgentFiles, Node};
use super::failure::{not_installed, refuse};
use super::metadata::{Metadata, NoMetadata};
use super::plan::Plan;
use super::{UnitPlan, Verdict, lsb, ocf, stonith, systemd};
use crate::model::{
    Agent, DeviceState, ExecStatus, Execution, FenceOrder, OcfExit, Params, Release, Standard,
};

/// What carries out an action.
pub enum Means {
    /// A process.
    Process(Plan),
    /// The node's service manager.
    Unit(UnitPlan),
}

/// Is every part of the agent's name there and its standard one that runs here? Then what to do.
///
/// # Errors
/// The result of the operation, when nothing can be started for it.
pub fn plan(
    execution: &Execution,
    config: &AgentConfig,
    files: &dyn AgentFiles,
) -> Result<Means, Box<Verdict>> {
    let agent = &execution.agent;
    if let Some(refusal) = missing_part(execution) {
        return Err(refusal);
    }
    match agent.standard() {
        Some(Standard::Ocf) => ocf::plan(execution, config, files).map(Means::Process),
        Some(Standard::Lsb) => lsb::plan(execution, config, files).map(Means::Process),
        Some(Standard::Service) => service(execution, config, files),
        Some(Standard::Systemd) => systemd::plan(execution, config, None).map(Means::Unit),
        Some(Standard::Stonith) => Err(refuse(
            OcfExit::ERROR,
            ExecStatus::Error,
            format!(
                "{agent} cannot run here: fence devices run on cluster nodes only, never on a remote node"
            ),
        )),
        Some(Standard::Nagios | Standard::Upstart) => Err(not_installed(format!(
            "{agent} cannot run here: the standard '{}' is gone since Pacemaker 3.0",
            agent.standard
        ))),
        None => Err(not_installed(format!(
            "{agent} cannot run here: unknown agent standard '{}' (known: ocf, lsb, service, systemd)",
            agent.standard
        ))),
    }
}

/// An alias: an init script where there is one, or else a unit.
fn service(
    execution: &Execution,
    config: &AgentConfig,
    files: &dyn AgentFiles,
) -> Result<Means, Box<Verdict>> {
    let agent = &execution.agent;
    let script = lsb::script(agent, config)?;
    if files.facts(&script).is_ok() {
        return lsb::plan(execution, config, files).map(Means::Process);
    }
    let mut neither = not_installed(format!(
        "{agent} is not installed: there is neither an init script {} nor a systemd unit",
        script.display()
    ));
    neither.unprepared = false;
    systemd::plan(execution, config, Some(neither)).map(Means::Unit)
}

/// The result of an execution that does not name all that it needs.
fn missing_part(execution: &Execution) -> Option<Box<Verdict>> {
    let agent = &execution.agent;
    let missing = name_of_missing_part(execution)?;
    let reason = format!(
        "{missing} missing: cannot run action '{}' of resource '{}' ({agent})",
        execution.action, execution.resource_id
    );
    Some(refuse(OcfExit::ERROR, ExecStatus::FatalError, reason))
}

fn name_of_missing_part(execution: &Execution) -> Option<&'static str> {
    let agent = &execution.agent;
    if execution.resource_id.as_str().is_empty() {
        Some("resource id")
    } else if agent.standard.is_empty() {
        Some("agent standard")
    } else if agent.name.is_empty() {
        Some("agent name")
    } else if execution.action.is_empty() {
        Some("action")
    } else if agent.standard() == Some(Standard::Ocf) && agent.provider.as_deref().is_none_or(str::is_empty) {
        Some("agent provider")
    } else {
        None
    }
}

/// What the fencer is to do for an action of a fence device.
///
/// # Errors
/// The result of the operation, when the fencer is not needed for it.
pub fn fence_order(execution: &Execution, device: DeviceState) -> Result<FenceOrder, Box<Verdict>> {
    match missing_part(execution) {
        Some(refusal) => Err(refusal),
        None => stonith::fence_order(execution, device),
    }
}

/// The standards that have, or may have, agents here.
pub fn standards(node: &Node<'_>) -> Vec<Standard> {
    let mut standards = match node.release {
        Release::V2_1 => vec![Standard::Ocf, Standard::Lsb, Standard::Service],
        Release::V3_0 => vec![Standard::Ocf, Standard::Service, Standard::Lsb],
    };
    if !systemd::names(node.units).is_empty() {
        standards.push(Standard::Systemd);
    }
    if !stonith::names(node.config, node.files).is_empty() {
        standards.push(Standard::Stonith);
    }
    standards
}

/// The agents of one standard (and provider, which only OCF agents have), or of all.
pub fn agents(standard: Option<Standard>, provider: Option<&str>, node: &Node<'_>) -> Vec<Agent> {
    use Standard::{Lsb, Ocf, Stonith, Systemd};
    let of = |standard| agents_of(standard, provider, node);
    match (standard, node.release) {
        (Some(standard), _) => of(standard),
        (None, Release::V2_1) => [Lsb, Ocf, Systemd, Stonith].map(of).concat(),
        (None, Release::V3_0) => [Ocf, Lsb, Systemd, Stonith].map(of).concat(),
    }
}

fn agents_of(standard: Standard, provider: Option<&str>, node: &Node<'_>) -> Vec<Agent> {
    let Node { config, files, units, .. } = *node;
    let names = match standard {
        Standard::Ocf => return ocf::agents(provider, config, files),
        Standard::Lsb => lsb::names(config, files),
        Standard::Systemd => systemd::names(units),
        Standard::Service => [lsb::names(config, files), systemd::names(units)].concat(),
        Standard::Stonith => stonith::names(config, files),
        Standard::Nagios | Standard::Upstart => Vec::new(),
    };
    let agent = |name| Agent { standard: standard.name().to_owned(), provider: None, name };
    names.into_iter().map(agent).collect()
}

/// Finds out where the metadata of `agent` comes from. An OCF agent is given `params`. As upstream, any unit has
/// metadata, be it known to systemd or not.
///
/// # Errors
/// When there is none.
pub fn metadata(agent: &Agent, params: &Params, node: &Node<'_>) -> Result<Metadata, NoMetadata> {
    if agent.name.is_empty() {
        return Err(NoMetadata::Invalid(format!("'{agent}' names no agent")));
    }
    match agent.standard() {
        Some(Standard::Ocf) => ocf::metadata(agent, params, node.config, node.files),
        Some(Standard::Lsb) => lsb::metadata(agent, node),
        Some(Standard::Systemd) => Ok(systemd::metadata(&agent.name, node)),
        Some(Standard::Service) => {
            let script = lsb::script(agent, node.config).map_err(|verdict| NoMetadata::from(*verdict))?;
            if node.files.facts(&script).is_err() && systemd::exists(&agent.name, node.units) {
                return Ok(systemd::metadata(&agent.name, node));
            }
            lsb::metadata(agent, node)
        }
        Some(Standard::Stonith) => stonith::metadata(agent, node.config, node.files),
        Some(Standard::Nagios | Standard::Upstart) | None => {
            Err(NoMetadata::Invalid(format!("agents of standard '{}' have no metadata here", agent.standard)))
        }
    }
}

#[cfg(test)]
mod tests;
