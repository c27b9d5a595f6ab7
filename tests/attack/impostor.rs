// SPDX-License-Identifier: LGPL-2.1-or-later
//! User nobody, who holds the name of one of the cluster's local servers.
use std::io::{ErrorKind, Read};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

const NOBODY: u32 = 65_534;

/// Listens until it is dropped.
pub(crate) struct Impostor {
    over: Arc<AtomicBool>,
    received: Arc<Mutex<Vec<Vec<u8>>>>,
    thread: Option<JoinHandle<()>>,
}

impl Impostor {
    /// Takes the name, as libqb's servers take it.
    pub(crate) fn hold(name: &str) -> Self {
        let (over, received) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (ended, kept) = (Arc::clone(&over), Arc::clone(&received));
        let mut padded = [0; 107];
        padded[..name.len()].copy_from_slice(name.as_bytes());
        let (ready, listening) = channel();
        let thread = std::thread::spawn(move || {
            become_user(NOBODY, NOBODY);
            let address = SocketAddr::from_abstract_name(padded).unwrap();
            let listener = UnixListener::bind_addr(&address).unwrap();
            listener.set_nonblocking(true).unwrap();
            ready.send(()).unwrap();
            while !ended.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((mut stream, _)) => {
                        let mut bytes = Vec::new();
                        stream.set_nonblocking(false).unwrap();
                        let _ = stream.read_to_end(&mut bytes);
                        kept.lock().unwrap().push(bytes);
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        });
        listening.recv().unwrap();
        Self { over, received, thread: Some(thread) }
    }

    /// What came over each connection that has ended.
    pub(crate) fn received(&self) -> Vec<Vec<u8>> {
        self.received.lock().unwrap().clone()
    }
}

impl Drop for Impostor {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = self.thread.take().unwrap().join();
    }
}

/// Makes the calling thread alone this user: the kernel keeps users by thread, and only the C library makes them one.
pub(crate) fn become_user(user: u32, group: u32) {
    // SAFETY: system calls with plain numbers, and a list without entries.
    unsafe {
        assert_eq!(libc::syscall(libc::SYS_setgroups, 0, std::ptr::null::<u32>()), 0);
        assert_eq!(libc::syscall(libc::SYS_setresgid, group, group, group), 0);
        assert_eq!(libc::syscall(libc::SYS_setresuid, user, user, user), 0);
    }
}
