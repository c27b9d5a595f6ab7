// SPDX-License-Identifier: LGPL-2.1-or-later
//! Any file as a container's settings, and what it says as a daemon's configuration: variables that are set already
//! stay, each line is a variable or a warning, and what is quoted comes back.
use pcmk_remote_rs::daemon::agent_environment::agent_environment;
use pcmk_remote_rs::daemon::cli::{CommandLine, Program};
use pcmk_remote_rs::daemon::config::{Config, LEAST_IPC_BUFFER};
use pcmk_remote_rs::driver::environment::Environment;
use pcmk_remote_rs::driver::pid1::{Mode, enter_with};
use std::ffi::OsStr;
use std::io::Write;

/// What the file leaves of an environment, and the warnings.
fn loaded(content: &[u8]) -> (Environment, Vec<String>) {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(content).expect("a temporary file can be written");
    let mut environment = Environment::from_iter([("PCMK_remote_pid1", "vars"), ("SET", "before")]);
    let (mode, warnings) = enter_with(&mut environment, false, file.path()).expect("no process is divided");
    assert_eq!(mode, Mode::Variables);
    (environment, warnings)
}

fn configured(environment: &Environment) {
    for program in [Program::Remoted, Program::Executor] {
        let (config, warnings) = Config::read(program, &CommandLine::default(), environment);
        assert!(config.port > 0 && config.ipc_buffer >= LEAST_IPC_BUFFER);
        assert!(warnings.iter().all(|warning| !warning.to_string().is_empty()));
        let inherited = agent_environment(&config, environment);
        assert!(inherited.iter().all(|(name, _)| name != "NOTIFY_SOCKET"));
    }
}

pub fn fuzz_one(data: &[u8]) {
    let (environment, warnings) = loaded(data);
    assert_eq!(environment.get("SET"), Some(OsStr::new("before")));
    let lines = data.split(|byte| *byte == b'\n').count();
    assert!(environment.clone().into_pairs().len() + warnings.len() <= lines + 2);
    configured(&environment);
    // The whole input as one value.
    let value: String = String::from_utf8_lossy(data).chars().filter(|c| !matches!(c, '\0' | '\n')).collect();
    let quoted = format!("VALUE='{}'\n", value.replace('\'', "'\\''"));
    let (environment, warnings) = loaded(quoted.as_bytes());
    assert_eq!(warnings, [""; 0]);
    assert_eq!(environment.get("VALUE"), Some(OsStr::new(&value)));
}

/// Files as administrators write them.
pub fn seeds() -> Vec<Vec<u8>> {
    [
        "# comment\n\nPCMK_remote_port=4000\noops\nSET=after\n",
        "PCMK_tls_priorities=\"NORMAL:-PSK\"\nPCMK_ipc_buffer=1\nPCMK_debug=yes\nSBD_WATCHDOG_TIMEOUT=5s\n",
        "PCMK_logfile='/var/log/a b'\nHA_logfacility=none\nPCMK_ipc_type=socket\nPCMK_node_start_state=standby\n",
        "PCMK_remote_address=10.0.0.1,::1\nPCMK_authkey_location=/k\\ ey\nA=\"b\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}
