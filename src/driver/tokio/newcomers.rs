// SPDX-License-Identifier: LGPL-2.1-or-later
//! Who may wait for the end of its TLS handshake, and who has to make room: decisions alone, without sockets or a clock.
//!
//! A newcomer always gets a place. When all places are taken, the oldest connection of the source that holds most is
//! evicted, so that a source can take places from itself and from greater ones only. Above half of the places the time for
//! a handshake is shorter, and connections that are late are evicted when the next newcomer comes.
use crate::model::Moment;
use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// Time for a handshake while at least half of the places are taken: enough for a round trip of more than a second.
const PATIENCE_HALF: Duration = Duration::from_secs(5);
/// The same from three quarters on.
const PATIENCE_THREE_QUARTERS: Duration = Duration::from_secs(2);

/// Where a connection comes from, as far as one party can choose its address there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Source {
    /// One IPv4 address, also when it is written as an IPv6 one.
    V4(Ipv4Addr),
    /// The /64 network of an IPv6 address: a host can have every address of it.
    V6([u16; 4]),
}

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self::V6([a, b, c, d])
            }
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::V4(address) => address.fmt(f),
            Self::V6([a, b, c, d]) => write!(f, "{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)),
        }
    }
}

/// A place's number; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

/// The places. `T`: what the caller needs to evict a connection.
#[derive(Debug)]
pub(super) struct Newcomers<T> {
    /// In the order of coming.
    held: Vec<Held<T>>,
    by_source: HashMap<Source, usize>,
    next: u64,
    places: usize,
}

#[derive(Debug)]
struct Held<T> {
    ticket: Ticket,
    source: Source,
    since: Moment,
    connection: T,
}

impl<T> Newcomers<T> {
    /// So many places, one at least.
    pub(super) fn new(places: usize) -> Self {
        Self { held: Vec::new(), by_source: HashMap::new(), next: 0, places: places.max(1) }
    }

    /// A place for `connection`. Those that come out are evicted for it: they are late, or have to make room.
    pub(super) fn enter(&mut self, source: Source, now: Moment, connection: T) -> (Ticket, Vec<T>) {
        let patience = self.patience();
        let is_late = |held: &Held<T>| now.since(held.since) >= patience;
        let late = self.held.iter().position(|held| !is_late(held)).unwrap_or(self.held.len());
        let mut evicted: Vec<_> = self.held.drain(..late).collect();
        for held in &evicted {
            Self::forget(&mut self.by_source, held.source);
        }
        if self.held.len() >= self.places {
            evicted.extend(self.oldest_of_the_greatest());
        }
        let ticket = Ticket(self.next);
        self.next += 1;
        self.held.push(Held { ticket, source, since: now, connection });
        *self.by_source.entry(source).or_default() += 1;
        (ticket, evicted.into_iter().map(|held| held.connection).collect())
    }

    /// Gives a place back; does nothing when its connection was evicted.
    pub(super) fn leave(&mut self, ticket: Ticket) {
        if let Ok(at) = self.held.binary_search_by_key(&ticket, |held| held.ticket) {
            self.remove(at);
        }
    }

    /// The source that holds most places, and how many.
    pub(super) fn greatest(&self) -> Option<(Source, usize)> {
        self.by_source.iter().map(|(source, count)| (*source, *count)).max_by_key(|(_, count)| *count)
    }

    /// How long a handshake may take now, beside the limit that each connection keeps by itself.
    fn patience(&self) -> Duration {
        match self.held.len() {
            held if held * 4 >= self.places * 3 => PATIENCE_THREE_QUARTERS,
            held if held * 2 >= self.places => PATIENCE_HALF,
            _ => Duration::MAX,
        }
    }

    /// Among several greatest sources it is the oldest connection of all of them.
    fn oldest_of_the_greatest(&mut self) -> Option<Held<T>> {
        let most = self.by_source.values().copied().max()?;
        let at = self.held.iter().position(|held| self.by_source.get(&held.source) == Some(&most))?;
        Some(self.remove(at))
    }

    fn remove(&mut self, at: usize) -> Held<T> {
        let held = self.held.remove(at);
        Self::forget(&mut self.by_source, held.source);
        held
    }

