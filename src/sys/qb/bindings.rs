// SPDX-License-Identifier: LGPL-2.1-or-later
//! The part of libqb that we use. Made by `tests/bindings.rs`; do not edit.
use libc::{gid_t, mode_t, uid_t};

pub const qb_ipc_type_QB_IPC_SOCKET: qb_ipc_type = 0;
pub const qb_ipc_type_QB_IPC_SHM: qb_ipc_type = 1;
pub const qb_ipc_type_QB_IPC_POSIX_MQ: qb_ipc_type = 2;
pub const qb_ipc_type_QB_IPC_SYSV_MQ: qb_ipc_type = 3;
pub const qb_ipc_type_QB_IPC_NATIVE: qb_ipc_type = 4;
pub type qb_ipc_type = ::std::os::raw::c_uint;
pub const qb_loop_priority_QB_LOOP_LOW: qb_loop_priority = 0;
pub const qb_loop_priority_QB_LOOP_MED: qb_loop_priority = 1;
pub const qb_loop_priority_QB_LOOP_HIGH: qb_loop_priority = 2;
pub type qb_loop_priority = ::std::os::raw::c_uint;
pub type qb_loop_job_dispatch_fn = ::std::option::Option<
    unsafe extern "C" fn(data: *mut ::std::os::raw::c_void),
>;
pub const qb_ipcs_rate_limit_QB_IPCS_RATE_FAST: qb_ipcs_rate_limit = 0;
pub const qb_ipcs_rate_limit_QB_IPCS_RATE_NORMAL: qb_ipcs_rate_limit = 1;
pub const qb_ipcs_rate_limit_QB_IPCS_RATE_SLOW: qb_ipcs_rate_limit = 2;
pub const qb_ipcs_rate_limit_QB_IPCS_RATE_OFF: qb_ipcs_rate_limit = 3;
pub const qb_ipcs_rate_limit_QB_IPCS_RATE_OFF_2: qb_ipcs_rate_limit = 4;
pub type qb_ipcs_rate_limit = ::std::os::raw::c_uint;
#[repr(C)]
#[derive(Debug)]
pub struct qb_ipcs_connection {
    _unused: [u8; 0],
}
pub type qb_ipcs_connection_t = qb_ipcs_connection;
#[repr(C)]
#[derive(Debug)]
pub struct qb_ipcs_service {
    _unused: [u8; 0],
}
pub type qb_ipcs_service_t = qb_ipcs_service;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct qb_ipcs_connection_stats {
    pub client_pid: i32,
    pub requests: u64,
    pub responses: u64,
    pub events: u64,
    pub send_retries: u64,
    pub recv_retries: u64,
    pub flow_control_state: i32,
    pub flow_control_count: u64,
}
pub type qb_ipcs_dispatch_fn_t = ::std::option::Option<
    unsafe extern "C" fn(fd: i32, revents: i32, data: *mut ::std::os::raw::c_void) -> i32,
>;
pub type qb_ipcs_dispatch_add_fn = ::std::option::Option<
    unsafe extern "C" fn(
        p: qb_loop_priority,
        fd: i32,
        events: i32,
        data: *mut ::std::os::raw::c_void,
        fn_: qb_ipcs_dispatch_fn_t,
    ) -> i32,
>;
pub type qb_ipcs_dispatch_mod_fn = ::std::option::Option<
    unsafe extern "C" fn(
        p: qb_loop_priority,
        fd: i32,
        events: i32,
        data: *mut ::std::os::raw::c_void,
        fn_: qb_ipcs_dispatch_fn_t,
    ) -> i32,
>;
pub type qb_ipcs_dispatch_del_fn = ::std::option::Option<
    unsafe extern "C" fn(fd: i32) -> i32,
>;
pub type qb_ipcs_job_add_fn = ::std::option::Option<
    unsafe extern "C" fn(
        p: qb_loop_priority,
        data: *mut ::std::os::raw::c_void,
        dispatch_fn: qb_loop_job_dispatch_fn,
    ) -> i32,
>;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct qb_ipcs_poll_handlers {
    pub job_add: qb_ipcs_job_add_fn,
    pub dispatch_add: qb_ipcs_dispatch_add_fn,
    pub dispatch_mod: qb_ipcs_dispatch_mod_fn,
    pub dispatch_del: qb_ipcs_dispatch_del_fn,
}
pub type qb_ipcs_connection_accept_fn = ::std::option::Option<
    unsafe extern "C" fn(c: *mut qb_ipcs_connection_t, uid: uid_t, gid: gid_t) -> i32,
>;
pub type qb_ipcs_connection_created_fn = ::std::option::Option<
    unsafe extern "C" fn(c: *mut qb_ipcs_connection_t),
>;
pub type qb_ipcs_connection_closed_fn = ::std::option::Option<
    unsafe extern "C" fn(c: *mut qb_ipcs_connection_t) -> i32,
>;
pub type qb_ipcs_connection_destroyed_fn = ::std::option::Option<
    unsafe extern "C" fn(c: *mut qb_ipcs_connection_t),
>;
pub type qb_ipcs_msg_process_fn = ::std::option::Option<
    unsafe extern "C" fn(
        c: *mut qb_ipcs_connection_t,
        data: *mut ::std::os::raw::c_void,
        size: usize,
    ) -> i32,
