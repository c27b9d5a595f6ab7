// SPDX-License-Identifier: LGPL-2.1-or-later
//! How many bytes the peers of one class hold together, and which of them has to go when that is too much. Pure: who holds
//! what is reported by those who hold it.
//!
//! What has just been queued for a peer says nothing about it: it had no time to read. So that counts apart, with as
//! much room again, until it is known to be what the peer does not take.
use std::collections::BTreeMap;

/// Who holds less is not told apart by how much: of those the newest goes, so that many who hold little do not drive out
/// one that was there before, such as the cluster.
const LITTLE: usize = 1024 * 1024;

/// One peer's share of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct AccountId(u64);

/// What a peer holds, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    /// What is its own doing: what it has sent, or does not read.
    pub(super) own: usize,
    /// What it was sent just now.
    pub(super) fresh: usize,
}

impl Held {
    fn all(self) -> usize {
        self.own + self.fresh
    }
}

/// A budget that does not suffice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Overdraft {
    /// Bytes of the peer that is refused or cut.
    pub(super) held: usize,
    /// Bytes of all, with it.
    pub(super) total: usize,
    /// The most that all may hold.
    pub(super) limit: usize,
}

/// The accounts of a class. Each has an owner (a host or a user), who may have others.
#[derive(Debug)]
pub(super) struct Budget<O> {
    limit: usize,
    total: Held,
    accounts: BTreeMap<AccountId, (O, Held)>,
    last: u64,
}

impl<O: Copy + Ord> Budget<O> {
    /// `limit`: in bytes.
    pub(super) const fn new(limit: usize) -> Self {
        Self { limit, total: Held { own: 0, fresh: 0 }, accounts: BTreeMap::new(), last: 0 }
    }

    /// An account that holds nothing yet.
    pub(super) fn open(&mut self, owner: O) -> AccountId {
        self.last += 1;
        self.accounts.insert(AccountId(self.last), (owner, Held::default()));
        AccountId(self.last)
    }

    /// An account holds so much from now on. Those that have to go for it: they are closed.
    pub(super) fn set(&mut self, id: AccountId, now: Held) -> Vec<(AccountId, Overdraft)> {
        let Some((_, held)) = self.accounts.get_mut(&id) else { return Vec::new() };
        self.total.own = self.total.own - held.own + now.own;
        self.total.fresh = self.total.fresh - held.fresh + now.fresh;
        *held = now;
        let mut cut = Vec::new();
        while let Some(id) = self.next_to_go() {
            let total = self.total.all();
            let held = self.close(id);
            cut.push((id, Overdraft { held, total, limit: self.limit }));
        }
        cut
    }

    fn next_to_go(&self) -> Option<AccountId> {
        if self.total.own > self.limit {
            self.greatest(|held| held.own)
        } else if self.total.all() > self.limit.saturating_mul(2) {
            self.greatest(Held::all)
        } else {
            None
        }
    }

    /// An account for a newcomer of `owner` that will hold so many bytes at once, and those that have to go for it.
    ///
    /// # Errors
    /// The newcomer itself would have to go.
    pub(super) fn admit(
        &mut self,
        owner: O,
        bytes: usize,
    ) -> Result<(AccountId, Vec<(AccountId, Overdraft)>), Overdraft> {
        let overdraft = Overdraft { held: bytes, total: self.total.all() + bytes, limit: self.limit };
        if self.total.own + bytes > self.limit {
            let mut others = self.owned(|held| held.own);
            let own = others.remove(&owner).unwrap_or_default() + bytes;
            if others.into_values().max().is_none_or(|most| most <= own) {
                return Err(overdraft);
            }
        }
        let id = self.open(owner);
        let cut = self.set(id, Held { own: bytes, fresh: 0 });
        if cut.iter().any(|(gone, _)| *gone == id) { Err(overdraft) } else { Ok((id, cut)) }
    }

    /// Forgets an account; how much it held.
    pub(super) fn close(&mut self, id: AccountId) -> usize {
        let held = self.accounts.remove(&id).map_or_else(Held::default, |(_, held)| held);
        self.total.own -= held.own;
        self.total.fresh -= held.fresh;
        held.all()
    }

    fn owned(&self, count: fn(Held) -> usize) -> BTreeMap<O, usize> {
        let mut owned = BTreeMap::new();
        for (owner, held) in self.accounts.values() {
            *owned.entry(*owner).or_default() += count(*held);
        }
        owned
    }

