// SPDX-License-Identifier: LGPL-2.1-or-later
#![allow(clippy::arithmetic_side_effects, reason = "tests")]
use super::*;
use crate::model::*;
use proptest::prelude::*;
use std::sync::Arc;

const TLS: Envelope = Envelope::Tls { msg_id: 9 };

fn request(text: &str) -> Request {
    decode_incoming(text).unwrap().incoming.request
}

fn command(op: &str, attributes: &str, data: &str) -> Request {
    request(&format!(
        "<lrmd_command t=\"lrmd\" lrmd_op=\"{op}\" {attributes}><lrmd_calldata>{data}</lrmd_calldata></lrmd_command>"
    ))
}

fn encode(request: Request) -> String {
    let message = RequestMessage { client_name: None, options: 0, request };
    encode_request(&message, &RequestFields::default(), TLS)
}

#[test]
fn requests_look_as_upstream_writes_them() {
    let id = || Some(ResourceId::new("d1"));
    let agent = Agent { standard: "ocf".into(), provider: Some("pacemaker".into()), name: "Dummy".into() };
    let register = Request::RegisterResource { resource_id: id(), agent, drop_recurring: true };
    assert_eq!(
        encode(register),
        "<lrmd_command t=\"lrmd\" lrmd_op=\"lrmd_rsc_register\" lrmd_timeout=\"0\" lrmd_callopt=\"3\" \
         lrmd_remote_msg_id=\"9\" lrmd_remote_msg_type=\"request\"><lrmd_calldata><lrmd_rsc \
         lrmd_origin=\"pcmk-remote-rs\" lrmd_rsc_id=\"d1\" lrmd_class=\"ocf\" lrmd_provider=\"pacemaker\" \
         lrmd_type=\"Dummy\"/></lrmd_calldata></lrmd_command>"
    );
    let sign_on = Request::Register {
        version: Some(ProtocolVersion::OURS),
        is_provider: true,
        client_name: Some("pacemaker-remote-h:3121".into()),
    };
    assert_eq!(
        encode(sign_on),
        "<lrmd_command t=\"lrmd\" lrmd_op=\"register\" lrmd_clientname=\"pacemaker-remote-h:3121\" \
         lrmd_protocol_version=\"1.2\" lrmd_is_ipc_provider=\"true\" lrmd_remote_msg_id=\"9\" \
         lrmd_remote_msg_type=\"request\"/>"
    );
    let response = ProxyCommand::Response {
        session: ClientId::new("s"),
        msg_id: 3,
        payload: Some(Payload::from_checked("<reply/>")),
    };
    assert_eq!(
        encode(Request::Proxy(response)),
        "<lrmd_ipc_proxy lrmd_ipc_op=\"response\" lrmd_ipc_session=\"s\" lrmd_ipc_msg_id=\"3\" lrmd_op=\"ipc_fwd\" \
         lrmd_remote_msg_id=\"9\" lrmd_remote_msg_type=\"request\"><lrmd_ipc_msg><reply/></lrmd_ipc_msg></lrmd_ipc_proxy>"
    );
}

#[test]
fn replies_and_notifications_look_as_upstream_writes_them() {
    let registered = Registered {
        client_id: ClientId::new("c"),
        version: Some(ProtocolVersion::OURS),
        uptime_s: Some(6),
        node_start_state: None,
    };
    let reply = Reply { rc: 0, call_id: CallId(1), body: ReplyBody::Registered(registered) };
    assert_eq!(
        encode_reply(&reply, TLS),
        "<lrmd_reply lrmd_origin=\"pcmk-remote-rs\" lrmd_rc=\"0\" lrmd_callid=\"1\" lrmd_op=\"register\" \
         lrmd_clientid=\"c\" lrmd_protocol_version=\"1.2\" uptime=\"6\" lrmd_remote_msg_id=\"9\" \
         lrmd_remote_msg_type=\"reply\"/>"
    );
    let operations = vec![RecurringOperation {
        action: "monitor".into(),
        interval: Interval(1000),
        timeout: Millis(5000),
    }];
    let list = vec![ResourceOperations { resource_id: ResourceId::new("r"), operations }];
    let reply = Reply { rc: 0, call_id: CallId(2), body: ReplyBody::Recurring(list) };
    assert_eq!(
        encode_reply(&reply, Envelope::Local),
        "<lrmd_reply lrmd_origin=\"pcmk-remote-rs\" lrmd_rc=\"0\" lrmd_callid=\"2\"><lrmd_rsc lrmd_rsc_id=\"r\">\
         <lrmd_rsc_op lrmd_rsc_action=\"monitor\" lrmd_rsc_interval=\"1000\" lrmd_timeout=\"5000\"/></lrmd_rsc>\
         </lrmd_reply>"
    );
    let poke = Notification::Poke { rc: 0, call_id: CallId(2), resource_id: None };
    assert_eq!(
        encode_notification(&poke, TLS),
        "<lrmd_notify lrmd_origin=\"pcmk-remote-rs\" lrmd_rc=\"0\" lrmd_callid=\"2\" lrmd_op=\"lrmd_rsc_poke\" \
         lrmd_remote_msg_id=\"0\" lrmd_remote_msg_type=\"notify\"/>"
    );
    let shutdown = Notification::Proxy(ProxyNotice::ShutdownRequest);
    assert_eq!(
        encode_notification(&shutdown, TLS),
        "<lrmd_ipc_proxy lrmd_ipc_op=\"shutdown_req\" lrmd_ipc_session=\"0\" lrmd_remote_msg_id=\"0\" \
         lrmd_remote_msg_type=\"notify\"/>"
    );
}

