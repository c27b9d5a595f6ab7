// SPDX-License-Identifier: LGPL-2.1-or-later
//! Accepts TCP connections and starts the task of each.
use super::bulk::Bulk;
use super::connection::RemoteConnection;
use super::connection_task::ConnectionTask;
use super::inbox::Inbox;
use super::limits::Limits;
use super::memory::Memory;
use super::peer_certificates::PeerCertificates;
use super::shortage::{Over, QUIET, Shortage};
use super::socket::Socket;
use super::status::{Observed, Refused};
use super::turns::Turns;
use super::waiting::{Waiting, WaitingPlace};
use crate::driver::clock::{Clock, seconds_since_1970};
use crate::log_notice;
use crate::sys::tls::ServerContext;
use crate::transport::credentials::{Credentials, KeyError, Notice};
use crate::transport::tcp;
use log::{debug, error};
use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::timeout;

/// Where remote peers come in. A daemon without them names nothing that is behind this, and is linked without OpenSSL.
pub trait RemoteSide {
    /// Starts the tasks that accept connections, on the current `LocalSet`.
    ///
    /// # Errors
    /// The runtime refuses a socket.
    fn start(self: Box<Self>, around: Surroundings) -> io::Result<Vec<AbortHandle>>;
}

/// What connections need of the driver around them.
pub struct Surroundings {
    pub(super) inbox: Inbox,
    pub(super) turns: Rc<Turns>,
    pub(super) bulk: Bulk,
    pub(super) limits: Limits,
    pub(super) clock: Clock,
    /// Keys and certificates are to be read again.
    pub(super) reload: Rc<Notify>,
    /// For the status document.
    pub(super) observed: Rc<Observed>,
}

/// Sockets on which peers with the key are served.
#[derive(Debug)]
pub struct TlsListeners {
    sockets: Vec<std::net::TcpListener>,
    credentials: Credentials,
}

impl TlsListeners {
    /// `sockets`: bound, listening and non-blocking.
    pub fn new(sockets: Vec<std::net::TcpListener>, credentials: Credentials) -> Self {
        Self { sockets, credentials }
    }
}

impl RemoteSide for TlsListeners {
    fn start(self: Box<Self>, around: Surroundings) -> io::Result<Vec<AbortHandle>> {
        let reload = Rc::clone(&around.reload);
        for address in self.sockets.iter().filter_map(|socket| socket.local_addr().ok()) {
            around.observed.listens_on(address.to_string());
        }
        let listener = Rc::new(Listener::new(around, self.credentials));
        let accept = |socket| {
            let task = spawn_local(Rc::clone(&listener).accept(TcpListener::from_std(socket)?));
            Ok(task.abort_handle())
        };
        let accepting = self.sockets.into_iter().map(accept).collect();
        spawn_local(listener.watch_files(reload));
        accepting
    }
}

/// What all listeners share.
struct Listener {
    inbox: Inbox,
    turns: Rc<Turns>,
    bulk: Bulk,
    credentials: RefCell<Credentials>,
    limits: Limits,
    waiting: Rc<Waiting>,
    certificates: Rc<PeerCertificates>,
    memory: Rc<Memory>,
    clock: Clock,
    shortage: RefCell<Shortage>,
    observed: Rc<Observed>,
}

/// Files of certificates, and their dates, are looked at so often, beside each new connection.
const FILES_INTERVAL: Duration = Duration::from_secs(60);

impl Listener {
    fn new(around: Surroundings, credentials: Credentials) -> Self {
        let Surroundings { inbox, turns, bulk, limits, clock, observed, .. } = around;
        let waiting = Waiting::new(clock, &limits, Rc::clone(&observed));
        let certificates = Rc::new(PeerCertificates::default());
        let memory = Memory::new(&limits.memory);
        let credentials = RefCell::new(credentials);
        let shortage = RefCell::default();
        Self {
            inbox,
            turns,
            bulk,
            credentials,
            limits,
            waiting,
            certificates,
            memory,
            clock,
            shortage,
            observed,
        }
    }

    /// Follows the files, and tells of certificates that are about to expire, until dropped.
    async fn watch_files(self: Rc<Self>, reload: Rc<Notify>) {
        self.with_credentials(Credentials::follow);
        loop {
            self.observed.set_credential(&self.credentials.borrow().in_use());
            match timeout(FILES_INTERVAL, reload.notified()).await {
                Ok(()) => {
                    self.with_credentials(Credentials::reload);
                    log_notice!("Keys and certificates were read again");
                }
                Err(_) => self.with_credentials(Credentials::follow),
            }
        }
    }

