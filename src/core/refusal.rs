// SPDX-License-Identifier: LGPL-2.1-or-later
//! Why a request is not done.

/// The reasons; [`super::requests`] makes the reply's number of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The request does not name what it is about.
    Incomplete,
    /// No resource of that name is registered.
    UnknownResource,
    /// The resource has no such operation that could be cancelled.
    UnknownOperation,
    /// There is no such request.
    UnknownRequest,
    /// There is no room for another resource.
    TooManyResources,
    /// There is no room for another operation.
    TooManyOperations,
    /// There is no room for another alert.
    TooManyAlerts,
    /// What clients have asked for holds too much memory, and most of it for this one.
    OverBudget,
    /// The client is neither root nor the cluster's user.
    NotPrivileged,
    /// A local client wants to carry messages of other local clients.
    LocalProvider,
    /// This daemon has no proxied clients.
    NoProxiedClients,
    /// The client speaks none of our protocol versions.
    ProtocolVersion,
}

impl Refusal {
    /// What counters call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::UnknownResource => "unknown-resource",
            Self::UnknownOperation => "unknown-operation",
            Self::UnknownRequest => "unknown-request",
            Self::TooManyResources => "too-many-resources",
            Self::TooManyOperations => "too-many-operations",
            Self::TooManyAlerts => "too-many-alerts",
            Self::OverBudget => "over-budget",
            Self::NotPrivileged => "not-privileged",
            Self::LocalProvider => "local-provider",
            Self::NoProxiedClients => "no-proxied-clients",
            Self::ProtocolVersion => "protocol-version",
        }
    }
}
