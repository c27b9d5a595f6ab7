// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the executor's clients ask, and the answers. Cancellations that a request brings about are told
//! before its reply, generic notifications after it; runs begin at the end of the step.
use super::context::Context;
use super::proxy::Verdict;
use super::server::{DaemonKind, Parts};
use super::{Effect, LogLevel, PeerId, RequestToken};
use crate::model::{
    CallId, Notification, ProtocolVersion, ProxyCommand, Registered, Reply, ReplyBody, Request,
    RequestMessage, ResourceId, errno,
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
        incoming: RequestMessage,
        context: &mut Context<'_>,
    ) {
        let RequestMessage { client_name, request, .. } = incoming;
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
            let (before, about_a_session) = (context.effects.len(), matches!(request, Request::Proxy(_)));
            self.answer(asker, request, context);
            if !about_a_session {
                reply_first(context.effects, before);
            }
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
            context.emit(Effect::FetchSchemas);
        }
    }
}

/// Moves a request's reply before the notifications that it causes; upstream's daemon has cancellations first.
///
/// Clients (of every release) that wait for a reply put aside what comes before it, and work that off in one go.
/// If one of these notices makes them ask again, what comes meanwhile is lost, such as a local client's words: a
/// controller asks for the resource whose operation was cancelled. What comes after the reply is safe.
fn reply_first(effects: &mut [Effect], before: usize) {
    let Some(ours) = effects.get_mut(before..) else { return };
    let reply = ours.iter().position(|effect| matches!(effect, Effect::Reply { .. }));
    let notice = ours.iter().position(|effect| matches!(effect, Effect::Notify { .. }));
    if let (Some(reply), Some(notice)) = (reply, notice)
        && notice < reply
        && let Some(turned) = ours.get_mut(notice..=reply)
    {
        turned.rotate_right(1);
    }
}

#[cfg(test)]
mod tests {
    use crate::core::testing::{Bench, agent, cancel, execute, now, payload, register, sign_on, unregister};
    use crate::core::{DaemonKind, Effect, Input, PeerId, PeerKind, RequestToken};
    use crate::model::{
        CallId, ClientId, Millis, Params, ProtocolVersion, ProxyCommand, ReplyBody, Request, RequestMessage,
    };

    fn hello(version: Option<&str>, is_provider: bool) -> Request {
        let version = version.and_then(ProtocolVersion::parse);
        Request::Register { version, is_provider, client_name: None }
    }

    fn check() -> Request {
        Request::Check { watchdog: Some("10s".into()) }
    }

    fn alert() -> Request {
        Request::Alert { id: None, path: None, timeout: Millis(0), params: Params::new() }
    }

    #[test]
    fn signing_on_tells_identity_version_uptime_and_start_state() {
        let mut bench = Bench::remoted();
        bench.connect(1, PeerKind::Remote);
        bench.now_ms = 61_000;
        let incoming = RequestMessage { client_name: None, options: 0, request: sign_on(false) };
        let effects = bench.raw(Input::Request { peer: PeerId(1), token: RequestToken(9), incoming });
        let [Effect::Reply { peer: PeerId(1), token: RequestToken(9), reply }] = effects.as_slice() else {
            panic!("{effects:?}")
        };
        assert_eq!((reply.rc, reply.call_id), (0, CallId(1)));
        let ReplyBody::Registered(body) = &reply.body else { panic!("{reply:?}") };
        assert_eq!(body.client_id, ClientId::new("00000001-uuid"));
        assert_eq!(body.version, Some(ProtocolVersion::OURS));
        assert_eq!(body.uptime_s, Some(61));
        assert_eq!(body.node_start_state.as_deref(), Some("online"));
        assert!(now(0).mono < now(61_000).mono);
    }

    #[test]
    fn versions_and_providers() {
        let remote = PeerKind::Remote;
        let local = PeerKind::Local { privileged: true };
        let (remoted, execd) = (DaemonKind::Remoted, DaemonKind::Execd);
        let table = [
            (remoted, &remote, Some("1.2"), false, vec!["reply 1 0 00000001-uuid 1.2"]),
            (remoted, &remote, Some("1"), false, vec!["reply 1 0 00000001-uuid 1.2"]),
            (remoted, &remote, Some("0.9"), false, vec!["reply 1 -71 00000001-uuid 1.2"]),
            (remoted, &remote, None, false, vec!["reply 1 -71 00000001-uuid 1.2"]),
            (remoted, &remote, Some("1.1"), true, vec!["accept true", "reply 1 0 00000001-uuid 1.2"]),
            (
                remoted,
                &remote,
                Some("1.2"),
                true,
                vec!["accept true", "reply 1 0 00000001-uuid 1.2", "schemas"],
            ),
            (remoted, &remote, None, true, vec!["accept true", "reply 1 -71 00000001-uuid 1.2"]),
            (remoted, &local, Some("1.2"), true, vec!["reply 1 -13 00000001-uuid 1.2"]),
            (execd, &local, Some("1.2"), true, vec!["reply 1 -93 00000001-uuid 1.2"]),
            (execd, &remote, Some("1.2"), true, vec!["reply 1 -93 00000001-uuid 1.2"]),
        ];
        for (daemon, kind, version, is_provider, expected) in table {
            let mut bench = Bench::new(daemon);
            bench.connect(1, kind.clone());
            assert_eq!(
                bench.ask(1, hello(version, is_provider)),
                expected,
                "{daemon:?} {kind:?} {version:?}"
            );
        }
    }

