// SPDX-License-Identifier: LGPL-2.1-or-later
//! The byte budgets of the daemon: one for each class of peer, so that no class takes from another. What is counted: for
//! a remote peer its connection, messages that arrive, and what waits to be sent; for a local client the memory that
//! libqb shares with it, messages that arrive, and what waits to be sent. What a budget cannot hold ends the
//! connection that holds most of it; everybody else goes on.
use super::budget::{AccountId, Budget, Held, Overdraft};
use super::newcomers::Source;
use super::reclaim;
use crate::model::options::{self, ClusterOption};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

/// Changes of less are not reported: small requests cost nothing here.
const GRAIN: usize = 16 * 1024;

/// The most that each class may hold, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLimits {
    /// Connections whose handshake is not finished.
    pub unauthenticated: usize,
    /// Peers with the key.
    pub remote: usize,
    /// Local clients of root and the cluster's user.
    pub privileged: usize,
    /// Local clients of the cluster's group.
    pub members: usize,
    /// What agents have printed, until they have ended.
    pub output: usize,
    /// Names and parameters of resources, operations and alerts.
    pub parameters: usize,
}

const MIB: usize = 1024 * 1024;

impl Default for MemoryLimits {
    fn default() -> Self {
        Self {
            unauthenticated: 16 * MIB,
            remote: 80 * MIB,
            // 2000 clients with buffers of the usual size: 1200 are known to work with upstream's daemon.
            privileged: 1024 * MIB,
            members: 128 * MIB,
            output: 48 * MIB,
            parameters: 48 * MIB,
        }
    }
}

/// Why a peer is refused or cut: its class holds too much, and most of that is its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct OverBudget {
    who: &'static str,
    option: &'static ClusterOption,
    overdraft: Overdraft,
}

impl fmt::Display for OverBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { who, option, overdraft: Overdraft { held, total, limit } } = self;
        let variable = option.variable;
        write!(
            f,
            "it holds {held} of {total} bytes that {who} hold, {limit} are the most ({variable} raises it)"
        )
    }
}

type Cutter = Rc<dyn Fn(OverBudget)>;

/// The budget of one class, and how its peers are cut.
pub(super) struct Class<O> {
    who: &'static str,
    option: &'static ClusterOption,
    budget: RefCell<Budget<O>>,
    cutters: RefCell<BTreeMap<AccountId, Cutter>>,
}

impl<O: Copy + Ord> Class<O> {
    fn new(who: &'static str, option: &'static ClusterOption, limit: usize) -> Rc<Self> {
        let budget = RefCell::new(Budget::new(limit));
        Rc::new(Self { who, option, budget, cutters: RefCell::default() })
    }

    /// An account that holds nothing yet. `cut` is called at most once, from within a report, also of its own.
    pub(super) fn open(self: &Rc<Self>, owner: O, cut: impl Fn(OverBudget) + 'static) -> Account<O> {
        let id = self.budget.borrow_mut().open(owner);
        self.cutters.borrow_mut().insert(id, Rc::new(cut));
        Account { class: Rc::clone(self), id, reported: Cell::new((0, 0)) }
    }

    /// An account for somebody who will hold so many bytes at once. Is cut when [`Account::on_cut`] says how.
    ///
    /// # Errors
    /// There is no room, and no other owner holds more.
    pub(super) fn admit(self: &Rc<Self>, owner: O, bytes: usize) -> Result<Account<O>, OverBudget> {
        let admitted = self.budget.borrow_mut().admit(owner, bytes);
        let (id, cut) = admitted.map_err(|overdraft| self.over(overdraft))?;
        self.cut(cut);
        Ok(Account { class: Rc::clone(self), id, reported: Cell::new((bytes / GRAIN, 0)) })
    }

    fn over(&self, overdraft: Overdraft) -> OverBudget {
        OverBudget { who: self.who, option: self.option, overdraft }
    }

    fn cut(&self, cut: Vec<(AccountId, Overdraft)>) {
        for (id, overdraft) in cut {
            let cutter = self.cutters.borrow_mut().remove(&id);
            if let Some(cutter) = cutter {
                cutter(self.over(overdraft));
            }
        }
    }
}

/// One peer's account; closed when dropped.
pub(super) struct Account<O: Copy + Ord> {
    class: Rc<Class<O>>,
    id: AccountId,
    /// What was reported last, in grains.
    reported: Cell<(usize, usize)>,
}

impl<O: Copy + Ord> Account<O> {
    /// The peer holds so much. This may cut it, or others.
    pub(super) fn report(&self, held: Held) {
        let grains = (held.own / GRAIN, held.fresh / GRAIN);
        if self.reported.replace(grains) != grains {
            let cut = self.class.budget.borrow_mut().set(self.id, held);
            self.class.cut(cut);
        }
    }

    /// How it is cut; at most once, from within a report, also of its own.
    pub(super) fn on_cut(&self, cut: impl Fn(OverBudget) + 'static) {
        self.class.cutters.borrow_mut().insert(self.id, Rc::new(cut));
    }
}

impl<O: Copy + Ord> Drop for Account<O> {
    fn drop(&mut self) {
        let held = self.class.budget.borrow_mut().close(self.id);
        self.class.cutters.borrow_mut().remove(&self.id);
        reclaim::bytes_freed(held);
    }
}

/// All classes of peers.
pub(super) struct Memory {
    /// Owners are the sources of connections.
    pub(super) unauthenticated: Rc<Class<Source>>,
    pub(super) remote: Rc<Class<Source>>,
    /// Owners are users.
    pub(super) privileged: Rc<Class<u32>>,
    pub(super) members: Rc<Class<u32>>,
}

impl Memory {
    pub(super) fn new(limits: &MemoryLimits) -> Rc<Self> {
        Rc::new(Self {
            unauthenticated: Class::new(
                "connections without a finished handshake",
                &options::UNAUTHENTICATED_MEMORY,
                limits.unauthenticated,
            ),
            remote: Class::new("remote peers", &options::REMOTE_MEMORY, limits.remote),
            privileged: Class::new(
                "local clients of root and the cluster's user",
                &options::PRIVILEGED_MEMORY,
                limits.privileged,
            ),
            members: Class::new(
                "local clients of the cluster's group",
                &options::MEMBER_MEMORY,
                limits.members,
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_most_is_cut_with_a_line_that_says_what_to_do() {
        let memory = Memory::new(&MemoryLimits { members: MIB, ..MemoryLimits::default() });
        let lines = Rc::new(RefCell::new(Vec::new()));
        let note = |name: &'static str| {
            let lines = Rc::clone(&lines);
            move |over: OverBudget| lines.borrow_mut().push(format!("{name}: {over}"))
        };
        let greedy = memory.members.open(1, note("greedy"));
        let other = memory.privileged.open(1, note("other class"));
        let modest = memory.members.open(1, note("modest"));
        let report = |account: &Account<u32>, own| account.report(Held { own, fresh: 0 });
        report(&other, 100 * MIB);
        report(&greedy, MIB);
        report(&modest, GRAIN - 1);
        assert!(lines.borrow().is_empty());
        report(&greedy, 2 * MIB);
        let line = "greedy: it holds 2097152 of 2097152 bytes that local clients of the cluster's group hold, 1048576 \
                    are the most (PCMK_memory_members raises it)";
        assert_eq!(*lines.borrow(), [line]);
        assert!(memory.members.admit(2, MIB).is_ok() && memory.members.admit(2, 2 * MIB).is_err());
    }
}
