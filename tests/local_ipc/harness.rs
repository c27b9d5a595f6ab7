// SPDX-License-Identifier: LGPL-2.1-or-later
//! The servers of a remote node in a thread of their own, with a hub that does what its clients say.
use pcmk_remote_rs::driver::tokio::ipc::{
    IpcConfig, LocalConnId, LocalHandler, LocalServer, LocalServers, Taken,
};
use pcmk_remote_rs::model::LocalIdentity;
use pcmk_remote_rs::sys::qb::Transport;
use pcmk_remote_rs::wire::ipc::{IpcRequest, UnreadRequest};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;

/// What the hub heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Connected { conn: LocalConnId, server: LocalServer, privileged: bool, identity: LocalIdentity },
    Message { conn: LocalConnId, id: i32, flags: u32, text: String },
    Closed(LocalConnId),
}

type Command = Box<dyn FnOnce(&LocalServers) + Send>;

pub(crate) struct Node {
    pub(crate) prefix: String,
    heard: Receiver<Heard>,
    commands: Option<UnboundedSender<Command>>,
    thread: Option<JoinHandle<()>>,
}

impl Node {
    pub(crate) fn start() -> Self {
        Self::with_transport(Transport::SharedMemory)
    }

    pub(crate) fn with_transport(transport: Transport) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("test-{}-{number}-", std::process::id());
        let config = IpcConfig { prefix: prefix.clone(), transport, ..IpcConfig::default() };
        let (tell, heard) = channel();
        let (commands, mut orders) = unbounded_channel::<Command>();
        let (ready, started) = channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            LocalSet::new().block_on(&runtime, async move {
                let hub = Rc::new(Hub { tell, servers: RefCell::new(None) });
                let servers = LocalServers::start(config, hub.clone()).unwrap();
                hub.servers.replace(Some(servers.clone()));
                ready.send(()).unwrap();
                while let Some(order) = orders.recv().await {
                    order(&servers);
                }
                servers.stop();
                // They hold the hub.
                hub.servers.take();
            });
        });
        started.recv().unwrap();
        Self { prefix, heard, commands: Some(commands), thread: Some(thread) }
    }

    pub(crate) fn name(&self, server: &str) -> String {
        format!("{}{server}", self.prefix)
    }

    pub(crate) fn order(&self, command: impl FnOnce(&LocalServers) + Send + 'static) {
        self.commands.as_ref().unwrap().send(Box::new(command)).unwrap();
    }

    /// Does `command` and waits until it is done.
    pub(crate) fn order_now(&self, command: impl FnOnce(&LocalServers) + Send + 'static) {
        let (done, waiting) = channel();
        self.order(move |servers| {
            command(servers);
            done.send(()).unwrap();
        });
        waiting.recv().unwrap();
    }

    /// The next thing that `pick` takes; the others are dropped.
    pub(crate) fn wait_for<T>(&self, what: &str, mut pick: impl FnMut(Heard) -> Option<T>) -> T {
        loop {
            match self.heard.recv_timeout(Duration::from_secs(30)) {
                Ok(heard) => {
                    if let Some(found) = pick(heard) {
                        return found;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => panic!("no {what}"),
            }
        }
    }

    pub(crate) fn wait_connected(&self) -> LocalConnId {
        self.wait_for("connection", |heard| match heard {
            Heard::Connected { conn, .. } => Some(conn),
            _ => None,
        })
    }

    pub(crate) fn wait_closed(&self, which: LocalConnId) {
        self.wait_for("disconnection", |heard| (heard == Heard::Closed(which)).then_some(()));
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.commands.take());
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking(), "the servers' thread panicked");
    }
}

struct Hub {
    tell: Sender<Heard>,
    servers: RefCell<Option<LocalServers>>,
}

impl LocalHandler for Hub {
    fn connected(&self, conn: LocalConnId, server: LocalServer, privileged: bool, identity: LocalIdentity) {
        let _ = self.tell.send(Heard::Connected { conn, server, privileged, identity });
    }

    /// `echo TEXT` responds TEXT; `give N` responds N bytes; `length TEXT` responds how long the request was;
    /// `events N BYTES` sends events, then responds; `bye` disconnects; anything else is only heard.
    fn message(&self, conn: LocalConnId, _server: LocalServer, request: UnreadRequest) -> Taken {
        let IpcRequest { id, flags, text } = match request.read() {
            Ok(request) => request,
            Err(problem) => return Taken::Failed(problem.to_string()),
        };
        let servers = self.servers.borrow().clone().unwrap();
        let (verb, rest) = text.split_once(' ').unwrap_or((&text, ""));
        match verb {
            "echo" => servers.respond(conn, id, rest),
            "give" => servers.respond(conn, id, &filler(rest.parse().unwrap())),
            "length" => servers.respond(conn, id, &text.len().to_string()),
            "events" => {
                let (count, size) = rest.split_once(' ').unwrap();
                for number in 0..count.parse::<usize>().unwrap() {
                    servers.event(conn, &format!("{number} {}", filler(size.parse().unwrap())));
                }
                servers.respond(conn, id, "sent");
            }
            "bye" => servers.close(conn),
            _ => {}
        }
        if verb != "echo" {
            let _ = self.tell.send(Heard::Message { conn, id, flags, text });
        }
        Taken::Done
    }

    fn closed(&self, conn: LocalConnId) {
        let _ = self.tell.send(Heard::Closed(conn));
    }
}

/// Text of some variety, so that compression has work to do.
pub(crate) fn filler(size: usize) -> String {
    let mut state = 1_u32;
    let letter = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'a' + u8::try_from(state >> 28).unwrap())
    };
    (0..size).map(letter).collect()
}
