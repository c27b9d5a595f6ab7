// SPDX-License-Identifier: LGPL-2.1-or-later
//! The other objects of the program that this library stands in: upstream's executor is linked of some objects, each of
//! which this library can take the place of, and calls go in all directions.
//!
//! The program's own definition of a name must win, inside this library too. Rust cannot say that: a function that the
//! library has itself is bound or inlined at compile time, and one that only the program has cannot be named. So the
//! assembler makes a table of their addresses, which the linker or the loader fills in. Such a reference is also what
//! has the linker export a name of the program's; `dlsym` finds nothing without it.
//!
//! Neighbours are reached by this module and by no other path, which `tests/architecture` sees to. Each is absent in a
//! program that has no such object: an executor has no proxy, and some names came or went with a release.

use std::ffi::{c_char, c_int, c_void};
use std::ptr::NonNull;

/// `pcmk__client_t *`; `capi/abi` knows its layout.
pub type Client = *mut c_void;
/// `xmlNode *`.
pub type Tree = *mut c_void;

/// Declares the table: each name once, in the order in which they stand there.
macro_rules! table {
    (
        functions { $($function:ident: fn($($argument:ident: $type:ty),*) $(-> $answer:ty)?;)* }
        variables { $($variable:ident: $variable_type:ty;)* }
    ) => {
        std::arch::global_asm!(
            ".pushsection .data.rel.ro.pcmk_rs_neighbours,\"aw\",@progbits",
            ".balign 8",
            ".globl pcmk_rs_neighbours",
            ".hidden pcmk_rs_neighbours",
            ".type pcmk_rs_neighbours, @object",
            "pcmk_rs_neighbours:",
            $(concat!(".weak ", stringify!($function)), concat!(".8byte ", stringify!($function)),)*
            $(concat!(".weak ", stringify!($variable)), concat!(".8byte ", stringify!($variable)),)*
            ".size pcmk_rs_neighbours, . - pcmk_rs_neighbours",
            ".popsection",
        );

        /// Where each name stands in the table.
        #[allow(non_camel_case_types, reason = "the names are the program's")]
        enum Place { $($function,)* $($variable,)* }

        /// All names, in the order of the table.
        pub const NAMES: &[&str] = &[$(stringify!($function),)* $(stringify!($variable),)*];

        unsafe extern "C" {
            static pcmk_rs_neighbours: [Option<NonNull<c_void>>; NAMES.len()];
        }

        $(
            /// The program's function of this name, or the library's own where the program has none; None: nobody has.
            pub fn $function() -> Option<unsafe extern "C" fn($($argument: $type),*) $(-> $answer)?> {
                let address = address(Place::$function)?;
                // SAFETY: the address of the C function of this name, which has this type in every release that has it.
                Some(unsafe {
                    std::mem::transmute::<
                        NonNull<c_void>,
                        unsafe extern "C" fn($($argument: $type),*) $(-> $answer)?,
                    >(address)
                })
            }
        )*

        $(
            /// The variable of this name; None: nobody has it.
            pub fn $variable() -> Option<NonNull<$variable_type>> {
                address(Place::$variable).map(NonNull::cast)
            }
        )*
    };
}

fn address(place: Place) -> Option<NonNull<c_void>> {
    // SAFETY: the assembler's table above has one word for each name; nothing writes to it once the loader has.
    let table = unsafe { &pcmk_rs_neighbours };
    table.get(place as usize).copied().flatten()
}