#[test]
fn a_short_notification_has_less_output_and_the_same_result() {
    let completion = |output: &str| {
        let outcome = Outcome {
            output: Some(output.to_owned()),
            ..Outcome::new(OcfExit(1), ExecStatus::Done).because("no")
        };
        Notification::Completed(Box::new(Completion {
            call_id: CallId(4),
            resource_id: ResourceId::new("r"),
            action: "start".into(),
            interval: Interval(0),
            timeout: Millis(1),
            start_delay: Millis(0),
            user_data: None,
            outcome,
            resource_deleted: false,
            run_time_s: 1,
            rc_change_s: 1,
            exec_time: Millis(1),
            queue_time: Millis(0),
            params: Arc::new(Params::new()),
        }))
    };
    assert_eq!(encode_short_notification(&completion(&"x".repeat(16 * 1024)), Envelope::Local), None);
    assert_eq!(encode_short_notification(&Notification::NewClient, Envelope::Local), None);
    // The worst there is: each byte becomes six, and the limit lies within a character.
    let long = format!("{}{}", "<".repeat(16 * 1024 - 1), "é".repeat(50_000));
    let text = encode_short_notification(&completion(&long), Envelope::Local).unwrap();
    assert!(text.len() < 128 * 1024 - 1024, "{}", text.len());
    let FromServer::Notification(Notification::Completed(short)) = decode_from_server(&text).unwrap().0
    else {
        panic!("{text}");
    };
    assert_eq!((short.outcome.exit, short.outcome.reason.as_deref()), (OcfExit(1), Some("no")));
    let output = short.outcome.output.unwrap();
    assert!(output.ends_with("<\n(100000 more bytes of output left out)"), "{}", &output[16 * 1024 - 9..]);
}

#[test]
fn options_mean_what_the_request_makes_of_them() {
    let drops = |bits| match command("lrmd_rsc_register", &format!("lrmd_callopt=\"{bits}\""), "<lrmd_rsc/>")
    {
        Request::RegisterResource { drop_recurring, .. } => drop_recurring,
        other => panic!("{other:?}"),
    };
    assert_eq!([0, 1, 2, 3].map(drops), [false, true, false, true]);
    let notify = |bits| match command("lrmd_rsc_exec", &format!("lrmd_callopt=\"{bits}\""), "<lrmd_rsc/>") {
        Request::Execute(execute) => (execute.notify.origin_only, execute.notify.changes_only),
        other => panic!("{other:?}"),
    };
    assert_eq!([1, 2, 4, 7].map(notify), [(false, false), (true, false), (false, true), (true, true)]);
}

#[test]
fn resources_are_found_anywhere_but_only_once() {
    let info = |text: &str| match request(text) {
        Request::ResourceInfo(id) => id.map(|id| id.as_str().to_owned()),
        other => panic!("{other:?}"),
    };
    let of = |data: &str| info(&format!("<x lrmd_op=\"lrmd_rsc_info\">{data}</x>"));
    assert_eq!(of("<a><lrmd_rsc lrmd_rsc_id=\"r\"/></a>"), Some("r".into()));
    assert_eq!(of("<lrmd_rsc lrmd_rsc_id=\"r\"/><lrmd_rsc lrmd_rsc_id=\"r\"/>"), None);
    assert_eq!(of("<lrmd_rsc/>"), None);
    assert_eq!(of(""), None);
    let listed = |data: &str| request(&format!("<x lrmd_op=\"lrmd_get_recurring\">{data}</x>"));
    assert_eq!(listed("<lrmd_rsc lrmd_rsc_id=\"r\"/>"), Request::RecurringOperations(None));
    let in_place = listed("<lrmd_calldata><lrmd_rsc lrmd_rsc_id=\"r\"/></lrmd_calldata>");
    assert_eq!(in_place, Request::RecurringOperations(Some(ResourceId::new("r"))));
}

