// SPDX-License-Identifier: LGPL-2.1-or-later
//! How much memory what clients have asked for may hold: parameters, user data and names, of resources, of operations
//! that wait, run or recur, and of alerts in flight. It outlives the client that asked, as the cluster's operations must,
//! so it is bounded for all clients together.
use super::PeerId;
use super::refusal::Refusal;
use crate::model::Params;
use std::collections::BTreeMap;

/// Unless configured otherwise, in bytes. A cluster's operations have some 4 KiB each.
const DEFAULT_LIMIT: usize = 48 * 1024 * 1024;
const VARIABLE: &str = crate::model::options::PARAMETER_MEMORY.variable;
/// What a map's entry or an allocation costs beside its text, in bytes.
const ENTRY: usize = 96;

/// Bytes that are held for a client, who asked for it. Given back by [`Budget::release`].
#[derive(Debug)]
#[must_use]
pub(super) struct Charge {
    owner: PeerId,
    bytes: usize,
}

impl Charge {
    /// Who pays.
    pub(super) const fn owner(&self) -> PeerId {
        self.owner
    }
}

#[cfg(test)]
impl Charge {
    /// For what costs nothing.
    pub(super) const fn none() -> Self {
        Self { owner: PeerId(0), bytes: 0 }
    }
}

/// The account. Up to the limit everybody is served. Beyond it, up to half as much again, only those are who hold little,
/// so that who fills it does not keep the others out.
#[derive(Debug)]
pub(super) struct Budget {
    limit: usize,
    total: usize,
    by_owner: BTreeMap<PeerId, usize>,
    /// Whose refusal was the last to be told.
    told: Option<PeerId>,
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(DEFAULT_LIMIT)
    }
}

impl Budget {
    /// `limit`: in bytes.
    pub(super) const fn new(limit: usize) -> Self {
        Self { limit, total: 0, by_owner: BTreeMap::new(), told: None }
    }

    /// Takes so many bytes for `owner`.
    ///
    /// # Errors
    /// There is no room for so much of this owner's.
    pub(super) fn charge(&mut self, owner: PeerId, bytes: usize) -> Result<Charge, Refusal> {
        let mut charge = Charge { owner, bytes: 0 };
        self.raise(&mut charge, bytes)?;
        Ok(charge)
    }

    /// Makes a charge smaller or greater by so much.
    ///
    /// # Errors
    /// There is no room for so much of this owner's; the charge is as before.
    pub(super) fn change(&mut self, charge: &mut Charge, from: usize, to: usize) -> Result<(), Refusal> {
        if to > from {
            return self.raise(charge, to.saturating_sub(from));
        }
        let less = Charge { owner: charge.owner, bytes: from.saturating_sub(to).min(charge.bytes) };
        charge.bytes = charge.bytes.saturating_sub(less.bytes);
        self.release(&less);
        Ok(())
    }

    fn raise(&mut self, charge: &mut Charge, bytes: usize) -> Result<(), Refusal> {
        if !self.has_room(charge.owner, bytes) {
            return Err(Refusal::OverBudget);
        }
        self.take(charge.owner, bytes);
        charge.bytes = charge.bytes.saturating_add(bytes);
        Ok(())
    }

    /// What was held is free.
    pub(super) fn release(&mut self, charge: &Charge) {
        self.give_back(charge.owner, charge.bytes);
    }

    /// Is there room for so much more of this owner's?
    pub(super) fn has_room(&self, owner: PeerId, bytes: usize) -> bool {
        let total = self.total.saturating_add(bytes);
        let held = || self.by_owner.get(&owner).copied().unwrap_or_default().saturating_add(bytes);
        let few = || held() <= self.limit / 16 && total <= self.limit.saturating_add(self.limit / 2);
        total <= self.limit || few()
    }

    /// Counts so much for its owner, whether there is room or not.
    pub(super) fn take(&mut self, owner: PeerId, bytes: usize) {
        self.total = self.total.saturating_add(bytes);
        let held = self.by_owner.entry(owner).or_default();
        *held = held.saturating_add(bytes);
    }

