// SPDX-License-Identifier: LGPL-2.1-or-later
//! Arguments that several commands share.
use crate::driver::blocking::{NodeAgents, Target};
use crate::driver::client::strictness_without_certificates;
use crate::model::certificate_files::Certificates;
use crate::model::{Release, options, site};
use std::ffi::OsString;
use std::path::PathBuf;

/// Where a daemon is and what proves that we may talk to it.
#[derive(Debug, clap::Args)]
pub(super) struct Peer {
    /// Port of the daemon
    #[arg(short, long, env = options::REMOTE_PORT.variable, default_value_t = site::REMOTE_PORT, value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) port: u16,
    /// File with the shared key (default: as the daemons look for it, see pacemaker-remoted(8))
    #[arg(short, long, env = options::AUTHKEY_LOCATION.variable)]
    key: Option<PathBuf>,
    /// File with the certificate authorities; with --cert-file and --key-file certificates are used, and no shared key
    /// (default: as the daemons look for the files, see pacemaker-remoted(8))
    #[arg(long)]
    ca_file: Option<OsString>,
    /// File with our certificate and its issuers
    #[arg(long)]
    cert_file: Option<OsString>,
    /// File with our certificate's private key
    #[arg(long)]
    key_file: Option<OsString>,
    /// File with revocation lists
    #[arg(long)]
    crl_file: Option<OsString>,
    /// TLS policy, a GnuTLS priority string
    #[arg(long, env = options::TLS_PRIORITIES.variable)]
    tls_priorities: Option<String>,
}

impl Peer {
    pub(super) fn target(&self, host: &str) -> Target {
        let mut target = Target::new(host, self.port);
        if let Some(key) = &self.key {
            target = target.with_key_file(key);
        }
        let certificates = self.certificates();
        if let Some(warning) = certificates.warning() {
            eprintln!("{warning}");
        }
        if let Some(files) = certificates.complete() {
            target = target.with_certificates(files).with_strictness_of_environment();
        } else if let Some(warning) = strictness_without_certificates(options::DAEMON) {
            eprintln!("{warning}");
        }
        match &self.tls_priorities {
            Some(priorities) => target.with_tls_priorities(priorities),
            None => target,
        }
    }

    /// What the command line says about certificates, or else the environment.
    pub(super) fn certificates(&self) -> Certificates {
        let given = [
            (&options::CA_FILE, &self.ca_file),
            (&options::CERT_FILE, &self.cert_file),
            (&options::KEY_FILE, &self.key_file),
            (&options::CRL_FILE, &self.crl_file),
        ];
        options::DAEMON.certificates(|variable| {
            let argument = given.iter().find(|(option, _)| option.variable == variable);
            argument.and_then(|(_, value)| (*value).clone()).or_else(|| std::env::var_os(variable))
        })
    }
}

/// Whose order and words, where they differ.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Like {
    #[value(name = "2.1")]
    V2_1,
    #[value(name = "3.0")]
    V3_0,
}

/// Which agents are looked at, and how they are described.
#[derive(Debug, clap::Args)]
pub(super) struct Discovery {
    /// Order and describe as this release of Pacemaker does
    #[arg(long, value_enum, default_value = "3.0", global = true)]
    like: Like,
}

impl Discovery {
    pub(super) fn agents(&self) -> NodeAgents {
        NodeAgents::new(match self.like {
            Like::V2_1 => Release::V2_1,
            Like::V3_0 => Release::V3_0,
        })
    }
}