#[test]
fn parameters_come_in_both_encodings() {
    let data = "<lrmd_rsc><attributes a=\"1\" b=\"2\"><param name=\"1st\" value=\"x\"/><param name=\"b\" \
                value=\"3\"/><param name=\"c\"/></attributes><attributes d=\"4\"/></lrmd_rsc>";
    let Request::Execute(execute) = command("lrmd_rsc_exec", "", data) else { panic!() };
    let pairs: Vec<_> = execute.params.iter().collect();
    assert_eq!(pairs, [("1st", "x"), ("a", "1"), ("b", "3")]);
    let params = Params::from_iter([("1st", "x"), ("a b", "<"), ("n:s", ""), ("xmlns", "u"), ("ok", "1")]);
    let text = encode(Request::Execute(Box::new(Execute { params: Arc::new(params), ..*execute })));
    assert!(
        text.contains(
            "<attributes ok=\"1\"><param name=\"1st\" value=\"x\"/><param name=\"a b\" value=\"&lt;\"/>\
             <param name=\"n:s\" value=\"\"/><param name=\"xmlns\" value=\"u\"/></attributes>"
        ),
        "{text}"
    );
}

#[test]
fn numbers_are_read_with_indulgence() {
    for (text, expected) in
        [("20000", 20000), ("-1", 0), ("x", 0), ("", 0), (" 5s", 5), ("+7", 7), ("99999999999999999999", 0)]
    {
        let data = format!("<lrmd_rsc lrmd_timeout=\"{text}\" lrmd_rsc_interval=\"{text}\"/>");
        let Request::Execute(execute) = command("lrmd_rsc_exec", "", &data) else { panic!() };
        assert_eq!(
            (execute.timeout, execute.interval),
            (Millis(expected), Interval(expected as u32)),
            "{text}"
        );
    }
    // A peer would read a longer one as none at all.
    let poke = RequestMessage { client_name: None, options: 0, request: Request::Poke };
    let fields = RequestFields { timeout: Millis(u64::MAX), token: Some("t") };
    let text = encode_request(&poke, &fields, Envelope::Local);
    assert!(text.contains("lrmd_async_id=\"t\"") && text.contains("lrmd_timeout=\"2147483647\""), "{text}");
}

#[test]
fn versions_from_old_to_new_are_read() {
    let version = |attributes: &str| match command("register", attributes, "") {
        Request::Register { version, .. } => version.map(|version| version.to_string()),
        other => panic!("{other:?}"),
    };
    assert_eq!(version(""), None);
    assert_eq!(version("lrmd_protocol_version=\"new\""), None);
    for text in ["1.0", "1.1", "1.2", "2.0"] {
        assert_eq!(version(&format!("lrmd_protocol_version=\"{text}\"")), Some(text.into()));
    }
}

#[test]
fn proxy_commands_survive_missing_parts() {
    let proxy = |attributes: &str| match request(&format!("<lrmd_ipc_proxy {attributes}/>")) {
        Request::Proxy(command) => command,
        other => panic!("{other:?}"),
    };
    let session = || ClientId::new("s");
    assert_eq!(proxy("lrmd_ipc_op=\"shutdown_ack\""), ProxyCommand::ShutdownAck);
    assert_eq!(
        proxy("lrmd_ipc_op=\"EVENT\" lrmd_ipc_session=\"s\" lrmd_op=\"ipc_fwd\""),
        ProxyCommand::Event { session: session(), payload: None }
    );
    assert_eq!(proxy("lrmd_ipc_op=\"event\""), ProxyCommand::Unknown { session: None, op: "event".into() });
    assert_eq!(
        proxy("lrmd_ipc_op=\"x\" lrmd_ipc_session=\"s\""),
        ProxyCommand::Unknown { session: Some(session()), op: "x".into() }
    );
}

