// SPDX-License-Identifier: LGPL-2.1-or-later
//! Files that change under a server in use: whole sets are taken, anything else leaves the last good one.
use crate::VERSIONS;
use crate::pair::{Pair, client, judge, now, server};
use crate::pki;
use pcmk_remote_rs::model::certificate_files::CertificateFiles;
use pcmk_remote_rs::sys::tls::{Policy, TlsVersion};
use pcmk_remote_rs::transport::credentials::{Credentials, Notice};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A directory with a set of its own.
struct Place(tempfile::TempDir);

impl Place {
    fn new(cert: &str, ca: &str) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.put(&pki::files(cert, cert, ca, "none"));
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn files(&self) -> CertificateFiles {
        let [ca, crl, cert, key] = ["ca", "crl", "cert", "key"].map(|name| self.path(name));
        CertificateFiles { ca, crl: Some(crl), cert, key }
    }

    /// Writes the files of another set over those that are there, one after the other.
    fn put(&self, files: &CertificateFiles) {
        let own = self.files();
        for (from, to) in [
            (&files.ca, &own.ca),
            (&files.key, &own.key),
            (&files.cert, &own.cert),
            (files.crl.as_ref().unwrap(), own.crl.as_ref().unwrap()),
        ] {
            fs::write(to, fs::read(from).unwrap()).unwrap();
            fs::set_permissions(to, fs::Permissions::from_mode(0o640)).unwrap();
        }
    }

    /// The same by other files that are renamed over them.
    fn rename(&self, files: &CertificateFiles) {
        for (from, name) in [(&files.key, "key"), (&files.cert, "cert")] {
            fs::copy(from, self.path("new")).unwrap();
            fs::rename(self.path("new"), self.path(name)).unwrap();
        }
    }

    /// The same by a link to a directory, as it is done where secrets are mounted: all files change at one moment.
    fn relink(&self, name: &str, files: &CertificateFiles) {
        let directory = self.path(name);
        fs::create_dir_all(&directory).unwrap();
        for (from, file) in [(&files.key, "key"), (&files.cert, "cert")] {
            fs::copy(from, directory.join(file)).unwrap();
            let link = self.path("link");
            symlink(format!("data/{file}"), &link).unwrap();
            let is_linked = fs::symlink_metadata(self.path(file)).unwrap().is_symlink();
            if is_linked {
                fs::remove_file(link).unwrap()
            } else {
                fs::rename(link, self.path(file)).unwrap()
            }
        }
        symlink(name, self.path("next")).unwrap();
        fs::rename(self.path("next"), self.path("data")).unwrap();
    }
}

fn shown(credentials: &mut Credentials, version: TlsVersion) -> String {
    let mut peer = judge(&pki::files("p384", "p384", "root", "-"), version);
    let mut pair = Pair::new(client(&mut peer), server(credentials));
    let talk = pair.talk();
    assert_eq!(talk.outcome(), "accept", "{talk:?}");
    pair.client.peer_certificate().unwrap().subject
}

#[test]
fn no_handshake_fails_while_sets_are_replaced_a_hundred_times() {
    let place = Arc::new(Place::new("node", "root"));
    let mut credentials = Credentials::with_certificates(place.files(), Policy::with_certificates());
    credentials.server_context().unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let writer = {
        let (place, done) = (Arc::clone(&place), Arc::clone(&done));
        std::thread::spawn(move || {
            for round in 0..100 {
                let name = ["node", "rsa2048"][round % 2];
                let files = pki::files(name, name, "root", "none");
                match round / 34 {
                    0 => place.put(&files),
                    1 => place.rename(&files),
                    _ => place.relink(&format!("set-{name}-{round}"), &files),
                }
            }
            done.store(true, Ordering::Release);
        })
    };
    let (mut subjects, mut handshakes, mut time) = (BTreeSet::new(), 0, now());
    while !done.load(Ordering::Acquire) || subjects.len() < 2 {
        credentials.follow(time);
        subjects.insert(shown(&mut credentials, VERSIONS[handshakes % 2]));
        (handshakes, time) = (handshakes + 1, time + 1);
        if done.load(Ordering::Acquire) && subjects.len() < 2 {
            place.rename(&pki::files("node", "node", "root", "none"));
        }
    }
    writer.join().unwrap();
    place.rename(&pki::files("ed25519", "ed25519", "root", "none"));
    credentials.follow(time);
    assert_eq!(shown(&mut credentials, TlsVersion::Tls13), "CN=ed25519,O=Cluster");
    assert!(
        subjects.is_subset(&["CN=node,O=Cluster".to_owned(), "CN=rsa2048,O=Cluster".to_owned()].into()),
        "{subjects:?}"
    );
}

