// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a client of the fencer sends it, and what comes back. Requests are answered by events, so that nobody
//! waits: the `st_callid` of a request comes back in its answer.
use super::codec::encode_params;
use super::xml::{Element, Writer, XmlError, read};
use crate::model::{Agent, ExecStatus, OcfExit, Outcome, Params, ProxiedServer, ResourceId};

/// The fencer's local server.
pub const SERVER: &str = ProxiedServer::Fencer.wire_name();

const COMMAND: &str = "stonith_command";
const DEVICE: &str = "st_device_id";
/// What runs agents of the plugin kind for the fencer.
const LEGACY_AGENT: &str = "fence_legacy";
/// Names of agents that the fencer runs itself begin so; the others are plugins.
const AGENT_PREFIX: &str = "fence_";

/// Where a request stands: the connection's token, and the request's number, from 1.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// From [`decode_hello`].
    pub token: &'a str,
    /// Its number.
    pub id: i32,
}

/// The first message of a connection; the only one that is answered by a response.
pub fn encode_hello(client_name: &str) -> String {
    let mut writer = Writer::new();
    writer.start(COMMAND).attribute("t", SERVER).attribute("st_op", "register");
    writer.attribute("st_clientname", client_name);
    writer.finish()
}

/// The token in the answer to a hello; None: it is another message.
pub fn decode_hello(text: &str) -> Option<String> {
    let root = read(text).ok()?;
    let is_answer = root.attribute("st_op") == Some("register");
    root.attribute("st_clientid").filter(|_| is_answer).map(str::to_owned)
}

/// Makes a device known.
pub fn encode_registration(call: Call<'_>, id: &ResourceId, agent: &Agent, params: &Params) -> String {
    let mut writer = begin(call, "st_device_register", 0);
    let mut params = params.clone();
    writer.start(DEVICE).attribute("id", id.as_str());
    if agent.name.starts_with(AGENT_PREFIX) {
        writer.attribute("agent", &agent.name);
    } else {
        writer.attribute("agent", LEGACY_AGENT);
        params.set("plugin", &*agent.name);
    }
    encode_params(&params, &mut writer);
    writer.finish()
}

/// Makes a device unknown.
pub fn encode_removal(call: Call<'_>, id: &ResourceId) -> String {
    let mut writer = begin(call, "st_device_remove", 0);
    writer.start(DEVICE).attribute("id", id.as_str());
    writer.finish()
}

/// Has a device monitored; zero seconds: as long as the fencer likes.
pub fn encode_monitor(call: Call<'_>, id: &ResourceId, timeout_s: u64) -> String {
    let mut writer = begin(call, "st_execute", timeout_s);
    writer.start(DEVICE).attribute(DEVICE, id.as_str()).attribute("st_device_action", "monitor");
    writer.finish()
}

fn begin(call: Call<'_>, op: &str, timeout_s: u64) -> Writer {
    let mut writer = Writer::new();
    writer.start(COMMAND).attribute("t", SERVER).attribute("st_async_id", call.token);
    writer.attribute("st_op", op).number("st_callid", call.id).number("st_callopt", 0);
    writer.number("st_timeout", timeout_s).start("st_calldata");
    writer
}

/// An answer of the fencer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The request's number.
    pub call_id: i32,
    /// In the fencer's own terms: what 0 and the status mean depends on the request.
    pub outcome: Outcome,
}

/// An event of the fencer; None: it answers nothing (notifications that go to everybody, say).
pub fn decode_event(text: &str) -> Result<Option<Answer>, XmlError> {
    let root = read(text)?;
    let number = |name: &str| root.attribute(name).and_then(|value| value.trim().parse::<i32>().ok());
    match number("st_callid").filter(|id| *id > 0) {
        Some(call_id) if root.attribute("t") == Some(SERVER) => {
            Ok(Some(Answer { call_id, outcome: outcome(&root, number) }))
        }
        _ => Ok(None),
    }
}

