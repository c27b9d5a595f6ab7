// SPDX-License-Identifier: LGPL-2.1-or-later
//! The cluster's options: which environment variables there are, and by which rules each program reads them. Upstream
//! reads them in several places, by rules that differ with the place and the release; the rules are data here.
use super::Release;
use std::ffi::OsString;

/// What an option's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// Any text.
    Text,
    /// A file or a directory.
    Path,
    /// A TCP port.
    Port,
    /// A size in bytes.
    Bytes,
    /// A number of bits.
    Bits,
    /// Yes or no.
    Boolean,
    /// A security level of TLS.
    SecurityLevel,
    /// Host names or addresses.
    Hosts,
    /// SHA-256 digests of certificates.
    Fingerprints,
    /// Permission bits of a file.
    Permissions,
    /// A severity of log messages.
    Severity,
    /// A facility of syslog.
    Facility,
    /// Yes or no, or the names of daemons.
    Daemons,
    /// The carrier of local connections.
    IpcType,
    /// A mode of a container's first process.
    ContainerMode,
}

impl Value {
    /// What is wrong with a text that is no such value.
    pub const fn problem(self) -> &'static str {
        match self {
            Self::Text | Self::Path => "unusable",
            Self::Port => "not a port (1 to 65535)",
            Self::Bytes => "not a size in bytes",
            Self::Bits => "not a number of bits",
            Self::Boolean => "neither yes nor no",
            Self::SecurityLevel => "not a security level (1 to 5)",
            Self::Hosts => "not a list of host names or addresses",
            Self::Fingerprints => "not a list of SHA-256 fingerprints (64 hexadecimal digits each)",
            Self::Permissions => "not octal permissions",
            Self::Severity => "not a severity",
            Self::Facility => "not a syslog facility",
            Self::Daemons => "neither yes or no nor a list of daemons",
            Self::IpcType => "not one of shared-mem and socket",
            Self::ContainerMode => "not full, vars or default",
        }
    }
}

/// What becomes of an option that is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A program of ours does what it says.
    Read,
    /// The daemons warn that it has no effect, for this reason.
    None(&'static str),
    /// Nothing reads it: the daemons set it for agents.
    ForAgents,
}

/// An option.
#[derive(Debug, PartialEq, Eq)]
pub struct ClusterOption {
    /// The variable's name.
    pub variable: &'static str,
    /// Its older name, if it has one.
    pub old_variable: Option<&'static str>,
    /// For a certificate: the variable of CIB clients, which stands in.
    pub cib_variable: Option<&'static str>,
    /// What its value is.
    pub value: Value,
    /// What becomes of it.
    pub effect: Effect,
}

/// Declares options by their names behind the prefix, with a list of them all.
macro_rules! options {
    ($($constant:ident = $name:literal, $value:ident, $effect:expr $(, cib $cib:literal)? $(, no $old:ident)?;)*) => {
        $(
            #[doc = concat!("`PCMK_", $name, "`.")]
            pub const $constant: ClusterOption = ClusterOption {
                variable: concat!("PCMK_", $name),
                old_variable: options!(@old $name $($old)?),
                cib_variable: options!(@cib $($cib)?),
                value: Value::$value,
                effect: $effect,
            };
        )*

        /// Every option.
        pub const ALL: &[ClusterOption] = &[$($constant),*];
    };
    (@old $name:literal) => { Some(concat!("HA_", $name)) };
    (@old $name:literal old) => { None };
    (@cib) => { None };
    (@cib $name:literal) => { Some($name) };
}

const KEY_EXCHANGE: Effect = Effect::None("key exchange groups are those of tls_priorities");
const TRACING: Effect = Effect::None("use PCMK_trace_functions or PCMK_trace_files");
const FLIGHT_RECORDER: Effect = Effect::None("there is no flight recorder, see PCMK_debug");

