// SPDX-License-Identifier: LGPL-2.1-or-later
//! The connection, with a fencer that our own IPC servers play.
use super::link::{Command, Link, LinkEvent, Target};
use crate::driver::tokio::ipc::{IpcConfig, LocalConnId, LocalHandler, LocalServer, LocalServers, Taken};
use crate::model::LocalIdentity;
use crate::sys::qb::Trusted;
use crate::sys::qb::impostor::Impostor;
use crate::wire::ipc::{IpcRequest, UnreadRequest};
use std::cell::{Cell, OnceCell};
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

/// Accepts whoever says hello, answers `answer` with an event, and hangs up at `leave`.
#[derive(Default)]
struct FakeFencer {
    servers: OnceCell<Weak<LocalServers>>,
    accepts: Cell<bool>,
}

impl LocalHandler for FakeFencer {
    fn connected(&self, _: LocalConnId, _: LocalServer, _: bool, _: LocalIdentity) {}

    fn message(&self, conn: LocalConnId, _: LocalServer, request: UnreadRequest) -> Taken {
        let IpcRequest { id, text, .. } = request.read().unwrap();
        let servers = self.servers.get().and_then(Weak::upgrade).unwrap();
        if text.contains("st_op=\"register\"") {
            let answer = match self.accepts.get() {
                true => "<reply st_op=\"register\" st_clientid=\"token\"/>",
                false => "<nack/>",
            };
            servers.respond(conn, id, answer);
        } else if text == "<answer/>" {
            servers.event(conn, "<one/>");
            servers.event(conn, &format!("<two text=\"{}\"/>", "x".repeat(300_000)));
        } else {
            servers.close(conn);
        }
        Taken::Done
    }

    fn closed(&self, _: LocalConnId) {}
}

/// The user of this process, who need not be root.
const OURS: Trusted = Trusted::RootOr(|| Some(nix::unistd::geteuid().as_raw()));

struct Bench {
    fencer: Rc<FakeFencer>,
    servers: Rc<LocalServers>,
    target: Target,
}

impl Bench {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("fencer-{}-{number}-", std::process::id());
        let target = Target {
            server: format!("{prefix}stonith-ng"),
            trusted: OURS,
            attempts: 3,
            between_attempts: Duration::from_millis(1),
        };
        let fencer = Rc::new(FakeFencer { accepts: Cell::new(true), ..FakeFencer::default() });
        let config = IpcConfig { prefix, ..IpcConfig::default() };
        let servers = Rc::new(LocalServers::start(config, fencer.clone()).unwrap());
        servers.set_accept_proxied(true);
        let _ = fencer.servers.set(Rc::downgrade(&servers));
        Self { fencer, servers, target }
    }
}

async fn next(events: &mut UnboundedReceiver<LinkEvent>) -> LinkEvent {
    timeout(Duration::from_secs(30), events.recv()).await.expect("hangs").expect("the thread has ended")
}

fn on_runtime(body: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, body);
}

#[test]
fn connects_sends_receives_and_notices_the_end() {
    on_runtime(async {
        let Bench { servers, target, .. } = Bench::new();
        let (link, mut events) = Link::start(target).unwrap();
        for _ in 0..2 {
            link.command(Command::Connect);
            assert_eq!(next(&mut events).await, LinkEvent::Connected("token".into()));
            link.command(Command::Send("<answer/>".into()));
            assert_eq!(next(&mut events).await, LinkEvent::Received("<one/>".into()));
            let LinkEvent::Received(long) = next(&mut events).await else { panic!("no second event") };
            assert_eq!(long.len(), 300_000 + "<two text=\"\"/>".len());
            link.command(Command::Send("<leave/>".into()));
            let lost = next(&mut events).await;
            assert!(matches!(lost, LinkEvent::Lost(_)), "{lost:?}");
            // In vain, and nobody is told twice.
            link.command(Command::Send("<answer/>".into()));
        }
        drop(link);
        assert!(
            timeout(Duration::from_secs(30), events.recv()).await.expect("the thread lives on").is_none()
        );
        drop(servers);
    });
}

#[test]
fn a_fencer_that_is_not_there_or_refuses_is_said_to_be_so() {
    on_runtime(async {
        let bench = Bench::new();
        bench.fencer.accepts.set(false);
        let server = bench.target.server.clone();
        let elsewhere = Target { server, trusted: OURS, attempts: 2, between_attempts: Duration::ZERO };
        let (link, mut events) = Link::start(elsewhere).unwrap();
        link.command(Command::Connect);
        let LinkEvent::Unreachable(reason) = next(&mut events).await else { panic!("connected") };
        assert!(reason.contains("introduction") && reason.contains("2 attempts"), "{reason}");
        bench.servers.stop();
        link.command(Command::Connect);
        let LinkEvent::Unreachable(reason) = next(&mut events).await else { panic!("connected") };
        assert!(reason.contains("refused"), "{reason}");
    });
}

#[test]
fn a_fencer_of_a_foreign_user_is_told_nothing() {
    on_runtime(async {
        let server = format!("fencer-foreign-{}-stonith-ng", std::process::id());
        let impostor = Impostor::hold(&server);
        let target = Target { server, trusted: Trusted::Root, attempts: 2, between_attempts: Duration::ZERO };
        let (link, mut events) = Link::start(target).unwrap();
        link.command(Command::Connect);
        link.command(Command::Send("<secret/>".into()));
        let LinkEvent::Unreachable(reason) = next(&mut events).await else { panic!("connected") };
        assert!(reason.contains("stonith-ng") && reason.contains("stop it"), "{reason}");
        for _ in 0..2 {
            assert_eq!(impostor.next_received(), b"");
        }
    });
}
