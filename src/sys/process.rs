// SPDX-License-Identifier: LGPL-2.1-or-later
//! Waiting for children and ending them.
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// By itself, with this code (0-255).
    Exited(i32),
    /// By a signal.
    Signalled {
        /// Its number.
        signal: i32,
        /// Is there a core dump?
        core_dumped: bool,
    },
}

/// Reaps the child behind `pidfd` if it has ended; None: it has not. Does not block.
///
/// # Errors
/// ECHILD when somebody else has reaped it.
pub fn try_wait(pidfd: BorrowedFd<'_>) -> io::Result<Option<ExitStatus>> {
    wait_id(libc::P_PIDFD, pidfd.as_raw_fd().unsigned_abs(), libc::WNOHANG)
}

/// Reaps the child `pid`, waiting for its end.
///
/// # Errors
/// ECHILD when there is no such child.
pub fn wait(pid: i32) -> io::Result<ExitStatus> {
    loop {
        match wait_id(libc::P_PID, pid.unsigned_abs(), 0) {
            Ok(Some(status)) => return Ok(status),
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
    }
}

fn wait_id(kind: libc::idtype_t, id: libc::id_t, flags: libc::c_int) -> io::Result<Option<ExitStatus>> {
    // SAFETY: all zeroes are a valid siginfo_t; waitid fills it in.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: `info` is ours, and the ids are numbers.
    if unsafe { libc::waitid(kind, id, &raw mut info, libc::WEXITED | flags) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: waitid filled in a siginfo_t for SIGCHLD, or left the zeroes.
    let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
    if pid == 0 {
        return Ok(None);
    }
    Ok(Some(match info.si_code {
        libc::CLD_EXITED => ExitStatus::Exited(status),
        code => ExitStatus::Signalled { signal: status, core_dumped: code == libc::CLD_DUMPED },
    }))
}

/// Reaps the child behind `pidfd`, waiting for its end.
///
/// # Errors
/// ECHILD when somebody else has reaped it.
pub fn wait_for(pidfd: BorrowedFd<'_>) -> io::Result<ExitStatus> {
    loop {
        match wait_id(libc::P_PIDFD, pidfd.as_raw_fd().unsigned_abs(), 0) {
            Ok(Some(status)) => return Ok(status),
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
    }
}

/// The same as [`kill_group`] for a child that somebody else in this process may have reaped: a number that has become
/// another's is left alone.
///
/// # Errors
/// EPERM when nothing in the group may be signalled; ESRCH when the child was reaped, or all is gone.
pub fn kill_group_of(pidfd: BorrowedFd<'_>, leader: i32) -> io::Result<()> {
    const PROCESS_GROUP: libc::c_uint = 1 << 2; // PIDFD_SIGNAL_PROCESS_GROUP, since Linux 6.9
    match signal(pidfd, libc::SIGKILL, PROCESS_GROUP) {
        // The group is killed whoever has reaped its leader, which may have moved to another one.
        Ok(()) => return Ok(()),
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return signal(pidfd, libc::SIGKILL, 0),
        Err(_) => {}
    }
    // An older kernel. The leader is ended first: if that finds it, its number is nobody else's yet.
    signal(pidfd, libc::SIGKILL, 0)?;
    kill_group(leader)
}

/// SIGKILLs the child behind `pidfd` alone.
///
/// # Errors
/// ESRCH when it was reaped.
pub(super) fn kill_one(pidfd: BorrowedFd<'_>) -> io::Result<()> {
    signal(pidfd, libc::SIGKILL, 0)
}

fn signal(pidfd: BorrowedFd<'_>, signal: libc::c_int, flags: libc::c_uint) -> io::Result<()> {
    let info = ptr::null::<libc::siginfo_t>();
    // SAFETY: a system call on numbers, and NULL for what the kernel fills in itself.
    let result =
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, info, flags) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// SIGKILLs the process group that the child `leader` leads, and the leader itself should it have moved to
/// another group. Only for a child that has not been reaped: until then nobody else can get its number.
///
/// # Errors
/// EPERM when nothing in the group may be signalled; ESRCH when all is gone.
pub fn kill_group(leader: i32) -> io::Result<()> {
    // SAFETY: plain system call on a number; 0 and -1, which mean everybody, are excluded.
    if leader > 1 && unsafe { libc::kill(-leader, libc::SIGKILL) } == 0 {
        return Ok(());
    }
    kill_process(leader)
}

/// SIGKILLs one child that has not been reaped.
///
/// # Errors
/// As kill(2).
pub fn kill_process(pid: i32) -> io::Result<()> {
    if pid <= 1 {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    // SAFETY: plain system call on a number; 0 and -1, which mean everybody, are excluded.
    if unsafe { libc::kill(pid, libc::SIGKILL) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// A process started with SIGCHLD ignored would never learn how its children end: undoes that.
pub(super) fn keep_children_waitable() {
    // SAFETY: all zeroes are a valid sigaction and mean the default action, under which SIGCHLD does nothing.
    unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        if libc::sigaction(libc::SIGCHLD, ptr::null(), &raw mut now) == 0 && now.sa_sigaction == libc::SIG_IGN
        {
            let default: libc::sigaction = std::mem::zeroed();
            libc::sigaction(libc::SIGCHLD, &raw const default, ptr::null_mut());
        }
    }
}
