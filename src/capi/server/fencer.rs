// SPDX-License-Identifier: LGPL-2.1-or-later
//! The fencer, by the connection that main hands out: a `stonith_t` of libstonithd, with its table of operations.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::{self, NonNull};

use super::executor;
use crate::capi::abi;
use crate::driver::glib::FenceRun;
use crate::model::{ExecStatus, Execution, FenceOrder, OcfExit, Outcome, Params};
use crate::session::whole_seconds;
use crate::sys::neighbours::{self, Name, is_foreign};
use crate::sys::unwind::guard;

/// `st_opt_sync_call`: the answer is waited for.
const WAIT: c_int = 0x1000;

type Connection = *mut c_void;

/// `stonith_key_value_t`.
#[repr(C)]
struct KeyValue {
    key: *const c_char,
    value: *const c_char,
    next: *const KeyValue,
}

/// `stonith_callback_data_t`.
#[repr(C)]
struct Answer {
    rc: c_int,
    call_id: c_int,
    user_data: *mut c_void,
    result: *const ActionResult,
}

/// `pcmk__action_result_t`.
#[repr(C)]
struct ActionResult {
    exit: c_int,
    status: c_int,
    reason: *const c_char,
}

type Callback = unsafe extern "C" fn(Connection, *const Answer);

/// `stonith_api_operations_t`, as far as it is used. The slots are the same in all releases.
#[repr(C)]
struct Operations {
    others: [*const c_void; 3],
    remove_device: Option<unsafe extern "C" fn(Connection, c_int, *const c_char) -> c_int>,
    register_device: Option<
        unsafe extern "C" fn(
            Connection,
            c_int,
            *const c_char,
            *const c_char,
            *const c_char,
            *const KeyValue,
        ) -> c_int,
    >,
    more: [*const c_void; 5],
    monitor: Option<unsafe extern "C" fn(Connection, c_int, *const c_char, c_int) -> c_int>,
    still_more: [*const c_void; 7],
    register_callback: Option<
        unsafe extern "C" fn(Connection, c_int, c_int, c_int, *mut c_void, *const c_char, Callback) -> c_int,
    >,
}

// Measured on the real headers.
const _: () = {
    assert!(std::mem::offset_of!(Operations, remove_device) == 24);
    assert!(std::mem::offset_of!(Operations, register_device) == 32);
    assert!(std::mem::offset_of!(Operations, monitor) == 80);
    assert!(std::mem::offset_of!(Operations, register_callback) == 144);
    assert!(std::mem::offset_of!(Answer, user_data) == 8 && std::mem::offset_of!(Answer, result) == 16);
};

/// How far an order has got within the call.
enum Progress {
    Over(Outcome),
    /// The fencer answers later.
    Asked,
}

/// How often a fencer is looked for that is not there. A program's own function has done that when it gives none.
fn attempts() -> u32 {
    let foreign =
        [Name::get_stonith_connection, Name::execd_get_fencer_connection].into_iter().any(is_foreign);
    if foreign { 1 } else { 10 }
}

/// Has the fencer carry out an order; `executor::fenced` hears of its end, which may be now. False: it is not there, and
/// will be looked for again.
pub(super) fn order(run: FenceRun, attempt: u32, order: FenceOrder, execution: &Execution) -> bool {
    // SAFETY: a connection of the program's, which is used within this call alone.
    let progress = match unsafe { connection() } {
        // SAFETY: the same.
        Some((fencer, operations)) => unsafe { give(fencer, operations, run, order, execution) },
        None if attempt < attempts() => return false,
        None => Progress::Over(
            Outcome::new(OcfExit::ERROR, ExecStatus::NotConnected).because("No connection to fencer"),
        ),
    };
    if let Progress::Over(outcome) = progress {
        executor::fenced(run, outcome);
    }
    true
}

/// The connection that main has, or makes, and its operations.
///
/// # Safety
/// The operations live as long as the connection, which is the program's.
unsafe fn connection<'a>() -> Option<(NonNull<c_void>, &'a Operations)> {
    // The program has one of the two, by its release; the library has both.
    let get = if is_foreign(Name::execd_get_fencer_connection) {
        neighbours::execd_get_fencer_connection()
    } else {
        neighbours::get_stonith_connection()
    };
    let Some(get) = get else {
        log::error!("The program has no function that connects to the fencer");
        return None;
    };
    // SAFETY: a function of the program's without conditions; a connection that it gives is whole.
    unsafe {
        let fencer = NonNull::new(get())?;
        let operations = abi::layout().stonith.operations.get(fencer.as_ptr());
        Some((fencer, operations.cast::<Operations>().as_ref()?))
    }
}

