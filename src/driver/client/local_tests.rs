// SPDX-License-Identifier: LGPL-2.1-or-later
//! Connections to a local executor that our own IPC servers play, on a thread of its own.
use super::*;
use crate::driver::tokio::ipc::{IpcConfig, LocalConnId, LocalHandler, LocalServer, LocalServers, Taken};
use crate::model::{CallId, ClientId, LocalIdentity, Millis, ProtocolVersion, Reply, ReplyBody};
use crate::sys::qb::impostor::Impostor;
use crate::wire::codec::{Envelope, decode_incoming, encode_notification, encode_reply};
use crate::wire::ipc::{IpcRequest, UnreadRequest};
use std::cell::{Cell, OnceCell};
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::thread::JoinHandle;

/// Signs every client on. Answers a poke with an event and a reply, and every other question; the first one about the
/// resource "late" only when another client comes. Hangs up at a request for recurring operations.
#[derive(Default)]
struct Executor {
    servers: OnceCell<Weak<LocalServers>>,
    late: Cell<Option<(LocalConnId, i32)>>,
    stop: tokio::sync::Notify,
}

fn plain(rc: i32) -> String {
    encode_reply(&Reply { rc, call_id: CallId(1), body: ReplyBody::Plain }, Envelope::Local)
}

impl Executor {
    fn servers(&self) -> Rc<LocalServers> {
        self.servers.get().and_then(Weak::upgrade).unwrap()
    }
}

impl LocalHandler for Executor {
    fn connected(&self, _: LocalConnId, _: LocalServer, _: bool, _: LocalIdentity) {
        if let Some((conn, id)) = self.late.take() {
            self.servers().respond(conn, id, &plain(-5));
        }
    }

    fn message(&self, conn: LocalConnId, _: LocalServer, request: UnreadRequest) -> Taken {
        let IpcRequest { id, text, .. } = request.read().unwrap();
        let servers = self.servers();
        match decode_incoming(&text).unwrap().incoming.request {
            Request::Register { .. } => {
                let registered = Registered {
                    client_id: ClientId::new("me"),
                    version: Some(ProtocolVersion::OURS),
                    uptime_s: None,
                    node_start_state: None,
                };
                let reply = Reply { rc: 0, call_id: CallId(0), body: ReplyBody::Registered(registered) };
                servers.respond(conn, id, &encode_reply(&reply, Envelope::Local));
            }
            Request::Poke => {
                servers.event(conn, &encode_notification(&Notification::NewClient, Envelope::Local));
                servers.respond(conn, id, &plain(0));
            }
            Request::ResourceInfo(Some(resource)) if resource.as_str() == "late" => {
                self.late.set(Some((conn, id)));
            }
            Request::RecurringOperations(_) => servers.close(conn),
            _ => servers.respond(conn, id, &plain(-19)),
        }
        Taken::Done
    }

    fn closed(&self, _: LocalConnId) {
        self.stop.notify_one();
    }
}

/// An executor that lives until its only client has left.
fn serve() -> (String, JoinHandle<()>) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let prefix = format!("client-{}-{number}-", std::process::id());
    let name = format!("{prefix}lrmd");
    let (started, wait) = channel();
    let thread = std::thread::spawn(move || {
        let _alone = crate::sys::qb::tests::alone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let executor = Rc::new(Executor::default());
            let config = IpcConfig { prefix, ..IpcConfig::default() };
            let servers = Rc::new(LocalServers::start(config, executor.clone()).unwrap());
            let _ = executor.servers.set(Rc::downgrade(&servers));
            started.send(()).unwrap();
            executor.stop.notified().await;
        });
    });
    wait.recv().unwrap();
    (name, thread)
}

/// The user of this process, who need not be root.
const OURS: Trusted = Trusted::RootOr(|| Some(nix::unistd::geteuid().as_raw()));

fn connected(name: &str, layout: IpcLayout) -> Connection {
    let identity = Identity { name: Some("tester".to_owned()), is_provider: false };
    let mut connection = Connection::local_at(name, OURS, identity, layout).unwrap();
    connection.wait_for_sign_on().unwrap();
    connection
}

fn info(name: &str) -> Request {
    Request::ResourceInfo(Some(crate::model::ResourceId::new(name)))
}