    fn forget(by_source: &mut HashMap<Source, usize>, source: Source) {
        if let Some(count) = by_source.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                by_source.remove(&source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment::new(Duration::from_millis(ms))
    }

    #[test]
    fn sources_are_what_one_party_can_choose_from() {
        for (address, source) in [
            ("10.0.0.1", "10.0.0.1"),
            ("::ffff:10.0.0.1", "10.0.0.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
            ("2001:db8:1:3::", "2001:db8:1:3::/64"),
            ("::1", "::/64"),
        ] {
            assert_eq!(Source::from(address.parse::<IpAddr>().unwrap()).to_string(), source, "{address}");
        }
    }

    /// Enters one connection for each word: a source's letter, and the milliseconds since the last one. A word that begins
    /// with '-' gives the place of that number back. Connections are numbered from 0.
    fn evicted(places: usize, words: &str) -> Vec<u64> {
        let mut newcomers = Newcomers::new(places);
        let (mut now, mut evicted) = (0, Vec::new());
        for word in words.split(' ') {
            let (letter, rest) = word.split_at(1);
            let number: u64 = rest.parse().unwrap();
            if letter == "-" {
                newcomers.leave(Ticket(number));
                continue;
            }
            now += number;
            let source = Source::V4([10, 0, 0, letter.as_bytes()[0]].into());
            let number = newcomers.next;
            let (ticket, out) = newcomers.enter(source, at(now), number);
            assert_eq!(ticket, Ticket(number));
            assert!(newcomers.held.len() <= places);
            assert_eq!(newcomers.by_source.values().sum::<usize>(), newcomers.held.len());
            evicted.extend(out);
        }
        evicted
    }

    #[test]
    fn who_has_to_make_room() {
        let none: &[u64] = &[];
        for (what, places, words, expected) in [
            ("there is room", 4, "a0 a0 b0 c0", none),
            ("the oldest of the source that holds most", 4, "b0 a0 a0 c0 d0", &[1]),
            ("its own oldest, when it holds most", 4, "b0 a0 a0 a0 a0 a0", &[1, 2]),
            ("a source that fills all places keeps none from another", 4, "a0 a0 a0 a0 b0 c0 d0", &[0, 1, 2]),
            ("the oldest of all, when all are alike", 3, "a0 b0 c0 d0", &[0]),
            ("a place that was given back is free", 3, "a0 b0 c0 -1 d0", none),
            ("a place is given back once", 3, "a0 b0 c0 d0 -0 e0", &[0, 1]),
            ("one place is always there", 0, "a0", none),
        ] {
            assert_eq!(evicted(places.max(1), words), expected, "{what}");
        }
    }

    #[test]
    fn a_handshake_has_less_time_when_many_wait() {
        let none: &[u64] = &[];
        for (what, words, expected) in [
            ("below half only the connection's own limit counts", "a0 a0 a0 a60000", none),
            ("from half on five seconds", "a0 a0 a0 a0 b4999", none),
            ("and then", "a0 a0 a0 a4000 b1000", &[0, 1, 2]),
            ("from three quarters on two seconds", "a0 a0 a0 a0 a0 a0 b1999", none),
            ("the late ones, from whomever they are", "a0 b0 a0 a0 a1000 a0 b1000", &[0, 1, 2, 3]),
        ] {
            assert_eq!(evicted(8, words), expected, "{what}");
        }
    }

    #[test]
    fn silent_peers_of_a_hundred_sources_do_not_touch_one_of_another_source() {
        let mut newcomers = Newcomers::new(256);
        for number in 0..1000_u32 {
            let source = Source::V4([127, 0, 1, u8::try_from(number % 100).unwrap()].into());
            newcomers.enter(source, at(0), number);
        }
        let (_, evicted) = newcomers.enter(Source::V4([10, 0, 0, 1].into()), at(0), 5000);
        assert_eq!(evicted.len(), 1);
        for number in 0..1000_u32 {
            let source = Source::V4([127, 0, 1, u8::try_from(number % 100).unwrap()].into());
            let (_, evicted) = newcomers.enter(source, at(0), number);
            assert!(!evicted.contains(&5000), "{number}");
        }
        assert_eq!(newcomers.greatest().map(|(_, count)| count), Some(3));
    }
}
