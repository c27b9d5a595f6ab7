// SPDX-License-Identifier: LGPL-2.1-or-later
//! Who may connect, to what, and under which name.
use super::accounts::Accounts;
use super::config::{IpcConfig, LocalServer};
use crate::driver::clock::Clock;
use crate::driver::tokio::limited::{LINES, Limited, PERIOD};
use crate::model::site::UNKNOWN_USER;
use crate::sys::qb::{Candidate, Grant};
use log::{debug, warn};
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit};
use nix::unistd::{Uid, User};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

/// Largest buffers that a member of the cluster's group may ask for, in bytes; there are three.
const MEMBER_BUFFER: u64 = 4 * 1024 * 1024;
/// The same for root and the cluster's user.
const PRIVILEGED_BUFFER: u64 = 32 * 1024 * 1024;
/// Descriptors that local clients leave to the rest of the daemon.
const SPARE_DESCRIPTORS: u64 = 256;
/// The same for root and the cluster's user, so that members of the group cannot take every place from them.
const SPARE_OF_PRIVILEGED: u64 = 128;

/// The user whom the cluster's daemons run as.
#[derive(Clone, Copy)]
struct ClusterUser {
    uid: u32,
    gid: u32,
}

pub(super) struct Access {
    cluster: Option<ClusterUser>,
    buffer_size: u64,
    accept_proxied: Cell<bool>,
    /// Has a refusal been logged since a provider was last there?
    refusal_logged: Cell<bool>,
    clients: Cell<usize>,
    accounts: Rc<Accounts>,
    /// About local clients.
    lines: Rc<Limited>,
    names: RefCell<HashMap<u32, String>>,
}

impl Access {
    pub(super) fn new(config: &IpcConfig, accounts: Rc<Accounts>) -> Self {
        let user = User::from_name(&config.cluster_user).ok().flatten();
        if user.is_none() {
            warn!(
                "There is no user '{}', so that only root can use the local IPC servers: create the user and its \
                 group, then restart",
                config.cluster_user
            );
        }
        Self {
            cluster: user.map(|user| ClusterUser { uid: user.uid.as_raw(), gid: user.gid.as_raw() }),
            buffer_size: u64::from(config.buffer_size),
            accept_proxied: Cell::new(false),
            refusal_logged: Cell::new(false),
            clients: Cell::new(0),
            accounts,
            lines: Limited::new(Clock::start(), |count| {
                warn!(
                    "{count} more warnings about local clients within {PERIOD:?}; only the first {LINES} are written"
                );
            }),
            names: RefCell::default(),
        }
    }

    /// Warns of something that a local client has caused, unless there were many such lines.
    pub(super) fn warn(&self, line: fmt::Arguments<'_>) {
        self.lines.warn(line);
    }

    pub(super) fn set_accept_proxied(&self, accept: bool) {
        self.accept_proxied.set(accept);
        self.refusal_logged.set(false);
    }

    /// How many clients there are now.
    pub(super) fn count(&self, clients: usize) {
        self.clients.set(clients);
    }

    /// The answer to a client that wants to connect. libqb passes the error on to it.
    pub(super) fn admit(
        &self,
        name: &str,
        server: Option<LocalServer>,
        candidate: &Candidate,
    ) -> Result<Grant, Errno> {
        match server {
            None => return Err(Errno::EREMOTEIO), // This is how tools learn that they are on a remote node.
            Some(LocalServer::Proxied(_)) if !self.accept_proxied.get() => {
                let text = "no cluster node is connected";
                if self.refusal_logged.replace(true) {
                    debug!("Refused local client {} of {name}: {text}", candidate.pid);
                } else {
                    warn!(
                        "Refused local client {} of {name}: {text} (further ones at debug level)",
                        candidate.pid
                    );
                }
                return Err(Errno::EREMOTEIO);
            }
            Some(_) => {}
        }
        let grant = self.grant(candidate).ok_or_else(|| {
            debug!("Refused local client {} of {name}: user {} may not", candidate.pid, candidate.uid);
            Errno::EACCES
        })?;
        let privileged = self.is_privileged(candidate.uid);
        let largest = self.buffer_size.max(if privileged { PRIVILEGED_BUFFER } else { MEMBER_BUFFER });
        if candidate.buffer_size > largest {
            self.warn(format_args!(
                "Refused local client {} of {name}: it wants buffers of {} bytes, {largest} are the most",
                candidate.pid, candidate.buffer_size
            ));
            return Err(Errno::EMSGSIZE);
        }
        let descriptors = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft);
        if self.clients.get() as u64 >= places(descriptors, privileged) {
            self.warn(format_args!(
                "Refused local client {} of {name}: {} are connected; raise the daemon's limit of open files",
                candidate.pid,
                self.clients.get()
            ));
            return Err(Errno::EMFILE);
        }
        if !candidate.room {
            self.warn(format_args!(
                "Refused local client {} of {name}: no address space for its buffers; give the daemon more memory",
                candidate.pid
            ));
            return Err(Errno::ENOMEM);
        }
        if let Err(over) = self.accounts.let_in(candidate.uid, privileged, candidate.buffer_size) {
            self.warn(format_args!("Refused local client {} of {name}: {over}", candidate.pid));
            return Err(Errno::ENOMEM);
        }
        Ok(grant)
    }

    /// Root or the cluster's user.
    pub(super) fn is_privileged(&self, uid: u32) -> bool {
        uid == 0 || self.cluster.is_some_and(|cluster| cluster.uid == uid)
    }

    /// The login name of a user.
    pub(super) fn user_name(&self, uid: u32) -> String {
        let mut names = self.names.borrow_mut();
        let name = names.entry(uid).or_insert_with(|| match User::from_uid(Uid::from_raw(uid)) {
            Ok(Some(user)) => user.name,
            Ok(None) | Err(_) => UNKNOWN_USER.to_owned(),
        });
        name.clone()
    }

    /// Root, the cluster's user, and members of its primary group. Anybody else could not open the buffers, but
    /// would cost their memory until it disconnects.
    fn grant(&self, candidate: &Candidate) -> Option<Grant> {
        if candidate.uid == 0 {
            return Some(Grant::Owner);
        }
        let cluster = self.cluster?;
        let member = candidate.gid == cluster.gid || candidate.groups.contains(&cluster.gid);
        (candidate.uid == cluster.uid || member).then_some(Grant::Group(cluster.gid))
    }
}

