// SPDX-License-Identifier: LGPL-2.1-or-later
//! What local clients hold, by class. A client is counted from the moment at which it is let in, since libqb then makes
//! the memory that it shares with it.
use super::config::{IpcConfig, LocalConnId};
use crate::driver::tokio::budget::Held;
use crate::driver::tokio::memory::{Account, Memory, OverBudget};
use crate::sys::qb::Transport;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use tokio::sync::Notify;

/// What libqb and this process have for a client beside its buffers, in bytes.
const CLIENT_BYTES: usize = 32 * 1024;

/// One client's share; given back when dropped.
pub(super) struct Share {
    account: Account<u32>,
    /// What it has cost from the beginning.
    fixed: usize,
}

impl Share {
    /// The client holds so many bytes beside its buffers.
    pub(super) fn report(&self, bytes: usize) {
        self.account.report(Held { own: self.fixed.saturating_add(bytes), fresh: 0 });
    }
}

/// See the module's documentation.
pub(super) struct Accounts {
    memory: Rc<Memory>,
    transport: Transport,
    /// Let in, and not heard of yet: libqb reports them in the same order.
    let_in: RefCell<VecDeque<Share>>,
    cut: Rc<Cuts>,
}

/// Clients that have to go, and why. A library's callback may be running when that is found out.
#[derive(Default)]
struct Cuts {
    waiting: RefCell<Vec<(LocalConnId, OverBudget)>>,
    wake: Notify,
}

impl Accounts {
    pub(super) fn new(config: &IpcConfig) -> Self {
        Self {
            memory: Memory::new(&config.memory),
            transport: config.transport,
            let_in: RefCell::default(),
            cut: Rc::default(),
        }
    }

    /// Lets in a client of `user` with buffers of this size, and counts it.
    ///
    /// # Errors
    /// There is no room for it.
    pub(super) fn let_in(&self, user: u32, privileged: bool, buffer: u64) -> Result<(), OverBudget> {
        // Three rings and one message, or the message alone: the kernel bounds what is in a socket.
        let buffers = if self.transport == Transport::SharedMemory { 4 } else { 1 };
        let buffer = usize::try_from(buffer).unwrap_or(usize::MAX);
        let fixed = buffer.saturating_mul(buffers).saturating_add(CLIENT_BYTES);
        let class = if privileged { &self.memory.privileged } else { &self.memory.members };
        let account = class.admit(user, fixed)?;
        self.let_in.borrow_mut().push_back(Share { account, fixed });
        Ok(())
    }

    /// The client that was let in first is there.
    pub(super) fn connected(&self, conn: LocalConnId) -> Option<Share> {
        let share = self.let_in.borrow_mut().pop_front()?;
        let cut = Rc::clone(&self.cut);
        share.account.on_cut(move |over| {
            cut.waiting.borrow_mut().push((conn, over));
            cut.wake.notify_one();
        });
        Some(share)
    }

    /// The client that was let in first could not be given its buffers.
    pub(super) fn failed(&self) {
        let share = self.let_in.borrow_mut().pop_front();
        drop(share);
    }

    /// Waits until there may be a client that has to go.
    pub(super) async fn cut(&self) {
        self.cut.wake.notified().await;
    }

    /// The clients that have to go.
    pub(super) fn take_cut(&self) -> Vec<(LocalConnId, OverBudget)> {
        self.cut.waiting.take()
    }
}
