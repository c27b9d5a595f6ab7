// SPDX-License-Identifier: LGPL-2.1-or-later
//! Accepts TCP connections and keeps peers that have not proved anything yet within bounds.
use super::connection::RemoteConnection;
use super::hub::Hub;
use crate::log_notice;
use crate::transport::tcp;
use log::{debug, error, warn};
use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

/// Peers whose handshake is not finished, by source address.
#[derive(Debug, Default)]
pub struct Waiting {
    by_source: RefCell<HashMap<IpAddr, usize>>,
}

/// A place among the waiting; given back when dropped.
#[derive(Debug)]
pub struct WaitingPlace {
    waiting: Rc<Waiting>,
    source: IpAddr,
}

impl Waiting {
    /// A place for a peer from `source`, unless there are too many.
    fn enter(self: &Rc<Self>, source: IpAddr, in_all: usize, per_source: usize) -> Option<WaitingPlace> {
        let mut by_source = self.by_source.borrow_mut();
        if by_source.values().sum::<usize>() >= in_all {
            return None;
        }
        let count = by_source.entry(source).or_default();
        if *count >= per_source {
            return None;
        }
        *count += 1;
        Some(WaitingPlace { waiting: Rc::clone(self), source })
    }
}

impl Drop for WaitingPlace {
    fn drop(&mut self) {
        let mut by_source = self.waiting.by_source.borrow_mut();
        if let Some(count) = by_source.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                by_source.remove(&self.source);
            }
        }
    }
}

/// Accepts on `listener` until the hub says stop. Never returns an error: a full descriptor table passes.
pub async fn accept(hub: Rc<Hub>, waiting: Rc<Waiting>, listener: TcpListener) {
    let mut stop = hub.stop_listening();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match accepted {
            Ok((stream, address)) => admit(&hub, &waiting, stream, address),
            Err(problem) if is_shortage(&problem) => {
                error!("Cannot accept connections, trying again in a second: {problem}");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            // One peer that gave up before its turn, or whose packets were refused: the next may be well.
            Err(problem) => debug!("A connection was gone before it was accepted: {problem}"),
        }
    }
}

/// Does the error mean that this process or machine has run out of something?
fn is_shortage(problem: &io::Error) -> bool {
    let shortages = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];
    problem.raw_os_error().is_none_or(|errno| shortages.contains(&errno))
}

fn admit(hub: &Rc<Hub>, waiting: &Rc<Waiting>, stream: TcpStream, address: SocketAddr) {
    let source = address.ip().to_canonical();
    let address = SocketAddr::new(source, address.port());
    let limits = &hub.limits;
    let Some(place) = waiting.enter(source, limits.unauthenticated, limits.unauthenticated_per_source) else {
        warn!("Refused connection from {address}: too many connections wait for their handshake to finish");
        return;
    };
    if let Err(problem) = tcp::prepare(&stream) {
        warn!("Refused connection from {address}: cannot set socket options: {problem}");
        return;
    }
    let context = hub.credentials.borrow_mut().server_context();
    for warning in hub.credentials.borrow_mut().take_warnings() {
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
    spawn_local(RemoteConnection::run(connection, Rc::clone(hub), place));
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

    #[test]
    fn places_are_bounded_per_source_and_in_all_and_given_back() {
        let waiting = Rc::new(Waiting::default());
        let one: IpAddr = [127, 0, 0, 1].into();
        let two: IpAddr = [127, 0, 0, 2].into();
        let first = waiting.enter(one, 3, 2);
        let second = waiting.enter(one, 3, 2);
        assert!(first.is_some() && second.is_some());
        assert!(waiting.enter(one, 3, 2).is_none());
        let third = waiting.enter(two, 3, 2);
        assert!(third.is_some());
        assert!(waiting.enter(two, 3, 2).is_none(), "full in all");
        drop(first);
        assert!(waiting.enter(one, 3, 2).is_some());
    }
}
