// SPDX-License-Identifier: LGPL-2.1-or-later
//! How many bytes the peers of one class hold together, and which of them has to go when that is too much. Pure: who holds
//! what is reported by those who hold it.
use std::collections::BTreeMap;

/// Who holds less is not told apart by how much: of those the newest goes, so that many who hold little do not drive out
/// one that was there before, such as the cluster.
const LITTLE: usize = 1024 * 1024;

/// One peer's share of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct AccountId(u64);

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
    total: usize,
    accounts: BTreeMap<AccountId, (O, usize)>,
    last: u64,
}

impl<O: Copy + Ord> Budget<O> {
    /// `limit`: in bytes.
    pub(super) const fn new(limit: usize) -> Self {
        Self { limit, total: 0, accounts: BTreeMap::new(), last: 0 }
    }

    /// An account that holds nothing yet.
    pub(super) fn open(&mut self, owner: O) -> AccountId {
        self.last += 1;
        self.accounts.insert(AccountId(self.last), (owner, 0));
        AccountId(self.last)
    }

    /// An account holds so many bytes from now on. Those that have to go for it: they are closed.
    pub(super) fn set(&mut self, id: AccountId, bytes: usize) -> Vec<(AccountId, Overdraft)> {
        let Some((_, held)) = self.accounts.get_mut(&id) else { return Vec::new() };
        self.total = self.total - *held + bytes;
        *held = bytes;
        let mut cut = Vec::new();
        while self.total > self.limit
            && let Some((id, held)) = self.greatest()
        {
            cut.push((id, Overdraft { held, total: self.total, limit: self.limit }));
            self.close(id);
        }
        cut
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
        let overdraft = Overdraft { held: bytes, total: self.total + bytes, limit: self.limit };
        if overdraft.total > self.limit {
            let mut others = self.owned();
            let own = others.remove(&owner).unwrap_or_default() + bytes;
            if others.into_values().max().is_none_or(|most| most <= own) {
                return Err(overdraft);
            }
        }
        let id = self.open(owner);
        let cut = self.set(id, bytes);
        if cut.iter().any(|(gone, _)| *gone == id) { Err(overdraft) } else { Ok((id, cut)) }
    }

    /// Forgets an account; how much it held.
    pub(super) fn close(&mut self, id: AccountId) -> usize {
        let held = self.accounts.remove(&id).map_or(0, |(_, held)| held);
        self.total -= held;
        held
    }

    fn owned(&self) -> BTreeMap<O, usize> {
        let mut owned = BTreeMap::new();
        for (owner, held) in self.accounts.values() {
            *owned.entry(*owner).or_default() += held;
        }
        owned
    }

    /// Of the owner who holds most, the account that holds most; the newest where that is little.
    fn greatest(&self) -> Option<(AccountId, usize)> {
        let (owner, _) = self.owned().into_iter().max_by_key(|(_, held)| *held)?;
        let of_owner = self.accounts.iter().filter(|(_, (other, held))| *other == owner && *held > 0);
        of_owner.max_by_key(|(id, (_, held))| ((*held).max(LITTLE), **id)).map(|(id, (_, held))| (*id, *held))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    fn gone(cut: &[(AccountId, Overdraft)]) -> Vec<AccountId> {
        cut.iter().map(|(id, _)| *id).collect()
    }

    #[test]
    fn the_one_that_holds_most_goes_whoever_asks_for_more() {
        let mut budget = Budget::new(10 * MIB);
        let [provider, greedy, other] = [(); 3].map(|()| budget.open("host"));
        assert!(budget.set(provider, 2 * MIB).is_empty() && budget.set(greedy, 7 * MIB).is_empty());
        let cut = budget.set(other, 3 * MIB);
        let overdraft = Overdraft { held: 7 * MIB, total: 12 * MIB, limit: 10 * MIB };
        assert_eq!(cut, [(greedy, overdraft)]);
        assert_eq!(budget.total, 5 * MIB);
        assert!(budget.set(greedy, 9 * MIB).is_empty(), "it is closed");
        assert_eq!(gone(&budget.set(other, 9 * MIB)), [other]);
        assert_eq!((budget.close(provider), budget.total), (2 * MIB, 0));
    }

    #[test]
    fn an_owner_with_many_accounts_is_seen_as_a_whole() {
        let mut budget = Budget::new(10 * MIB);
        let provider = budget.open("cluster");
        budget.set(provider, 3 * MIB);
        let crowd = [(); 8].map(|()| budget.open("attacker"));
        let cut: Vec<_> = crowd.iter().flat_map(|id| gone(&budget.set(*id, MIB))).collect();
        assert_eq!(cut, [crowd[7]]);
    }

    #[test]
    fn many_that_hold_little_do_not_drive_out_who_was_there_before() {
        let mut budget = Budget::new(2 * MIB);
        let provider = budget.open("host");
        budget.set(provider, MIB / 2);
        for _ in 0..100 {
            let id = budget.open("host");
            assert!(!gone(&budget.set(id, MIB / 8)).contains(&provider));
        }
        assert_eq!(budget.total, 2 * MIB);
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
        assert_eq!(budget.total, 3 * MIB);
    }
}
