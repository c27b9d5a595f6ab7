// SPDX-License-Identifier: LGPL-2.1-or-later
//! Parameters that the cluster keeps out of its configuration: the value `lrm://` stands for the content of
//! a file on this node, guarded by a checksum beside it.
use crate::agents::config::{AgentConfig, AgentFiles};
use crate::agents::failure::describe;
use crate::agents::names::FileName;
use crate::model::ResourceId;
use md5::{Digest, Md5};
use std::path::Path;
use zeroize::Zeroizing;

/// A value that stands for a secret.
pub(in crate::agents) const PLACEHOLDER: &str = "lrm://";

/// Does one of these parameters stand for a secret?
#[cfg(feature = "daemon")]
pub fn needs_secrets(params: &crate::model::Params) -> bool {
    params.iter().any(|(_, value)| value == PLACEHOLDER)
}

/// What an environment can hold in one variable on Linux.
const LIMIT: usize = 128 * 1024;

/// None: the value is no placeholder. Otherwise the secret, or why there is none.
pub(super) fn substitute(
    resource_id: &ResourceId,
    name: &str,
    value: &str,
    config: &AgentConfig,
    files: &dyn AgentFiles,
) -> Option<Result<Zeroizing<Vec<u8>>, String>> {
    (value == PLACEHOLDER).then(|| {
        load(resource_id.as_str(), name, config, files).map_err(|cause| {
            format!(
                "Unable to load CIB secrets: parameter '{name}' of resource '{resource_id}': {cause} \
                 (repair it with 'cibsecret sync' or 'cibsecret set' on a cluster node)"
            )
        })
    })
}

fn load(
    resource_id: &str,
    name: &str,
    config: &AgentConfig,
    files: &dyn AgentFiles,
) -> Result<Zeroizing<Vec<u8>>, String> {
    let (Some(directory), Some(file)) = (FileName::new(resource_id), FileName::new(name)) else {
        return Err("its name cannot be that of a file".to_owned());
    };
    let directory = directory.inside(&config.secrets_dir);
    let file = file.inside(&directory);
    let sums = directory.join(format!("{name}.sign"));
    let read = |path: &Path| {
        let content = files.read(path, LIMIT).map(Zeroizing::new);
        content.map_err(|errno| format!("{}: {}", path.display(), describe(errno)))
    };
    let mut secret = read(&file)?;
    let kept = c_text(&secret).len();
    secret.truncate(kept);
    let sum = hexadecimal(&Md5::digest(&*secret));
    if c_text(&read(&sums)?).eq_ignore_ascii_case(sum.as_bytes()) {
        Ok(secret)
    } else {
        Err(format!("{} is not the checksum of {}", sums.display(), file.display()))
    }
}

/// What a C program reads: up to the first NUL, without the white space at its end (in C that is six characters). What
/// was signed must be what the agent is given, and no environment can hold a NUL.
fn c_text(content: &[u8]) -> &[u8] {
    let text = content.split(|byte| *byte == 0).next().unwrap_or_default();
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let length = text.iter().rposition(|byte| !is_space(byte)).map_or(0, |last| last + 1);
    text.get(..length).unwrap_or_default()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::plan::plan;
    use crate::agents::testing::{FakeFiles, config, execution};
    use crate::model::{ExecStatus, OcfExit};

    const FILE: &str = "/var/lib/pacemaker/lrm/secrets/rsc/password";
    const SUMS: &str = "/var/lib/pacemaker/lrm/secrets/rsc/password.sign";

    fn agent() -> FakeFiles {
        FakeFiles::default().with("/one/p/x", "", true)
    }

    fn value(files: &FakeFiles, action: &str) -> Result<String, Box<crate::model::RunResult>> {
        let params = [("password", "lrm://"), ("other", "lrm://x")];
        let plan = plan(&execution("ocf:p:x", action, &params), &config(), files)?;
        let found = plan.environment.iter().find(|(name, _)| name == "OCF_RESKEY_password").unwrap();
        Ok(String::from_utf8(found.1.to_vec()).unwrap())
    }

    #[test]
    fn a_secret_takes_the_place_of_its_placeholder() {
        let files =
            agent().with(FILE, "letmein \n", false).with(SUMS, "0D107D09F5BBE40CADE3DE5C71E9E9B7\n", false);
        assert_eq!(value(&files, "start").ok().unwrap(), "letmein");
    }

    /// The checksums are those of "letmein", and of all ten bytes of "letmein\0no".
    #[test]
    fn a_secret_is_what_a_c_program_reads() {
        let (of_the_text, of_all) = ("0d107d09f5bbe40cade3de5c71e9e9b7", "43ba702098a9358cb26986b14640e979");
        for (content, sum, secret) in [
            ("letmein\u{b}", of_the_text, Some("letmein")),
            ("letmein \t\n\u{b}\u{c}\r", of_the_text, Some("letmein")),
            ("letmein\0no", of_the_text, Some("letmein")),
            ("letmein\n\0no", of_the_text, Some("letmein")),
            ("letmein\0no", of_all, None),
            (" letmein", of_the_text, None),
        ] {
            for end in ["", "\u{b}", "\0x"] {
                let files = agent().with(FILE, content, false).with(SUMS, &format!("{sum}{end}"), false);
                assert_eq!(value(&files, "start").ok().as_deref(), secret, "{content:?} {sum}{end:?}");
            }
        }
    }

    #[test]
    fn only_a_stop_goes_on_without() {
        let wrong =
            agent().with(FILE, "changed", false).with(SUMS, "0d107d09f5bbe40cade3de5c71e9e9b7", false);
        let unsigned = agent().with(FILE, "letmein", false);
        for (files, words) in [(agent(), "No such file"), (unsigned, ".sign"), (wrong, "checksum")] {
            let verdict = value(&files, "monitor").unwrap_err();
            assert_eq!(verdict.outcome.exit, OcfExit::INVALID_PARAM);
            assert_eq!(verdict.outcome.status, ExecStatus::Done);
            assert_eq!((verdict.raw_exit, verdict.unprepared), (Some(2), false));
            let reason = verdict.outcome.reason.unwrap();
            assert!(reason.contains(words) && reason.contains("password"), "{reason}");
            assert!(!reason.contains("letmein") && !reason.contains("changed"), "{reason}");
            assert_eq!(value(&files, "stop").ok().unwrap(), "lrm://");
        }
    }
}
