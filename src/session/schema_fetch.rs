// SPDX-License-Identifier: LGPL-2.1-or-later
//! The transfer of schemas: what a local client of the configuration daemon says and hears. It signs on,
//! asks once for everything newer than the newest schema here, and takes the files out of the answer.
use crate::model::Payload;
use crate::wire::xml::{Element, Node, Writer, read};

/// More than this no release has in all its schemas together.
const MAX_FILES: usize = 4096;
const MAX_NAME_LEN: usize = 128;
/// The configuration daemon's "answer me in this call".
const SYNC_CALL: u32 = 4096;
const REGISTER: &str = "register";
const SCHEMAS: &str = "cib_schemas";

/// One schema file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaFile {
    /// A plain file name: letters, digits, `-`, `_` and inner dots.
    pub name: String,
    /// Its text.
    pub contents: String,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaStep {
    /// Send this request.
    Send(Payload),
    /// Nothing; the answer is still to come.
    Wait,
    /// The transfer is over; there may be no files.
    Done(Vec<SchemaFile>),
    /// The transfer is over without result, for this reason.
    Failed(String),
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    SigningOn,
    Asked,
    Over,
}

/// One transfer.
#[derive(Debug)]
pub struct SchemaFetch {
    newest: String,
    state: State,
}

impl SchemaFetch {
    /// Begins; the payload is the first request. `newest`: name of the newest schema here (`pacemaker-4.0`).
    pub fn start(newest: &str) -> (Self, Payload) {
        let mut writer = request(REGISTER, 1);
        writer.attribute("cib_clientname", "pacemaker-remoted");
        let first = Payload::from_checked(writer.finish());
        (Self { newest: newest.to_owned(), state: State::SigningOn }, first)
    }

    /// Takes a response.
    pub fn receive(&mut self, response: &Payload) -> SchemaStep {
        let root = match read(response.as_str()) {
            Ok(root) => root,
            Err(error) => return self.fail(format!("the answer is not readable: {error}")),
        };
        if root.name == "nack" {
            return self.fail("the cluster refused the request".to_owned());
        }
        match (&self.state, root.attribute("cib_op")) {
            (State::SigningOn, Some(REGISTER)) => {
                self.state = State::Asked;
                let mut writer = request(SCHEMAS, 2);
                writer.start("cib_calldata").start("schema").attribute("version", &self.newest);
                SchemaStep::Send(Payload::from_checked(writer.finish()))
            }
            (State::Asked, Some(SCHEMAS)) => match files(&root) {
                Ok(files) => {
                    self.state = State::Over;
                    SchemaStep::Done(files)
                }
                Err(reason) => self.fail(reason),
            },
            // Something else, or a bare acknowledgement.
            _ => SchemaStep::Wait,
        }
    }

    fn fail(&mut self, reason: String) -> SchemaStep {
        if self.state == State::Over {
            return SchemaStep::Wait;
        }
        self.state = State::Over;
        SchemaStep::Failed(reason)
    }
}

/// The beginning of a request; attributes and children may follow.
fn request(operation: &str, call_id: u32) -> Writer {
    let mut writer = Writer::new();
    writer.start("cib_command").attribute("t", "cib").attribute("cib_op", operation);
    writer.number("cib_callid", call_id).number("cib_callopt", SYNC_CALL);
    writer
}

