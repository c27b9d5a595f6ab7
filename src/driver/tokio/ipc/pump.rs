// SPDX-License-Identifier: LGPL-2.1-or-later
//! The two tasks of the local servers: one waits for clients, one for room.
use super::client::Client;
use super::{Inner, LocalConnId, Wait};
use crate::driver::tokio::alarm::Alarm;
use crate::driver::tokio::gate::Account;
use crate::driver::tokio::turns::Turn;
use crate::driver::tokio::watch::readable;
use crate::sys::qb::Ready;
use log::{debug, error};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::task::{AbortHandle, spawn_local, yield_now};
use tokio::time::{Instant, sleep_until};

/// A client that has not authenticated itself in this time is closed, at the latest after twice of it.
const HANDSHAKE: Duration = Duration::from_secs(5);

pub(super) fn spawn(inner: &Rc<Inner>) -> io::Result<Vec<AbortHandle>> {
    let fd = readable(inner.reactor.as_fd().try_clone_to_owned()?)?;
    Ok(vec![
        spawn_local(pump(Rc::clone(inner), fd)).abort_handle(),
        spawn_local(retry(Rc::clone(inner))).abort_handle(),
    ])
}

/// Waits for libqb's descriptors and lets it work, as far as the loop's time for reading reaches.
async fn pump(inner: Rc<Inner>, fd: AsyncFd<OwnedFd>) {
    let mut expire_at = None;
    let mut alarm = Alarm::default();
    loop {
        if inner.reactor.handshakes() == 0 {
            if expire_at.take().is_some() {
                alarm.stop();
            }
        } else if expire_at.is_none() {
            expire_at = Some(Instant::now() + HANDSHAKE);
        }
        let ready = tokio::select! {
            ready = fd.readable() => ready.map(Some),
            () = inner.wake.notified() => Ok(None),
            () = inner.accounts.cut() => {
                inner.cut();
                continue;
            }
            () = alarm.ring(expire_at) => {
                if expire_at.is_none_or(|at| at > Instant::now()) {
                    continue;
                }
                expire_at = None;
                match inner.reactor.expire_handshakes() {
                    0 => {}
                    count => debug!("Closed {count} local connections that did not authenticate themselves"),
                }
                continue;
            }
        };
        let result = match ready {
            Ok(mut ready) => inner.work().await.map(|more| {
                if let Some(ready) = ready.as_mut().filter(|_| !more) {
                    ready.clear_ready();
                }
            }),
            Err(problem) => Err(problem),
        };
        if let Err(problem) = result {
            return error!("Local clients are no longer served: {problem}");
        }
    }
}

impl Inner {
    /// Lets libqb work, one thing and more as long as the turn lasts, and tells the handler. Of the clients that have
    /// something to be read those are first that have used least of the time. True: there may be more to do at once.
    async fn work(self: &Rc<Self>) -> io::Result<bool> {
        let mut list = self.ready.take();
        self.reactor.poll(&mut list)?;
        sort(&mut list);
        let account = list.first().map_or_else(Account::default, |source| Account::kept_in(&source.used));
        let turn = self.turns.turn(&account).await;
        let more = loop {
            while !turn.was_over() && self.resume(&turn) {}
            for source in &list {
                self.reactor.run(source);
                self.take_events(Some(source));
                turn.settle_for(&Account::kept_in(&source.used));
                if turn.was_over() {
                    break;
                }
            }
            self.take_events(None);
            while !turn.was_over() && self.reactor.run_job() {
                self.take_events(None);
                turn.settle();
            }
            if turn.was_over() {
                // No descriptor announces what libqb has put off.
                self.wake.notify_one();
                break true;
            }
            self.reactor.poll(&mut list)?;
            if list.is_empty() {
                break false;
            }
            sort(&mut list);
        };
        turn.end();
        list.clear();
        self.ready.replace(list);
        Ok(more)
    }

    fn take_events(self: &Rc<Self>, source: Option<&Ready>) {
        while let Some(event) = self.reactor.next_event() {
            self.handle(event, source);
        }
    }

    /// A message has come, which waits if its client is held.
    pub(super) fn arrive(self: &Rc<Self>, conn: LocalConnId, bytes: Vec<u8>, source: Option<&Ready>) {
        if let Some(client) = self.clients.borrow_mut().get_mut(&conn).filter(|client| client.must_wait()) {
            let place = self.last_place.get() + 1;
            self.last_place.set(place);
            return client.park(bytes, place, source, &self.reactor);
        }
        self.receive(conn, &bytes, source);
    }

    /// Takes in the oldest message that has waited and need not any more. False: there is none.
    fn resume(self: &Rc<Self>, turn: &Turn<'_>) -> bool {
        let Some((place, conn)) = self.released.borrow_mut().pop_first() else { return false };
        let client_unparks = |client: &mut Client| client.unpark(&self.reactor);
        let unparked = self.clients.borrow_mut().get_mut(&conn).and_then(client_unparks);
        if let Some((bytes, source, last)) = unparked {
            if !last {
                self.released.borrow_mut().insert((place, conn));
            }
            self.receive(conn, &bytes, source.as_ref());
            match source {
                Some(source) => turn.settle_for(&Account::kept_in(&source.used)),
                None => turn.settle(),
            }
        }
        true
    }

    /// A message that had to be read first has been taken in.
    fn finish(&self, conn: LocalConnId) {
        let place = self.clients.borrow_mut().get_mut(&conn).and_then(|client| client.finish(&self.reactor));
        if let Some(place) = place {
            self.released.borrow_mut().insert((place, conn));
            self.wake.notify_one();
        }
    }

    /// Takes nothing from a client before a task is over, which may find the client useless.
    pub(super) fn pause(self: &Rc<Self>, conn: LocalConnId, source: &Ready, bytes: usize, wait: Wait) {
        let mut clients = self.clients.borrow_mut();
        let Some(client) = clients.get_mut(&conn) else { return };
        let inner = Rc::downgrade(self);
        let task = spawn_local(async move {
            let result = wait.await;
            let Some(inner) = inner.upgrade() else { return };
            if let Err(problem) = result {
                inner.disconnect(conn, &problem);
            }
            inner.finish(conn);
        });
        client.begin(task.abort_handle(), bytes, source, &self.reactor);
    }
}

fn sort(list: &mut [Ready]) {
    if list.len() > 1 {
        list.sort_unstable_by_key(|source| source.used.get());
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
