// SPDX-License-Identifier: LGPL-2.1-or-later
//! Starts a child without copying the parent: `clone` with shared memory, the caller suspended until the
//! child has executed its program or given up.
//!
//! The child gets its own process group, default signal handling, an empty signal mask, normal scheduling
//! at nice 0, pipes as standard output and error, and no descriptor above 2. The file is long by its tests.
use super::attempt::Attempt;
use super::stack;
use super::strings::Strings;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

/// What to start.
pub struct Launch<'a> {
    /// File to execute; a path, not searched for.
    pub program: &'a CStr,
    /// All arguments, the zeroth included.
    pub arguments: &'a Strings,
    /// The whole environment, as `NAME=value`.
    pub environment: &'a Strings,
    /// Whom to become; None: stay who we are.
    pub identity: Option<Identity>,
    /// Where the child reads from.
    pub stdin: Stdin<'a>,
    /// RLIMIT_NOFILE, soft and hard; None: the parent's.
    pub file_limit: Option<(u64, u64)>,
    /// The signals to which the child is to react in the default way again.
    pub dispositions: Dispositions,
    /// What another thread may stop this start by.
    pub attempt: &'a Attempt,
}

/// Signals whose disposition may not be the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dispositions(u64);

impl Dispositions {
    /// Any signal: for a program whose dispositions others change.
    pub const ANY: Self = Self(u64::MAX);

    /// Those that are caught or ignored now. For a program that changes none from now on: to reset all costs each
    /// start 64 system calls.
    pub fn now() -> Self {
        let changed = |signal: &c_int| {
            let mut action = [0_usize; 8];
            // SAFETY: the kernel writes no more than `action` has.
            let result = unsafe {
                let nothing = ptr::null::<usize>();
                libc::syscall(libc::SYS_rt_sigaction, *signal, nothing, action.as_mut_ptr(), MASK_BYTES)
            };
            result != 0 || action != [0; 8]
        };
        Self((1..=LAST_SIGNAL).filter(changed).fold(0, |set, signal| set | Self::bit(signal)))
    }

    const fn bit(signal: c_int) -> u64 {
        1 << (signal - 1)
    }
}

const LAST_SIGNAL: c_int = 64;
/// Of a signal mask, as the kernel counts.
const MASK_BYTES: usize = 8;

/// A user to run as, with its primary group and no supplementary ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields name themselves")]
pub struct Identity {
    pub uid: u32,
    pub gid: u32,
}

/// Standard input of a child.
#[derive(Clone, Copy, Debug)]
pub enum Stdin<'a> {
    /// The parent's.
    Inherit,
    /// This file.
    From(BorrowedFd<'a>),
    /// A pipe whose other end is [`Child::stdin`].
    Pipe,
}

/// A running child. Dropping it neither ends nor reaps it.
#[derive(Debug)]
pub struct Child {
    /// Its process, also its process group.
    pub pid: i32,
    /// Readable once the child has ended.
    pub pidfd: OwnedFd,
    /// Non-blocking read end.
    pub stdout: OwnedFd,
    /// Non-blocking read end.
    pub stderr: OwnedFd,
    /// Blocking write end, if asked for.
    pub stdin: Option<OwnedFd>,
}

/// Why there is no child. The number is an errno.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpawnError {
    /// No descriptors, memory or processes left.
    Resources(i32),
    /// The child could not be set up; nothing was executed.
    Setup(i32),
    /// The child could not become the other user; nothing was executed.
    Identity(i32),
    /// The program could not be executed.
    Exec(i32),
    /// Another thread has stopped the start; nothing was executed.
    Stopped,
}

impl SpawnError {
    fn resources(error: &io::Error) -> Self {
        Self::Resources(error.raw_os_error().unwrap_or(libc::EIO))
    }
}

