// SPDX-License-Identifier: LGPL-2.1-or-later
//! The command line of the daemons.
use super::exit::ExitCode;
use crate::model::{options, site};
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::ffi::OsString;
use std::path::PathBuf;

/// Which daemon this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// pacemaker-remoted, on a node without a cluster stack.
    Remoted,
    /// pacemaker-execd, on a full cluster node.
    Executor,
}

impl Program {
    /// Its name in logs, process lists and variables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Remoted => "pacemaker-remoted",
            Self::Executor => "pacemaker-execd",
        }
    }
}

/// What the command line asks of a daemon that is to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandLine {
    /// `--verbose`, how often.
    pub verbose: u8,
    /// `--quiet`.
    pub quiet: bool,
    /// `--logfile`, each one.
    pub log_files: Vec<PathBuf>,
    /// `--port` as written.
    pub port: Option<String>,
}

/// What the command line means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// Run the daemon.
    Run(CommandLine),
    /// Say something and end: help or version on standard output (or in the file named), or what was wrong
    /// on standard error.
    Say {
        /// What to say; may be empty.
        text: String,
        /// Where, when not on a standard stream.
        file: Option<PathBuf>,
        /// How to end.
        exit: ExitCode,
    },
}

impl Parsed {
    /// Says what there is to say; `Err` holds the exit code, to be returned from main.
    #[allow(clippy::print_stdout, clippy::print_stderr, reason = "this is what --help is for")]
    pub fn or_say(self) -> Result<CommandLine, ExitCode> {
        match self {
            Self::Run(command_line) => Ok(command_line),
            Self::Say { text, file: Some(path), exit } => match std::fs::write(&path, text) {
                Ok(()) => Err(exit),
                Err(error) => {
                    eprintln!("cannot write {}: {error}", path.display());
                    Err(ExitCode::OsError)
                }
            },
            Self::Say { text, file: None, exit } => {
                use std::io::Write as _;
                // A reader that went away is no reason for a panic.
                let _ = match exit {
                    ExitCode::Ok => std::io::stdout().write_all(text.as_bytes()),
                    _ => std::io::stderr().write_all(text.as_bytes()),
                };
                Err(exit)
            }
        }
    }
}

/// Reads a command line, the program's own name first.
pub fn parse(program: Program, arguments: impl IntoIterator<Item = OsString>) -> Parsed {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    match command(program).try_get_matches_from(&arguments) {
        Err(error) => {
            let exit = if error.use_stderr() { ExitCode::Usage } else { ExitCode::Ok };
            Parsed::Say { text: error.render().to_string(), file: None, exit }
        }
        Ok(matches) if matches.get_flag("version") => Parsed::Say {
            text: version(program, &matches, &arguments),
            file: matches.get_one::<PathBuf>("output-to").filter(|path| path.as_os_str() != "-").cloned(),
            exit: ExitCode::Ok,
        },
        Ok(matches) => Parsed::Run(CommandLine {
            verbose: matches.get_count("verbose"),
            quiet: matches.get_flag("quiet"),
            log_files: matches.get_many("logfile").unwrap_or_default().cloned().collect(),
            port: matches.try_get_one::<String>("port").ok().flatten().cloned(),
        }),
    }
}

fn command(program: Program) -> Command {
    let path = clap::value_parser!(PathBuf);
    let mut command = Command::new(program.name())
        .about(match program {
            Program::Remoted => "Pacemaker Remote executor daemon: runs a cluster's resources on this node",
            Program::Executor => "Pacemaker local executor daemon",
        })
        .after_help("Options of the cluster come from PCMK_* environment variables: see the manual page.")
        .disable_help_flag(true)
        .disable_version_flag(true)
        .arg(Arg::new("help").short('?').long("help").action(ArgAction::Help).help("Show this and end"))
        .arg(flag("version", '$', "Show the version and end"))
        .arg(
            flag("verbose", 'V', "Log to standard error too, and more of everything (repeatable)")
                .action(ArgAction::Count),
        )
        .arg(flag("quiet", 'Q', "Log nothing to standard error"))
        .arg(
            Arg::new("logfile")
                .short('l')
                .long("logfile")
                .value_name("FILE")
                .value_parser(path.clone())
                .action(ArgAction::Append)
                .help("Log to this file too (repeatable)"),
        )
        .arg(
            Arg::new("output-as")
                .long("output-as")
                .value_name("FORMAT")
                .value_parser(["text", "xml", "none"])
                .default_value("text")
                .help("Format of --version"),
        )
        .arg(
            Arg::new("output-to")
                .long("output-to")
                .value_name("FILE")
                .value_parser(path)
                .help("Where --version is written; \"-\" is standard output"),
        );
    if program == Program::Remoted {
        command = command.arg(Arg::new("port").short('p').long("port").value_name("PORT").help(format!(
            "TCP port to listen on, instead of {} or {}",
            options::REMOTE_PORT.variable,
            site::REMOTE_PORT
        )));
    }
    command
}

