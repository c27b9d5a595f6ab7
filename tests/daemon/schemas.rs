// SPDX-License-Identifier: LGPL-2.1-or-later
//! Schemas from a cluster node, well meant and not.
use crate::node::{KEY, Start, await_log, connect, make_key};
use crate::peer::Peer;
use crate::place::{eventually, isolated};
use std::fs;

const OURS: &str = "/run/schemas";
const THEIRS: &str = "/var/lib/pacemaker/schemas";

fn attribute<'a>(text: &'a str, name: &str) -> &'a str {
    let (_, rest) = text.split_once(&format!(" {name}=\"")).unwrap_or_else(|| panic!("no {name}: {text}"));
    rest.split_once('"').unwrap().0
}

/// Answers the request that comes next.
fn answer(provider: &mut Peer, expected: &str, payload: &str) {
    let request = provider.text_with("lrmd_ipc_op=\"request\"");
    assert!(request.contains(expected), "{request}");
    let (session, id) = (attribute(&request, "lrmd_ipc_session"), attribute(&request, "lrmd_ipc_msg_id"));
    provider.send_text(&format!(
        r#"<lrmd_ipc_proxy lrmd_ipc_op="response" lrmd_ipc_session="{session}" lrmd_ipc_msg_id="{id}" lrmd_op="ipc_fwd" lrmd_remote_msg_id="70" lrmd_remote_msg_type="request"><lrmd_ipc_msg>{payload}</lrmd_ipc_msg></lrmd_ipc_proxy>"#
    ));
}

/// A cluster node that hands out these files.
fn hand_out(files: &[(&str, &str)]) -> Peer {
    let mut provider = Peer::connect(&fs::read(KEY).unwrap());
    provider.sign_on("cluster", true);
    answer(
        &mut provider,
        "cib_op=\"register\"",
        r#"<cib_common_callback_worker cib_op="register" cib_clientid="x"/>"#,
    );
    let file = |(name, text): &(&str, &str)| format!(r#"<file path="{name}"><![CDATA[{text}]]></file>"#);
    let files: String = files.iter().map(file).collect();
    let reply = format!(
        r#"<cib-reply t="cib" cib_op="cib_schemas" cib_callid="2" cib_rc="0"><cib_calldata><schemas><schema version="pacemaker-3.10">{files}</schema></schemas></cib_calldata></cib-reply>"#
    );
    answer(&mut provider, "pacemaker-3.9", &reply);
    provider
}

fn names() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(THEIRS)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn newer_schemas_are_kept_and_evil_names_refused() {
    isolated(|| {
        make_key(4096);
        fs::create_dir(OURS).unwrap();
        fs::write(format!("{OURS}/pacemaker-3.9.rng"), "").unwrap();
        let daemon = Start::new().env("PCMK_schema_directory", OURS).ready();
        let good = [("pacemaker-3.10.rng", "<grammar a=\"&lt;\"/>\n"), ("upgrade-3.10.xsl", "<x/>")];
        let provider = hand_out(&good);
        await_log(&["Got 2 schema files"]);
        assert_eq!(names(), ["pacemaker-3.10.rng", "upgrade-3.10.xsl"]);
        assert_eq!(fs::read_to_string(format!("{THEIRS}/pacemaker-3.10.rng")).unwrap(), good[0].1);
        drop(provider);
        for evil in ["../evil.rng", "/etc/evil.rng", "a/../../evil.rng", ".evil.rng", "evil.sh"] {
            let before = crate::node::log_text().matches("schemas: ").count();
            let provider = hand_out(&[good[0], (evil, "evil")]);
            eventually("it is refused", || crate::node::log_text().matches("schemas: ").count() > before);
            assert_eq!(names(), [""; 0], "{evil}");
            drop(provider);
        }
        assert!(!fs::exists("/var/lib/pacemaker/evil.rng").unwrap() && !fs::exists("/etc/evil.rng").unwrap());
        await_log(&["warning", "schemas: ", "../evil.rng"]);
        // A provider that never answers harms nobody.
        let mut silent = Peer::connect(&fs::read(KEY).unwrap());
        silent.sign_on("silent", true);
        connect("c").unwrap();
        drop(silent);
        assert_eq!(daemon.stop(), Some(0));
    });
}