/// Starts a child. Blocks until it runs its program.
///
/// # Errors
/// See [`SpawnError`]; no process is left behind.
pub fn spawn(launch: &Launch<'_>) -> Result<Child, SpawnError> {
    let (stdout, child_stdout) = output_pipe().map_err(|e| SpawnError::resources(&e))?;
    let (stderr, child_stderr) = output_pipe().map_err(|e| SpawnError::resources(&e))?;
    let (child_stdin, stdin) = match launch.stdin {
        Stdin::Inherit => (None, None),
        // A copy, which is always above the standard three.
        Stdin::From(fd) => (Some(fd.try_clone_to_owned().map_err(|e| SpawnError::resources(&e))?), None),
        Stdin::Pipe => {
            let (read, write) = pipe(0).map_err(|e| SpawnError::resources(&e))?;
            (Some(above_stdio(read).map_err(|e| SpawnError::resources(&e))?), Some(write))
        }
    };
    // A script without an interpreter line runs under the shell, as with execvp(3).
    let mut arguments = launch.arguments.pointers(&[c"/bin/sh"]);
    let environment = launch.environment.pointers(&[]);
    let mut orders = Orders {
        program: launch.program.as_ptr(),
        arguments: arguments.as_mut_ptr(),
        environment: environment.as_ptr(),
        stdin: child_stdin.as_ref().map_or(-1, OwnedFd::as_raw_fd),
        stdout: child_stdout.as_raw_fd(),
        stderr: child_stderr.as_raw_fd(),
        identity: launch.identity,
        file_limit: launch.file_limit.map(|(soft, hard)| libc::rlimit64 { rlim_cur: soft, rlim_max: hard }),
        dispositions: launch.dispositions,
        failure: None,
    };
    let (pid, pidfd) = with_signals_blocked(|| clone(&mut orders, launch.attempt))?;
    if let Some(failure) = orders.failure {
        // It has ended already, or is about to: nothing but this call can be waiting for it.
        let _ = super::process::wait(pid);
        return Err(failure);
    }
    Ok(Child { pid, pidfd, stdout, stderr, stdin })
}

/// What parent and child share. The parent is suspended while the child uses it.
struct Orders {
    program: *const c_char,
    /// The shell's name, then the arguments, then NULL.
    arguments: *mut *const c_char,
    environment: *const *const c_char,
    stdin: RawFd,
    stdout: RawFd,
    stderr: RawFd,
    identity: Option<Identity>,
    file_limit: Option<libc::rlimit64>,
    dispositions: Dispositions,
    failure: Option<SpawnError>,
}

fn clone(orders: &mut Orders, attempt: &Attempt) -> Result<(i32, OwnedFd), SpawnError> {
    let top = stack::top().map_err(|e| SpawnError::resources(&e))?;
    if !attempt.begin() {
        return Err(SpawnError::Stopped);
    }
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
    let argument = ptr::from_mut(orders).cast::<c_void>();
    // SAFETY: the stack belongs to this thread alone, which stands still until the child has left it
    // (CLONE_VFORK); `argument` is an `Orders` that outlives that time, and the last a place for one number.
    let pid = unsafe { libc::clone(child_main, top, flags, argument, attempt.pidfd()) };
    let error = io::Error::last_os_error();
    let pidfd = attempt.over();
    if pid < 0 {
        return Err(SpawnError::resources(&error));
    }
    // SAFETY: the kernel has just made this descriptor for us, and nobody else knows it.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok((pid, pidfd))
}

/// The child. It shares our memory, so it allocates nothing, takes no lock, cannot panic, and calls the
/// kernel directly where the C library would tell other threads.
extern "C" fn child_main(argument: *mut c_void) -> c_int {
    // SAFETY: `clone` passes an `Orders` that nobody else touches while we run.
    let orders = unsafe { &mut *argument.cast::<Orders>() };
    let failure = prepare_and_execute(orders);
    orders.failure = Some(failure);
    // SAFETY: ends this process only, without running the parent's exit handlers.
    unsafe { libc::_exit(127) }
}

/// Returns only on failure.
fn prepare_and_execute(orders: &Orders) -> SpawnError {
    reset_signals(orders.dispositions);
    // SAFETY: plain system calls on numbers. Failures to lower or raise priority are as harmless as upstream
    // finds them; a new process can always lead its own group.
    unsafe {
        if libc::syscall(libc::SYS_sched_getscheduler, 0) != libc::c_long::from(libc::SCHED_OTHER) {
            let normal: c_int = 0;
            libc::syscall(libc::SYS_sched_setscheduler, 0, libc::SCHED_OTHER, &raw const normal);
        }
        libc::syscall(libc::SYS_setpriority, libc::PRIO_PROCESS, 0, 0);
        libc::setpgid(0, 0);
    }
    for (from, to) in [(orders.stdin, 0), (orders.stdout, 1), (orders.stderr, 2)] {
        // SAFETY: dup2 takes any numbers; `from` is above 2 (see `above_stdio`), so nothing is overwritten.
        if from >= 0 && unsafe { libc::dup2(from, to) } < 0 {
            return SpawnError::Setup(last_errno());
        }
    }
    // SAFETY: our descriptor table is a copy: this closes nothing in the parent.
    if unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) } < 0 {
        return SpawnError::Setup(last_errno());
    }
    if let Some(limit) = &orders.file_limit {
        // SAFETY: the kernel reads one rlimit64, which is ours. Limits are per process, so the parent keeps its own.
        // A hard limit above ours could only be refused, and then ours is what there is.
        unsafe {
            let (this, nothing) = (0, ptr::null_mut::<libc::rlimit64>());
            libc::syscall(libc::SYS_prlimit64, this, libc::RLIMIT_NOFILE, ptr::from_ref(limit), nothing);
        }
    }
    if let Some(identity) = orders.identity
        && !become_user(identity)
    {
        return SpawnError::Identity(last_errno());
    }
    unblock_signals();
    execute(orders)
}

