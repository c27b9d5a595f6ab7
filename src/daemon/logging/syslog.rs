// SPDX-License-Identifier: LGPL-2.1-or-later
//! The system log, over its datagram socket. Never waits: what cannot be sent at once is lost and counted.
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

/// Where syslog daemons listen.
pub(super) const SOCKET: &str = "/dev/log";
/// What every syslog daemon takes in one message.
const SAFE_LENGTH: usize = 1024;

/// A connection to the system log, made anew whenever the log daemon was restarted.
#[derive(Debug)]
pub(super) struct Syslog {
    path: PathBuf,
    socket: Option<UnixDatagram>,
    lost: u64,
}

impl Syslog {
    pub(super) fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), socket: None, lost: 0 }
    }

    /// Sends a message. The result is how many messages before it were lost, told once.
    pub(super) fn send(&mut self, message: &str) -> Option<u64> {
        match self.try_send(message) {
            Ok(()) => Some(std::mem::take(&mut self.lost)).filter(|lost| *lost > 0),
            Err(_) => {
                self.lost += 1;
                None
            }
        }
    }

    fn try_send(&mut self, message: &str) -> io::Result<()> {
        let error = match &self.socket {
            None => io::ErrorKind::NotConnected.into(),
            Some(socket) => match send_on(socket, message) {
                Ok(()) => return Ok(()),
                Err(error) => error,
            },
        };
        if error.kind() == io::ErrorKind::WouldBlock {
            return Err(error);
        }
        self.socket = None;
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.connect(&self.path)?;
        send_on(&socket, message)?;
        self.socket = Some(socket);
        Ok(())
    }
}

fn send_on(socket: &UnixDatagram, message: &str) -> io::Result<()> {
    match socket.send(message.as_bytes()) {
        Err(error) if error.raw_os_error() == Some(libc::EMSGSIZE) => {
            let cut = message.as_bytes().get(..SAFE_LENGTH).unwrap_or(message.as_bytes());
            socket.send(cut).map(|_| ())
        }
        sent => sent.map(|_| ()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receive(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 4096];
        let size = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..size]).into_owned()
    }

    #[test]
    fn survives_a_restart_of_the_log_daemon_and_counts_what_was_lost() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let mut syslog = Syslog::new(&path);
        assert_eq!(syslog.send("nobody listens"), None);
        let daemon = UnixDatagram::bind(&path).unwrap();
        assert_eq!(syslog.send("first"), Some(1));
        assert_eq!(receive(&daemon), "first");
        drop(daemon);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(syslog.send("lost"), None);
        let daemon = UnixDatagram::bind(&path).unwrap();
        assert_eq!(syslog.send("second"), Some(1));
        assert_eq!(receive(&daemon), "second");
        assert_eq!(syslog.send("third"), None);
    }

    #[test]
    fn a_log_daemon_that_does_not_read_blocks_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let daemon = UnixDatagram::bind(&path).unwrap();
        let mut syslog = Syslog::new(&path);
        for _ in 0..10_000 {
            syslog.send("x");
        }
        let lost_before = syslog.lost;
        assert!(lost_before > 0);
        receive(&daemon);
        assert_eq!(syslog.send("y"), Some(lost_before));
    }
}