/// # Safety
/// A living connection and its operations.
unsafe fn give(
    fencer: NonNull<c_void>,
    operations: &Operations,
    run: FenceRun,
    order: FenceOrder,
    execution: &Execution,
) -> Progress {
    let Ok(id) = CString::new(execution.resource_id.as_str()) else {
        return Progress::Over(refused(-libc::EINVAL));
    };
    let missing = || Progress::Over(refused(-libc::EOPNOTSUPP));
    if order == FenceOrder::Stop {
        let Some(remove) = operations.remove_device else { return missing() };
        // SAFETY: the caller's promise, and a string that is copied.
        return Progress::Over(refused(unsafe { remove(fencer.as_ptr(), WAIT, id.as_ptr()) }));
    }
    if order == FenceOrder::Start {
        let Some(register) = operations.register_device else { return missing() };
        let parameters = Parameters::of(&execution.params);
        let agent = CString::new(&*execution.agent.name).unwrap_or_default();
        // SAFETY: the caller's promise; strings and list are copied.
        let rc = unsafe {
            register(fencer.as_ptr(), WAIT, id.as_ptr(), ptr::null(), agent.as_ptr(), parameters.first())
        };
        if rc != 0 {
            return Progress::Over(refused(rc));
        }
    }
    let (Some(monitor), Some(register)) = (operations.monitor, operations.register_callback) else {
        return missing();
    };
    let limit = c_int::try_from(whole_seconds(execution.timeout)).unwrap_or(c_int::MAX);
    // SAFETY: the caller's promise; strings are copied. The callback's data is a number.
    unsafe {
        let call = monitor(fencer.as_ptr(), 0, id.as_ptr(), limit);
        // The callback of a call that failed would be called at once.
        if call <= 0 {
            return Progress::Over(refused(call));
        }
        let number = ptr::without_provenance_mut(usize::try_from(run.0).unwrap_or_default());
        register(fencer.as_ptr(), call, 0, 0, number, c"pcmk_remote_rs".as_ptr(), answered);
    }
    Progress::Asked
}

/// # Safety
/// `answer` is what libstonithd calls such a function with.
unsafe extern "C" fn answered(_fencer: Connection, answer: *const Answer) {
    guard((), || {
        // SAFETY: the caller's promise.
        let Some(answer) = (unsafe { answer.as_ref() }) else { return };
        // SAFETY: the same; NULL says that there is nothing but the number.
        let outcome = match unsafe { answer.result.as_ref() } {
            None => refused(answer.rc),
            Some(result) => {
                let status = ExecStatus::from_code(result.status).unwrap_or(ExecStatus::Error);
                let mut outcome = Outcome::new(OcfExit(result.exit), status);
                if !result.reason.is_null() {
                    // SAFETY: a C string of the result.
                    let reason = unsafe { CStr::from_ptr(result.reason) };
                    outcome.reason = Some(reason.to_string_lossy().into_owned());
                }
                outcome
            }
        };
        executor::fenced(FenceRun(answer.user_data.addr() as u64), outcome);
    });
}

/// What a number of libstonithd's means: 0, or a negative errno.
fn refused(rc: c_int) -> Outcome {
    let status = match -rc {
        0 => return Outcome::new(OcfExit::OK, ExecStatus::Done),
        libc::EINVAL => ExecStatus::Invalid,
        libc::ENODEV => ExecStatus::NoFenceDevice,
        libc::ETIME | libc::ETIMEDOUT => ExecStatus::Timeout,
        libc::EOPNOTSUPP => ExecStatus::NotSupported,
        libc::ENOTCONN => ExecStatus::NotConnected,
        _ => ExecStatus::Error,
    };
    let text = nix::errno::Errno::from_raw(-rc).desc();
    Outcome::new(OcfExit::ERROR, status).because(text)
}

/// Parameters as a list that lives as long as this.
struct Parameters {
    _texts: Vec<(CString, CString)>,
    cells: Vec<KeyValue>,
}

impl Parameters {
    fn of(params: &Params) -> Self {
        let text = |text: &str| CString::new(text).unwrap_or_default();
        let texts: Vec<_> = params.iter().map(|(key, value)| (text(key), text(value))).collect();
        let mut cells: Vec<KeyValue> = texts
            .iter()
            .map(|(key, value)| KeyValue { key: key.as_ptr(), value: value.as_ptr(), next: ptr::null() })
            .collect();
        let start = cells.as_mut_ptr();
        for index in 1..cells.len() {
            // SAFETY: two neighbours within the vector, which does not grow any more.
            unsafe { (*start.add(index - 1)).next = start.add(index) };
        }
        Self { _texts: texts, cells }
    }

    fn first(&self) -> *const KeyValue {
        if self.cells.is_empty() { ptr::null() } else { self.cells.as_ptr() }
    }
}
