// SPDX-License-Identifier: LGPL-2.1-or-later
//! In whose name a request of a remote node's client is made: that of the node, which is no user of ours, so that
//! access control lists for it apply and nobody there becomes root here.

use std::sync::OnceLock;

use crate::model::site;
use crate::sys::xmlnode::Node;
use crate::wire::names::attribute;

/// Whom the cluster's daemons allow everything.
const PRIVILEGED: [&str; 2] = ["root", site::CLUSTER_USER];
/// The role that access control lists know such clients by.
const ROLE: &str = "pacemaker-remote";
const ACL_ROLE: &str = "acl_role";
const ACL_TARGET: &str = "acl_target";

/// Writes into `request` whose it is: that of a client on `node`.
pub(super) fn sign(request: Node<'_>, node: &str) {
    let requested = request.attribute(ACL_TARGET).or_else(|| request.attribute(attribute::IPC_USER));
    let user = user(ourselves(), node, requested.as_deref());
    request.set_attribute(ACL_ROLE, ROLE);
    request.set_attribute(ACL_TARGET, user);
    request.set_attribute(attribute::IPC_USER, user);
}

/// Only between the privileged is a request in another's name allowed; anybody else speaks for himself.
fn user<'a>(ourselves: &'a str, peer: &'a str, requested: Option<&'a str>) -> &'a str {
    if !PRIVILEGED.contains(&ourselves) {
        ourselves
    } else if !PRIVILEGED.contains(&peer) {
        peer
    } else {
        requested.unwrap_or(peer)
    }
}

/// The name of the user that this process runs as.
fn ourselves() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| match nix::unistd::User::from_uid(nix::unistd::geteuid()) {
        Ok(Some(user)) => user.name,
        _ => site::UNKNOWN_USER.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::xmlnode::Document;

    #[test]
    fn a_client_of_a_node_is_the_node_whoever_it_says_it_is() {
        assert_eq!(user("hacluster", "node1", None), "node1");
        assert_eq!(user("root", "node1", Some("root")), "node1");
        // What cannot vouch for others is itself.
        assert_eq!(user("alice", "node1", Some("root")), "alice");
        // A node of such a name would be a trusted peer, as for upstream.
        assert_eq!(user("root", "root", Some("bob")), "bob");
        assert_eq!(user("root", "root", None), "root");
    }

    #[test]
    fn a_request_is_signed_in_all_places_that_are_looked_at() {
        let document = Document::new("cib_command");
        let request = document.root();
        request.set_attribute(ACL_TARGET, "root");
        sign(request, "node1");
        let expected = if PRIVILEGED.contains(&ourselves()) { "node1" } else { ourselves() };
        assert_eq!(request.attribute(ACL_ROLE).as_deref(), Some(ROLE));
        assert_eq!(request.attribute(ACL_TARGET).as_deref(), Some(expected));
        assert_eq!(request.attribute(attribute::IPC_USER).as_deref(), Some(expected));
    }
}