    /// Does something at this time of day, in seconds since 1970, and logs what is to be told.
    fn with_credentials<T>(&self, act: impl FnOnce(&mut Credentials, i64) -> T) -> T {
        let (result, notices) = {
            let mut credentials = self.credentials.borrow_mut();
            (act(&mut credentials, seconds_since_1970()), credentials.take_notices())
        };
        notices.iter().for_each(Notice::log);
        result
    }

    /// Accepts on `listener`, until dropped. Never returns an error: a full descriptor table passes.
    async fn accept(self: Rc<Self>, listener: TcpListener) {
        loop {
            let accepting = listener.accept();
            let accepted = if self.shortage.borrow().is_under_way() {
                timeout(QUIET, accepting).await.ok()
            } else {
                Some(accepting.await)
            };
            match accepted {
                Some(Ok((stream, address))) => Rc::clone(&self).admit(stream, address),
                Some(Err(problem)) if is_shortage(&problem) => {
                    if self.shortage.borrow_mut().failed(self.clock.moment()) {
                        error!("Cannot accept connections, trying again each second: {problem}");
                    }
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                // One peer that gave up before its turn, or whose packets were refused: the next may be well.
                Some(Err(problem)) => debug!("A connection was gone before it was accepted: {problem}"),
                None => {}
            }
            let over = self.shortage.borrow_mut().look(self.clock.moment());
            if let Some(Over { failures, lasted }) = over {
                log_notice!(
                    "Connections are accepted again: {failures} attempts had failed within {} s",
                    lasted.as_secs()
                );
            }
        }
    }

    fn admit(self: Rc<Self>, stream: TcpStream, address: SocketAddr) {
        let source = address.ip().to_canonical();
        let address = SocketAddr::new(source, address.port());
        let place = self.waiting.enter(source);
        debug!("Connection from {address}");
        spawn_local(self.serve_newcomer(place, stream, address));
    }

    /// Waits for the first byte: a peer that says nothing costs its socket, but neither a look at the key nor a TLS
    /// session.
    async fn serve_newcomer(self: Rc<Self>, mut place: WaitingPlace, stream: TcpStream, address: SocketAddr) {
        let limits = self.limits;
        if let Err(reason) = place.first_byte(&stream, limits.handshake).await {
            return place.log_end(address, &reason);
        }
        let socket = match tcp::prepare(&stream).and_then(|()| Socket::new(stream)) {
            Ok(socket) => socket,
            Err(problem) => {
                place.refused(Refused::SOCKET);
                return place.warn(format_args!(
                    "Refused connection from {address}: cannot set socket options: {problem}"
                ));
            }
        };
        match self.server_context() {
            Ok(context) => {
                let connection = RemoteConnection::new(socket, address, &context, Rc::clone(&self.memory));
                connection.report();
                let loops = (Rc::clone(&self.turns), self.bulk.clone());
                let certificates = Rc::clone(&self.certificates);
                let task =
                    ConnectionTask::new(connection, self.inbox.clone(), loops, limits, place, certificates);
                // In a place of its own, so that the tasks of silent peers are small.
                Box::pin(task.run()).await;
            }
            Err(problem) => {
                place.refused(Refused::NO_CREDENTIAL);
                place.warn(format_args!("Refused connection from {address}: {problem}"));
            }
        }
    }

    /// What a handshake needs of the key or the certificates.
    fn server_context(&self) -> Result<Arc<ServerContext>, KeyError> {
        self.with_credentials(|credentials, now| {
            credentials.follow(now);
            credentials.server_context()
        })
    }
}

/// Does the error mean that this process or machine has run out of something?
fn is_shortage(problem: &io::Error) -> bool {
    let shortages = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];
    problem.raw_os_error().is_none_or(|errno| shortages.contains(&errno))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_shortage_makes_everybody_wait() {
        let is_shortage = |errno| is_shortage(&io::Error::from_raw_os_error(errno));
        assert!(is_shortage(libc::EMFILE) && is_shortage(libc::ENOMEM));
        assert!(!is_shortage(libc::ECONNABORTED) && !is_shortage(libc::EHOSTUNREACH));
    }
}
