// SPDX-License-Identifier: LGPL-2.1-or-later
//! Metadata of OCF agents, which print it themselves.
use super::plan::plan;
use crate::agents::config::{AgentConfig, AgentFiles};
use crate::agents::metadata::{Inquiry, Metadata, NoMetadata};
use crate::model::{Agent, Execution, Interval, Millis, Params, ResourceId};
use std::sync::Arc;

/// Runs the agent for its action `meta-data`, with `params`.
pub(in crate::agents) fn metadata(
    agent: &Agent,
    params: &Params,
    config: &AgentConfig,
    files: &dyn AgentFiles,
) -> Result<Metadata, NoMetadata> {
    if agent.provider.as_deref().is_none_or(str::is_empty) {
        return Err(NoMetadata::Invalid(format!("'{agent}' names no provider")));
    }
    let execution = Execution {
        resource_id: ResourceId::new(agent.name.as_str()),
        agent: agent.clone(),
        action: "meta-data".into(),
        interval: Interval(0),
        timeout: Millis(0),
        params: Arc::new(params.clone()),
    };
    let plan = plan(&execution, config, files).map_err(|verdict| NoMetadata::from(*verdict))?;
    Ok(Metadata::Ask(Box::new(Inquiry { plan, input: b"", adapt: Ok })))
}
