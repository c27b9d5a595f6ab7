// SPDX-License-Identifier: LGPL-2.1-or-later
//! What systemd is asked about its units, over the system bus.
use super::bus::Bus;
use crate::agents::NodeUnits;
use crate::driver::system_bus::{self, MANAGER, MANAGER_PATH, PROPERTIES, SYSTEMD, UNIT};
use crate::wire::dbus::{Answer, Arguments, Method, Returned};
use std::cell::RefCell;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Instant;
use zvariant::{OwnedObjectPath, OwnedValue};

/// systemd, for the length of one question. Nothing is connected before something is asked.
pub(in crate::driver) struct Systemd {
    socket: PathBuf,
    deadline: Instant,
    bus: RefCell<Connection>,
}

enum Connection {
    NotYet,
    Made(Bus),
    /// It did not come about, or it broke.
    Lost,
}

impl Systemd {
    pub(super) fn new(environment: &[(OsString, OsString)], deadline: Instant) -> Self {
        let address = environment.iter().find(|(name, _)| name == system_bus::VARIABLE);
        let socket = system_bus::socket(address.map(|(_, value)| value.as_os_str()));
        Self { socket, deadline, bus: RefCell::new(Connection::NotYet) }
    }

    /// None if there was no answer, or systemd refused; the reason is only logged.
    fn call<T: Returned>(&self, method: Method<'_>, arguments: &impl Arguments) -> Option<T> {
        let mut connection = self.bus.borrow_mut();
        if matches!(*connection, Connection::NotYet) {
            *connection = match Bus::connect(&self.socket, self.deadline) {
                Ok(bus) => Connection::Made(bus),
                Err(why) => {
                    log::info!("systemd is not asked for its units: {why}");
                    Connection::Lost
                }
            };
        }
        let Connection::Made(bus) = &mut *connection else { return None };
        match bus.call(method, arguments) {
            Ok(Answer::Value(value)) => Some(value),
            Ok(Answer::Refused(error, words)) => {
                log::info!("systemd refused {}: {words} ({error})", method.name);
                None
            }
            Err(why) => {
                log::warn!("systemd did not answer: {why}");
                *connection = Connection::Lost;
                None
            }
        }
    }
}

const fn manage(name: &str) -> Method<'_> {
    Method { owner: SYSTEMD, object: MANAGER_PATH, interface: MANAGER, name }
}

impl NodeUnits for Systemd {
    fn files(&self) -> Vec<String> {
        let files: Option<Vec<(String, String)>> = self.call(manage("ListUnitFiles"), &());
        files.unwrap_or_default().into_iter().map(|(path, _state)| path).collect()
    }

    fn property(&self, unit: &str, name: &str) -> Option<String> {
        let object: OwnedObjectPath = self.call(manage("LoadUnit"), &(unit,))?;
        let get = Method { owner: SYSTEMD, object: object.as_str(), interface: PROPERTIES, name: "Get" };
        let value: OwnedValue = self.call(get, &(UNIT, name))?;
        String::try_from(value).ok()
    }
}
