// SPDX-License-Identifier: LGPL-2.1-or-later
//! Tells a service manager how the daemon fares (sd_notify(3)), where one asked to be told.
use crate::driver::environment::Environment;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The connection to the service manager; does nothing where there is none.
#[derive(Debug, Default)]
pub struct Notifier(Option<UnixDatagram>);

impl Notifier {
    /// Connects to the socket that NOTIFY_SOCKET names. Without that variable there is nothing to do.
    pub fn new(environment: &Environment) -> io::Result<Self> {
        match environment.get("NOTIFY_SOCKET") {
            Some(name) if !name.is_empty() => connect(name).map(Some).map(Self),
            _ => Ok(Self(None)),
        }
    }

    /// The daemon listens, and `status` says on what.
    pub fn ready(&self, status: &str) {
        self.send(&format!("READY=1\nSTATUS={}", one_line(status)));
    }

    /// The daemon waits for resources to leave.
    pub fn stopping(&self, status: &str) {
        self.send(&format!("STOPPING=1\nSTATUS={}", one_line(status)));
    }

    /// Does a service manager listen?
    pub fn is_connected(&self) -> bool {
        self.0.is_some()
    }

    /// What the daemon does now.
    pub fn status(&self, status: &str) {
        self.send(&format!("STATUS={}", one_line(status)));
    }

    /// The daemon goes on.
    pub fn alive(&self) {
        self.send("WATCHDOG=1");
    }

    fn send(&self, text: &str) {
        if let Some(socket) = &self.0
            && let Err(error) = socket.send(text.as_bytes())
        {
            log::warn!("cannot notify the service manager: {error}");
        }
    }
}

/// How often the service manager wants a sign of life: twice as often as it would act without one. None: it wants none,
/// or that of another process.
///
/// # Errors
/// What it has said makes no sense.
pub fn watchdog(environment: &Environment) -> Result<Option<Duration>, String> {
    let number = |name: &str| -> Result<Option<u64>, String> {
        let Some(text) = environment.get(name).filter(|text| !text.is_empty()) else { return Ok(None) };
        let number = text.to_str().and_then(|text| text.parse().ok());
        number.map(Some).ok_or_else(|| format!("{name} is no number: {}", text.to_string_lossy()))
    };
    let is_ours = number("WATCHDOG_PID")?.is_none_or(|pid| pid == u64::from(std::process::id()));
    let period = number("WATCHDOG_USEC")?.filter(|period| *period > 0 && is_ours);
    Ok(period.map(|period| Duration::from_micros(period) / 2))
}

fn connect(name: &OsStr) -> io::Result<UnixDatagram> {
    let address = match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        [b'/', ..] => SocketAddr::from_pathname(name)?,
        _ => return Err(io::Error::other("NOTIFY_SOCKET is neither a path nor an abstract name")),
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect_addr(&address)?;
    Ok(socket)
}

fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receive(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 256];
        let size = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..size]).into_owned()
    }

    #[test]
    fn by_path_and_by_abstract_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let notifier = Notifier::new(&Environment::from_iter([("NOTIFY_SOCKET", &path)])).unwrap();
        notifier.ready("port 3121\nREADY=0");
        assert_eq!(receive(&manager), "READY=1\nSTATUS=port 3121 READY=0");

        let name = format!("pcmk-notify-test-{}", std::process::id());
        let manager = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        let notifier =
            Notifier::new(&Environment::from_iter([("NOTIFY_SOCKET", format!("@{name}"))])).unwrap();
        notifier.stopping("waiting");
        assert_eq!(receive(&manager), "STOPPING=1\nSTATUS=waiting");
    }

    #[test]
    fn the_watchdog_is_heeded_where_it_is_ours() {
        let asked = |variables: &[(&str, &str)]| watchdog(&Environment::from_iter(variables.iter().copied()));
        let own = std::process::id().to_string();
        let second = Ok(Some(Duration::from_secs(1)));
        assert_eq!(asked(&[]), Ok(None));
        assert_eq!(asked(&[("WATCHDOG_USEC", "2000000")]), second);
        assert_eq!(asked(&[("WATCHDOG_USEC", "2000000"), ("WATCHDOG_PID", &own)]), second);
        assert_eq!(asked(&[("WATCHDOG_USEC", "2000000"), ("WATCHDOG_PID", "1")]), Ok(None));
        assert_eq!(asked(&[("WATCHDOG_USEC", "0")]), Ok(None));
        assert!(asked(&[("WATCHDOG_USEC", "soon")]).is_err());
    }

    #[test]
    fn without_a_manager_nothing_happens() {
        Notifier::new(&Environment::default()).unwrap().ready("x");
        assert!(Notifier::new(&Environment::from_iter([("NOTIFY_SOCKET", "vsock:2:1")])).is_err());
        assert!(Notifier::new(&Environment::from_iter([("NOTIFY_SOCKET", "/nowhere/at/all")])).is_err());
    }
}
