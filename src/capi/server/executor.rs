// SPDX-License-Identifier: LGPL-2.1-or-later
//! The one executor of the process, and the program around it: its clients, its carriers, its fencer.

use std::ffi::c_int;
use std::rc::Rc;

use super::{clients, daemon, fencer, registry, role, trees};
use crate::capi::logging;
use crate::driver::glib::{Answer, Commands, FenceRun, Program};
use crate::model::{
    CallId, ClientId, Execution, FenceOrder, Notification, Outcome, Reply, Request, ResourceId,
};
use crate::sys::neighbours::{self, Name};
use crate::sys::xmlnode::Document;

/// What a program has that does not hide its names from the library.
pub(super) struct Around;

impl Program for Around {
    type Message = Option<Document>;

    fn named_clients(&self) -> Vec<ClientId> {
        clients::named()
    }

    fn has_client(&self, client: &ClientId) -> bool {
        clients::find(client).is_some()
    }

    fn encode(&self, notification: &Notification) -> Option<Document> {
        trees::notification(notification)
    }

    fn send(&self, to: &ClientId, message: &Option<Document>) {
        let (Some(message), Some(client)) = (message, clients::find(to)) else { return };
        let Some(send) = neighbours::lrmd_server_send_notify() else {
            return log::error!("A notification is lost: the program has no lrmd_server_send_notify");
        };
        // SAFETY: a living client, and a tree that stays ours; the pointer is not used afterwards.
        report(to, unsafe { send(client.cast(), message.root().as_raw()) });
    }

    fn fence(&self, run: FenceRun, attempt: u32, order: FenceOrder, execution: &Execution) -> bool {
        fencer::order(run, attempt, order, execution)
    }
}

/// What a client was not sent is not sent again: it has gone, or takes nothing.
fn report(to: &ClientId, rc: c_int) {
    match rc {
        0 => {}
        libc::ENOTCONN => log::info!("Could not notify client {to}: it is not connected"),
        rc => log::warn!("Could not notify client {to}: {}", nix::errno::Errno::from_raw(rc).desc()),
    }
}

thread_local! {
    static EXECUTOR: Rc<Commands<Around>> = {
        logging::install();
        check_neighbours();
        Rc::new(Commands::start(Around, !role::is_remote_daemon()))
    };
}

/// A program that is compiled with hidden names links without a word and is not heard.
fn check_neighbours() {
    let is_own = !neighbours::is_foreign(Name::lrmd_server_send_reply);
    if is_own && !daemon::is_used() {
        crate::log_critical!(
            "The program hides its function lrmd_server_send_reply from this library: link it without \
             -fvisibility=hidden. If it has none, its main must set start_time"
        );
    }
}

/// The executor, which begins with its first use. None when the thread ends.
pub(super) fn get() -> Option<Rc<Commands<Around>>> {
    EXECUTOR.try_with(Rc::clone).ok()
}

/// The fencer has carried out an order, or refused it.
pub(super) fn fenced(run: FenceRun, outcome: Outcome) {
    if let Some(executor) = get() {
        executor.fenced(run, outcome);
    }
}

/// Does what is asked about a resource, and keeps the program's table as the core has its resources. None: it is about
/// something else.
pub(super) fn ask(
    client: (&ClientId, &str),
    call_id: CallId,
    request: Request,
    reply: impl FnOnce(&Answer),
) -> Option<Answer> {
    let executor = get()?;
    let concerns = concerned(&request);
    executor.ask(client, call_id, request, |answer| {
        if let Some(id) = &concerns {
            if executor.knows(id) { registry::add(id) } else { registry::remove(id) }
        }
        reply(answer);
    })
}

/// The resource that a request makes known, or forgets.
fn concerned(request: &Request) -> Option<ResourceId> {
    match request {
        Request::RegisterResource { resource_id, .. } => resource_id.clone(),
        Request::UnregisterResource(resource_id) => resource_id.clone(),
        _ => None,
    }
}

/// Answers a client, if it is still there.
pub(super) fn reply(client: &ClientId, message_id: u32, reply: &Reply) {
    let (Some(tree), Some(found)) = (trees::reply(reply), clients::find(client)) else { return };
    let Some(send) = neighbours::lrmd_server_send_reply() else {
        return log::error!("A reply is lost: the program has no lrmd_server_send_reply");
    };
    // SAFETY: a living client, and a tree that stays ours; the pointer is not used afterwards.
    let rc = unsafe { send(found.cast(), message_id, tree.root().as_raw()) };
    if rc != 0 {
        log::info!("Could not answer client {client}: {}", nix::errno::Errno::from_raw(rc).desc());
    }
}
