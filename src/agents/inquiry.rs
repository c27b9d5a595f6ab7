// SPDX-License-Identifier: LGPL-2.1-or-later
//! What an agent that ran for its metadata has said.
use super::metadata::{Inquiry, NoMetadata};
use super::plan::Convention;
use super::{Capture, Ended, outcome};
use crate::model::Millis;

/// As much of what an agent complains about as fits into a sentence.
const COMPLAINT_BYTES: usize = 500;

impl Inquiry {
    /// What the agent printed, as clusters are to see it.
    ///
    /// # Errors
    /// When it failed, or printed nothing, too much, or (a fence agent) no XML.
    pub fn answer(&self, ended: Ended, capture: Capture) -> Result<Vec<u8>, NoMetadata> {
        let name = self.plan.program.display();
        let failed = |why: String| NoMetadata::Failed(format!("{name} gave no metadata: {why}"));
        if ended != Ended::Exited(0) {
            let complaint = complaint(&capture);
            return Err(failed(match ended {
                Ended::Exited(code) => format!("it exited with {code}{complaint}"),
                _ => outcome(Convention::Ocf, ended, Capture::default()).outcome.reason.unwrap_or_default(),
            }));
        }
        if capture.stdout.kept.is_empty() {
            return Err(failed(format!("it printed nothing{}", complaint(&capture))));
        }
        if capture.stdout.dropped > 0 {
            return Err(failed("it printed more than 10 MiB".to_owned()));
        }
        let document = capture.stdout.kept;
        (self.adapt)(document).map_err(|why| failed(format!("its XML: {why}")))
    }

    /// It had to be killed.
    pub fn late(&self, limit: Millis) -> NoMetadata {
        let name = self.plan.program.display();
        NoMetadata::TimedOut(format!("{name} gave no metadata within {limit} and was killed"))
    }
}

/// The end of what it wrote to standard error.
fn complaint(capture: &Capture) -> String {
    let all = capture.stderr.kept.trim_ascii();
    let end = all.get(all.len().saturating_sub(COMPLAINT_BYTES)..).unwrap_or_default();
    if end.is_empty() { String::new() } else { format!(": {}", String::from_utf8_lossy(end)) }
}

#[cfg(test)]
mod tests {
    use super::super::plan::Plan;
    use super::*;

    fn inquiry(adapt: fn(Vec<u8>) -> Result<Vec<u8>, String>) -> Inquiry {
        Inquiry { plan: Plan::of("/one/p/x".into(), Some("meta-data"), Convention::Ocf), input: b"", adapt }
    }

    #[test]
    fn answers_are_judged() {
        let ocf = inquiry(Ok);
        assert_eq!(ocf.answer(Ended::Exited(0), Capture::of("not looked at", "")).unwrap(), b"not looked at");
        let error = |ended, capture| ocf.answer(ended, capture).unwrap_err().to_string();
        assert!(
            error(Ended::Exited(3), Capture::of("<a/>", " no\n"))
                .ends_with("x gave no metadata: it exited with 3: no")
        );
        assert!(error(Ended::Exited(0), Capture::of("", "")).ends_with("it printed nothing"));
        let killed = Ended::Signalled { signal: 9, core_dumped: false };
        assert!(error(killed, Capture::of("<a/>", "")).contains("SIGKILL (9)"));
        assert!(ocf.late(Millis(30_000)).to_string().ends_with("within 30s and was killed"));
        let picky =
            inquiry(|document| if document.starts_with(b"<") { Ok(document) } else { Err("no".into()) });
        assert!(picky.answer(Ended::Exited(0), Capture::of("usage:", "")).is_err());
        assert_eq!(picky.answer(Ended::Exited(0), Capture::of("<a/>", "")).unwrap(), b"<a/>");
    }
}
