// SPDX-License-Identifier: LGPL-2.1-or-later
//! When a daemon that was asked to end may. On a cluster node at once; on a remote node the cluster is asked first, and
//! answers when it has stopped what runs here.

use std::cell::RefCell;

use super::super::role;
use crate::capi::abi::BEHAVIOUR;
use crate::capi::entry::entry;
use crate::log_notice;
use crate::sys::glib::{Priority, Source};
use crate::sys::neighbours;

#[derive(Default)]
struct Ending {
    /// Ends the program, and need not return. Set while it was asked to end and has not.
    finish: Option<unsafe extern "C" fn()>,
    /// Until the cluster has answered, where the release waits no longer than that.
    limit: Option<Source>,
}

thread_local! {
    static ENDING: RefCell<Ending> = RefCell::default();
}

entry! {
    /// Has the daemon end, as main does when SIGTERM comes: `finish` is called once, at once or when the cluster has
    /// agreed that a remote node goes. A second call changes nothing.
    ///
    /// # Safety
    /// To be called by the main thread, from its main loop. `finish` may end the process.
    pub unsafe fn pcmk_remote_rs_server_shutdown(finish: Option<unsafe extern "C" fn()>) {
        if ENDING.with_borrow(|ending| ending.finish.is_some()) {
            return;
        }
        ENDING.with_borrow_mut(|ending| ending.finish = finish);
        if !asks_the_cluster() {
            return finish_if_asked();
        }
        if let Some(limit) = BEHAVIOUR.shutdown_answer_limit {
            let timer = Source::attach(c"pcmk-remote-rs shutdown", Priority::Default, || {
                log::warn!("The cluster has not answered the wish to end: ending");
                finish_if_asked();
            });
            timer.set_timer(Some(limit.into()));
            ENDING.with_borrow_mut(|ending| ending.limit = Some(timer));
        }
    }
}

/// Tells the cluster, if this is a remote node that one uses.
fn asks_the_cluster() -> bool {
    if !role::is_remote_daemon() {
        return false;
    }
    // SAFETY: functions of the program's whose only condition is the main thread; the provider is alive.
    unsafe {
        let Some(provider) = neighbours::ipc_proxy_get_provider().map(|provider| provider()) else {
            return false;
        };
        let Some(ask) = neighbours::ipc_proxy_shutdown_req().filter(|_| !provider.is_null()) else {
            return false;
        };
        if let Some(stop) = neighbours::execd_stop_tls_server() {
            stop();
        }
        ask(provider) == 0
    }
}

/// A client has left: if it was the last that carries the cluster's messages, there is none to wait for.
pub(super) fn client_left() {
    if !is_asked() || !role::is_remote_daemon() {
        return;
    }
    // SAFETY: a function of the program's without conditions.
    let provider = neighbours::ipc_proxy_get_provider().map(|provider| unsafe { provider() });
    if provider.is_none_or(|provider| provider.is_null()) {
        finish_if_asked();
    }
}

pub(super) fn acknowledged() {
    if is_asked() {
        log_notice!("The cluster has agreed that this node ends");
        drop(ENDING.with_borrow_mut(|ending| ending.limit.take()));
    }
}

/// In 2.1 an answer after an agreement is none.
pub(super) fn denied() {
    let waits = ENDING.with_borrow(|ending| ending.limit.is_some());
    if is_asked() && (waits || BEHAVIOUR.shutdown_answer_limit.is_none()) {
        log_notice!("The cluster does not take part in the end of this node");
        finish_if_asked();
    }
}

fn is_asked() -> bool {
    ENDING.with_borrow(|ending| ending.finish.is_some())
}

/// Ends the program if it was asked to.
pub(super) fn finish_if_asked() {
    let (finish, limit) = ENDING.with_borrow_mut(|ending| (ending.finish.take(), ending.limit.take()));
    drop(limit);
    if let Some(finish) = finish {
        // SAFETY: main's own function, in main's loop.
        unsafe { finish() };
    }
}