/// How many local clients there may be before another one is refused.
fn places(descriptors: u64, privileged: bool) -> u64 {
    let spare = if privileged { SPARE_OF_PRIVILEGED } else { SPARE_DESCRIPTORS };
    descriptors.saturating_sub(spare).max(if privileged { 32 } else { 16 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ProxiedServer;

    fn access() -> Access {
        let config = IpcConfig { cluster_user: "root".to_owned(), ..IpcConfig::default() };
        let access = Access::new(&config, Rc::new(Accounts::new(&config)));
        Access { cluster: Some(ClusterUser { uid: 102, gid: 105 }), ..access }
    }

    fn candidate(uid: u32, gid: u32, groups: &[u32]) -> Candidate {
        Candidate { uid, gid, groups: groups.to_vec(), pid: 1, buffer_size: 131_072, room: true }
    }

    #[test]
    fn root_the_cluster_and_its_group_may_connect_and_only_two_are_privileged() {
        let access = access();
        let admit = |c: &Candidate| access.admit("lrmd", Some(LocalServer::Executor), c);
        assert!(matches!(admit(&candidate(0, 0, &[])), Ok(Grant::Owner)));
        assert!(matches!(admit(&candidate(102, 105, &[105])), Ok(Grant::Group(105))));
        assert!(matches!(admit(&candidate(1000, 1000, &[4, 105])), Ok(Grant::Group(105))));
        assert!(matches!(admit(&candidate(1000, 1000, &[4])), Err(Errno::EACCES)));
        assert!(access.is_privileged(0) && access.is_privileged(102) && !access.is_privileged(1000));
    }

    #[test]
    fn without_a_provider_everybody_hears_that_this_is_a_remote_node() {
        let access = access();
        let server = Some(LocalServer::Proxied(ProxiedServer::CibRo));
        let root = candidate(0, 0, &[]);
        assert!(matches!(access.admit("cib_ro", server, &root), Err(Errno::EREMOTEIO)));
        access.set_accept_proxied(true);
        assert!(access.admit("cib_ro", server, &root).is_ok());
        assert!(matches!(access.admit("pacemakerd", None, &root), Err(Errno::EREMOTEIO)));
    }

    #[test]
    fn nobody_gets_buffers_without_bound() {
        let access = access();
        let wanting = |uid, buffer_size| Candidate { buffer_size, ..candidate(uid, 105, &[]) };
        let admit = |c: &Candidate| access.admit("lrmd", Some(LocalServer::Executor), c).is_ok();
        assert!(admit(&wanting(0, PRIVILEGED_BUFFER)) && !admit(&wanting(0, PRIVILEGED_BUFFER + 1)));
        assert!(admit(&wanting(9, MEMBER_BUFFER)) && !admit(&wanting(9, MEMBER_BUFFER + 1)));
    }

    #[test]
    fn the_group_cannot_take_every_place_from_root_and_the_cluster() {
        for (descriptors, members, privileged) in [(1024, 768, 896), (256, 16, 128), (8, 16, 32)] {
            assert_eq!((places(descriptors, false), places(descriptors, true)), (members, privileged));
        }
        let access = access();
        access.count(usize::try_from(places(getrlimit(Resource::RLIMIT_NOFILE).unwrap().0, false)).unwrap());
        let admit = |c: &Candidate| access.admit("lrmd", Some(LocalServer::Executor), c);
        assert!(matches!(admit(&candidate(1000, 105, &[])), Err(Errno::EMFILE)));
        assert!(admit(&candidate(0, 0, &[])).is_ok() && admit(&candidate(102, 105, &[])).is_ok());
    }

    #[test]
    fn users_without_a_name_have_the_field_s_word_for_it() {
        assert_eq!(access().user_name(0), "root");
        assert_eq!(access().user_name(4_000_000_000), "#unprivileged");
    }
}