fn execute(orders: &Orders) -> SpawnError {
    // SAFETY: the list begins with the shell's name, so one step stays within it; program, list and
    // environment are NUL-terminated and alive, and nobody else uses them while the parent is suspended.
    unsafe {
        let arguments = orders.arguments.add(1);
        libc::execve(orders.program, arguments, orders.environment);
        if last_errno() == libc::ENOEXEC && !(*arguments).is_null() {
            // [sh, zero, one, ...] becomes [sh, program, one, ...].
            arguments.write(orders.program);
            libc::execve(*orders.arguments, orders.arguments, orders.environment);
        }
    }
    SpawnError::Exec(last_errno())
}

/// Raw calls: the C library's functions of these names would signal the parent's threads to follow suit.
fn become_user(identity: Identity) -> bool {
    // SAFETY: plain system calls; an empty group list needs no memory.
    unsafe {
        libc::syscall(libc::SYS_setgid, identity.gid) == 0
            && libc::syscall(libc::SYS_setgroups, 0, ptr::null::<u32>()) == 0
            && libc::syscall(libc::SYS_setuid, identity.uid) == 0
    }
}

/// Ignored signals would stay ignored in the program, and caught ones would run our handlers here.
fn reset_signals(which: Dispositions) {
    // The kernel's sigaction, whatever the order of its fields: all zeroes mean the default action.
    let default = [0_usize; 8];
    for signal in (1..=LAST_SIGNAL).filter(|signal| which.0 & Dispositions::bit(*signal) != 0) {
        // SAFETY: the kernel reads no more than `default` has. The table of handlers is our own copy (no
        // CLONE_SIGHAND). Raw, because the C library refuses the two signals that its own posix_spawn leaves
        // ignored. SIGKILL and SIGSTOP are refused by the kernel, rightly.
        unsafe {
            libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), ptr::null::<usize>(), MASK_BYTES)
        };
    }
}

fn unblock_signals() {
    // SAFETY: an empty set fits all zeroes; the mask is this process's own.
    unsafe {
        let none: libc::sigset_t = std::mem::zeroed();
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
    }
}

/// No handler of ours may run in the child while it still shares our memory.
fn with_signals_blocked<T>(body: impl FnOnce() -> T) -> T {
    // SAFETY: both sets live here and are filled by the calls before they are read.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
        let result = body();
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, ptr::null_mut());
        result
    }
}

fn last_errno() -> i32 {
    // SAFETY: errno of the calling thread, which is the child's to use while the parent stands still.
    unsafe { *libc::__errno_location() }
}

/// A pipe whose read end does not block.
fn output_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = pipe(0)?;
    // SAFETY: a flag on a descriptor that we own.
    if unsafe { libc::fcntl(read.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok((read, above_stdio(write)?))
}

fn pipe(flags: c_int) -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [-1; 2];
    // SAFETY: room for two numbers.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC | flags) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: both were just made for us.
    Ok(unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) })
}

