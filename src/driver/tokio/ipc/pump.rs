// SPDX-License-Identifier: LGPL-2.1-or-later
//! The two tasks of the local servers: one waits for clients, one for room.
use super::Inner;
use crate::driver::tokio::watch::readable;
use log::{debug, error};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::task::{AbortHandle, spawn_local, yield_now};
use tokio::time::{Instant, sleep_until};

/// What libqb may do before others get their turn.
const BUDGET: usize = 64;
/// A client that has not authenticated itself in this time is closed, at the latest after twice of it.
const HANDSHAKE: Duration = Duration::from_secs(5);

pub(super) fn spawn(inner: &Rc<Inner>) -> io::Result<Vec<AbortHandle>> {
    let fd = readable(inner.reactor.as_fd().try_clone_to_owned()?)?;
    Ok(vec![
        spawn_local(pump(Rc::clone(inner), fd)).abort_handle(),
        spawn_local(retry(Rc::clone(inner))).abort_handle(),
    ])
}

/// Waits for libqb's descriptors and lets it work, a little at a time.
async fn pump(inner: Rc<Inner>, fd: AsyncFd<OwnedFd>) {
    let mut expire_at = None;
    loop {
        if inner.reactor.handshakes() == 0 {
            expire_at = None;
        } else if expire_at.is_none() {
            expire_at = Some(Instant::now() + HANDSHAKE);
        }
        let result = tokio::select! {
            ready = fd.readable() => ready.and_then(|mut ready| {
                let more = inner.work(BUDGET)?;
                if !more {
                    ready.clear_ready();
                }
                Ok(more)
            }),
            () = inner.wake.notified() => inner.work(BUDGET),
            () = inner.accounts.cut() => {
                inner.cut();
                Ok(false)
            }
            () = sleep_until(expire_at.unwrap_or_else(Instant::now)), if expire_at.is_some() => {
                expire_at = None;
                match inner.reactor.expire_handshakes() {
                    0 => {}
                    count => debug!("Closed {count} local connections that did not authenticate themselves"),
                }
                Ok(false)
            }
        };
        match result {
            Ok(true) => yield_now().await,
            Ok(false) => {}
            Err(problem) => return error!("Local clients are no longer served: {problem}"),
        }
    }
}

/// Tries again with clients that had no room.
async fn retry(inner: Rc<Inner>) {
    loop {
        let next = inner.retries.borrow().first().copied();
        match next {
            None => inner.retries_changed.notified().await,
            Some((at, conn)) if at <= Instant::now() => {
                inner.flush(conn);
                yield_now().await;
            }
            Some((at, _)) => {
                tokio::select! {
                    () = sleep_until(at) => {}
                    () = inner.retries_changed.notified() => {}
                }
            }
        }
    }
}
