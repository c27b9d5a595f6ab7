// SPDX-License-Identifier: LGPL-2.1-or-later
//! Looks at a server.
use super::PeerId;
use super::server::Server;
use super::view::{ClientView, Headcount, ResourceView, Summary};
use crate::model::ResourceId;

/// Operations of one resource that a page shows; the others are counted.
const OF_ONE_RESOURCE: usize = 64;

/// What can be looked at.
impl Server {
    /// How much of everything there is.
    pub fn summary(&self) -> Summary {
        let (executor, tally) = (self.executor(), self.context().tally());
        Summary {
            clients: self.context().peers().count(),
            proxied: self.proxies().session_count(),
            resources: executor.resource_count(),
            operations: executor.operation_count(),
            in_flight: executor.run_count(),
            alerts: self.alerts().count(),
            parameter_bytes: self.parameter_bytes(),
            is_shutting_down: self.is_shutting_down(),
            results: tally.results(),
            refusals: tally.refusals(),
        }
    }

    /// How many clients and resources there are.
    pub fn headcount(&self) -> Headcount {
        Headcount {
            clients: self.context().peers().count(),
            resources: self.executor().resource_count(),
            is_shutting_down: self.is_shutting_down(),
        }
    }

    /// Clients whose connections come after this one's, `most` at most, in their order.
    pub fn clients_after(&self, after: Option<PeerId>, most: usize) -> Vec<ClientView> {
        self.context().peers().views(after, most)
    }

    /// Resources whose names come after this one in the order of bytes: `most` at most, and none further when so many
    /// operations are shown that the page is long.
    pub fn resources_after(&self, after: Option<&ResourceId>, most: usize) -> Vec<ResourceView> {
        self.executor().views(after, most, OF_ONE_RESOURCE)
    }
}
