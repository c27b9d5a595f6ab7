// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the executor's clients ask, and the answers. Cancellations that a request brings about are told
//! before its reply, generic notifications after it; runs begin at the end of the step.
use super::context::Context;
use super::proxy::Verdict;
use super::server::{DaemonKind, Parts};
use super::{Effect, LogLevel, PeerId, RequestToken};
use crate::model::{
    CallId, Incoming, Notification, ProtocolVersion, ProxyCommand, Registered, Reply, ReplyBody, Request,
    ResourceId, errno,
};

/// Who asked, and what the answer is filed under.
#[derive(Clone, Copy)]
struct Asker {
    peer: PeerId,
    token: RequestToken,
    call_id: CallId,
}

impl Asker {
    fn answer(self, rc: i32, body: ReplyBody, context: &mut Context<'_>) {
        let reply = Reply { rc, call_id: self.call_id, body };
        context.emit(Effect::Reply { peer: self.peer, token: self.token, reply });
    }

    fn plain(self, rc: i32, context: &mut Context<'_>) {
        self.answer(rc, ReplyBody::Plain, context);
    }
}

impl Parts {
    pub(super) fn request(
        &mut self,
        peer: PeerId,
        token: RequestToken,
        incoming: Incoming,
        context: &mut Context<'_>,
    ) {
        let Incoming { client_name, request, .. } = incoming;
        if context.peers.get(peer).is_none() {
            return;
        }
        if context.peers.name(peer, client_name.as_deref()) {
            let name = context.peers.describe(peer);
            context.log(LogLevel::Info, || format!("{name} connected"));
        }
        self.last_call = CallId(self.last_call.0.checked_add(1).unwrap_or(1));
        let asker = Asker { peer, token, call_id: self.last_call };
        if context.peers.get(peer).is_some_and(|client| client.may(&request)) {
            self.answer(asker, request, context);
        } else {
            let name = context.peers.describe(peer);
            context.log(LogLevel::Warning, || {
                format!("{name} is neither root nor the cluster's user: request refused")
            });
            if !matches!(request, Request::Check { .. }) {
                asker.plain(-errno::EACCES, context);
            }
        }
    }

    fn answer(&mut self, asker: Asker, request: Request, context: &mut Context<'_>) {
        match request {
            Request::Register { version, is_provider, .. } => {
                self.sign_on(asker, version, is_provider, context);
            }
            Request::Poke => {
                asker.plain(0, context);
                let poke = Notification::Poke { rc: 0, call_id: asker.call_id, resource_id: None };
                context.notify(context.peers.named(), poke);
            }
            Request::RegisterResource { resource_id, agent, drop_recurring } => {
                let rc = self.executor.register(resource_id.clone(), agent, drop_recurring, context);
                asker.plain(rc, context);
                if rc == 0 {
                    let call_id = asker.call_id;
                    context
                        .notify(context.peers.named(), Notification::Registered { rc, call_id, resource_id });
                }
            }
            Request::UnregisterResource(resource_id) => self.unregister(asker, resource_id, context),
            Request::ResourceInfo(id) => match id.and_then(|id| self.executor.resource(&id)) {
                Some(resource) => asker.answer(0, ReplyBody::ResourceInfo(resource.clone()), context),
                None => asker.plain(-errno::ENODEV, context),
            },
            Request::Execute(execute) => {
                let rc = self.executor.execute(*execute, asker.peer, asker.call_id, context);
                asker.plain(rc, context);
            }
            Request::Cancel(cancel) => {
                let rc = self.executor.cancel(&cancel, context);
                asker.plain(rc, context);
            }
            Request::RecurringOperations(id) => match self.executor.recurring_operations(id.as_ref()) {
                Some(list) => asker.answer(0, ReplyBody::Recurring(list), context),
                None => asker.plain(-errno::ENODEV, context),
            },
            Request::Check { watchdog } => context.emit(Effect::CheckWatchdog(watchdog)),
            Request::Alert { id, path, timeout, params } => {
                // The reply follows the effect, as upstream answers once the alert has started.
                let rc = self.alerts.start(id, path, timeout, params, context);
                asker.plain(rc, context);
            }
            Request::Proxy(command) => self.proxy_command(asker, command, context),
            Request::Unknown(op) => {
                context.log(LogLevel::Warning, || format!("unknown operation {op:?} refused"));
                asker.plain(-errno::EOPNOTSUPP, context);
            }
        }
    }

    fn unregister(&mut self, asker: Asker, resource_id: Option<ResourceId>, context: &mut Context<'_>) {
        let rc = self.executor.unregister(resource_id.as_ref(), context);
        asker.plain(rc, context);
        if rc == 0 || rc == -errno::EINPROGRESS {
            let call_id = asker.call_id;
            context.notify(context.peers.named(), Notification::Unregistered { rc, call_id, resource_id });
        }
    }

    fn proxy_command(&mut self, asker: Asker, command: ProxyCommand, context: &mut Context<'_>) {
        if self.settings.daemon == DaemonKind::Execd {
            asker.plain(-errno::EPROTONOSUPPORT, context);
            return;
        }
        let verdict = self.proxies.command(asker.peer, command, context);
        asker.plain(0, context);
        match verdict {
            Verdict::Handled => {}
            Verdict::ShutdownAcknowledged => self.shutdown_acknowledged(context),
            Verdict::ShutdownDenied => self.shutdown_denied(context),
        }
    }

    /// The answer names the connection even when it is a refusal, since clients want to read why.
    fn sign_on(
        &mut self,
        asker: Asker,
        version: Option<ProtocolVersion>,
        is_provider: bool,
        context: &mut Context<'_>,
    ) {
        let Some(client) = context.peers.get(asker.peer) else { return };
        let (client_id, remote) = (client.client_id.clone(), client.is_remote());
        let mut rc = match version {
            Some(version) if version >= ProtocolVersion::OLDEST => 0,
            _ => -errno::EPROTO,
        };
        if rc != 0 {
            let name = context.peers.describe(asker.peer);
            let theirs = version.map_or("none".to_owned(), |version| version.to_string());
            context.log(LogLevel::Error, || {
                format!("{name} speaks protocol version {theirs}, need {} or later", ProtocolVersion::OLDEST)
            });
        }
        let carries = is_provider && remote && self.settings.daemon == DaemonKind::Remoted;
        if carries {
            self.proxies.add_provider(asker.peer, context);
        } else if is_provider {
            rc = match self.settings.daemon {
                DaemonKind::Remoted => -errno::EACCES,
                DaemonKind::Execd => -errno::EPROTONOSUPPORT,
            };
        }
        let body = Registered {
            client_id,
            version: Some(ProtocolVersion::OURS),
            uptime_s: Some(context.now.mono.since(self.started).as_secs()),
            node_start_state: self.settings.node_start_state.clone(),
        };
        asker.answer(rc, ReplyBody::Registered(body), context);
        if carries && version.is_some_and(|version| version >= ProtocolVersion::SCHEMAS) {
            context.emit(Effect::FetchSchemas { provider: asker.peer });
        }
    }
}
