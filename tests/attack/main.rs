// SPDX-License-Identifier: LGPL-2.1-or-later
//! Hostile peers and servers against the real daemons, beside somebody who must not suffer from it. Each test has namespaces
//! of its own, as in tests/daemon. Bounds of time are generous: a busy machine must not fail a test, an attack must.
#![allow(clippy::disallowed_methods, reason = "tests start programs and measure time")]
#![allow(dead_code, reason = "the helpers of tests/daemon serve these tests too, in part")]

#[path = "../local_ipc/peer.rs"]
mod local_peer;
#[path = "../daemon/node.rs"]
mod node;
#[path = "../daemon/peer.rs"]
mod peer;
#[path = "../daemon/place.rs"]
mod place;

mod crowd;
mod floods;
mod impostor;
mod local_servers;
mod many_resources;
mod measure;
mod member;
mod memory;
mod newcomers;
mod providers;
mod starts;
mod time;
