// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the exit code of an OCF agent means, and the reason that it gives.
use crate::model::OcfExit;

/// What an agent writes before its exit reason, on standard error.
pub(super) const EXIT_REASON_PREFIX: &str = "ocf-exit-reason:";

/// Exit codes that the standard does not know mean failure.
pub(in crate::agents) fn exit(code: i32) -> OcfExit {
    match code {
        0..=9 | 190 | 191 => OcfExit(code),
        _ => OcfExit::ERROR,
    }
}

/// The last exit reason in what the agent wrote to standard error.
pub(in crate::agents) fn exit_reason(stderr: &[u8]) -> Option<String> {
    /// More than any reader of a status display wants; keeps the cluster's status section small.
    const LIMIT: usize = 8 * 1024;
    let prefix = EXIT_REASON_PREFIX.as_bytes();
    let at = stderr.windows(prefix.len()).rposition(|window| window == prefix)?;
    let line = stderr.get(at + prefix.len()..)?;
    let line = line.split(|byte| *byte == b'\n' || *byte == 0).next()?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = line.get(..LIMIT).unwrap_or(line);
    (!line.is_empty()).then(|| String::from_utf8_lossy(line).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes() {
        for code in (0..=9).chain([190, 191]) {
            assert_eq!(exit(code).0, code);
        }
        for code in [10, 12, 126, 127, 189, 192, 193, 255, -1] {
            assert_eq!(exit(code), OcfExit::ERROR, "{code}");
        }
    }

    #[test]
    fn the_last_exit_reason_counts() {
        for (stderr, reason) in [
            ("", None),
            ("noise\n", None),
            ("ocf-exit-reason:\n", None),
            ("ocf-exit-reason:one\nocf-exit-reason:two\nnoise\n", Some("two")),
            ("ERROR: ocf-exit-reason: cannot bind", Some(" cannot bind")),
            ("ocf-exit-reason:one\r\n", Some("one")),
            ("ocf-exit-reason:one\nocf-exit-reason:", None),
        ] {
            assert_eq!(exit_reason(stderr.as_bytes()).as_deref(), reason, "{stderr:?}");
        }
        let long = format!("ocf-exit-reason:{}", "x".repeat(5000));
        assert_eq!(exit_reason(long.as_bytes()).unwrap().len(), 5000);
        assert_eq!(exit_reason(b"ocf-exit-reason:a\xffb").unwrap(), "a\u{fffd}b");
    }
}
