// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the executor's clients ask, and the answers. A reply goes out before the notifications that its request
//! causes, and before the runs, which begin at the end of the step.
use super::alerts::{Alerts, NewAlert};
use super::context::Context;
use super::executor::Executor;
use super::proxy::{Proxies, ShutdownAnswer};
use super::refusal::Refusal;
use super::resources;
use super::settings::{DaemonKind, Settings};
use super::{Audience, Effect, LogLevel, PeerId, RequestToken};
use crate::model::{
    CallId, Moment, Notification, ProtocolVersion, ProxyCommand, Registered, Reply, ReplyBody, Request,
    RequestMessage,
};

/// A request, and who asked.
pub(super) struct Asked {
    peer: PeerId,
    token: RequestToken,
    incoming: RequestMessage,
}

impl Asked {
    pub(super) const fn new(peer: PeerId, token: RequestToken, incoming: RequestMessage) -> Self {
        Self { peer, token, incoming }
    }
}

/// Where an answer goes, and what it is filed under.
#[derive(Clone, Copy)]
struct Asker {
    peer: PeerId,
    token: RequestToken,
    call_id: CallId,
}

impl Asker {
    fn send(self, rc: i32, body: ReplyBody, context: &mut Context) {
        let reply = Reply { rc, call_id: self.call_id, body };
        context.emit(Effect::Reply { peer: self.peer, token: self.token, reply });
    }

    fn about_resources(self, request: Request, executor: &mut Executor, context: &mut Context) {
        let name = context.peers().describe(self.peer);
        let asker = resources::Asker { peer: self.peer, name: &name, call_id: self.call_id };
        let Ok(answer) = resources::answer(asker, request, executor, context) else { return };
        self.send(answer.rc, answer.body, context);
        if let Some(news) = answer.news {
            context.notify(Audience::Named, news);
        }
    }

    /// Answers with a number alone.
    fn plain(self, rc: i32, context: &mut Context) {
        self.send(rc, ReplyBody::Plain, context);
    }

    fn done(self, done: Result<(), Refusal>, context: &mut Context) {
        let name = context.peers().describe(self.peer);
        let asker = resources::Asker { peer: self.peer, name: &name, call_id: self.call_id };
        let done = resources::explain(asker, done, context);
        self.plain(done.map_or_else(|refusal| context.refuse(refusal), |()| 0), context);
    }
}

/// Answers requests, and counts them.
#[derive(Debug)]
pub(super) struct Requests {
    settings: Settings,
    started: Moment,
    last_call: CallId,
}

impl Requests {
    pub(super) const fn new(settings: Settings, started: Moment) -> Self {
        Self { settings, started, last_call: CallId(0) }
    }

    pub(super) const fn daemon(&self) -> DaemonKind {
        self.settings.daemon
    }

    /// Does what is asked, and answers. What the cluster answers to a wish to shut down is handed on.
    pub(super) fn answer(
        &mut self,
        asked: Asked,
        executor: &mut Executor,
        proxies: &mut Proxies,
        alerts: &mut Alerts,
        context: &mut Context,
    ) -> Option<ShutdownAnswer> {
        let Asked { peer, token, incoming } = asked;
        let RequestMessage { client_name, request, .. } = incoming;
        context.peers().get(peer)?;
        if context.peers_mut().name(peer, client_name.as_deref()) {
            let name = context.peers().describe(peer);
            context.log(LogLevel::Info, || format!("{name} connected"));
        }
        self.last_call = CallId(self.last_call.0.checked_add(1).unwrap_or(1));
        let asker = Asker { peer, token, call_id: self.last_call };
        if !context.peers().get(peer).is_some_and(|client| client.may(&request)) {
            refuse_unprivileged(asker, &request, context);
            return None;
        }
        let before = context.effect_count();
        if let Request::Proxy(command) = request {
            return self.proxy_command(asker, command, proxies, context);
        }
        self.carry_out(asker, request, executor, proxies, alerts, context);
        reply_first(context.effects_from(before));
        None
    }

    fn carry_out(
        &self,
        asker: Asker,
        request: Request,
        executor: &mut Executor,
        proxies: &mut Proxies,
        alerts: &mut Alerts,
        context: &mut Context,
    ) {
        match request {
            Request::Register { version, is_provider, .. } => {
                self.sign_on(asker, version, is_provider, proxies, context);
            }
            Request::Poke => poke(asker, context),
            Request::Check { watchdog } => context.emit(Effect::CheckWatchdog(watchdog)),
            // The reply follows the effect, as upstream answers once the alert has started.
            Request::Alert { id, path, timeout, params } => {
                let alert = NewAlert { id, path, timeout, params, owner: asker.peer };
                asker.done(alerts.start(alert, context), context);
            }
            Request::Unknown(op) => {
                context.log(LogLevel::Warning, || format!("unknown operation {op:?} refused"));
                asker.done(Err(Refusal::UnknownRequest), context);
            }
            other => asker.about_resources(other, executor, context),
        }
    }