    /// Counts so much less for its owner.
    pub(super) fn give_back(&mut self, owner: PeerId, bytes: usize) {
        self.total = self.total.saturating_sub(bytes);
        if let Some(held) = self.by_owner.get_mut(&owner) {
            *held = held.saturating_sub(bytes);
            if *held == 0 {
                self.by_owner.remove(&owner);
            }
        }
    }

    /// Why a client was refused, in words; None if that was told already and no other client was refused since.
    pub(super) fn explain(&mut self, owner: PeerId, name: &str) -> Option<String> {
        if self.told.replace(owner) == Some(owner) {
            return None;
        }
        let Self { limit, total, .. } = self;
        let held = self.by_owner.get(&owner).copied().unwrap_or_default();
        Some(format!(
            "requests of {name} are refused: names and parameters of resources, operations and alerts hold {total} \
             bytes, {held} of them for this client, and {limit} are the most ({VARIABLE} raises it)"
        ))
    }

    /// Bytes that are held.
    pub(super) const fn total(&self) -> usize {
        self.total
    }
}

/// What these texts cost, in bytes. What holds them is not counted: there are bounds on how many there are.
pub(super) fn cost(texts: &[Option<&str>], params: Option<&Params>) -> usize {
    let texts = texts.iter().flatten().map(|text| text.len());
    let pairs = params.into_iter().flat_map(Params::iter);
    let params = pairs.map(|(name, value)| name.len().saturating_add(value.len()).saturating_add(ENTRY));
    texts.chain(params).fold(0, usize::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1600;

    fn charge(budget: &mut Budget, owner: u64, bytes: usize) -> Option<Charge> {
        budget.charge(PeerId(owner), bytes).ok()
    }

    #[test]
    fn who_fills_it_is_refused_and_the_others_are_not() {
        let mut budget = Budget::new(LIMIT);
        let mut held = vec![charge(&mut budget, 1, 1000).unwrap(), charge(&mut budget, 1, 600).unwrap()];
        assert!(charge(&mut budget, 1, 1).is_none());
        held.push(charge(&mut budget, 2, 60).unwrap());
        assert!(charge(&mut budget, 2, 41).is_none(), "more than its share");
        held.push(charge(&mut budget, 2, 40).unwrap());
        for charge in &held {
            budget.release(charge);
        }
        assert!(budget.total == 0 && budget.by_owner.is_empty());
        assert!(charge(&mut budget, 2, LIMIT).is_some());
    }

    #[test]
    fn a_charge_that_cannot_grow_stays_as_it_was() {
        let mut budget = Budget::new(LIMIT);
        let mut held = charge(&mut budget, 1, 1000).unwrap();
        assert!(budget.change(&mut held, 400, 1100).is_err());
        assert_eq!((held.bytes, budget.total), (1000, 1000));
        assert!(budget.change(&mut held, 400, 0).is_ok() && budget.change(&mut held, 0, 900).is_ok());
        assert_eq!((held.bytes, budget.total), (1500, 1500));
    }

    #[test]
    fn a_client_s_refusals_are_told_once() {
        let mut budget = Budget::new(LIMIT);
        assert!(budget.explain(PeerId(1), "a").is_some_and(|line| line.contains(VARIABLE)));
        assert!(budget.explain(PeerId(1), "a").is_none() && budget.explain(PeerId(2), "b").is_some());
    }

    #[test]
    fn many_who_hold_little_cannot_exceed_it_by_more_than_half() {
        let mut budget = Budget::new(LIMIT);
        let taken = (0..1000).filter(|owner| charge(&mut budget, *owner, 100).is_some()).count();
        assert_eq!(taken, 24);
        assert!(charge(&mut budget, 2000, 100).is_none());
    }

    #[test]
    fn small_parts_cost_more_than_their_text() {
        let many: Params = (0..100).map(|number| (number.to_string(), "")).collect();
        let one: Params = [("x", "y".repeat(190))].into_iter().collect();
        assert!(cost(&[], Some(&many)) > 10 * cost(&[Some("x"), None], Some(&one)));
    }
}
