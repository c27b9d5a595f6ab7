// SPDX-License-Identifier: LGPL-2.1-or-later
//! The parent in full PID 1 mode: reaps every orphan, passes signals on, and ends as its child does.
use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::os::unix::fs::FileExt;

const NAME: &str = "pcmk-init";

/// Waits until `child` ends; all signals are blocked. The result is this process's exit code.
pub(super) fn run(child: Pid) -> i32 {
    rename();
    let all = SigSet::all();
    loop {
        // A signal without a name (a real-time one) comes as an error, and asks for nothing either.
        match all.wait() {
            Ok(Signal::SIGCHLD) => {
                if let Some(code) = reap(child) {
                    return code;
                }
            }
            Ok(Signal::SIGINT) => return 0,
            // A container's manager stops its first process; resources must leave in good order then.
            Ok(signal @ (Signal::SIGTERM | Signal::SIGHUP)) => {
                let _ = kill(child, signal);
            }
            Ok(_) | Err(_) => {}
        }
    }
}

/// Collects every child that has ended; the code to end with once `main_child` was among them.
fn reap(main_child: Pid) -> Option<i32> {
    let mut code = None;
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, status)) if pid == main_child => code = Some(status),
            Ok(WaitStatus::Signaled(pid, ..)) if pid == main_child => code = Some(1),
            Ok(WaitStatus::StillAlive) => return code,
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return code,
        }
    }
}

/// Calls this process pcmk-init where people look: the name, and the command line, which is overwritten in
/// place. Cosmetic, so failure is silent.
fn rename() {
    let name = std::ffi::CString::new(NAME).unwrap_or_default();
    let _ = nix::sys::prctl::set_name(&name);
    let _ = overwrite_command_line();
}

fn overwrite_command_line() -> std::io::Result<()> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let Some((start, end)) = argument_area(&stat) else { return Ok(()) };
    let mut area = vec![0; usize::try_from(end.saturating_sub(start)).unwrap_or(0)];
    for (place, byte) in area.iter_mut().zip(NAME.bytes()) {
        *place = byte;
    }
    // The last byte stays NUL whatever the length, or the kernel would show what lies behind it.
    if let Some(last) = area.last_mut() {
        *last = 0;
    }
    std::fs::OpenOptions::new().write(true).open("/proc/self/mem")?.write_all_at(&area, start)
}

/// Addresses of the first byte of the arguments and of that after the last, fields 48 and 49 of proc(5)'s
/// stat.
fn argument_area(stat: &str) -> Option<(u64, u64)> {
    // The second field is a name in parentheses that may hold anything; the third follows the last one.
    let mut fields = stat.rsplit_once(") ")?.1.split_ascii_whitespace().skip(45);
    let (start, end) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    (0 < start && start < end).then_some((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn argument_area_of_this_process() {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
        let (start, end) = argument_area(&stat).unwrap();
        let arguments = std::fs::read("/proc/self/cmdline").unwrap();
        assert_eq!(end - start, arguments.len() as u64);
        let mut seen = vec![0; arguments.len()];
        std::fs::File::open("/proc/self/mem").unwrap().read_exact_at(&mut seen, start).unwrap();
        assert_eq!(seen, arguments);
    }

    #[test]
    fn names_with_parentheses_do_not_confuse() {
        let fields = (3..=52).map(|n: u32| n.to_string()).collect::<Vec<_>>().join(" ");
        assert_eq!(argument_area(&format!("7 (a) b) {fields}")), Some((48, 49)));
        assert_eq!(argument_area("7 (a) S 1"), None);
    }
}