fn errors(notices: &[Notice]) -> Vec<&str> {
    notices.iter().filter(|notice| notice.is_error()).map(|notice| notice.text.as_str()).collect()
}

/// One way to spoil a set.
type Spoil = fn(&Place);

#[test]
fn whatever_is_no_whole_set_leaves_the_last_good_one_and_is_told_once() {
    let spoiled: [(&str, Spoil, &str); 10] = [
        ("another key", |place| copy("key/p384.pem", &place.path("key")), "does not belong to the key in"),
        (
            "another certificate",
            |place| copy("cert/p384.pem", &place.path("cert")),
            "does not belong to the key in",
        ),
        ("another authority", |place| copy("cert/root2.pem", &place.path("ca")), "only some of the files"),
        ("no key", |place| fs::remove_file(place.path("key")).unwrap(), "it does not exist"),
        ("a FIFO", |place| special(&place.path("crl")), "not a regular file"),
        (
            "a directory",
            |place| {
                fs::remove_file(place.path("ca")).unwrap();
                fs::create_dir(place.path("ca")).unwrap();
            },
            "not a regular file",
        ),
        (
            "a link to nothing",
            |place| {
                fs::remove_file(place.path("cert")).unwrap();
                symlink("nothing", place.path("cert")).unwrap();
            },
            "it does not exist",
        ),
        ("half a file", |place| copy("file/cut.pem", &place.path("cert")), "X.509 certificate file"),
        ("an empty list", |place| copy("file/empty", &place.path("crl")), "it is empty"),
        (
            "a weak key",
            |place| {
                copy("key/rsa768.pem", &place.path("key"));
                copy("cert/rsa768.pem", &place.path("cert"));
            },
            "too small",
        ),
    ];
    for (what, spoil, words) in spoiled {
        let place = Place::new("node", "root");
        let mut credentials = Credentials::with_certificates(place.files(), Policy::with_certificates());
        let before = credentials.server_context().unwrap();
        let mut time = now();
        credentials.follow(time);
        assert!(credentials.take_notices().is_empty(), "{what}");
        spoil(&place);
        for _ in 0..3 {
            time += 10;
            credentials.follow(time);
            assert!(Arc::ptr_eq(&before, &credentials.server_context().unwrap()), "{what}");
        }
        let notices = credentials.take_notices();
        let [error] = errors(&notices)[..] else { panic!("{what}: {notices:?}") };
        assert!(
            error.contains("are not used, those from before stay in use") && error.contains(words),
            "{what}: {error}"
        );
        // A whole new set is taken, whatever was there between.
        let _ = fs::remove_dir(place.path("ca"));
        for name in ["crl", "cert"] {
            let _ = fs::remove_file(place.path(name));
        }
        place.put(&pki::files("rsa2048", "rsa2048", "root", "none"));
        credentials.follow(time + 10);
        let notices = credentials.take_notices();
        assert!(
            matches!(&notices[..], [one] if one.text.starts_with("New certificates are in use") && !one.is_error()),
            "{what}: {notices:?}"
        );
        assert_eq!(shown(&mut credentials, TlsVersion::Tls13), "CN=rsa2048,O=Cluster", "{what}");
    }
}