options! {
    REMOTE_PORT = "remote_port", Port, Effect::Read;
    REMOTE_ADDRESS = "remote_address", Text, Effect::Read;
    AUTHKEY_LOCATION = "authkey_location", Path, Effect::Read;
    SECOND_AUTHKEY_LOCATION = "authkey_second_location", Path, Effect::Read, no old;
    TLS_ACCEPT_PSK = "tls_accept_psk", Boolean, Effect::Read, no old;
    TLS_PRIORITIES = "tls_priorities", Text, Effect::Read;
    DH_MIN_BITS = "dh_min_bits", Bits, KEY_EXCHANGE;
    DH_MAX_BITS = "dh_max_bits", Bits, KEY_EXCHANGE;
    CA_FILE = "ca_file", Path, Effect::Read, cib "CIB_ca_file";
    CERT_FILE = "cert_file", Path, Effect::Read, cib "CIB_cert_file";
    KEY_FILE = "key_file", Path, Effect::Read, cib "CIB_key_file";
    CRL_FILE = "crl_file", Path, Effect::Read, cib "CIB_crl_file";
    TLS_VERIFY_HOST = "tls_verify_host", Boolean, Effect::Read, no old;
    TLS_VERIFY_PURPOSE = "tls_verify_purpose", Boolean, Effect::Read, no old;
    TLS_REQUIRE_CRL = "tls_require_crl", Boolean, Effect::Read, no old;
    TLS_PEER_NAMES = "tls_peer_names", Hosts, Effect::Read, no old;
    TLS_PEER_FINGERPRINTS = "tls_peer_fingerprints", Fingerprints, Effect::Read, no old;
    TLS_SECURITY_LEVEL = "tls_security_level", SecurityLevel, Effect::Read, no old;
    TLS_MIN_RSA_BITS = "tls_min_rsa_bits", Bits, Effect::Read, no old;
    TLS_MIN_CURVE_BITS = "tls_min_curve_bits", Bits, Effect::Read, no old;
    NODE_START_STATE = "node_start_state", Text, Effect::Read;
    IPC_TYPE = "ipc_type", IpcType, Effect::Read;
    IPC_BUFFER = "ipc_buffer", Bytes, Effect::Read;
    UNAUTHENTICATED_MEMORY = "memory_unauthenticated", Bytes, Effect::Read, no old;
    REMOTE_MEMORY = "memory_remote", Bytes, Effect::Read, no old;
    PRIVILEGED_MEMORY = "memory_privileged", Bytes, Effect::Read, no old;
    MEMBER_MEMORY = "memory_members", Bytes, Effect::Read, no old;
    PARAMETER_MEMORY = "memory_parameters", Bytes, Effect::Read, no old;
    OUTPUT_MEMORY = "memory_output", Bytes, Effect::Read, no old;
    SCHEMA_DIRECTORY = "schema_directory", Path, Effect::Read;
    REMOTE_SCHEMA_DIRECTORY = "remote_schema_directory", Path, Effect::Read;
    REMOTE_PID1 = "remote_pid1", ContainerMode, Effect::Read;
    LOG_FACILITY = "logfacility", Facility, Effect::Read;
    LOG_PRIORITY = "logpriority", Severity, Effect::Read;
    LOG_FILE = "logfile", Path, Effect::Read;
    LOG_FILE_MODE = "logfile_mode", Permissions, Effect::Read;
    DEBUG = "debug", Daemons, Effect::Read;
    STDERR = "stderr", Daemons, Effect::Read;
    TRACE_FUNCTIONS = "trace_functions", Text, Effect::Read;
    TRACE_FILES = "trace_files", Text, Effect::Read;
    TRACE_FORMATS = "trace_formats", Text, TRACING;
    TRACE_TAGS = "trace_tags", Text, TRACING;
    TRACE_BLACKBOX = "trace_blackbox", Text, TRACING;
    BLACKBOX = "blackbox", Daemons, FLIGHT_RECORDER;
    AGENT_SERVICE = "service", Text, Effect::ForAgents, no old;
    AGENT_LOG_FACILITY = "LOGFACILITY", Facility, Effect::ForAgents;
    AGENT_LOG_FILE = "LOGFILE", Path, Effect::ForAgents;
    AGENT_DEBUG_LOG = "DEBUGLOG", Path, Effect::ForAgents;
}

