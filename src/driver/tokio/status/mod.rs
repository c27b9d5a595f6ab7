// SPDX-License-Identifier: LGPL-2.1-or-later
//! The status socket: one JSON document for each connection, for root and the members of the cluster's group.
//!
//! Readers cost the loop little: each question to the hub is a page, whose text is sent before the next is asked. Few are
//! served at a time, each for a limited time; the others are turned away.
mod config;
mod document;
mod observed;
mod socket;
mod text;

pub use config::StatusConfig;
pub(super) use observed::{Observed, Refused};

use super::carrier::TokioCarrier;
use super::clock::instant_now;
use super::questions::Asker;
use crate::driver::hub::Hub;
use document::Pages;
use log::{debug, warn};
use observed::Readers;
use socket::Place;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// Readers that are served at the same time.
const MOST_READERS: usize = 4;
/// A reader that takes nothing for so long is cut off.
const STALLED: Duration = Duration::from_secs(10);
/// So long one may take for all: enough for the greatest document on the busiest machine.
const WHOLE: Duration = Duration::from_secs(60);
/// Between two connections that are taken, so that those who connect without end cost little.
const PACE: Duration = Duration::from_millis(2);
/// Between two lines in the log about readers that are turned away or cut off.
const QUIET: Duration = Duration::from_secs(600);
/// What those read who are turned away.
const TURNED_AWAY: &[u8] = b"{\"version\":1,\"error\":\"too many readers at the same time; try again\"}\n";

/// What all readers share.
struct Status {
    config: StatusConfig,
    asker: Asker<Hub<TokioCarrier>>,
    observed: Rc<Observed>,
    readers: RefCell<Readers>,
    busy: Cell<usize>,
    quiet_until: Cell<Option<Instant>>,
}

/// Serves readers from now on, on the current `LocalSet`. That it cannot is a warning: the daemon serves on without.
pub(super) fn start(config: StatusConfig, asker: Asker<Hub<TokioCarrier>>, observed: Rc<Observed>) {
    let opened = socket::open(&config.directory, config.name)
        .and_then(|(listener, place)| Ok((UnixListener::from_std(listener)?, place)));
    match opened {
        Ok((listener, place)) => {
            let status = Status {
                config,
                asker,
                observed,
                readers: RefCell::default(),
                busy: Cell::new(0),
                quiet_until: Cell::new(None),
            };
            spawn_local(Rc::new(status).accept(listener, place));
        }
        Err(problem) => warn!("pcmk-remote status cannot show this daemon: {problem}"),
    }
}

impl Status {
    /// Accepts readers until dropped, and then removes the socket.
    async fn accept(self: Rc<Self>, listener: UnixListener, place: Place) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) if self.busy.get() < MOST_READERS => {
                    self.busy.set(self.busy.get() + 1);
                    spawn_local(Rc::clone(&self).serve(stream));
                }
                Ok((stream, _)) => self.turn_away(&stream),
                Err(problem) => {
                    debug!("No reader of {} can be taken: {problem}", place.path().display());
                    sleep(Duration::from_secs(1)).await;
                }
            }
            sleep(PACE).await;
        }
    }

    fn turn_away(&self, stream: &UnixStream) {
        self.readers.borrow_mut().turned_away += 1;
        let _ = stream.try_write(TURNED_AWAY);
        self.complain(format_args!(
            "A reader of the status socket was turned away, since {MOST_READERS} others have not finished. Look for programs \
             that connect to it and do not read"
        ));
    }

    async fn serve(self: Rc<Self>, stream: UnixStream) {
        let whole = instant_now() + WHOLE;
        let sent = timeout_at(whole, self.send(stream)).await;
        self.busy.set(self.busy.get() - 1);
        let mut readers = self.readers.borrow_mut();
        match sent {
            Ok(Sent::All) => readers.served += 1,
            Ok(Sent::ReaderLeft) => {}
            Ok(Sent::Stalled) | Err(_) => {
                readers.cut_off += 1;
                drop(readers);
                self.complain(format_args!(
                    "A reader of the status socket was cut off: it took nothing for {STALLED:?}, or more than {WHOLE:?} for all"
                ));
            }
        }
    }

    /// Sends the document piece by piece.
    async fn send(&self, mut stream: UnixStream) -> Sent {
        let mut pages = Pages::new(&self.config, &self.asker, &self.observed, self.readers.borrow().clone());
        while let Some(text) = pages.next().await {
            match timeout(STALLED, stream.write_all(&text)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Sent::ReaderLeft,
                Err(_) => return Sent::Stalled,
            }
        }
        if pages.is_complete() { Sent::All } else { Sent::ReaderLeft }
    }

    /// One line for all that happens in some minutes.
    fn complain(&self, line: std::fmt::Arguments<'_>) {
        let now = instant_now();
        if self.quiet_until.get().is_none_or(|until| now >= until) {
            self.quiet_until.set(Some(now + QUIET));
            warn!("{line}. More such readers are only counted for {QUIET:?}");
        }
    }
}

/// What became of a document.
enum Sent {
    All,
    /// The reader left, or the daemon is about to.
    ReaderLeft,
    Stalled,
}
