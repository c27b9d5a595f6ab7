// SPDX-License-Identifier: LGPL-2.1-or-later
//! Layouts of Pacemaker's internal headers, which its daemons share with the library. They are the same in 2.1 and
//! 3.0.

use std::ffi::{c_char, c_int, c_void};

use super::api::Lrmd;

/// A session that a provider relays (`remote_proxy_t`). The library makes and frees it; callers read it and may hold
/// it in `proxy_table`.
#[repr(C)]
#[derive(Debug)]
pub struct RemoteProxy {
    /// The remote node; owned.
    pub node_name: *mut c_char,
    /// The session's id, which is its key in `proxy_table` too; owned.
    pub session_id: *mut c_char,
    /// Not 0: the server is the calling process itself.
    pub is_local: c_int,
    /// The connection to the server (`crm_ipc_t *`), or NULL.
    pub ipc: *mut c_void,
    /// What watches the connection (`mainloop_io_t *`), or NULL.
    pub source: *mut c_void,
    /// The client's number of the request that the server has not answered; 0: none.
    pub last_request_id: u32,
    /// The connection to the remote node, lent.
    pub lrm: *mut Lrmd,
}

/// A configured alert (`pcmk__alert_t`), as callers of `lrmd_send_*_alert()` list them.
#[repr(C)]
#[derive(Debug)]
pub struct Alert {
    /// Name in the configuration.
    pub id: *const c_char,
    /// The agent.
    pub path: *const c_char,
    /// Format of the time stamp, or NULL.
    pub tstamp_format: *const c_char,
    /// Whom to alert.
    pub recipient: *const c_char,
    /// Attributes of interest, ended by NULL; NULL: all.
    pub select_attribute_name: *const *const c_char,
    /// A GHashTable with the instance attributes, or NULL.
    pub envvars: *mut c_void,
    /// Limit in milliseconds.
    pub timeout: c_int,
    /// Events of interest: bits of `enum pcmk__alert_flags`.
    pub flags: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::offset_of;

    #[test]
    fn layouts_are_those_of_an_lp64_machine() {
        assert_eq!(size_of::<RemoteProxy>(), 56);
        assert_eq!(
            [
                offset_of!(RemoteProxy, session_id),
                offset_of!(RemoteProxy, is_local),
                offset_of!(RemoteProxy, ipc),
                offset_of!(RemoteProxy, source),
                offset_of!(RemoteProxy, last_request_id),
                offset_of!(RemoteProxy, lrm)
            ],
            [8, 16, 24, 32, 40, 48]
        );
        assert_eq!(size_of::<Alert>(), 56);
        assert_eq!(
            [
                offset_of!(Alert, select_attribute_name),
                offset_of!(Alert, envvars),
                offset_of!(Alert, timeout),
                offset_of!(Alert, flags)
            ],
            [32, 40, 48, 52]
        );
    }
}
