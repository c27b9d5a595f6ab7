// SPDX-License-Identifier: LGPL-2.1-or-later
use super::*;
use crate::capi::abi::{v2_1, v3_0};

const STAMP: Stamp = Stamp { epoch_s: 1_705_320_000, microseconds: 42 };

fn alert() -> Alert {
    Alert { recipient: "admin".into(), kinds: 0xF, ..Alert::default() }
}

fn told(event: &Event, alert: &Alert, words: &AlertWords) -> Vec<String> {
    event.told_to(alert, &STAMP, words).iter().map(|(key, value)| format!("{key}={value}")).collect()
}

fn operation() -> Operation {
    Operation {
        resource: "r".into(),
        action: "monitor".into(),
        transition: Some("3:17:7:5e2ee0b3-1f2c-4b1d-8d5a-000000000000".into()),
        rc: 7,
        ..Operation::default()
    }
}

#[test]
fn an_event_of_3_0_is_told_once() {
    let event = Event::node("n1".into(), 3, "lost".into());
    assert_eq!(
        told(&event, &alert(), &v3_0::ALERT_WORDS),
        [
            "CRM_alert_desc=lost",
            "CRM_alert_kind=node",
            "CRM_alert_node=n1",
            "CRM_alert_nodeid=3",
            "CRM_alert_recipient=admin",
            "CRM_alert_timestamp_epoch=1705320000",
            "CRM_alert_timestamp_usec=000042",
            "CRM_alert_version=3.0.0",
        ]
    );
}

#[test]
fn an_event_of_2_1_is_told_under_the_old_names_too() {
    let event = Event::fencing("n1".into(), "off".into(), String::new(), -62);
    let told = told(&event, &alert(), &v2_1::ALERT_WORDS);
    for key in ["node=n1", "task=off", "desc=", "rc=-62", "kind=fencing"] {
        for prefix in ["CRM_notify_", "CRM_alert_"] {
            assert!(told.contains(&format!("{prefix}{key}")), "{prefix}{key} is not in {told:?}");
        }
    }
}

#[test]
fn instance_attributes_come_along_but_replace_nothing() {
    let own = vec![("level".to_owned(), "3".to_owned()), ("CRM_alert_node".to_owned(), "other".to_owned())];
    let alert = Alert { own, format: Some(b"%s.%6N".to_vec()), ..alert() };
    let told = told(&Event::node("n1".into(), 1, "member".into()), &alert, &v3_0::ALERT_WORDS);
    assert!(told.contains(&"level=3".to_owned()));
    assert!(told.contains(&"CRM_alert_node=n1".to_owned()));
    assert!(told.contains(&"CRM_alert_timestamp=1705320000.000042".to_owned()));
}

#[test]
fn only_what_an_alert_selects_concerns_it() {
    let event = Event::attribute("n1".into(), 1, "pingd".into(), "100".into());
    assert!(event.concerns(&alert()));
    assert!(!event.concerns(&Alert { kinds: Kind::Node as u32 | Kind::Resource as u32, ..alert() }));
    let of = |names: &[&str]| Alert {
        attributes: Some(names.iter().map(|name| (*name).into()).collect()),
        ..alert()
    };
    assert!(event.concerns(&of(&["x", "pingd"])));
    assert!(!event.concerns(&of(&["Pingd"])));
    assert!(!event.concerns(&of(&[])));
    // The selection of attributes is about attributes alone.
    assert!(Event::node("n1".into(), 1, "lost".into()).concerns(&of(&["x"])));
}

#[test]
fn a_probe_that_found_what_was_expected_is_no_news() {
    assert_eq!(Event::resource("n1".into(), &operation(), &v3_0::ALERT_WORDS), None);
    let surprising = Operation { rc: 0, ..operation() };
    assert!(Event::resource("n1".into(), &surprising, &v3_0::ALERT_WORDS).is_some());
    let recurring = Operation { interval_ms: 10_000, ..operation() };
    assert!(Event::resource("n1".into(), &recurring, &v3_0::ALERT_WORDS).is_some());
}

#[test]
fn an_operation_is_told_with_what_was_expected_and_what_came() {
    let failed = Operation { status: 2, rc: 1, timeout_ms: 20_000, interval_ms: 10_000, ..operation() };
    let event = Event::resource("n1".into(), &failed, &v2_1::ALERT_WORDS).unwrap();
    let expected = [
        ("node", "n1"),
        ("rsc", "r"),
        ("task", "monitor"),
        ("interval", "10000"),
        ("target_rc", "7"),
        ("status", "2"),
        ("rc", "1"),
        ("exec_time", "20000"),
        ("desc", "Timed Out"),
    ];
    assert_eq!(event.facts, expected.map(|(key, value)| (key, value.to_owned())));
    let done = Operation { exec_time_ms: 12, rc: 0, ..operation() };
    let event = Event::resource("n1".into(), &done, &v2_1::ALERT_WORDS).unwrap();
    assert_eq!([event.fact("exec_time"), event.fact("desc")], ["12", "ok"]);
}

#[test]
fn a_transition_key_must_be_whole() {
    assert_eq!(expected_rc("1:2:7:uuid"), 7);
    for broken in ["", "1:2:7", "1:2:7:", "1:2:x:uuid", "a:2:7:uuid"] {
        assert_eq!(expected_rc(broken), -1, "{broken}");
    }
    let no_key = Operation { transition: None, rc: 0, ..operation() };
    assert_eq!(Event::resource("n1".into(), &no_key, &v3_0::ALERT_WORDS), None);
}