    /// Of the owner who holds most, the account that holds most; the newest where that is little.
    fn greatest(&self, count: fn(Held) -> usize) -> Option<AccountId> {
        let (owner, _) = self.owned(count).into_iter().max_by_key(|(_, held)| *held)?;
        let of_owner = self.accounts.iter().filter(|(_, (other, held))| *other == owner && count(*held) > 0);
        of_owner.max_by_key(|(id, (_, held))| (count(*held).max(LITTLE), **id)).map(|(id, _)| *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    fn set(budget: &mut Budget<&'static str>, id: AccountId, own: usize) -> Vec<(AccountId, Overdraft)> {
        budget.set(id, Held { own, fresh: 0 })
    }

    fn gone(cut: &[(AccountId, Overdraft)]) -> Vec<AccountId> {
        cut.iter().map(|(id, _)| *id).collect()
    }

    #[test]
    fn the_one_that_holds_most_goes_whoever_asks_for_more() {
        let mut budget = Budget::new(10 * MIB);
        let [provider, greedy, other] = [(); 3].map(|()| budget.open("host"));
        assert!(
            set(&mut budget, provider, 2 * MIB).is_empty() && set(&mut budget, greedy, 7 * MIB).is_empty()
        );
        let cut = set(&mut budget, other, 3 * MIB);
        let overdraft = Overdraft { held: 7 * MIB, total: 12 * MIB, limit: 10 * MIB };
        assert_eq!(cut, [(greedy, overdraft)]);
        assert_eq!(budget.total.all(), 5 * MIB);
        assert!(set(&mut budget, greedy, 9 * MIB).is_empty(), "it is closed");
        assert_eq!(gone(&set(&mut budget, other, 9 * MIB)), [other]);
        assert_eq!((budget.close(provider), budget.total.all()), (2 * MIB, 0));
    }

    #[test]
    fn an_owner_with_many_accounts_is_seen_as_a_whole() {
        let mut budget = Budget::new(10 * MIB);
        let provider = budget.open("cluster");
        set(&mut budget, provider, 3 * MIB);
        let crowd = [(); 8].map(|()| budget.open("attacker"));
        let cut: Vec<_> = crowd.iter().flat_map(|id| gone(&set(&mut budget, *id, MIB))).collect();
        assert_eq!(cut, [crowd[7]]);
    }

    #[test]
    fn many_that_hold_little_do_not_drive_out_who_was_there_before() {
        let mut budget = Budget::new(2 * MIB);
        let provider = budget.open("host");
        set(&mut budget, provider, MIB / 2);
        for _ in 0..100 {
            let id = budget.open("host");
            assert!(!gone(&set(&mut budget, id, MIB / 8)).contains(&provider));
        }
        assert_eq!(budget.total.all(), 2 * MIB);
    }

    #[test]
    fn a_newcomer_is_refused_unless_another_owner_holds_more() {
        let mut budget = Budget::new(10 * MIB);
        let (first, _) = budget.admit(1000, 8 * MIB).unwrap();
        assert_eq!(
            budget.admit(1000, 3 * MIB),
            Err(Overdraft { held: 3 * MIB, total: 11 * MIB, limit: 10 * MIB })
        );
        let (_, cut) = budget.admit(2000, 3 * MIB).unwrap();
        assert_eq!(gone(&cut), [first]);
        assert!(budget.admit(1000, 11 * MIB).is_err(), "more than there is for all");
        assert_eq!(budget.total.all(), 3 * MIB);
    }

    #[test]
    fn who_had_no_time_to_read_is_not_cut_before_who_does_not_read() {
        let mut budget = Budget::new(10 * MIB);
        let [reader, deaf] = [(); 2].map(|()| budget.open("host"));
        for id in [reader, deaf] {
            assert!(budget.set(id, Held { own: 0, fresh: 8 * MIB }).is_empty());
        }
        assert!(budget.set(deaf, Held { own: 8 * MIB, fresh: 0 }).is_empty());
        let cut = budget.set(deaf, Held { own: 11 * MIB, fresh: 0 });
        assert_eq!(gone(&cut), [deaf]);
        assert_eq!(gone(&budget.set(reader, Held { own: 0, fresh: 21 * MIB })), [reader]);
    }
}