/// A value that was found, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The variable.
    pub variable: &'static str,
    /// Its value.
    pub value: OsString,
}

impl Setting {
    /// The value as text; what is not UTF-8 becomes U+FFFD.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        self.value.to_string_lossy()
    }
}

/// How much of a value has to be a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// All of it, but for blanks around it.
    Whole,
    /// Its beginning; what follows the digits is ignored.
    Leading,
}

/// The rules by which one program reads options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Does a variable's old name count where the new one is not set?
    pub old_names: bool,
    /// Does the program know certificates? Their old names always count.
    pub certificates: bool,
    /// Is a blank value one? Otherwise it counts as none; it hides the old name either way.
    pub blank_values: bool,
    /// How numbers are read.
    pub numbers: Numbers,
}

/// The daemons. A blank value is none, so that a line in a defaults file can be left blank.
pub const DAEMON: Rules =
    Rules { old_names: true, certificates: true, blank_values: false, numbers: Numbers::Whole };

/// The client library of Pacemaker 2.1.
const CLIENT_2_1: Rules =
    Rules { old_names: false, certificates: false, blank_values: true, numbers: Numbers::Leading };

/// The client library of Pacemaker 3.0.
const CLIENT_3_0: Rules =
    Rules { old_names: true, certificates: true, blank_values: true, numbers: Numbers::Leading };

/// The client library of a release.
pub const fn client(release: Release) -> Rules {
    match release {
        Release::V2_1 => CLIENT_2_1,
        Release::V3_0 => CLIENT_3_0,
    }
}

/// The remote transport of Pacemaker's common library.
pub const TRANSPORT: Rules =
    Rules { old_names: true, certificates: true, blank_values: true, numbers: Numbers::Leading };

