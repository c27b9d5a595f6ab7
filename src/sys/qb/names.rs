// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where libqb has the names of servers: in the kernel's abstract name space, or as sockets in a directory. An administrator's
//! file decides between them; where that file and the directory are was fixed when libqb was built. So libqb is asked, by a
//! server of our own that lasts for a moment. Like libqb, a process decides once.
use super::bindings as qb;
use crate::sys::unwind::guard;
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, getsockname, socket};
use std::cell::Cell;
use std::ffi::{CString, c_void};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// A place of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// Abstract ones, which nobody can take from their holder.
    Abstract,
    /// Files in this directory. libqb takes a name from its holder without a word.
    Files(PathBuf),
}

/// Where names are.
///
/// # Errors
/// They are files, in a directory where this process can make none.
pub(super) fn find() -> Result<Names, Errno> {
    static FOUND: Mutex<Option<Names>> = Mutex::new(None);
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    if found.is_none() {
        *found = Some(ask_libqb()?);
    }
    found.clone().ok_or(Errno::ENOENT)
}

impl Names {
    /// A connection to the socket of server `name`, with nothing sent. Does not wait: `EAGAIN` means that the name is
    /// held, and that its holder accepts no more connections.
    pub(super) fn reach(&self, name: &str) -> Result<OwnedFd, Errno> {
        let address = match self {
            Self::Files(directory) => UnixAddr::new(&directory.join(name))?,
            Self::Abstract => {
                let mut padded = [0; 107]; // libqb's abstract names fill the address.
                let bytes = name.as_bytes();
                padded.get_mut(..bytes.len()).ok_or(Errno::ENAMETOOLONG)?.copy_from_slice(bytes);
                UnixAddr::new_abstract(&padded)?
            }
        };
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
        connect(socket.as_raw_fd(), &address)?;
        Ok(socket)
    }
}

thread_local! {
    /// The socket of the server that asks, as libqb tells it while it starts the server.
    static LISTENER: Cell<RawFd> = const { Cell::new(-1) };
}

fn ask_libqb() -> Result<Names, Errno> {
    let name = format!("pcmk-name-{:016x}", RandomState::new().build_hasher().finish());
    let name = CString::new(name).map_err(|_| Errno::EINVAL)?;
    let mut handlers = qb::qb_ipcs_service_handlers {
        connection_accept: Some(refuse),
        connection_created: None,
        msg_process: Some(ignore),
        connection_closed: None,
        connection_destroyed: None,
    };
    let mut hooks = qb::qb_ipcs_poll_handlers {
        job_add: Some(add_job),
        dispatch_add: Some(note),
        dispatch_mod: Some(modify),
        dispatch_del: Some(remove),
    };
    // SAFETY: name, handlers and hooks are valid; libqb copies them. A service that could not be started is freed by
    // libqb. Nothing is ever dispatched to the other one, which is destroyed before anything else can know of it.
    unsafe {
        let service = qb::qb_ipcs_create(name.as_ptr(), 0, qb::qb_ipc_type_QB_IPC_SHM, &raw mut handlers);
        if service.is_null() {
            return Err(Errno::ENOMEM);
        }
        qb::qb_ipcs_poll_handlers_set(service, &raw mut hooks);
        let result = qb::qb_ipcs_run(service);
        if result < 0 {
            return Err(Errno::from_raw(-result));
        }
        let address = getsockname::<UnixAddr>(LISTENER.get());
        qb::qb_ipcs_destroy(service);
        let address = address?;
        let directory = address.path().and_then(|path| path.parent());
        Ok(directory.map_or(Names::Abstract, |directory| Names::Files(directory.to_owned())))
    }
}

unsafe extern "C" fn refuse(_: *mut qb::qb_ipcs_connection_t, _: libc::uid_t, _: libc::gid_t) -> i32 {
    guard(-libc::EACCES, || -libc::EACCES)
}

unsafe extern "C" fn ignore(_: *mut qb::qb_ipcs_connection_t, _: *mut c_void, _: usize) -> i32 {
    guard(0, || 0)
}

unsafe extern "C" fn add_job(_: qb::qb_loop_priority, _: *mut c_void, _: qb::qb_loop_job_dispatch_fn) -> i32 {
    guard(0, || 0)
}

unsafe extern "C" fn note(
    _: qb::qb_loop_priority,
    fd: i32,
    _: i32,
    _: *mut c_void,
    _: qb::qb_ipcs_dispatch_fn_t,
) -> i32 {
    guard(0, || {
        LISTENER.set(fd);
        0
    })
}

unsafe extern "C" fn modify(
    _: qb::qb_loop_priority,
    _: i32,
    _: i32,
    _: *mut c_void,
    _: qb::qb_ipcs_dispatch_fn_t,
) -> i32 {
    guard(0, || 0)
}

unsafe extern "C" fn remove(_: i32) -> i32 {
    guard(0, || 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libqb_says_where_names_are_and_leaves_nothing_behind() {
        let names = find().unwrap();
        assert_eq!(find(), Ok(names.clone()));
        assert_eq!(names.reach("pcmk-no-such-name").map(drop), Err(Errno::ECONNREFUSED));
        let open = std::fs::read_to_string("/proc/net/unix").unwrap();
        assert!(!open.contains("pcmk-name-"), "{open}");
    }
}
