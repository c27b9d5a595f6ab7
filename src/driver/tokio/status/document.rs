// SPDX-License-Identifier: LGPL-2.1-or-later
//! Writes the document, a page at a time.
use super::config::StatusConfig;
use super::observed::{Observed, Readers};
use super::text::{client, overview, resource};
use crate::core::PeerId;
use crate::driver::hub::Hub;
use crate::driver::tokio::carrier::TokioCarrier;
use crate::driver::tokio::questions::Asker;
use crate::model::ResourceId;
use serde::Serialize;

/// Clients, or resources, that one question to the hub asks for.
const OF_ONE_PAGE: usize = 32;

/// What comes next.
enum Next {
    Overview,
    /// Clients after this one.
    Clients(Option<PeerId>),
    /// Resources after this one.
    Resources(Option<ResourceId>),
    End,
    Complete,
}

/// See the module's documentation.
pub(super) struct Pages<'a> {
    config: &'a StatusConfig,
    asker: &'a Asker<Hub<TokioCarrier>>,
    observed: &'a Observed,
    readers: Readers,
    next: Next,
}

impl<'a> Pages<'a> {
    pub(super) fn new(
        config: &'a StatusConfig,
        asker: &'a Asker<Hub<TokioCarrier>>,
        observed: &'a Observed,
        readers: Readers,
    ) -> Self {
        Self { config, asker, observed, readers, next: Next::Overview }
    }

    /// Was all of it given out?
    pub(super) const fn is_complete(&self) -> bool {
        matches!(self.next, Next::Complete)
    }

    /// The text that follows. None: that was all, or the hub is gone.
    pub(super) async fn next(&mut self) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        match &self.next {
            Next::Overview => {
                let (summary, now) = self.asker.ask(|hub| (hub.core().summary(), now(hub))).await?;
                let overview = overview(self.config, self.observed, self.readers.clone(), summary, now);
                write(&mut text, &overview);
                text.pop(); // The brace: more follows.
                text.extend_from_slice(b",\n\"clients\":[");
                self.next = Next::Clients(None);
            }
            Next::Clients(after) => self.clients(*after, &mut text).await?,
            Next::Resources(after) => self.resources(after.clone(), &mut text).await?,
            Next::End => {
                text.extend_from_slice(b"]}\n");
                self.next = Next::Complete;
            }
            Next::Complete => return None,
        }
        Some(text)
    }

    async fn clients(&mut self, after: Option<PeerId>, text: &mut Vec<u8>) -> Option<()> {
        let page = move |hub: &Hub<TokioCarrier>| {
            let views = hub.core().clients_after(after, OF_ONE_PAGE);
            let last = views.last().map(|view| view.peer);
            let clients =
                views.iter().map(|view| client(view, hub.remote(view.peer).map(|remote| &**remote)));
            (clients.collect::<Vec<_>>(), last)
        };
        let (clients, last) = self.asker.ask(page).await?;
        write_items(text, after.is_none(), &clients);
        self.next = match last {
            Some(_) => Next::Clients(last),
            None => {
                text.extend_from_slice(b"],\n\"resources\":[");
                Next::Resources(None)
            }
        };
        Some(())
    }

    async fn resources(&mut self, after: Option<ResourceId>, text: &mut Vec<u8>) -> Option<()> {
        let is_first = after.is_none();
        let page = move |hub: &Hub<TokioCarrier>| {
            (hub.core().resources_after(after.as_ref(), OF_ONE_PAGE), now(hub))
        };
        let (views, now) = self.asker.ask(page).await?;
        let resources: Vec<_> = views.iter().map(|view| resource(view, now)).collect();
        write_items(text, is_first, &resources);
        self.next = views.last().map_or(Next::End, |view| Next::Resources(Some(view.id().clone())));
        Some(())
    }
}

fn now(hub: &Hub<TokioCarrier>) -> crate::model::Now {
    hub.carrier().clock.now()
}

/// Items of a list, each on a line of its own.
fn write_items<T: Serialize>(text: &mut Vec<u8>, is_first: bool, items: &[T]) {
    for (number, item) in items.iter().enumerate() {
        text.extend_from_slice(if is_first && number == 0 { b"\n" } else { b",\n" });
        write(text, item);
    }
}

fn write(text: &mut Vec<u8>, value: &impl Serialize) {
    let written = serde_json::to_writer(text, value);
    debug_assert!(written.is_ok(), "numbers and texts can be written");
}
