// SPDX-License-Identifier: LGPL-2.1-or-later
use super::*;

fn read(pairs: &[(&str, &str)], port: Option<&str>) -> (Config, Vec<String>) {
    let environment = pairs.iter().copied().collect();
    let command_line = CommandLine { port: port.map(str::to_owned), ..CommandLine::default() };
    let (config, warnings) = Config::read(Program::Remoted, &command_line, &environment);
    (config, warnings.iter().map(ToString::to_string).collect())
}

#[test]
fn nothing_set_is_all_defaults_and_no_warning() {
    let (config, warnings) = read(&[], None);
    assert_eq!(warnings, [""; 0]);
    assert_eq!((config.port, config.ipc_buffer), (REMOTE_PORT, IPC_BUFFER));
    assert_eq!(config.ipc_type, IpcType::SharedMemory);
    assert_eq!(config.addresses, [""; 0]);
    assert_eq!(config.schema_directory, PathBuf::from("/usr/share/pacemaker"));
    assert_eq!(config.remote_schema_directory, PathBuf::from("/var/lib/pacemaker/schemas"));
    assert_eq!(config.sbd_watchdog_timeout_ms, None);
}

#[test]
fn memory() {
    let (config, warnings) = read(&[], None);
    assert_eq!((config.memory, warnings.len()), (MemoryLimits::default(), 0));
    for (variable, limit) in [
        ("PCMK_memory_unauthenticated", (|memory| memory.unauthenticated) as fn(MemoryLimits) -> usize),
        ("PCMK_memory_remote", |memory| memory.remote),
        ("PCMK_memory_privileged", |memory| memory.privileged),
        ("PCMK_memory_members", |memory| memory.members),
        ("PCMK_memory_output", |memory| memory.output),
        ("PCMK_memory_parameters", |memory| memory.parameters),
    ] {
        let (config, warnings) = read(&[(variable, "4000000000")], None);
        assert_eq!((limit(config.memory), warnings), (4_000_000_000, vec![]), "{variable}");
        let (config, warnings) = read(&[(variable, "much")], None);
        assert_eq!(config.memory, MemoryLimits::default());
        assert!(warnings[0].contains("not a size in bytes"), "{warnings:?}");
        let (config, warnings) = read(&[(variable, "1000")], None);
        assert_eq!((limit(config.memory), warnings.len()), (LEAST_MEMORY, 1));
    }
}

#[test]
fn ports() {
    assert_eq!(read(&[("PCMK_remote_port", "4000")], None).0.port, 4000);
    assert_eq!(read(&[("HA_remote_port", "4001")], None).0.port, 4001);
    let (config, warnings) = read(&[("PCMK_remote_port", "4000")], Some("5000"));
    assert_eq!((config.port, config.port_from_command_line, warnings.len()), (5000, true, 0));
    for bad in ["0", "65536", "-1", "ssh", "31 21"] {
        let (config, warnings) = read(&[("PCMK_remote_port", bad)], None);
        assert_eq!(config.port, 3121);
        assert_eq!(
            warnings,
            [format!("PCMK_remote_port is \"{bad}\": not a port (1 to 65535); using 3121 instead")]
        );
        let (config, warnings) = read(&[("PCMK_remote_port", "4000")], Some(bad));
        assert_eq!(config.port, 3121);
        assert!(warnings[0].starts_with("--port is"), "{warnings:?}");
    }
}

#[test]
fn several_addresses() {
    let (config, _) = read(&[("PCMK_remote_address", " 10.0.0.1,node1 ,, ::1\t")], None);
    assert_eq!(config.addresses, ["10.0.0.1", "node1", "::1"]);
}

#[test]
fn ipc() {
    assert_eq!(read(&[("PCMK_ipc_type", "socket")], None).0.ipc_type, IpcType::Socket);
    let (config, warnings) = read(&[("PCMK_ipc_type", "sysv")], None);
    assert_eq!((config.ipc_type, warnings.len()), (IpcType::SharedMemory, 1));
    assert_eq!(read(&[("PCMK_ipc_buffer", "200000")], None).0.ipc_buffer, 200_000);
    let (config, warnings) = read(&[("PCMK_ipc_buffer", "1")], None);
    assert_eq!((config.ipc_buffer, warnings.len()), (LEAST_IPC_BUFFER, 1));
    let (config, warnings) = read(&[("PCMK_ipc_buffer", "lots")], None);
    assert_eq!((config.ipc_buffer, warnings.len()), (IPC_BUFFER, 1));
}

#[test]
fn certificates_need_three_files() {
    let two = [("PCMK_ca_file", "/a"), ("CIB_cert_file", "/b")];
    assert!(read(&two, None).0.certificates.complete().is_none());
    let three = [two[0], two[1], ("HA_key_file", "/c")];
    assert!(read(&three, None).0.certificates.complete().is_some());
}

#[test]
fn what_is_for_a_change_over_is_off_unless_it_is_set() {
    let (config, _) = read(&[], None);
    assert_eq!((config.second_authkey_location, config.accepts_psk), (None, false));
    let (config, _) = read(&[("PCMK_authkey_second_location", "/k"), ("PCMK_tls_accept_psk", "yes")], None);
    assert_eq!((config.second_authkey_location, config.accepts_psk), (Some("/k".into()), true));
    let (config, warnings) = read(&[("PCMK_tls_accept_psk", "perhaps")], None);
    assert_eq!((config.accepts_psk, warnings.len()), (false, 1));
}

#[test]
fn watchdog_timeout_has_units() {
    let timeout = |value| read(&[("SBD_WATCHDOG_TIMEOUT", value)], None).0.sbd_watchdog_timeout_ms;
    assert_eq!(timeout("5"), Some(5000));
    assert_eq!(timeout("500ms"), Some(500));
    assert_eq!(timeout("0"), None);
    assert_eq!(read(&[("SBD_WATCHDOG_TIMEOUT", "soon")], None).1.len(), 1);
}

#[test]
fn what_has_no_effect_is_said() {
    let pairs =
        [("PCMK_dh_max_bits", "1024"), ("PCMK_blackbox", "pacemaker-remoted"), ("PCMK_debug", "maybe")];
    let (_, warnings) = read(&pairs, None);
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert_eq!(read(&[("PCMK_blackbox", "no"), ("PCMK_debug", "pacemaker-based")], None).1, [""; 0]);
}