>;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct qb_ipcs_service_handlers {
    pub connection_accept: qb_ipcs_connection_accept_fn,
    pub connection_created: qb_ipcs_connection_created_fn,
    pub msg_process: qb_ipcs_msg_process_fn,
    pub connection_closed: qb_ipcs_connection_closed_fn,
    pub connection_destroyed: qb_ipcs_connection_destroyed_fn,
}
#[repr(C)]
#[derive(Debug)]
pub struct qb_ipcc_connection {
    _unused: [u8; 0],
}
pub type qb_ipcc_connection_t = qb_ipcc_connection;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct qb_log_callsite {
    pub function: *const ::std::os::raw::c_char,
    pub filename: *const ::std::os::raw::c_char,
    pub format: *const ::std::os::raw::c_char,
    pub priority: u8,
    pub lineno: u32,
    pub targets: u32,
    pub tags: u32,
    pub message_id: *const ::std::os::raw::c_char,
}
#[link(name = "qb")]
unsafe extern "C" {
    pub fn qb_ipcs_create(
        name: *const ::std::os::raw::c_char,
        service_id: i32,
        type_: qb_ipc_type,
        handlers: *mut qb_ipcs_service_handlers,
    ) -> *mut qb_ipcs_service_t;
    pub fn qb_ipcs_poll_handlers_set(
        s: *mut qb_ipcs_service_t,
        handlers: *mut qb_ipcs_poll_handlers,
    );
    pub fn qb_ipcs_service_context_set(
        s: *mut qb_ipcs_service_t,
        context: *mut ::std::os::raw::c_void,
    );
    pub fn qb_ipcs_run(s: *mut qb_ipcs_service_t) -> i32;
    pub fn qb_ipcs_destroy(s: *mut qb_ipcs_service_t);
    pub fn qb_ipcs_request_rate_limit(s: *mut qb_ipcs_service_t, rl: qb_ipcs_rate_limit);
    pub fn qb_ipcs_response_send(
        c: *mut qb_ipcs_connection_t,
        data: *const ::std::os::raw::c_void,
        size: usize,
    ) -> isize;
    pub fn qb_ipcs_event_send(
        c: *mut qb_ipcs_connection_t,
        data: *const ::std::os::raw::c_void,
        size: usize,
    ) -> isize;
    pub fn qb_ipcs_connection_unref(c: *mut qb_ipcs_connection_t);
    pub fn qb_ipcs_disconnect(c: *mut qb_ipcs_connection_t);
    pub fn qb_ipcs_context_set(
        c: *mut qb_ipcs_connection_t,
        context: *mut ::std::os::raw::c_void,
    );
    pub fn qb_ipcs_context_get(
        c: *mut qb_ipcs_connection_t,
    ) -> *mut ::std::os::raw::c_void;
    pub fn qb_ipcs_connection_service_context_get(
        c: *mut qb_ipcs_connection_t,
    ) -> *mut ::std::os::raw::c_void;
    pub fn qb_ipcs_connection_stats_get(
        c: *mut qb_ipcs_connection_t,
        stats: *mut qb_ipcs_connection_stats,
        clear_after_read: i32,
    ) -> i32;
    pub fn qb_ipcs_connection_first_get(
        pt: *mut qb_ipcs_service_t,
    ) -> *mut qb_ipcs_connection_t;
    pub fn qb_ipcs_connection_next_get(
        pt: *mut qb_ipcs_service_t,
        current: *mut qb_ipcs_connection_t,
    ) -> *mut qb_ipcs_connection_t;
    pub fn qb_ipcs_connection_auth_set(
        conn: *mut qb_ipcs_connection_t,
        uid: uid_t,
        gid: gid_t,
        mode: mode_t,
    );
    pub fn qb_ipcs_connection_get_buffer_size(conn: *mut qb_ipcs_connection_t) -> i32;
    pub fn qb_ipcs_enforce_buffer_size(s: *mut qb_ipcs_service_t, max_buf_size: u32);
    pub fn qb_ipcc_connect_async(
        name: *const ::std::os::raw::c_char,
        max_msg_size: usize,
        connect_fd: *mut ::std::os::raw::c_int,
    ) -> *mut qb_ipcc_connection_t;
    pub fn qb_ipcc_connect_continue(c: *mut qb_ipcc_connection) -> ::std::os::raw::c_int;
    pub fn qb_ipcc_disconnect(c: *mut qb_ipcc_connection_t);
    pub fn qb_ipcc_fd_get(c: *mut qb_ipcc_connection_t, fd: *mut i32) -> i32;
    pub fn qb_ipcc_send(
        c: *mut qb_ipcc_connection_t,
        msg_ptr: *const ::std::os::raw::c_void,
        msg_len: usize,
    ) -> isize;
    pub fn qb_ipcc_recv(
        c: *mut qb_ipcc_connection_t,
        msg_ptr: *mut ::std::os::raw::c_void,
        msg_len: usize,
        ms_timeout: i32,
    ) -> isize;
    pub fn qb_ipcc_event_recv(
        c: *mut qb_ipcc_connection_t,
        msg_ptr: *mut ::std::os::raw::c_void,
        msg_len: usize,
        ms_timeout: i32,
    ) -> isize;
    pub fn qb_ipcc_is_connected(c: *mut qb_ipcc_connection_t) -> i32;
    pub fn qb_ipcc_get_buffer_size(c: *mut qb_ipcc_connection_t) -> i32;
    pub fn qb_log_from_external_source(
        function: *const ::std::os::raw::c_char,
        filename: *const ::std::os::raw::c_char,
        format: *const ::std::os::raw::c_char,
        priority: u8,
        lineno: u32,
        tags: u32,
        ...
    );
    pub fn qb_log_callsite_get(
        function: *const ::std::os::raw::c_char,
        filename: *const ::std::os::raw::c_char,
        format: *const ::std::os::raw::c_char,
        priority: u8,
        lineno: u32,
        tags: u32,
    ) -> *mut qb_log_callsite;
}