table! {
    functions {
        // execd_commands
        free_rsc: fn(data: *mut c_void);
        execd_free_rsc: fn(data: *mut c_void);
        notify_of_new_client: fn(client: Client);
        client_disconnect_cleanup: fn(client_id: *const c_char);
        process_lrmd_message: fn(client: Client, id: u32, request: Tree);
        stonith_connection_failed: fn();
        execd_fencer_connection_failed: fn();
        execd_create_reply_as: fn(origin: *const c_char, rc: c_int, call_id: c_int) -> Tree;
        execd_process_signon: fn(client: Client, request: Tree, call_id: c_int, reply: *mut Tree) -> c_int;
        execd_process_rsc_register: fn(client: Client, id: u32, request: Tree);
        execd_process_get_rsc_info: fn(request: Tree, call_id: c_int, reply: *mut Tree) -> c_int;
        execd_process_rsc_unregister: fn(client: Client, request: Tree) -> c_int;
        execd_process_rsc_exec: fn(client: Client, request: Tree) -> c_int;
        execd_process_rsc_cancel: fn(client: Client, request: Tree) -> c_int;
        execd_process_get_recurring: fn(request: Tree, call_id: c_int, reply: *mut Tree) -> c_int;
        execd_send_generic_notify: fn(rc: c_int, request: Tree);
        // execd_messages
        execd_handle_request: fn(request: *mut c_void);
        execd_invalid_msg: fn(message: Tree) -> bool;
        execd_unregister_handlers: fn();
        // execd_ipc
        execd_ipc_init: fn();
        execd_ipc_cleanup: fn();
        // execd_alerts
        process_lrmd_alert_exec: fn(client: Client, id: u32, request: Tree) -> c_int;
        execd_process_alert_exec: fn(client: Client, request: Tree) -> c_int;
        lrmd_drain_alerts: fn(main_loop: *mut c_void);
        // pacemaker-execd
        get_stonith_connection: fn() -> *mut c_void;
        execd_get_fencer_connection: fn() -> *mut c_void;
        lrmd_server_send_reply: fn(client: Client, id: u32, reply: Tree) -> c_int;
        lrmd_server_send_notify: fn(client: Client, message: Tree) -> c_int;
        lrmd_client_destroy: fn(client: Client);
        handle_shutdown_ack: fn();
        handle_shutdown_nack: fn();
        execd_exit_if_shutting_down: fn();
        // remoted_tls
        lrmd_init_remote_tls_server: fn() -> c_int;
        execd_stop_tls_server: fn();
        // remoted_proxy
        ipc_proxy_init: fn();
        ipc_proxy_cleanup: fn();
        ipc_proxy_add_provider: fn(client: Client);
        ipc_proxy_remove_provider: fn(client: Client);
        ipc_proxy_get_provider: fn() -> Client;
        // An int from 3.0.2 on; before, what is in its place is nothing.
        ipc_proxy_forward_client: fn(client: Client, message: Tree) -> c_int;
        ipc_proxy_shutdown_req: fn(client: Client) -> c_int;
        // remoted_pidone; without the third argument from 3.0.2 on
        remoted_spawn_pidone: fn(argc: c_int, argv: *mut *mut c_char, envp: *mut *mut c_char);
        // remoted_schemas
        remoted_request_cib_schema_files: fn();
    }
    variables {
        rsc_list: *mut c_void;
        lrmd_call_id: c_int;
        start_time: libc::time_t;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stands for a program's own.
    #[unsafe(no_mangle)]
    extern "C" fn execd_exit_if_shutting_down() {
        CALLS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }

    /// The same, of its data.
    #[unsafe(no_mangle)]
    #[allow(non_upper_case_globals, reason = "the name is the program's")]
    static start_time: libc::time_t = 42;

    static CALLS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);

    #[test]
    fn what_the_program_has_is_found_and_what_nobody_has_is_absent() {
        let function = super::execd_exit_if_shutting_down().expect("it is in this program");
        // SAFETY: the function above, which has no conditions.
        unsafe { function() };
        assert_eq!(CALLS.load(std::sync::atomic::Ordering::Relaxed), 1);
        let variable = super::start_time().expect("it is in this program");
        // SAFETY: the variable above, which does not change.
        assert_eq!(unsafe { variable.read() }, 42);
        assert!(ipc_proxy_init().is_none() && rsc_list().is_none());
    }

    #[test]
    fn no_name_stands_there_twice() {
        let names: std::collections::BTreeSet<_> = NAMES.iter().collect();
        assert_eq!(names.len(), NAMES.len());
    }
}