/// The files in the answer.
fn files(reply: &Element<'_>) -> Result<Vec<SchemaFile>, String> {
    let rc = reply.attribute("cib_rc").unwrap_or("0").trim();
    if rc != "0" {
        return Err(format!("the cluster refused (error {})", rc.escape_debug()));
    }
    let mut files = Vec::new();
    let mut waiting = vec![reply];
    while let Some(element) = waiting.pop() {
        if element.name != "file" {
            waiting.extend(element.elements());
            continue;
        }
        if files.len() == MAX_FILES {
            return Err(format!("there are more than {MAX_FILES} files"));
        }
        let name = element.attribute("path").unwrap_or_default();
        if !is_plain_name(name) {
            let shown: String = name.escape_debug().take(MAX_NAME_LEN).collect();
            return Err(format!("it holds a file named \"{shown}\", which is refused"));
        }
        files.push(SchemaFile { name: name.to_owned(), contents: contents(element) });
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// Can the name only ever mean a file in the directory where it is put?
fn is_plain_name(name: &str) -> bool {
    (1..=MAX_NAME_LEN).contains(&name.len())
        && !name.starts_with(['.', '-'])
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn contents(file: &Element<'_>) -> String {
    file.children
        .iter()
        .map(|node| match node {
            Node::Text(text) | Node::CData(text) => text.as_ref(),
            Node::Element(_) => "",
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(text: &str) -> Payload {
        Payload::from_checked(text)
    }

    /// As a 3.0.0 configuration daemon answers.
    const REGISTERED: &str = r#"<cib_common_callback_worker cib_op="register" cib_clientid="c442de0c"/>"#;

    fn reply(data: &str) -> Payload {
        payload(&format!(
            r#"<cib-reply t="cib" cib_op="cib_schemas" cib_callid="2" cib_clientid="c442de0c" cib_callopt="4096" cib_rc="0"><cib_calldata>{data}</cib_calldata></cib-reply>"#
        ))
    }

    fn asked() -> SchemaFetch {
        let (mut fetch, first) = SchemaFetch::start("pacemaker-3.9");
        assert_eq!(
            first.as_str(),
            r#"<cib_command t="cib" cib_op="register" cib_callid="1" cib_callopt="4096" cib_clientname="pacemaker-remoted"/>"#
        );
        assert_eq!(
            fetch.receive(&payload(REGISTERED)),
            SchemaStep::Send(payload(
                r#"<cib_command t="cib" cib_op="cib_schemas" cib_callid="2" cib_callopt="4096"><cib_calldata><schema version="pacemaker-3.9"/></cib_calldata></cib_command>"#
            ))
        );
        fetch
    }

    #[test]
    fn nothing_newer_is_no_files() {
        assert_eq!(asked().receive(&reply("<schemas/>")), SchemaStep::Done(vec![]));
    }

    #[test]
    fn files_keep_every_character() {
        let data = r#"<schemas><schema version="pacemaker-3.10"><file path="pacemaker-3.10.rng"><![CDATA[<?xml version="1.0"?>
<grammar a="&lt;"/>
]]></file></schema><schema version="pacemaker-4.0"><file path="a.xsl"><![CDATA[x]]]]><![CDATA[>y]]></file></schema></schemas>"#;
        let SchemaStep::Done(files) = asked().receive(&reply(data)) else { panic!() };
        let seen: Vec<_> = files.iter().map(|file| (file.name.as_str(), file.contents.as_str())).collect();
        let grammar = "<?xml version=\"1.0\"?>\n<grammar a=\"&lt;\"/>\n";
        assert_eq!(seen, [("a.xsl", "x]]>y"), ("pacemaker-3.10.rng", grammar)]);
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in [
            "../x.rng",
            "/etc/passwd",
            ".hidden",
            "a/b",
            "",
            "a\u{e4}",
            "a b",
            "-rf",
            "a&#x0A;b",
            "..",
            "a\\b",
        ] {
            let data = format!(
                r#"<schemas><schema version="v"><file path="{name}"><![CDATA[x]]></file></schema></schemas>"#
            );
            assert!(matches!(asked().receive(&reply(&data)), SchemaStep::Failed(_)), "{name}");
        }
        let long = "a".repeat(MAX_NAME_LEN + 1);
        assert!(!is_plain_name(&long));
        assert!(!is_plain_name("a\0b"));
    }

    #[test]
    fn refusals_and_nonsense_end_the_transfer_once() {
        let mut fetch = asked();
        let refused = payload(r#"<cib-reply cib_op="cib_schemas" cib_rc="-22"/>"#);
        assert_eq!(fetch.receive(&refused), SchemaStep::Failed("the cluster refused (error -22)".to_owned()));
        assert_eq!(fetch.receive(&refused), SchemaStep::Wait);
        assert!(matches!(asked().receive(&payload("<nack/>")), SchemaStep::Failed(_)));
        assert_eq!(asked().receive(&payload("<ack/>")), SchemaStep::Wait);
        assert_eq!(asked().receive(&payload(REGISTERED)), SchemaStep::Wait);
        assert!(matches!(asked().receive(&payload("junk")), SchemaStep::Failed(_)));
    }
}