impl Rules {
    /// The option's value, found by `variable`, which gives a variable's value.
    pub fn find(
        self,
        option: &ClusterOption,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Option<Setting> {
        let found = set(option, self.old_names, variable)?;
        (self.blank_values || !found.value.is_empty()).then_some(found)
    }

    /// The file of a certificate: of the option, or else of its variable for CIB clients. A blank value is none.
    pub fn certificate(
        self,
        option: &ClusterOption,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Option<Setting> {
        if !self.certificates {
            return None;
        }
        let given = |setting: &Setting| !setting.value.is_empty();
        set(option, true, &variable).filter(given).or_else(|| {
            let name = option.cib_variable?;
            Some(Setting { variable: name, value: variable(name)? }).filter(given)
        })
    }

    /// A number as these rules read it; None for one that no option has.
    pub fn number(self, text: &str) -> Option<u32> {
        match self.numbers {
            Numbers::Whole => text.trim().parse().ok(),
            Numbers::Leading => {
                let text = text.trim_start();
                let text = text.strip_prefix('+').unwrap_or(text);
                let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
                text.get(..end)?.parse().ok()
            }
        }
    }

    /// A TCP port as these rules read it.
    pub fn port(self, text: &str) -> Option<u16> {
        self.number(text)?.try_into().ok().filter(|port| *port != 0)
    }
}

/// The first of the option's variables that is set, be it blank.
fn set(
    option: &ClusterOption,
    old_names: bool,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Option<Setting> {
    [Some(option.variable), option.old_variable.filter(|_| old_names)]
        .into_iter()
        .flatten()
        .find_map(|name| Some(Setting { variable: name, value: variable(name)? }))
}

/// A boolean as configuration files write it.
pub fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "on" | "yes" | "y" | "1" => Some(true),
        "false" | "off" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

/// A boolean, or the names of the daemons it holds for, separated by commas.
pub fn enabled_for(text: &str, daemon: &str) -> bool {
    boolean(text).unwrap_or_else(|| text.split(',').any(|name| name.trim() == daemon))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL_RULES: [Rules; 4] = [DAEMON, CLIENT_2_1, CLIENT_3_0, TRANSPORT];

    fn found(rules: Rules, option: &ClusterOption, pairs: &[(&str, &str)]) -> Option<String> {
        let variable =
            |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        Some(rules.find(option, variable)?.text().into_owned())
    }

    fn certificate(rules: Rules, pairs: &[(&str, &str)]) -> Option<&'static str> {
        let variable =
            |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        Some(rules.certificate(&CA_FILE, variable)?.variable)
    }

    #[test]
    fn the_new_name_wins_over_the_old_one() {
        for rules in ALL_RULES {
            let both = [("HA_debug", "old"), ("PCMK_debug", "new")];
            assert_eq!(found(rules, &DEBUG, &both).as_deref(), Some("new"), "{rules:?}");
        }
    }

    /// Rules, then whether the old name counts, and whether a blank value does.
    #[test]
    fn old_names_and_blank_values_by_program_and_release() {
        for (rules, old, blank) in [
            (DAEMON, true, false),
            (CLIENT_2_1, false, true),
            (CLIENT_3_0, true, true),
            (TRANSPORT, true, true),
        ] {
            assert_eq!(found(rules, &LOG_FILE, &[("HA_logfile", "/x")]).is_some(), old, "{rules:?}");
            let hidden = found(rules, &LOG_FILE, &[("PCMK_logfile", ""), ("HA_logfile", "/x")]);
            assert_eq!(hidden.as_deref(), blank.then_some(""), "{rules:?}");
            assert_eq!(found(rules, &AGENT_SERVICE, &[("HA_service", "x")]), None, "{rules:?}");
        }
    }

    /// Rules, then what is found when only the old name, and when only the CIB's is set.
    #[test]
    fn certificates_by_program_and_release() {
        for (rules, old, cib) in [
            (DAEMON, Some("HA_ca_file"), Some("CIB_ca_file")),
            (CLIENT_2_1, None, None),
            (CLIENT_3_0, Some("HA_ca_file"), Some("CIB_ca_file")),
            (TRANSPORT, Some("HA_ca_file"), Some("CIB_ca_file")),
        ] {
            assert_eq!(certificate(rules, &[("HA_ca_file", "/x")]), old, "{rules:?}");
            assert_eq!(certificate(rules, &[("PCMK_ca_file", ""), ("CIB_ca_file", "/x")]), cib, "{rules:?}");
            assert_eq!(certificate(rules, &[("PCMK_ca_file", ""), ("CIB_ca_file", "")]), None, "{rules:?}");
        }
    }

    #[test]
    fn numbers_are_whole_or_leading() {
        for (text, whole, leading) in [
            ("3121", Some(3121), Some(3121)),
            (" 7 ", Some(7), Some(7)),
            ("7x", None, Some(7)),
            ("+7", Some(7), Some(7)),
            ("0", None, None),
            ("65536", None, None),
            ("-1", None, None),
            ("", None, None),
            ("x", None, None),
        ] {
            assert_eq!(DAEMON.port(text), whole, "{text}");
            assert_eq!(TRANSPORT.port(text), leading, "{text}");
        }
    }

    #[test]
    fn daemon_lists_name_whole_daemons() {
        assert!(enabled_for("Yes", "pacemaker-remoted"));
        assert!(!enabled_for("off", "pacemaker-remoted"));
        assert!(enabled_for("pacemaker-based, pacemaker-remoted", "pacemaker-remoted"));
        assert!(!enabled_for("pacemaker-remoted2", "pacemaker-remoted"));
    }
}