fn flag(name: &'static str, short: char, help: &'static str) -> Arg {
    Arg::new(name).short(short).long(name).action(ArgAction::SetTrue).help(help)
}

fn version(program: Program, matches: &ArgMatches, arguments: &[OsString]) -> String {
    let (name, number) = (program.name(), env!("CARGO_PKG_VERSION"));
    match matches.get_one::<String>("output-as").map(String::as_str) {
        Some("none") => String::new(),
        Some("xml") => {
            let request: Vec<_> = arguments.iter().map(|argument| argument.to_string_lossy()).collect();
            let request = request.join(" ");
            let request = quick_xml::escape::escape(&*request);
            format!(
                "<pacemaker-result api-version=\"2.0\" request=\"{request}\">\n  \
                 <version program=\"{name}\" version=\"{number}\"/>\n  \
                 <status code=\"0\" message=\"OK\"/>\n</pacemaker-result>\n"
            )
        }
        _ => format!("{name} {number} ({})\n", env!("CARGO_PKG_NAME")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(program: Program, arguments: &[&str]) -> Parsed {
        let name = std::iter::once(OsString::from(program.name()));
        parse(program, name.chain(arguments.iter().map(OsString::from)))
    }

    #[test]
    fn everything_that_runs() {
        let given =
            ["-VV", "-l", "/a", "--logfile=/b", "-p", "3999", "-Q", "--output-as=xml", "--output-to", "/c"];
        assert_eq!(
            of(Program::Remoted, &given),
            Parsed::Run(CommandLine {
                verbose: 2,
                quiet: true,
                log_files: vec!["/a".into(), "/b".into()],
                port: Some("3999".into()),
            })
        );
    }

    #[test]
    fn help_and_version_end_well() {
        for arguments in [["-?"], ["--help"], ["-$"], ["--version"]] {
            let Parsed::Say { text, file: None, exit } = of(Program::Remoted, &arguments) else {
                panic!("{arguments:?} runs");
            };
            assert_eq!(exit, ExitCode::Ok);
            assert!(text.contains("pacemaker-remoted"), "{text}");
        }
    }

    #[test]
    fn mistakes_end_with_usage() {
        for arguments in [&["--frobnicate"][..], &["-h"], &["stray"], &["--output-as=html"], &["-p"], &["-v"]]
        {
            let Parsed::Say { text, exit, .. } = of(Program::Remoted, arguments) else {
                panic!("{arguments:?} runs");
            };
            assert_eq!(exit, ExitCode::Usage, "{arguments:?}");
            assert!(text.contains("Usage") || text.contains("--help"), "{text}");
        }
    }

    #[test]
    fn only_remoted_has_a_port() {
        assert!(matches!(of(Program::Executor, &["-p", "1"]), Parsed::Say { exit: ExitCode::Usage, .. }));
        assert_eq!(of(Program::Executor, &[]), Parsed::Run(CommandLine::default()));
    }

    #[test]
    fn version_in_other_formats_and_places() {
        let Parsed::Say { text, file, .. } =
            of(Program::Remoted, &["--version", "--output-as=xml", "--output-to=/tmp/<x>"])
        else {
            panic!("runs");
        };
        assert!(text.contains("<version program=\"pacemaker-remoted\""), "{text}");
        assert!(text.contains("/tmp/&lt;x&gt;"), "{text}");
        assert_eq!(file, Some("/tmp/<x>".into()));
        assert!(
            matches!(of(Program::Remoted, &["-$", "--output-as=none"]), Parsed::Say { text, .. } if text.is_empty())
        );
    }
}
