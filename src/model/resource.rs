// SPDX-License-Identifier: LGPL-2.1-or-later
//! Resources and the agents that control them.
use std::fmt;
use std::sync::Arc;

/// The cluster's name for a resource instance (with the suffix of a clone instance, if any).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceId(Arc<str>);

impl ResourceId {
    /// Takes any text: the executor gives it no meaning.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// The text as the cluster wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A family of agents with one calling convention ("class" in the configuration and on the wire).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standard {
    /// Open Cluster Framework scripts; the only standard with providers.
    Ocf,
    /// Init scripts.
    Lsb,
    /// An alias that resolves to `lsb` or `systemd` on the node.
    Service,
    /// Units of the node's service manager.
    Systemd,
    /// Fence devices, which only the fencer of a cluster node runs.
    Stonith,
    /// Gone since Pacemaker 3.0.
    Nagios,
    /// Gone since Pacemaker 3.0.
    Upstart,
}

impl Standard {
    const ALL: [Self; 7] =
        [Self::Ocf, Self::Lsb, Self::Service, Self::Systemd, Self::Stonith, Self::Nagios, Self::Upstart];

    /// The standard that `text` names, in any letter case; None for one that nobody knows.
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|standard| standard.name().eq_ignore_ascii_case(text))
    }

    /// Do several providers supply agents of it?
    pub const fn has_providers(self) -> bool {
        matches!(self, Self::Ocf)
    }

    /// Its name in the configuration and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ocf => "ocf",
            Self::Lsb => "lsb",
            Self::Service => "service",
            Self::Systemd => "systemd",
            Self::Stonith => "stonith",
            Self::Nagios => "nagios",
            Self::Upstart => "upstart",
        }
    }
}

/// Which agent controls a resource. The parts are kept as the cluster wrote them, since replies echo them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Agent {
    /// Name of the standard; may be one that this node does not know.
    pub standard: String,
    /// Only OCF agents have one.
    pub provider: Option<String>,
    /// Name of the agent within its standard ("type" in the configuration).
    pub name: String,
}

impl Agent {
    /// The agent that people call `text`: the standard, its provider if the standard has providers, and the name, joined
    /// by colons. The name may hold colons itself. None when a part is missing.
    pub fn named(text: &str) -> Option<Self> {
        let (standard, rest) = text.split_once(':')?;
        let (provider, name) = match Standard::named(standard) {
            Some(known) if known.has_providers() => {
                rest.split_once(':').map(|(it, name)| (Some(it), name))?
            }
            _ => (None, rest),
        };
        let complete = ![standard, provider.unwrap_or(name), name].contains(&"");
        complete.then(|| Self {
            standard: standard.into(),
            provider: provider.map(Into::into),
            name: name.into(),
        })
    }

    /// The standard, when it is a known one.
    pub fn standard(&self) -> Option<Standard> {
        Standard::named(&self.standard)
    }

    /// The same agent? The executor compares without regard to letter case.
    pub fn same_as(&self, other: &Self) -> bool {
        let same_provider = match (&self.provider, &other.provider) {
            (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
            (a, b) => a.is_none() && b.is_none(),
        };
        same_provider
            && self.standard.eq_ignore_ascii_case(&other.standard)
            && self.name.eq_ignore_ascii_case(&other.name)
    }
}

/// `ocf:heartbeat:IPaddr2`, `lsb:exim`.
impl fmt::Display for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.provider {
            Some(provider) => write!(f, "{}:{provider}:{}", self.standard, self.name),
            None => write!(f, "{}:{}", self.standard, self.name),
        }
    }
}

/// A resource as registered with an executor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Its name.
    pub id: ResourceId,
    /// Its agent.
    pub agent: Agent,
}
