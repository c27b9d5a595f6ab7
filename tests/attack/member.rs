// SPDX-License-Identifier: LGPL-2.1-or-later
//! A plain user in the cluster's group.
use nix::unistd::Group;

/// Does something as such a user, on a thread of its own: the kernel keeps users by thread, and only the C library makes
/// them one.
pub(crate) fn as_member<T: Send + 'static>(user: u32, work: impl FnOnce() -> T + Send + 'static) -> T {
    let group = Group::from_name("haclient").unwrap().expect("the cluster's group exists").gid.as_raw();
    let thread = std::thread::spawn(move || {
        // SAFETY: system calls with plain numbers, and a null pointer for a list without members.
        unsafe {
            assert_eq!(libc::syscall(libc::SYS_setgroups, 0, std::ptr::null::<libc::gid_t>()), 0);
            assert_eq!(libc::syscall(libc::SYS_setresgid, group, group, group), 0);
            assert_eq!(libc::syscall(libc::SYS_setresuid, user, user, user), 0);
        }
        work()
    });
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
