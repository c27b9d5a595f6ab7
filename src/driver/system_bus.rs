// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where the system bus is, and the names that systemd has on it.
use std::ffi::OsStr;
use std::path::PathBuf;

pub(super) const SYSTEMD: &str = "org.freedesktop.systemd1";
pub(super) const MANAGER_PATH: &str = "/org/freedesktop/systemd1";
pub(super) const MANAGER: &str = "org.freedesktop.systemd1.Manager";
pub(super) const UNIT: &str = "org.freedesktop.systemd1.Unit";
pub(super) const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// The variable that may say where the bus is.
pub(super) const VARIABLE: &str = "DBUS_SYSTEM_BUS_ADDRESS";

/// The bus's socket, by the variable's value or else the standard's.
pub(super) fn socket(address: Option<&OsStr>) -> PathBuf {
    let set = address.and_then(OsStr::to_str).and_then(|addresses| {
        let first = addresses.split(';').find_map(|address| address.strip_prefix("unix:path="))?;
        first.split(',').next()
    });
    PathBuf::from(set.unwrap_or("/run/dbus/system_bus_socket"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (address, path) in [
            (None, "/run/dbus/system_bus_socket"),
            (Some("unix:path=/x/bus"), "/x/bus"),
            (Some("tcp:host=localhost;unix:path=/x/bus,guid=1"), "/x/bus"),
            (Some("unix:abstract=x"), "/run/dbus/system_bus_socket"),
        ] {
            assert_eq!(socket(address.map(OsStr::new)), PathBuf::from(path));
        }
    }
}