fn outcome(root: &Element<'_>, number: impl Fn(&str) -> Option<i32>) -> Outcome {
    let (exit, status) = (number("rc-code"), number("op-status"));
    let mut outcome = match (exit, status.and_then(ExecStatus::from_code)) {
        (Some(exit), Some(status)) => Outcome::new(OcfExit(exit), status),
        _ => Outcome::new(OcfExit::ERROR, ExecStatus::Error).because("The fencer's answer holds no result"),
    };
    if let Some(reason) = root.attribute("exit-reason").filter(|reason| !reason.is_empty()) {
        outcome.reason = Some(reason.to_owned());
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: Call<'_> = Call { token: "t-1", id: 7 };

    fn agent(name: &str) -> Agent {
        Agent { standard: "stonith".into(), provider: None, name: name.into() }
    }

    #[test]
    fn requests_are_what_a_fencer_reads() {
        let id = ResourceId::new("power");
        let params = Params::from_iter([("plug", "a<b"), ("2nd", "x")]);
        assert_eq!(
            encode_registration(CALL, &id, &agent("fence_lab"), &params),
            "<stonith_command t=\"stonith-ng\" st_async_id=\"t-1\" st_op=\"st_device_register\" st_callid=\"7\" \
             st_callopt=\"0\" st_timeout=\"0\"><st_calldata><st_device_id id=\"power\" agent=\"fence_lab\">\
             <attributes plug=\"a&lt;b\"><param name=\"2nd\" value=\"x\"/></attributes></st_device_id>\
             </st_calldata></stonith_command>"
        );
        let monitor = encode_monitor(CALL, &id, 20);
        assert!(
            monitor.contains("st_op=\"st_execute\"") && monitor.contains("st_timeout=\"20\""),
            "{monitor}"
        );
        assert!(monitor.contains("<st_device_id st_device_id=\"power\" st_device_action=\"monitor\"/>"));
        assert!(encode_removal(CALL, &id).contains("<st_device_id id=\"power\"/>"));
    }

    #[test]
    fn plugins_are_run_by_another_agent() {
        let text = encode_registration(CALL, &ResourceId::new("d"), &agent("external/ssh"), &Params::new());
        assert!(text.contains("agent=\"fence_legacy\""), "{text}");
        assert!(text.contains("<attributes plugin=\"external/ssh\"/>"), "{text}");
    }

    #[test]
    fn a_hello_brings_a_token() {
        assert!(encode_hello("pacemaker-execd").contains("st_clientname=\"pacemaker-execd\""));
        let token = decode_hello("<reply st_op=\"register\" st_clientid=\"abc\"/>");
        assert_eq!(token.as_deref(), Some("abc"));
        assert_eq!(decode_hello("<nack status=\"76\" st_clientid=\"abc\"/>"), None);
        assert_eq!(decode_hello("<reply"), None);
    }

    #[test]
    fn what_real_fencers_answer_is_understood() {
        const REGISTERED: &str = r#"<st-reply st_origin="fenced_construct_reply" t="stonith-ng" op-status="0" rc-code="0" st_rc="0" st_op="st_device_register" st_callid="1" st_clientid="fbec682e-1765-441f-b50c-e805635d23b8" st_clientname="pacemaker-execd.108" st_callopt="0"/>"#;
        // 2.1.5, then 3.0.0, of a device that is not there.
        const UNKNOWN: [&str; 2] = [
            r#"<st-reply st_origin="fenced_construct_reply" t="stonith-ng" op-status="10" rc-code="1" exit-reason="&apos;none&apos; not found" st_rc="-19" st_op="st_execute" st_callid="3" st_clientid="fbec682e-1765-441f-b50c-e805635d23b8" st_clientname="pacemaker-execd.108" st_callopt="0"/>"#,
            r#"<st-reply st_origin="fenced_construct_reply" t="stonith-ng" op-status="10" rc-code="1" exit-reason="'none' not found" st_rc="-19" st_op="st_execute" st_callid="3" st_clientid="ba6180b4-b73c-4a05-88a8-f396cfecc933" st_clientname="pacemaker-execd.104" st_callopt="0"/>"#,
        ];
        const MISSING: &str = r#"<st-reply st_origin="construct_async_reply" t="stonith-ng" st_op="st_execute" st_device_id="bad" st_clientid="fbec682e-1765-441f-b50c-e805635d23b8" st_clientname="pacemaker-execd.108" st_device_action="st_execute" st_callid="6" st_callopt="0" op-status="7" rc-code="5" exit-reason="/usr/sbin/fence_nonexistent: No such file or directory" st_rc="-2"/>"#;
        let answer = |text| decode_event(text).unwrap().unwrap();
        let fine = Outcome::new(OcfExit::OK, ExecStatus::Done);
        assert_eq!(answer(REGISTERED), Answer { call_id: 1, outcome: fine });
        for text in UNKNOWN {
            let outcome = Outcome::new(OcfExit::ERROR, ExecStatus::NoFenceDevice).because("'none' not found");
            assert_eq!(answer(text), Answer { call_id: 3, outcome });
        }
        let outcome = answer(MISSING).outcome;
        assert_eq!((outcome.exit, outcome.status), (OcfExit::NOT_INSTALLED, ExecStatus::NotInstalled));
        let hello = r#"<reply st_op="register" st_clientid="fbec682e-1765-441f-b50c-e805635d23b8"/>"#;
        assert!(decode_hello(hello).is_some());
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in ".{0,80}", number in ".{0,20}") {
            let _ = decode_hello(&text);
            let _ = decode_event(&text);
            let number = crate::wire::xml::Element {
                name: "r".into(),
                attributes: ["st_callid", "rc-code", "op-status"]
                    .map(|name| (name.into(), number.as_str().into()))
                    .into_iter()
                    .chain([("t".into(), SERVER.into())])
                    .collect(),
                children: Vec::new(),
            };
            let _ = decode_event(&number.to_text());
        }
    }

    #[test]
    fn answers_carry_the_whole_result() {
        let text = "<st-reply t=\"stonith-ng\" st_op=\"st_execute\" st_callid=\"3\" rc-code=\"1\" \
                    op-status=\"2\" exit-reason=\"too slow\" st_rc=\"-62\"/>";
        let expected = Outcome::new(OcfExit(1), ExecStatus::Timeout).because("too slow");
        assert_eq!(decode_event(text), Ok(Some(Answer { call_id: 3, outcome: expected })));
    }

    #[test]
    fn an_answer_without_a_result_is_an_error() {
        let found =
            decode_event("<st-reply t=\"stonith-ng\" st_callid=\"3\" op-status=\"99\" rc-code=\"0\"/>");
        let outcome = found.unwrap().unwrap().outcome;
        assert_eq!((outcome.exit, outcome.status), (OcfExit::ERROR, ExecStatus::Error));
        assert!(outcome.reason.unwrap().contains("no result"));
    }

    #[test]
    fn what_answers_nothing_is_passed_over() {
        for text in ["<notify t=\"st_notify\" st_callid=\"3\"/>", "<a t=\"stonith-ng\"/>", "<a/>"] {
            assert_eq!(decode_event(text), Ok(None), "{text}");
        }
        assert!(decode_event("no xml").is_err());
    }
}
