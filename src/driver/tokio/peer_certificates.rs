// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is told of the certificates of peers that were accepted: each thing once a day.
use crate::driver::clock::seconds_since_1970;
use crate::sys::x509::{About, Time};
use crate::transport::credentials::{Notice, of_end};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// So many things are told in a day: reconnecting peers must not grow what is kept of them.
const MOST: usize = 256;
const DAY_S: i64 = 24 * 60 * 60;

/// What was told today.
#[derive(Debug, Default)]
pub(super) struct PeerCertificates {
    told: RefCell<(i64, BTreeSet<String>)>,
}

impl PeerCertificates {
    /// Logs what is to be said of the certificate of a peer that was accepted.
    pub(super) fn look_at(&self, address: IpAddr, about: &About) {
        for notice in self.news(address, about, seconds_since_1970()) {
            notice.log();
        }
    }

    fn news(&self, address: IpAddr, about: &About, now: i64) -> Vec<Notice> {
        let mut told = self.told.borrow_mut();
        let day = now.div_euclid(DAY_S);
        if told.0 != day {
            *told = (day, BTreeSet::new());
        }
        let what = format!("The certificate of {address}");
        let weak = about.weak_key.as_ref().map(|weak| {
            Notice::warning(format!("{what} ({}) was accepted, but its key is weak: {weak}", about.subject))
        });
        let found = of_end(&what, about, Time(now)).into_iter().chain(weak);
        found.filter(|notice| told.1.len() < MOST && told.1.insert(notice.topic().to_owned())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_is_near_is_told_once_a_day() {
        let peers = PeerCertificates::default();
        let about = |days: i64| About {
            subject: "CN=node".to_owned(),
            issuer: String::new(),
            serial: String::new(),
            not_before: None,
            not_after: Some(Time(days * DAY_S)),
            weak_key: None,
        };
        let address = IpAddr::from([192, 0, 2, 1]);
        let told = |days: i64, today: i64| peers.news(address, &about(days), today * DAY_S + 7).len();
        assert_eq!((told(100, 10), told(40, 11), told(40, 11), told(40, 12)), (0, 1, 0, 1));
    }
}
