// SPDX-License-Identifier: LGPL-2.1-or-later
//! Is a cluster connected to this machine's daemon right now? A cluster drops its connection to Pacemaker's own daemon when
//! another client signs on. Which daemon it is shows only then, so a tool asks first.
use std::fs;
use std::net::IpAddr;

/// State of an established connection in /proc/net/tcp.
const ESTABLISHED: &str = "01";

/// Connections to the local `port` that are established. `host` None or not a loopback address: unknown.
pub(super) fn established(host: &str, port: u16) -> Option<usize> {
    let local = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if !local {
        return None;
    }
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    Some(
        tables.iter().filter_map(|table| fs::read_to_string(table).ok()).map(|text| count(&text, port)).sum(),
    )
}

fn count(table: &str, port: u16) -> usize {
    let suffix = format!(":{port:04X}");
    let is_ours = |line: &&str| {
        let mut words = line.split_whitespace().skip(1);
        let (local, _remote, state) = (words.next(), words.next(), words.next());
        local.is_some_and(|local| local.ends_with(&suffix)) && state == Some(ESTABLISHED)
    };
    table.lines().skip(1).filter(is_ours).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_established_connections_to_the_port_count() {
        let table = "  sl  local_address rem_address   st tx_queue\n\
            0: 0100007F:0C31 00000000:0000 0A 0:0\n\
            1: 0100007F:0C31 0100007F:D431 01 0:0\n\
            2: 0100007F:D431 0100007F:0C31 01 0:0\n";
        assert_eq!(count(table, 3121), 1);
        assert_eq!(established("198.51.100.7", 3121), None);
    }
}