    /// What is said about sessions is answered last, unlike all else.
    fn proxy_command(
        &self,
        asker: Asker,
        command: ProxyCommand,
        proxies: &mut Proxies,
        context: &mut Context,
    ) -> Option<ShutdownAnswer> {
        if self.settings.daemon == DaemonKind::Execd {
            asker.done(Err(Refusal::NoProxiedClients), context);
            return None;
        }
        let answer = proxies.command(asker.peer, command, context);
        asker.done(Ok(()), context);
        answer
    }

    /// The answer names the connection even when it is a refusal, since clients want to read why.
    fn sign_on(
        &self,
        asker: Asker,
        version: Option<ProtocolVersion>,
        is_provider: bool,
        proxies: &mut Proxies,
        context: &mut Context,
    ) {
        let Some(client) = context.peers().get(asker.peer) else { return };
        let (client_id, is_remote) = (client.client_id().clone(), client.is_remote());
        let mut outcome = check_version(asker.peer, version, context);
        let carries = is_provider && is_remote && self.settings.daemon == DaemonKind::Remoted;
        if carries {
            proxies.add_provider(asker.peer, context);
            context.peers_mut().set_provides(asker.peer);
        } else if is_provider {
            outcome = Err(match self.settings.daemon {
                DaemonKind::Remoted => Refusal::LocalProvider,
                DaemonKind::Execd => Refusal::NoProxiedClients,
            });
        }
        let body = Registered {
            client_id,
            version: Some(ProtocolVersion::OURS),
            uptime_s: Some(context.now().mono.since(self.started).as_secs()),
            node_start_state: self.settings.node_start_state.clone(),
        };
        let number = outcome.map_or_else(|refusal| context.refuse(refusal), |()| 0);
        asker.send(number, ReplyBody::Registered(body), context);
        if carries && version.is_some_and(|version| version >= ProtocolVersion::SCHEMAS) {
            context.emit(Effect::FetchSchemas);
        }
    }
}

#[cfg(test)]
impl Requests {
    pub(super) const fn set_last_call(&mut self, call_id: i32) {
        self.last_call = CallId(call_id);
    }
}

fn check_version(
    peer: PeerId,
    version: Option<ProtocolVersion>,
    context: &mut Context,
) -> Result<(), Refusal> {
    if version.is_some_and(|version| version >= ProtocolVersion::OLDEST) {
        return Ok(());
    }
    let name = context.peers().describe(peer);
    let theirs = version.map_or("none".to_owned(), |version| version.to_string());
    context.log(LogLevel::Error, || {
        format!("{name} speaks protocol version {theirs}, need {} or later", ProtocolVersion::OLDEST)
    });
    Err(Refusal::ProtocolVersion)
}

fn refuse_unprivileged(asker: Asker, request: &Request, context: &mut Context) {
    let name = context.peers().describe(asker.peer);
    context
        .log(LogLevel::Warning, || format!("{name} is neither root nor the cluster's user: request refused"));
    if !matches!(request, Request::Check { .. }) {
        asker.done(Err(Refusal::NotPrivileged), context);
    }
}

fn poke(asker: Asker, context: &mut Context) {
    asker.done(Ok(()), context);
    context.notify(Audience::Named, Notification::Poke { rc: 0, call_id: asker.call_id, resource_id: None });
}

/// Moves a request's reply before the notifications that it causes; upstream's daemon has cancellations first.
///
/// Clients (of every release) that wait for a reply put aside what comes before it, and work that off in one go.
/// If one of these notices makes them ask again, what comes meanwhile is lost, such as a local client's words: a
/// controller asks for the resource whose operation was cancelled. What comes after the reply is safe.
fn reply_first(effects: &mut [Effect]) {
    let reply = effects.iter().position(|effect| matches!(effect, Effect::Reply { .. }));
    let notice = effects.iter().position(|effect| matches!(effect, Effect::Notify { .. }));
    if let (Some(reply), Some(notice)) = (reply, notice)
        && notice < reply
        && let Some(turned) = effects.get_mut(notice..=reply)
    {
        turned.rotate_right(1);
    }
}