/// The next event, which is waited for.
fn next(connection: &mut Connection) -> Event {
    connection.wait_for_event(Instant::now() + std::time::Duration::from_secs(60)).expect("an event")
}

#[test]
fn calls_events_and_the_end_in_both_layouts() {
    for layout in [IpcLayout::Old, IpcLayout::New] {
        let (name, executor) = serve();
        let mut connection = connected(&name, layout);
        assert!(connection.is_ready() && !connection.is_remote());
        assert_eq!(connection.call(Request::Poke, 0, Millis(0)).unwrap().rc, 0);
        // Large in both directions: compressed in the old layout, in parts in the new one.
        assert_eq!(connection.call(info(&"x".repeat(300_000)), 0, Millis(0)).unwrap().rc, -19);
        assert!(matches!(next(&mut connection), Event::Notification(Notification::NewClient)));
        let failed = connection.call(Request::RecurringOperations(None), 0, Millis(0));
        assert_eq!(failed.map_err(|problem| matches!(problem, CallProblem::Ended(_))), Err(true));
        assert!(matches!(next(&mut connection), Event::Ended(_)));
        assert!(!connection.is_ready() && connection.is_over());
        executor.join().unwrap();
    }
}

#[test]
fn a_late_answer_closes_the_way_until_it_has_come() {
    let (name, executor) = serve();
    let mut connection = connected(&name, IpcLayout::Old);
    assert_eq!(connection.call(info("late"), 0, Millis(30)), Err(CallProblem::TimedOut));
    assert!(connection.is_ready());
    assert_eq!(connection.call(info("other"), 0, Millis(30)), Err(CallProblem::Stale));
    let other = connected(&name, IpcLayout::New);
    assert_eq!(connection.call(info("other"), 0, Millis(0)).unwrap().rc, -19);
    drop(other);
    drop(connection);
    executor.join().unwrap();
}

#[test]
fn a_client_that_only_asks_is_not_dropped_for_a_full_buffer() {
    let (name, executor) = serve();
    let mut connection = connected(&name, IpcLayout::Old);
    for round in 0..3000 {
        assert_eq!(connection.call(Request::Poke, 0, Millis(0)).map(|reply| reply.rc), Ok(0), "{round}");
    }
    drop(connection);
    executor.join().unwrap();
}

#[test]
fn a_server_that_is_not_there_is_said_at_once() {
    let problem = Connection::local_at("client-none", OURS, Identity::default(), IpcLayout::Old).unwrap_err();
    assert!(matches!(problem, Problem::NoLocalExecutor(_)), "{problem:?}");
}

#[test]
fn the_waiting_client_has_the_local_executor_too() {
    let (name, executor) = serve();
    let identity = Identity { name: Some("tester".to_owned()), is_provider: false };
    let connection = Connection::local_at(&name, OURS, identity, IpcLayout::New).unwrap();
    let mut client = crate::driver::blocking::Client::sign_on(connection).unwrap();
    assert_eq!(client.describe(), "local IPC, protocol 1.2");
    assert_eq!(client.call(Request::Poke).unwrap().result(), Ok(CallId(0)));
    let soon = Instant::now() + std::time::Duration::from_secs(60);
    assert_eq!(client.next_notification(soon), Ok(Some(Notification::NewClient)));
    let failed = client.call(Request::RecurringOperations(None)).unwrap_err();
    assert!(matches!(failed, CallProblem::Ended(_)), "{failed:?}");
    assert_eq!(client.next_notification(soon).map_err(|problem| problem.stage()), Err(Stage::Ready));
    executor.join().unwrap();
}

#[test]
fn an_executor_of_a_foreign_user_is_told_nothing() {
    let name = format!("client-foreign-{}-lrmd", std::process::id());
    let impostor = Impostor::hold(&name);
    let identity = Identity { name: Some("tester".to_owned()), is_provider: true };
    let problem = Connection::local_at(&name, Trusted::Root, identity, IpcLayout::Old).unwrap_err();
    assert!(matches!(problem, Problem::ForeignExecutor { .. }), "{problem:?}");
    assert!(problem.to_string().contains(&name), "{problem}");
    assert_eq!(impostor.next_received(), b"");
}
