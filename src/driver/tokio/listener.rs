// SPDX-License-Identifier: LGPL-2.1-or-later
//! Accepts TCP connections and starts the task of each.
use super::bulk::Bulk;
use super::clock::Clock;
use super::connection::RemoteConnection;
use super::connection_task::ConnectionTask;
use super::inbox::Inbox;
use super::limits::Limits;
use super::turns::Turns;
use super::waiting::{Waiting, WaitingPlace};
use crate::sys::tls::ServerContext;
use crate::transport::credentials::{Credentials, KeyError};
use crate::transport::tcp;
use log::{debug, error, warn};
use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

/// What all listeners share.
pub(super) struct Listener {
    inbox: Inbox,
    turns: Rc<Turns>,
    bulk: Bulk,
    credentials: RefCell<Credentials>,
    limits: Limits,
    waiting: Rc<Waiting>,
}

impl Listener {
    pub(super) fn new(
        inbox: Inbox,
        (turns, bulk): (Rc<Turns>, Bulk),
        credentials: Credentials,
        limits: Limits,
        clock: Clock,
    ) -> Self {
        let waiting = Waiting::new(clock, &limits);
        Self { inbox, turns, bulk, credentials: RefCell::new(credentials), limits, waiting }
    }

    /// Accepts on `listener`, until dropped. Never returns an error: a full descriptor table passes.
    pub(super) async fn accept(self: Rc<Self>, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, address)) => Rc::clone(&self).admit(stream, address),
                Err(problem) if is_shortage(&problem) => {
                    error!("Cannot accept connections, trying again in a second: {problem}");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                // One peer that gave up before its turn, or whose packets were refused: the next may be well.
                Err(problem) => debug!("A connection was gone before it was accepted: {problem}"),
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
        if let Err(problem) = tcp::prepare(&stream) {
            return place.warn(format_args!(
                "Refused connection from {address}: cannot set socket options: {problem}"
            ));
        }
        match self.server_context() {
            Ok(context) => {
                let connection = RemoteConnection::new(stream, address, &context);
                let loops = (Rc::clone(&self.turns), self.bulk.clone());
                let task = ConnectionTask::new(connection, self.inbox.clone(), loops, limits, place);
                // In a place of its own, so that the tasks of silent peers are small.
                Box::pin(task.run()).await;
            }
            Err(problem) => place.warn(format_args!("Refused connection from {address}: {problem}")),
        }
    }

    /// What a handshake needs of the key as it is now.
    fn server_context(&self) -> Result<Arc<ServerContext>, KeyError> {
        let (context, warnings) = {
            let mut credentials = self.credentials.borrow_mut();
            (credentials.server_context(), credentials.take_warnings())
        };
        for warning in warnings {
            warn!("{warning}");
        }
        context
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
