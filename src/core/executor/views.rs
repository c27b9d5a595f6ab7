// SPDX-License-Identifier: LGPL-2.1-or-later
//! What can be looked at of resources and operations.
use super::Executor;
use crate::core::operation::Operation;
use crate::core::registration::Registration;
use crate::core::view::ResourceView;
use crate::model::ResourceId;

/// A page ends behind the resource with which it shows so many operations.
const OPERATIONS_OF_A_PAGE: usize = 256;

impl Executor {
    pub(in crate::core) fn resource_count(&self) -> usize {
        self.registrations.count()
    }

    pub(in crate::core) fn operation_count(&self) -> usize {
        self.operations.count()
    }

    pub(in crate::core) fn run_count(&self) -> usize {
        self.slots.run_count()
    }

    /// See [`crate::core::Server::resources_after`]. Of each resource so many operations are shown at most.
    pub(in crate::core) fn views(
        &self,
        after: Option<&ResourceId>,
        most: usize,
        of_one: usize,
    ) -> Vec<ResourceView> {
        let mut views = Vec::new();
        let mut shown = 0_usize;
        for registration in self.registrations.after(after).take(most) {
            let view = self.view(registration, of_one);
            shown = shown.saturating_add(view.operations.len());
            views.push(view);
            if shown >= OPERATIONS_OF_A_PAGE {
                break;
            }
        }
        views
    }

    fn view(&self, registration: &Registration, most: usize) -> ResourceView {
        let operations: Vec<_> = registration
            .known()
            .take(most)
            .filter_map(|key| self.operations.get(key))
            .map(Operation::view)
            .collect();
        ResourceView {
            resource: registration.resource().clone(),
            more_operations: registration.known_count().saturating_sub(operations.len()),
            operations,
            latest: registration.latest().cloned(),
        }
    }
}
