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

/// What leads from a name of the program's to a function of the library's.
#[cfg(target_arch = "x86_64")]
macro_rules! jump {
    () => {
        "jmp {function}"
    };
}
#[cfg(target_arch = "aarch64")]
macro_rules! jump {
    () => {
        "b {function}"
    };
}
#[cfg(target_arch = "riscv64")]
macro_rules! jump {
    () => {
        "tail {function}"
    };
}
#[cfg(target_arch = "powerpc64")]
macro_rules! jump {
    () => {
        "b {function}"
    };
}
#[cfg(target_arch = "s390x")]
macro_rules! jump {
    () => {
        "jg {function}"
    };
}

/// Gives a name of the table to whoever looks for it: a label that leads to the function of Rust's with the same name. A
/// second, hidden one beside it is what tells the library's own from the program's.
macro_rules! give {
    ($name:ident) => {
        std::arch::global_asm!(
            concat!(".pushsection .text.", stringify!($name), ",\"ax\",@progbits"),
            ".balign 16",
            concat!(".globl ", stringify!($name)),
            concat!(".type ", stringify!($name), ", @function"),
            concat!(".globl pcmk_rs_own_", stringify!($name)),
            concat!(".hidden pcmk_rs_own_", stringify!($name)),
            concat!(stringify!($name), ":"),
            concat!("pcmk_rs_own_", stringify!($name), ":"),
            $crate::sys::neighbours::jump!(),
            concat!(".size ", stringify!($name), ", . - ", stringify!($name)),
            ".popsection",
            function = sym $name,
        );
    };
}
/// Gives a variable of the table, of so many bytes, which are 0 at first. The program's or the loader's copy may take its
/// place, so that it is reached by the table alone.
macro_rules! give_variable {
    ($name:ident, $size:literal) => {
        std::arch::global_asm!(
            concat!(".pushsection .bss.", stringify!($name), ",\"aw\",@nobits"),
            ".balign 8",
            concat!(".globl ", stringify!($name)),
            concat!(".type ", stringify!($name), ", @object"),
            concat!(stringify!($name), ":"),
            concat!(".zero ", $size),
            concat!(".size ", stringify!($name), ", ", $size),
            ".popsection",
        );
    };
}
pub(crate) use {give, give_variable, jump};

/// Declares the table: each name once. The library has what is `own` itself; what the others are it learns from the
/// program alone.
macro_rules! table {
    (
        own { $($own:ident: fn($($own_argument:ident: $own_type:ty),*) $(-> $own_answer:ty)?;)* }
        others { $($other:ident: fn($($argument:ident: $type:ty),*) $(-> $answer:ty)?;)* }
        variables { $($variable:ident: $variable_type:ty;)* }
    ) => {
        std::arch::global_asm!(
            ".pushsection .data.rel.ro.pcmk_rs_neighbours,\"aw\",@progbits",
            ".balign 8",
            ".globl pcmk_rs_neighbours",
            ".hidden pcmk_rs_neighbours",
            ".type pcmk_rs_neighbours, @object",
            "pcmk_rs_neighbours:",
            $(concat!(".8byte ", stringify!($own)), concat!(".8byte pcmk_rs_own_", stringify!($own)),)*
            $(concat!(".weak ", stringify!($other)), concat!(".8byte ", stringify!($other), ", 0"),)*
            $(concat!(".8byte ", stringify!($variable), ", 0"),)*
            ".size pcmk_rs_neighbours, . - pcmk_rs_neighbours",
            ".popsection",
        );

        /// The names of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(non_camel_case_types, missing_docs, reason = "the names are the program's")]
        pub enum Name { $($own,)* $($other,)* $($variable,)* }

        /// All names, in the order of the table.
        pub const NAMES: &[&str] =
            &[$(stringify!($own),)* $(stringify!($other),)* $(stringify!($variable),)*];

        unsafe extern "C" {
            static pcmk_rs_neighbours: [Entry; NAMES.len()];
        }

        $(table!(@function $own($($own_argument: $own_type),*) $(-> $own_answer)?);)*
        $(table!(@function $other($($argument: $type),*) $(-> $answer)?);)*

        $(
            /// The variable of this name, the program's or the library's own.
            pub fn $variable() -> Option<NonNull<$variable_type>> {
                entry(Name::$variable)?.found.map(NonNull::cast)
            }
        )*
    };
    (@function $function:ident($($argument:ident: $type:ty),*) $(-> $answer:ty)?) => {
        /// The program's function of this name, or the library's own where the program has none; None: nobody has.
        pub fn $function() -> Option<unsafe extern "C" fn($($argument: $type),*) $(-> $answer)?> {
            let address = entry(Name::$function)?.found?;
            // SAFETY: the address of the C function of this name, which has this type in every release that has it.
            Some(unsafe {
                std::mem::transmute::<NonNull<c_void>, unsafe extern "C" fn($($argument: $type),*) $(-> $answer)?>(
                    address,
                )
            })
        }
    };
}

