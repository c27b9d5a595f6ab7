// SPDX-License-Identifier: LGPL-2.1-or-later
//! Why a request is not done.
use crate::model::errno;

/// The reasons.
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
    /// The number of a reply that refuses.
    pub(super) const fn rc(self) -> i32 {
        let number = match self {
            Self::Incomplete => errno::EINVAL,
            Self::UnknownResource => errno::ENODEV,
            Self::UnknownOperation | Self::UnknownRequest => errno::EOPNOTSUPP,
            Self::TooManyResources | Self::TooManyOperations | Self::TooManyAlerts => errno::E2BIG,
            Self::OverBudget => errno::ENOMEM,
            Self::NotPrivileged | Self::LocalProvider => errno::EACCES,
            Self::NoProxiedClients => errno::EPROTONOSUPPORT,
            Self::ProtocolVersion => errno::EPROTO,
        };
        number.saturating_neg()
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_number() {
        let table = [
            (Refusal::Incomplete, -22),
            (Refusal::UnknownResource, -19),
            (Refusal::UnknownOperation, -95),
            (Refusal::UnknownRequest, -95),
            (Refusal::TooManyResources, -7),
            (Refusal::TooManyOperations, -7),
            (Refusal::TooManyAlerts, -7),
            (Refusal::OverBudget, -12),
            (Refusal::NotPrivileged, -13),
            (Refusal::LocalProvider, -13),
            (Refusal::NoProxiedClients, -93),
            (Refusal::ProtocolVersion, -71),
        ];
        for (row, (refusal, number)) in table.into_iter().enumerate() {
            assert_eq!((refusal as usize, refusal.rc()), (row, number), "{refusal:?}");
        }
    }
}
