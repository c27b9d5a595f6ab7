// SPDX-License-Identifier: LGPL-2.1-or-later
//! Every word of the protocol, once. Two of them mislead: `lrmd_callopt` is singular, and `lrmd_op` is an
//! attribute everywhere but the element inside a check.
#![allow(missing_docs, reason = "the names are the wire's own")]

macro_rules! names {
    ($($name:ident = $text:literal;)*) => { $(pub const $name: &str = $text;)* };
}

/// Bits of `lrmd_callopt`, which mean one thing in each kind of request.
pub mod call_option {
    /// On registration of a resource. 2.1 executors want both bits, later ones the first.
    pub const DROP_RECURRING: u32 = 3;
    /// What 2.1's value and 3.0's value of [`DROP_RECURRING`] have in common.
    pub const DROP_RECURRING_TEST: u32 = 1;
    /// On execution: only the client that asked hears of the result.
    pub const NOTIFY_ORIGIN_ONLY: u32 = 2;
    /// On execution: only results that differ from the last are told.
    pub const NOTIFY_CHANGES_ONLY: u32 = 4;
}

/// Elements.
pub mod element {
    names! {
        ACK = "ack";
        ALERT = "lrmd_alert";
        ATTRIBUTES = "attributes";
        CALL_DATA = "lrmd_calldata";
        CHECK = "lrmd_op";
        COMMAND = "lrmd_command";
        IPC_MSG = "lrmd_ipc_msg";
        IPC_PROXY = "lrmd_ipc_proxy";
        NOTIFY = "lrmd_notify";
        PARAM = "param";
        REPLY = "lrmd_reply";
        RSC = "lrmd_rsc";
        RSC_OP = "lrmd_rsc_op";
    }
}

/// Attributes.
pub mod attribute {
    names! {
        ALERT_ID = "lrmd_alert_id";
        ALERT_PATH = "lrmd_alert_path";
        ASYNC_ID = "lrmd_async_id";
        CALL_ID = "lrmd_callid";
        CALL_OPT = "lrmd_callopt";
        CLASS = "lrmd_class";
        CLIENT_ID = "lrmd_clientid";
        CLIENT_NAME = "lrmd_clientname";
        EXEC_OP_STATUS = "lrmd_exec_op_status";
        EXEC_RC = "lrmd_exec_rc";
        EXEC_TIME = "lrmd_exec_time";
        IPC_CLIENT = "lrmd_ipc_client";
        IPC_MSG_FLAGS = "lrmd_ipc_msg_flags";
        IPC_MSG_ID = "lrmd_ipc_msg_id";
        IPC_OP = "lrmd_ipc_op";
        IPC_SERVER = "lrmd_ipc_server";
        IPC_SESSION = "lrmd_ipc_session";
        IPC_USER = "lrmd_ipc_user";
        IS_IPC_PROVIDER = "lrmd_is_ipc_provider";
        NAME = "name";
        NODE_START_STATE = "node_start_state";
        OP = "lrmd_op";
        ORIGIN = "lrmd_origin";
        PROTOCOL_VERSION = "lrmd_protocol_version";
        PROVIDER = "lrmd_provider";
        QUEUE_TIME = "lrmd_queue_time";
        RC = "lrmd_rc";
        RCCHANGE_TIME = "lrmd_rcchange_time";
        REMOTE_MSG_ID = "lrmd_remote_msg_id";
        REMOTE_MSG_TYPE = "lrmd_remote_msg_type";
        RSC_ACTION = "lrmd_rsc_action";
        RSC_DELETED = "lrmd_rsc_deleted";
        RSC_EXIT_REASON = "lrmd_rsc_exit_reason";
        RSC_ID = "lrmd_rsc_id";
        RSC_INTERVAL = "lrmd_rsc_interval";
        RSC_OUTPUT = "lrmd_rsc_output";
        RSC_START_DELAY = "lrmd_rsc_start_delay";
        RSC_USERDATA_STR = "lrmd_rsc_userdata_str";
        RUN_TIME = "lrmd_run_time";
        STATUS = "status";
        T = "t";
        TIMEOUT = "lrmd_timeout";
        TYPE = "lrmd_type";
        UPTIME = "uptime";
        VALUE = "value";
        WATCHDOG = "lrmd_watchdog";
    }
}

/// Values of `lrmd_op`.
pub mod op {
    names! {
        ALERT_EXEC = "lrmd_alert_exec";
        CHECK = "lrmd_check";
        GET_RECURRING = "lrmd_get_recurring";
        IPC_FWD = "ipc_fwd";
        NEW_CLIENT = "lrmd_rsc_new_client";
        POKE = "lrmd_rsc_poke";
        REGISTER = "register";
        RSC_CANCEL = "lrmd_rsc_cancel";
        RSC_EXEC = "lrmd_rsc_exec";
        RSC_INFO = "lrmd_rsc_info";
        RSC_REGISTER = "lrmd_rsc_register";
        RSC_UNREGISTER = "lrmd_rsc_unregister";
    }
}

/// Values of `lrmd_ipc_op`.
pub mod ipc_op {
    names! {
        DESTROY = "destroy";
        EVENT = "event";
        NEW = "new";
        REQUEST = "request";
        RESPONSE = "response";
        SHUTDOWN_ACK = "shutdown_ack";
        SHUTDOWN_NACK = "shutdown_nack";
        SHUTDOWN_REQ = "shutdown_req";
    }
}

/// Values of `lrmd_remote_msg_type`.
pub mod msg_type {
    names! {
        NOTIFY = "notify";
        REPLY = "reply";
        REQUEST = "request";
    }
}

/// Other fixed values.
pub mod value {
    names! {
        LRMD = "lrmd";
        NO_SESSION = "0";
        TRUE = "true";
    }
}
