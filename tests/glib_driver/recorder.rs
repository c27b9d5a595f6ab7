// SPDX-License-Identifier: LGPL-2.1-or-later
//! Who the executor talks to: peers that write down what they are told, without what differs from run to run.
use crate::script::Lines;
use pcmk_remote_rs::agents::AgentConfig;
use pcmk_remote_rs::core::{DaemonKind, PeerId, RequestToken, RunId, Settings};
use pcmk_remote_rs::driver::glib::Outside;
use pcmk_remote_rs::driver::hub::{Excess, Hooks};
use pcmk_remote_rs::model::{ClientId, DeviceState, ExecStatus, Execution, Notification, Reply};
use pcmk_remote_rs::session::SchemaFile;
use std::path::Path;
use std::sync::Arc;

pub(crate) fn settings() -> Settings {
    Settings { daemon: DaemonKind::Remoted, node_start_state: None, parameter_memory: None }
}

pub(crate) fn agents(directory: &Path) -> AgentConfig {
    let inherited = [("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")];
    let mut config = AgentConfig::new(inherited.map(|(name, value)| (name.into(), value.into())).into());
    config.ocf_search_path = directory.to_str().unwrap().to_owned();
    config.alert_user = None;
    config
}

/// A node without watchdog and schemas.
pub(crate) struct Node;

impl Hooks for Node {
    fn watchdog_fits(&self, _: Option<&str>) -> Result<(), String> {
        Ok(())
    }

    fn prepare_schemas(&self) -> Result<String, String> {
        Err("there are none".into())
    }

    fn keep_schemas(&self, _: &[SchemaFile]) -> Result<(), String> {
        Ok(())
    }
}

/// Peers are numbers.
pub(crate) struct Recorder {
    lines: Lines,
}

impl Recorder {
    pub(crate) fn new(lines: Lines) -> Self {
        Self { lines }
    }

    pub(crate) fn reply(&self, to: u64, token: RequestToken, reply: &Reply) {
        self.lines.add(format!("reply {to} #{} {}", token.0, reply.rc));
    }

    pub(crate) fn told(&self, to: u64, text: &str) {
        self.lines.add(format!("told {to} {text}"));
    }
}

/// A notification, less its times: the reason of a run that was too long says what else took time.
pub(crate) fn shown(notification: &Notification) -> String {
    match notification {
        Notification::Completed(completion) => {
            let mut outcome = completion.outcome.clone();
            if outcome.status == ExecStatus::Timeout {
                outcome.reason = None;
            }
            format!(
                "completed {} {} call {} deleted {} {outcome:?}",
                completion.resource_id, completion.action, completion.call_id.0, completion.resource_deleted
            )
        }
        other => format!("{other:?}"),
    }
}

impl Outside for Recorder {
    type Remote = u64;
    type Local = u64;
    type Encoded = String;

    fn new_client_id(&mut self, peer: PeerId) -> ClientId {
        ClientId::new(format!("uuid-{}", peer.0))
    }

    fn send_reply(&mut self, to: &u64, token: RequestToken, reply: &Reply) -> usize {
        self.reply(*to, token, reply);
        0
    }

    fn encode(notification: &Notification) -> String {
        shown(notification)
    }

    fn send_notification(&mut self, to: &u64, notification: &String) -> usize {
        self.told(*to, notification);
        0
    }

    fn flush(&mut self, _: &u64) -> usize {
        0
    }

    fn hold(&mut self, _: &u64, _: bool) {}
    fn close(&mut self, _: &u64, _: Option<Excess>) {}
    fn say_goodbye(&mut self, _: &u64) {}
    fn respond(&mut self, _: &u64, _: i32, _: &str) {}
    fn send_event(&mut self, _: &u64, _: &str, _: Option<&Arc<str>>) {}

    fn waiting(&self, _: &u64) -> usize {
        0
    }

    fn hold_local(&mut self, _: &u64, _: bool) {}
    fn disconnect(&mut self, _: &u64, _: Option<Excess>) {}
    fn accept_proxied(&mut self, _: bool) {}
    fn fence(&mut self, _: RunId, _: Box<Execution>, _: DeviceState) {}
    fn give_up(&mut self, _: RunId) {}
    fn stop_listening(&mut self) {}
}