/// One place of the table.
#[repr(C)]
#[derive(Clone, Copy)]
struct Entry {
    /// What the name means in this program.
    found: Option<NonNull<c_void>>,
    /// The library's own.
    own: Option<NonNull<c_void>>,
}

fn entry(name: Name) -> Option<Entry> {
    // SAFETY: the assembler's table has such an entry for each name; nothing writes to it once the loader has.
    let table = unsafe { &pcmk_rs_neighbours };
    table.get(name as usize).copied()
}

/// Does the program have this name itself, or another library before this one?
pub fn is_foreign(name: Name) -> bool {
    entry(name).is_some_and(|entry| entry.found.is_some() && entry.found != entry.own)
}

table! {
    own {
        // execd_alerts
        process_lrmd_alert_exec: fn(client: Client, id: u32, request: Tree) -> c_int;
        execd_process_alert_exec: fn(client: Client, request: Tree) -> c_int;
        lrmd_drain_alerts: fn(main_loop: *mut c_void);
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
        // pacemaker-execd
        get_stonith_connection: fn() -> *mut c_void;
        execd_get_fencer_connection: fn() -> *mut c_void;
        lrmd_server_send_reply: fn(client: Client, id: u32, reply: Tree) -> c_int;
        lrmd_server_send_notify: fn(client: Client, message: Tree) -> c_int;
        lrmd_client_destroy: fn(client: Client);
        handle_shutdown_ack: fn();
        handle_shutdown_nack: fn();
        execd_exit_if_shutting_down: fn();
        // remoted_pidone; a third argument up to 3.0.1
        remoted_spawn_pidone: fn(argc: c_int, argv: *mut *mut c_char);
    }
    others {
        // execd_messages
        execd_handle_request: fn(request: *mut c_void);
        execd_invalid_msg: fn(message: Tree) -> bool;
        execd_unregister_handlers: fn();
        // execd_ipc
        execd_ipc_init: fn();
        execd_ipc_cleanup: fn();
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
            // remoted_schemas
        remoted_request_cib_schema_files: fn();
    }
    variables {
        // execd_commands
        rsc_list: *mut c_void;
        // pacemaker-execd
        lrmd_call_id: c_int;
        start_time: libc::time_t;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stands for a program's own.
    extern "C" fn execd_ipc_cleanup() {
        CALLS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
    give!(execd_ipc_cleanup);

    static CALLS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);

    #[test]
    fn what_the_program_has_is_found_and_what_nobody_has_is_absent() {
        let function = super::execd_ipc_cleanup().expect("it is in this program");
        // SAFETY: the function above, which has no conditions.
        unsafe { function() };
        assert_eq!(CALLS.load(std::sync::atomic::Ordering::Relaxed), 1);
        assert!(execd_ipc_init().is_none());
        assert!(is_foreign(Name::execd_ipc_cleanup) && !is_foreign(Name::execd_ipc_init));
    }

    #[test]
    fn variables_are_the_librarys_where_the_program_has_none() {
        // SAFETY: variables of this library, which nothing changes in this test.
        let values = unsafe { (start_time().unwrap().read(), rsc_list().unwrap().read()) };
        assert_eq!(values, (0, std::ptr::null_mut()));
    }

    #[test]
    fn what_the_library_has_itself_is_its_own_where_the_program_has_none() {
        assert!(remoted_spawn_pidone().is_some());
        assert!(!is_foreign(Name::remoted_spawn_pidone));
    }

    #[test]
    fn no_name_stands_there_twice() {
        let names: std::collections::BTreeSet<_> = NAMES.iter().collect();
        assert_eq!(names.len(), NAMES.len());
    }
}
