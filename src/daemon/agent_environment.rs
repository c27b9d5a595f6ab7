// SPDX-License-Identifier: LGPL-2.1-or-later
//! What every agent and alert inherits of the daemon's environment; their own variables come on top.
use super::cli::Program;
use super::config::Config;
use crate::driver::environment::Environment;
use crate::model::options::{self, ClusterOption, enabled_for};
use crate::model::{service_manager, site};
use std::ffi::{OsStr, OsString};

/// The whole environment, less what belongs between the daemon and its service manager, plus the daemon's
/// name, the port if it was given on the command line, and the logging variables that agents' shell functions
/// look at.
pub fn agent_environment(config: &Config, environment: &Environment) -> Vec<(OsString, OsString)> {
    let mut inherited = environment.clone();
    inherited.retain(|variable| !service_manager::is_for_the_daemon_alone(variable));
    inherited.set(options::AGENT_SERVICE.variable, config.program.name());
    if config.port_from_command_line {
        inherited.set(options::REMOTE_PORT.variable, config.port.to_string());
    }
    set_logging(&mut inherited, config.program);
    inherited.into_pairs()
}

fn set_logging(environment: &mut Environment, program: Program) {
    let facility = or_default(environment, &options::LOG_FACILITY, "daemon");
    if !facility.eq_ignore_ascii_case("none") && facility != "/dev/null" {
        environment.set_option(&options::AGENT_LOG_FACILITY, &facility);
    }
    let file = or_default(environment, &options::LOG_FILE, site::LOG_FILE);
    if !file.eq_ignore_ascii_case("none") {
        environment.set_option(&options::AGENT_LOG_FILE, &file);
        let debug = environment.option(&options::DEBUG);
        if debug.is_some_and(|setting| enabled_for(&setting.text(), program.name())) {
            environment.set_option(&options::AGENT_DEBUG_LOG, &file);
        }
    }
}

/// The option's value; the default is also written into the environment.
fn or_default(environment: &mut Environment, option: &ClusterOption, default: &str) -> OsString {
    match environment.option(option) {
        Some(setting) => setting.value,
        None => {
            environment.set_option(option, OsStr::new(default));
            default.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::cli::CommandLine;

    fn agents_see(pairs: &[(&str, &str)], port: Option<&str>) -> Environment {
        let environment = pairs.iter().copied().collect();
        let command_line = CommandLine { port: port.map(str::to_owned), ..CommandLine::default() };
        let (config, _) = Config::read(Program::Remoted, &command_line, &environment);
        agent_environment(&config, &environment).into_iter().collect()
    }

    fn text<'a>(environment: &'a Environment, variable: &str) -> Option<&'a str> {
        environment.get(variable).and_then(OsStr::to_str)
    }

    #[test]
    fn inherits_all_but_the_service_manager() {
        let seen = agents_see(
            &[
                ("PATH", "/bin"),
                ("OCF_RESKEY_stray", "x"),
                ("NOTIFY_SOCKET", "/run/n"),
                ("WATCHDOG_USEC", "1"),
                ("LISTEN_FDS", "1"),
                ("LISTEN_PORT", "8080"),
                ("WATCHDOG_DEVICE", "/dev/w"),
            ],
            None,
        );
        assert_eq!(text(&seen, "PATH"), Some("/bin"));
        assert_eq!(text(&seen, "OCF_RESKEY_stray"), Some("x"));
        assert_eq!(text(&seen, "LISTEN_PORT"), Some("8080"));
        assert_eq!(text(&seen, "WATCHDOG_DEVICE"), Some("/dev/w"));
        assert_eq!(text(&seen, "PCMK_service"), Some("pacemaker-remoted"));
        for gone in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS", "PCMK_remote_port"] {
            assert_eq!(text(&seen, gone), None, "{gone}");
        }
    }

    #[test]
    fn port_of_the_command_line() {
        assert_eq!(text(&agents_see(&[], Some("4000")), "PCMK_remote_port"), Some("4000"));
    }

    #[test]
    fn logging_defaults() {
        let seen = agents_see(&[], None);
        for (variable, value) in [
            ("PCMK_logfacility", "daemon"),
            ("HA_LOGFACILITY", "daemon"),
            ("PCMK_LOGFACILITY", "daemon"),
            ("HA_LOGFILE", "/var/log/pacemaker/pacemaker.log"),
            ("PCMK_LOGFILE", "/var/log/pacemaker/pacemaker.log"),
            ("PCMK_logfile", "/var/log/pacemaker/pacemaker.log"),
        ] {
            assert_eq!(text(&seen, variable), Some(value), "{variable}");
        }
        assert_eq!(text(&seen, "HA_DEBUGLOG"), None);
    }

    #[test]
    fn logging_switched_off_and_debugging() {
        let off = agents_see(&[("PCMK_logfacility", "none"), ("PCMK_logfile", "none")], None);
        assert_eq!((text(&off, "HA_LOGFACILITY"), text(&off, "HA_LOGFILE")), (None, None));
        let debug = agents_see(&[("PCMK_debug", "yes"), ("HA_logfile", "/var/log/x")], None);
        assert_eq!(text(&debug, "HA_DEBUGLOG"), Some("/var/log/x"));
        assert_eq!(text(&debug, "PCMK_DEBUGLOG"), Some("/var/log/x"));
    }
}