fn copy(from: &str, to: &Path) {
    fs::copy(pki::directory().join(from), to).unwrap();
}

fn special(path: &Path) {
    fs::remove_file(path).unwrap();
    nix::unistd::mkfifo(path, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
}

#[test]
fn a_reload_takes_authorities_that_do_not_vouch_for_the_certificate() {
    let place = Place::new("node", "root");
    let mut credentials = Credentials::with_certificates(place.files(), Policy::with_certificates());
    let before = credentials.server_context().unwrap();
    copy("cert/root2.pem", &place.path("ca"));
    credentials.follow(now());
    assert!(Arc::ptr_eq(&before, &credentials.server_context().unwrap()));
    credentials.reload(now());
    assert!(!Arc::ptr_eq(&before, &credentials.server_context().unwrap()));
    let mut pair = Pair::new(
        client(&mut judge(&pki::files("foreign", "foreign", "root", "-"), TlsVersion::Tls13)),
        server(&mut credentials),
    );
    assert_eq!(pair.talk().outcome(), "accept");
}

#[test]
fn a_change_that_leaves_size_and_second_as_they_were_counts() {
    let place = Place::new("node", "root");
    let mut credentials = Credentials::with_certificates(place.files(), Policy::with_certificates());
    credentials.server_context().unwrap();
    let time = now();
    credentials.follow(time);
    let two = fs::read(place.path("crl")).unwrap();
    fs::write(place.path("crl"), b"x".repeat(two.len())).unwrap();
    fs::write(place.path("crl"), fs::read(pki::directory().join("crl/node.pem")).unwrap()).unwrap();
    credentials.follow(time + 1);
    let listed = client(&mut judge(&pki::files("node", "node", "root", "-"), TlsVersion::Tls12));
    assert_eq!(Pair::new(listed, server(&mut credentials)).talk().outcome(), "refuse");
}

#[test]
fn ends_are_told_at_30_7_and_1_days_and_each_day_after() {
    let start = now();
    let told = |cert: &str, crl: &str, days: std::ops::Range<i64>| {
        let mut credentials = judge(&pki::files(cert, cert, "root", crl), TlsVersion::Tls13);
        credentials.server_context().unwrap();
        let mut told = Vec::new();
        for hour in days.start * 24..days.end * 24 {
            credentials.follow(start + hour * 60 * 60);
            told.extend(credentials.take_notices().into_iter().map(|notice| (hour / 24, notice)));
        }
        told
    };
    let days = |told: &[(i64, Notice)], words: &str| -> Vec<i64> {
        told.iter().filter(|(_, notice)| notice.text.contains(words)).map(|(day, _)| *day).collect()
    };
    let soon = told("soon", "-", 0..13);
    // Made up to two days ago, for ten days.
    let end = soon.iter().find(|(_, notice)| notice.text.contains("has expired on")).unwrap().0;
    assert_eq!(
        days(&soon, "(CN=soon"),
        [vec![0, end - 7, end - 1], (end..13).collect()].concat(),
        "{soon:?}"
    );
    let levels: Vec<_> = soon.iter().take(3).map(|(_, notice)| notice.is_error()).collect();
    assert_eq!(levels, [false, false, true]);
    let (node, last) = (told("node", "-", 300..366), 366);
    for (words, name) in [("The certificate of this node", "node"), ("An authority in", "Cluster CA")] {
        let found = days(&node, words);
        let end = *found.iter().find(|day| days(&node, "has expired on").contains(day)).unwrap();
        let expected = [vec![end - 30, end - 7, end - 1], (end..last).collect()].concat();
        assert_eq!(found, expected, "{name}: {node:?}");
    }
    let list = told("node", "none", 0..40);
    let stale = days(&list, "there should have been a newer one")[0];
    assert_eq!(days(&list, "should be replaced by"), [stale - 7, stale - 1], "{list:?}");
    assert_eq!(days(&list, "there should have been a newer one"), [stale]);
}