/// The child puts its ends onto 0, 1 and 2: they must not lie there already in another order.
fn above_stdio(fd: OwnedFd) -> io::Result<OwnedFd> {
    if fd.as_raw_fd() > 2 {
        return Ok(fd);
    }
    // SAFETY: a duplicate of a descriptor that we own.
    match unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 3) } {
        -1 => Err(io::Error::last_os_error()),
        // SAFETY: just made for us.
        above => Ok(unsafe { OwnedFd::from_raw_fd(above) }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::process::{self, ExitStatus};
    use super::*;
    use nix::fcntl::{FcntlArg, OFlag, fcntl};
    use std::fs::File;
    use std::io::{Read, Seek, Write};
    use std::os::fd::AsFd;

    fn start(program: &CStr, arguments: &[&str], stdin: Stdin<'_>) -> Result<Child, SpawnError> {
        let mut list = Strings::default();
        arguments.iter().for_each(|argument| list.push(&[argument.as_bytes()]).unwrap());
        let environment = &Strings::default();
        let (identity, file_limit, dispositions) = (None, None, Dispositions::ANY);
        let (arguments, attempt) = (&list, &Attempt::default());
        spawn(&Launch { program, arguments, environment, identity, stdin, file_limit, dispositions, attempt })
    }

    fn shell(script: &str) -> Child {
        start(c"/bin/sh", &["sh", "-c", script], Stdin::Inherit).unwrap()
    }

    fn printed(child: Child) -> (String, ExitStatus) {
        let status = process::wait(child.pid).unwrap();
        let mut text = String::new();
        let mut stdout = File::from(child.stdout);
        // A child of another test's may hold the pipe for an instant, until it executes: its end is waited for.
        fcntl(&stdout, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
        stdout.read_to_string(&mut text).unwrap();
        (text, status)
    }

    #[test]
    fn a_child_reads_its_pipe_and_leads_its_group() {
        let script = "read line; echo $line $(cut -d' ' -f5 /proc/$$/stat)";
        let mut child = start(c"/bin/sh", &["sh", "-c", script], Stdin::Pipe).unwrap();
        assert_eq!(process::try_wait(child.pidfd.as_fd()).unwrap(), None);
        File::from(child.stdin.take().unwrap()).write_all(b"hello\n").unwrap();
        let pid = child.pid;
        assert_eq!(printed(child), (format!("hello {pid}\n"), ExitStatus::Exited(0)));
    }

    #[test]
    fn a_child_reads_the_file_that_it_is_given() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"hello\n").unwrap();
        file.rewind().unwrap();
        let child = start(c"/bin/cat", &["cat"], Stdin::From(file.as_fd())).unwrap();
        assert_eq!(printed(child), ("hello\n".to_owned(), ExitStatus::Exited(0)));
    }

    /// Nice values belong to threads: this test's own ends with it. Only root may lower one.
    #[test]
    fn a_child_is_as_nice_as_allowed() {
        // SAFETY: plain system calls on this thread.
        let root = unsafe {
            libc::setpriority(libc::PRIO_PROCESS, 0, 5);
            libc::geteuid() == 0
        };
        let (text, _) = printed(shell("cut -d' ' -f19 /proc/$$/stat"));
        assert_eq!(text.trim(), if root { "0" } else { "5" });
    }

    #[test]
    fn a_child_gets_its_own_limit_on_files_and_we_keep_ours() {
        let limit = || nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE).unwrap();
        let before = limit();
        let mut arguments = Strings::default();
        ["sh", "-c", "ulimit -Sn; ulimit -Hn"]
            .iter()
            .for_each(|word| arguments.push(&[word.as_bytes()]).unwrap());
        let child = spawn(&Launch {
            program: c"/bin/sh",
            arguments: &arguments,
            environment: &Strings::default(),
            identity: None,
            stdin: Stdin::Inherit,
            file_limit: Some((60, before.1)),
            dispositions: Dispositions::now(),
            attempt: &Attempt::default(),
        });
        let hard = if before.1 == u64::MAX { "unlimited".to_owned() } else { before.1.to_string() };
        assert_eq!(printed(child.unwrap()).0, format!("60\n{hard}\n"));
        assert_eq!(limit(), before);
    }

    #[test]
    fn what_cannot_be_executed_leaves_no_process() {
        let error = |program| start(program, &["x"], Stdin::Inherit).err();
        assert_eq!(error(c"/nonexistent/x"), Some(SpawnError::Exec(libc::ENOENT)));
        assert_eq!(error(c"/"), Some(SpawnError::Exec(libc::EACCES)));
    }

    #[test]
    fn ends_are_told_apart() {
        let ended = |script| printed(shell(script)).1;
        assert_eq!(ended("exit 201"), ExitStatus::Exited(201));
        let killed = ExitStatus::Signalled { signal: 9, core_dumped: false };
        assert_eq!(ended("kill -9 $$"), killed);
        let child = shell("exec sleep 1000");
        process::kill_group(child.pid).unwrap();
        assert_eq!(printed(child).1, killed);
    }

    #[test]
    fn nobody_can_be_asked_to_kill_everybody() {
        for pid in [-1, 0, 1] {
            assert!(process::kill_process(pid).is_err() && process::kill_group(pid).is_err());
        }
    }

    #[test]
    fn the_caller_s_signal_mask_is_left_alone() {
        let mask = || nix::sys::signal::SigSet::thread_get_mask().unwrap();
        let before = mask();
        let _ = printed(shell(":"));
        assert_eq!(mask(), before);
    }
}