    #[test]
    fn a_poke_is_answered_and_then_told_to_all_named_clients() {
        let mut bench = Bench::remoted();
        bench.remote(1);
        bench.local(2, false);
        bench.connect(3, PeerKind::Remote);
        assert_eq!(bench.ask(1, Request::Poke), ["reply 1 0", "tell 1,2 poke 0"]);
        assert_eq!(bench.ask_as(3, None, Request::Poke), ["reply 3 0", "tell 1,2 poke 0"], "nameless");
        assert_eq!(bench.ask_as(3, Some("x"), Request::Poke), ["reply 3 0", "tell 1,2,3 poke 0"]);
    }

    #[test]
    fn every_request_takes_a_number_and_numbers_wrap_to_one() {
        let mut bench = Bench::remoted();
        bench.remote(1);
        bench.local(2, false);
        bench.ask(1, Request::Poke);
        bench.ask(1, check());
        bench.ask(2, check());
        bench.ask(1, Request::Proxy(ProxyCommand::ShutdownAck));
        bench.ask(1, Request::Unknown("x".into()));
        bench.ask(1, register("r1"));
        assert_eq!(bench.ask(1, execute("r1", "start", 0))[0], "reply 1 9");
        bench.server.set_last_call(i32::MAX - 1);
        assert_eq!(bench.ask(1, execute("r1", "monitor", 0))[0], format!("reply 1 {}", i32::MAX));
        assert_eq!(bench.ask(1, execute("r1", "monitor", 0))[0], "reply 1 1");
    }

    #[test]
    fn the_unprivileged_are_refused_with_an_answer_but_for_a_check() {
        let mut bench = Bench::with_r1();
        bench.local(2, false);
        let refused = [
            register("r2"),
            unregister("r1"),
            Request::ResourceInfo(None),
            execute("r1", "start", 0),
            cancel("r1", "monitor", 1),
            Request::RecurringOperations(None),
            alert(),
            Request::Proxy(ProxyCommand::ShutdownNack),
        ];
        for request in refused {
            assert_eq!(bench.ask(2, request.clone()), ["reply 2 -13"], "{request:?}");
        }
        assert!(bench.ask(2, check()).is_empty());
        assert_eq!(bench.ask(2, Request::Unknown("x".into())), ["reply 2 -95"]);
        assert_eq!(bench.ask(2, hello(Some("1.1"), false)), ["reply 2 0 00000002-uuid 1.2"]);
    }

    #[test]
    fn a_check_is_never_answered() {
        let mut bench = Bench::remoted();
        bench.remote(1);
        assert_eq!(bench.ask(1, check()), ["watchdog Some(\"10s\")"]);
        assert_eq!(bench.ask(1, Request::Check { watchdog: None }), ["watchdog None"]);
    }

    #[test]
    fn a_cluster_nodes_executor_carries_nothing() {
        let mut bench = Bench::new(DaemonKind::Execd);
        bench.local(1, true);
        let session = ClientId::new("s");
        let event = ProxyCommand::Event { session, payload: Some(payload("<a/>")) };
        assert_eq!(bench.ask(1, Request::Proxy(event)), ["reply 1 -93"]);
    }

    #[test]
    fn results_go_to_everybody_or_to_the_origin_alone() {
        let mut bench = Bench::with_r1();
        bench.remote(2);
        bench.connect(3, PeerKind::Remote);
        bench.ask(1, execute("r1", "start", 0));
        assert_eq!(bench.exits(1, 0), ["tell 1,2 r1 start/0 #4 0 Done"], "3 is nameless");
        let only = || {
            let mut operation = crate::core::testing::operation("r1", "monitor", 0);
            operation.notify.origin_only = true;
            Request::Execute(Box::new(operation))
        };
        bench.ask(2, only());
        assert_eq!(bench.exits(2, 0), ["tell 2 r1 monitor/0 #5 0 Done"]);
        bench.ask(2, only());
        bench.gone(2);
        assert!(bench.exits(3, 0).is_empty(), "the origin has left");
        bench.ask_as(3, None, only());
        assert!(bench.exits(4, 0).is_empty(), "the origin has no name");
    }

    #[test]
    fn who_is_not_connected_is_not_heard() {
        let mut bench = Bench::with_r1();
        bench.gone(1);
        assert!(bench.ask(1, Request::Poke).is_empty());
        bench.provider(2);
        bench.proxied(3);
        assert!(bench.ask(3, register("r2")).is_empty(), "no client of the executor");
    }

    #[test]
    fn a_resource_without_agent_parts_is_taken_as_it_is() {
        let mut bench = Bench::remoted();
        bench.remote(1);
        let mut bare = agent("");
        (bare.standard, bare.provider) = (String::new(), None);
        let resource_id = Some(crate::model::ResourceId::new("r1"));
        let request = Request::RegisterResource { resource_id, agent: bare, drop_recurring: false };
        assert_eq!(bench.ask(1, request)[0], "reply 1 0");
    }
}