#[test]
fn what_is_no_request_is_named() {
    for (text, expected) in [
        ("<lrmd_command t=\"lrmd\"/>", "lacks lrmd_op"),
        ("<lrmd_command t=\"lrmd\" lrmd_op=\"\"/>", "lacks lrmd_op"),
        ("<lrmd_reply lrmd_op=\"register\"/>", "not expected"),
        ("<a", "malformed"),
        ("", "empty"),
    ] {
        let error = decode_incoming(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    assert_eq!(request("<x lrmd_op=\"lrmd_rsc_metadata\"/>"), Request::Unknown("lrmd_rsc_metadata".into()));
    assert!(decode_from_server("<lrmd_reply/>").unwrap_err().to_string().contains("lacks lrmd_rc"));
    assert!(decode_from_server("<lrmd_command/>").is_err());
    assert!(decode_from_server("<lrmd_notify lrmd_op=\"lrmd_rsc_exec\"/>").is_err());
    let ack = decode_from_server("<ack function=\"f\" line=\"1\" status=\"76\"/>").unwrap().0;
    assert_eq!(ack, FromServer::Refused { status: 76 });
    let unknown = decode_from_server("<lrmd_notify lrmd_op=\"new\"/>").unwrap().0;
    assert_eq!(unknown, FromServer::Unknown { op: "new".into() });
}

#[test]
fn a_negative_queue_time_is_none() {
    let text = "<lrmd_notify lrmd_op=\"lrmd_rsc_exec\" lrmd_rsc_id=\"r\" lrmd_queue_time=\"-1275293\"/>";
    let FromServer::Notification(Notification::Completed(completion)) = decode_from_server(text).unwrap().0
    else {
        panic!()
    };
    assert_eq!(completion.queue_time, Millis(0));
    assert_eq!((completion.outcome.exit, completion.outcome.status), (OcfExit::UNKNOWN, ExecStatus::Unknown));
}

/// Text that XML can carry.
fn words() -> impl Strategy<Value = String> {
    "[a-zA-Zü<>&\"' \n\t\r1$:=-]{0,12}"
}

fn params() -> impl Strategy<Value = Params> {
    prop::collection::vec((words(), words()), 0..6).prop_map(Params::from_iter)
}

fn millis() -> impl Strategy<Value = Millis> {
    (0u64..=2_147_483_647).prop_map(Millis)
}

prop_compose! {
    fn executions()(
        id in prop::option::of(words()), action in words(), user_data in prop::option::of(words()), interval: u32,
        timeout in millis(), start_delay in millis(), params in params(), origin_only: bool, changes_only: bool,
    ) -> Execute {
        Execute {
            resource_id: id.map(ResourceId::new), action: action.into(), interval: Interval(interval), timeout,
            start_delay, user_data, params: Arc::new(params), notify: Notify { origin_only, changes_only },
        }
    }
}

prop_compose! {
    fn completions()(
        id in words(), action in words(), texts in prop::array::uniform3(prop::option::of(words())), numbers: (i32, i32, u32, bool),
        status in -2i32..=11, seconds in prop::array::uniform2(0..=i64::MAX as u64), spans in prop::array::uniform4(millis()),
        params in params(),
    ) -> Completion {
        let [user_data, reason, output] = texts;
        let [timeout, start_delay, exec_time, queue_time] = spans;
        let [run_time_s, rc_change_s] = seconds;
        let status = ExecStatus::from_code(status).unwrap();
        Completion {
            call_id: CallId(numbers.0), resource_id: ResourceId::new(id), action: action.into(),
            interval: Interval(numbers.2), timeout, start_delay, user_data,
            outcome: Outcome { exit: OcfExit(numbers.1), status, reason, output },
            resource_deleted: numbers.3, run_time_s, rc_change_s, exec_time, queue_time, params: Arc::new(params),
        }
    }
}

proptest! {
    #[test]
    fn executions_round_trip(execute in executions(), name in prop::option::of(words())) {
        let options = u32::from(execute.notify.origin_only) * 2 + u32::from(execute.notify.changes_only) * 4;
        let message = RequestMessage { client_name: name, options, request: Request::Execute(Box::new(execute)) };
        let text = encode_request(&message, &RequestFields::default(), TLS);
        let decoded = decode_incoming(&text).unwrap();
        prop_assert_eq!(decoded.incoming, message);
        prop_assert_eq!(decoded.received, Received { msg_id: Some(9), msg_type: Some(MessageType::Request) });
    }

    #[test]
    fn completions_round_trip(completion in completions(), local: bool) {
        let notification = Notification::Completed(Box::new(completion));
        let text = encode_notification(&notification, if local { Envelope::Local } else { TLS });
        let (read, received) = decode_from_server(&text).unwrap();
        prop_assert_eq!(read, FromServer::Notification(notification));
        prop_assert_eq!(received.msg_id, (!local).then_some(0));
    }
}
