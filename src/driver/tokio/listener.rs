// SPDX-License-Identifier: LGPL-2.1-or-later
//! Accepts TCP connections and starts the task of each.
use super::connection::RemoteConnection;
use super::connection_task::ConnectionTask;
use super::inbox::Inbox;
use super::limits::Limits;
use super::waiting::Waiting;
use crate::log_notice;
use crate::transport::credentials::Credentials;
use crate::transport::tcp;
use log::{debug, error, warn};
use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

/// What all listeners share.
pub(super) struct Listener {
    inbox: Inbox,
    credentials: RefCell<Credentials>,
    limits: Limits,
    waiting: Rc<Waiting>,
}

impl Listener {
    pub(super) fn new(inbox: Inbox, credentials: Credentials, limits: Limits) -> Self {
        Self { inbox, credentials: RefCell::new(credentials), limits, waiting: Rc::default() }
    }

    /// Accepts on `listener`, until dropped. Never returns an error: a full descriptor table passes.
    pub(super) async fn accept(self: Rc<Self>, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, address)) => self.admit(stream, address),
                Err(problem) if is_shortage(&problem) => {
                    error!("Cannot accept connections, trying again in a second: {problem}");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                // One peer that gave up before its turn, or whose packets were refused: the next may be well.
                Err(problem) => debug!("A connection was gone before it was accepted: {problem}"),
            }
        }
    }

    fn admit(&self, stream: TcpStream, address: SocketAddr) {
        let source = address.ip().to_canonical();
        let address = SocketAddr::new(source, address.port());
        let limits = self.limits;
        let place = self.waiting.enter(source, limits.unauthenticated, limits.unauthenticated_per_source);
        let Some(place) = place else {
            warn!(
                "Refused connection from {address}: too many connections wait for their handshake to finish"
            );
            return;
        };
        if let Err(problem) = tcp::prepare(&stream) {
            warn!("Refused connection from {address}: cannot set socket options: {problem}");
            return;
        }
        let (context, warnings) = {
            let mut credentials = self.credentials.borrow_mut();
            (credentials.server_context(), credentials.take_warnings())
        };
        for warning in warnings {
            warn!("{warning}");
        }
        let context = match context {
            Ok(context) => context,
            Err(problem) => {
                warn!("Refused connection from {address}: {problem}");
                return;
            }
        };
        log_notice!("Connection from {address}");
        let connection = RemoteConnection::new(stream, address, &context, limits.queued);
        spawn_local(ConnectionTask::new(connection, self.inbox.clone(), limits, place).run());
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
