// SPDX-License-Identifier: LGPL-2.1-or-later
//! Accepts TCP connections.
use super::connection::RemoteConnection;
use super::hub::Hub;
use super::waiting::{FirstByte, Waiting, WaitingPlace};
use crate::transport::tcp;
use log::{debug, error, warn};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

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
    let place = waiting.enter(source);
    debug!("Connection from {address}");
    spawn_local(serve_newcomer(Rc::clone(hub), place, stream, address));
}

/// Waits for the first byte: a peer that says nothing costs its socket, but neither a look at the key nor a TLS session.
async fn serve_newcomer(hub: Rc<Hub>, mut place: WaitingPlace, stream: TcpStream, address: SocketAddr) {
    match place.first_byte(&stream, hub.limits.handshake).await {
        FirstByte::Here => {}
        FirstByte::Closed => return debug!("{address} closed its connection before the handshake"),
        FirstByte::Never(why) => {
            return place
                .warn(format_args!("Connection with {address} failed before it was authenticated: {why}"));
        }
    }
    if let Err(problem) = tcp::prepare(&stream) {
        return place
            .warn(format_args!("Refused connection from {address}: cannot set socket options: {problem}"));
    }
    let context = hub.credentials.borrow_mut().server_context();
    for warning in hub.credentials.borrow_mut().take_warnings() {
        warn!("{warning}");
    }
    match context {
        Ok(context) => {
            let connection = RemoteConnection::new(stream, address, &context, hub.limits.queued);
            // In a place of its own, so that the tasks of silent peers are small.
            Box::pin(connection.run(hub, place)).await;
        }
        Err(problem) => place.warn(format_args!("Refused connection from {address}: {problem}")),
    }
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
