// SPDX-License-Identifier: LGPL-2.1-or-later
//! The agents of the node on which we run: which there are, and what they say of themselves.
use super::run::wait;
use super::units::Systemd;
use crate::agents::discovery::{self, NoMetadata, Node};
use crate::agents::{self, AgentConfig, Explained};
use crate::driver::files::NodeFiles;
use crate::driver::inquiry::{self, Asked, Refused};
use crate::model::Release;
use crate::model::{Agent, Execution, Millis, Outcome, Params, Standard};
use std::ffi::OsString;
use std::time::{Duration, Instant};

/// As long as systemd is waited for when a list is asked for: what D-Bus clients wait for any answer.
const LIST: Duration = Duration::from_secs(25);

/// This node's agents. Nothing is kept: each question is asked of the node again. Lists of agents with units of
/// systemd wait at most 25 seconds for it; where there is no systemd they are there at once.
#[derive(Clone)]
pub struct NodeAgents {
    config: AgentConfig,
    release: Release,
}

impl NodeAgents {
    /// Where distributions have them; they inherit our own environment (its locale included).
    pub fn new(release: Release) -> Self {
        Self::inheriting(std::env::vars_os(), release)
    }

    /// The same with another environment.
    pub fn inheriting(environment: impl IntoIterator<Item = (OsString, OsString)>, release: Release) -> Self {
        Self::with(AgentConfig::new(environment.into_iter().collect()), release)
    }

    /// The same with other places.
    pub const fn with(config: AgentConfig, release: Release) -> Self {
        Self { config, release }
    }

    /// The standards that have, or may have, agents here.
    pub fn standards(&self) -> Vec<Standard> {
        discovery::standards(&self.node(&self.systemd(LIST)))
    }

    /// Providers of OCF agents.
    pub fn providers(&self) -> Vec<String> {
        discovery::providers(&self.config, &NodeFiles)
    }

    /// Providers that have the OCF agent `name`, in any letter case.
    pub fn providers_of(&self, name: &str) -> Vec<String> {
        discovery::providers_of(name, &self.config, &NodeFiles)
    }

    /// The agents of one standard (and provider, which only OCF agents have), or of all.
    pub fn agents(&self, standard: Option<Standard>, provider: Option<&str>) -> Vec<Agent> {
        let units = self.systemd(LIST);
        discovery::agents(standard, provider, &self.node(&units))
    }

    /// An XML document, in whatever encoding the agent wrote it. An agent that must be asked runs at most as
    /// long as `limit`, then it is killed with all that it has started; systemd is waited for as long. An OCF agent is
    /// given `params`.
    ///
    /// # Errors
    /// Why there is none.
    pub fn metadata(&self, agent: &Agent, params: &Params, limit: Millis) -> Result<Vec<u8>, NoMetadata> {
        match self.ask(agent, params, limit) {
            Ok(Asked::Known(document)) => Ok(document),
            Ok(Asked::Running(asking)) => {
                let (inquiry, running) = asking.into_parts();
                let (ended, capture) = wait(running);
                ended.map_or_else(|| Err(inquiry.late(limit)), |ended| inquiry.answer(ended, capture))
            }
            Err(Refused::Unprepared(reason)) => Err(reason),
            Err(Refused::NotStarted(verdict)) => Err(NoMetadata::not_started(*verdict)),
        }
    }

    /// The same without waiting for the agent; only a unit's description makes this wait for systemd.
    ///
    /// # Errors
    /// Why there is no metadata, and no agent that could be asked.
    pub fn ask(&self, agent: &Agent, params: &Params, limit: Millis) -> Result<Asked, Refused> {
        let units = self.systemd(limit.into());
        inquiry::ask(agent, params, limit, &self.node(&units))
    }

    /// What an action would be, without running it and without its secrets.
    ///
    /// # Errors
    /// The result that it would have without the agent being executed.
    pub fn explain(&self, execution: &Execution) -> Result<Explained, Box<Outcome>> {
        agents::explain(execution, &self.config, &NodeFiles).map_err(|verdict| Box::new(verdict.outcome))
    }

    fn node<'a>(&'a self, units: &'a Systemd) -> Node<'a> {
        Node { release: self.release, config: &self.config, files: &NodeFiles, units }
    }

    fn systemd(&self, limit: Duration) -> Systemd {
        Systemd::new(&self.config.base_env, Instant::now() + limit.min(inquiry::LONGEST))
    }
}
