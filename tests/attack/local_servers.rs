// SPDX-License-Identifier: LGPL-2.1-or-later
//! Foreign users who hold the names of local servers: of the fencer, which is told the passwords of fence devices, and of
//! the executor.
use crate::impostor::Impostor;
use crate::local_peer::{EXPECTS_RESPONSE, Peer, Release};
use crate::node::{Start, await_log};
use crate::place::{eventually_some, isolated};
use pcmk_remote_rs::model::site::IPC_BUFFER;
use pcmk_remote_rs::sys::qb::{
    Connection, Event, Grant, Reactor, Sent, Server, ServerId, Settings, Transport,
};
use pcmk_remote_rs::wire::ipc::{Assembler, IpcLayout, encode_event, encode_response};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, mpsc::Sender};
use std::thread::JoinHandle;
use std::time::Duration;

const NAME: &str = "stonith-ng";
const PASSWORD: &str = "correct horse battery staple";

#[test]
fn a_foreign_fencer_is_told_nothing_and_the_real_one_is_used_when_it_comes() {
    isolated(|| {
        let daemon = Start::execd().ready();
        let mut controller = Peer::connect("lrmd", Release::New).unwrap();
        request(&mut controller, "register", "", r#"lrmd_clientname="crmd" lrmd_protocol_version="1.2""#);
        let device = r#"<lrmd_rsc lrmd_rsc_id="power" lrmd_class="stonith" lrmd_type="fence_test"/>"#;
        request(&mut controller, "lrmd_rsc_register", device, "");

        let impostor = Impostor::hold(NAME);
        start(&mut controller);
        let result = completion(&controller);
        assert!(
            result.contains(r#"lrmd_exec_op_status="9""#) || result.contains(r#"lrmd_exec_rc="1""#),
            "{result}"
        );
        for word in [NAME, "user nobody", "stop it"] {
            assert!(result.contains(word), "{word} in {result}");
        }
        await_log(&["warning", "Cannot connect to the fencer", NAME, "nobody"]);
        let received = impostor.received();
        assert!(!received.is_empty() && received.iter().all(Vec::is_empty), "{received:?}");
        drop(impostor);

        let fencer = Fencer::start();
        start(&mut controller);
        let result = completion(&controller);
        assert!(result.contains(r#"lrmd_exec_rc="0""#), "{result}");
        assert!(fencer.heard.iter().take(2).any(|text| text.contains(PASSWORD)));
        drop(fencer);
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn a_daemon_whose_name_is_held_says_by_whom() {
    isolated(|| {
        let _impostor = Impostor::hold("lrmd");
        let (code, ..) = Start::execd().run();
        assert_eq!(code, Some(100));
        await_log(&["crit", "'lrmd'", "user nobody (uid 65534)", "stop it first"]);
    });
}

fn request(controller: &mut Peer, op: &str, data: &str, more: &str) {
    let text = format!(
        r#"<lrmd_command t="lrmd" lrmd_op="{op}" {more} lrmd_timeout="0" lrmd_callopt="0"><lrmd_calldata>{data}</lrmd_calldata></lrmd_command>"#
    );
    controller.send(&text, EXPECTS_RESPONSE);
    controller.response(30_000).expect("the executor answers");
}

fn start(controller: &mut Peer) {
    let data = format!(
        r#"<lrmd_rsc lrmd_rsc_id="power" lrmd_rsc_action="start" lrmd_rsc_interval="0" lrmd_timeout="60000" lrmd_rsc_start_delay="0"><attributes password="{PASSWORD}"/></lrmd_rsc>"#
    );
    request(controller, "lrmd_rsc_exec", &data, "");
}

/// The result of the operation.
fn completion(controller: &Peer) -> String {
    eventually_some("the operation ends", || {
        let event = controller.event(1000).ok()?;
        event.text.contains("lrmd_rsc_exec").then_some(event.text)
    })
}

/// A fencer of root's that says yes to everything.
struct Fencer {
    over: Arc<AtomicBool>,
    heard: Receiver<String>,
    thread: Option<JoinHandle<()>>,
}

impl Fencer {
    fn start() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        let (tell, heard) = channel();
        let (ready, listening) = channel();
        let thread = std::thread::spawn(move || {
            let settings = Settings {
                name: NAME.to_owned(),
                id: ServerId(0),
                transport: Transport::SharedMemory,
                buffer_size: u32::try_from(IPC_BUFFER).unwrap(),
            };
            let _server = Server::create(&settings, |_| Ok(Grant::Owner)).unwrap();
            ready.send(()).unwrap();
            let reactor = Reactor::current().unwrap();
            let mut clients = HashMap::new();
            while !ended.load(Ordering::Relaxed) {
                reactor.dispatch(16).unwrap();
                match reactor.next_event() {
                    Some(Event::Connected { connection, .. }) => {
                        let assembler = Assembler::new(IpcLayout::Old);
                        clients.insert(connection.id(), (connection, assembler));
                    }
                    Some(Event::Message { connection, bytes }) => {
                        if let Some((connection, assembler)) = clients.get_mut(&connection) {
                            answer(connection, assembler, &bytes, &tell);
                        }
                    }
                    Some(_) => {}
                    None => std::thread::sleep(Duration::from_millis(1)),
                }
            }
        });
        listening.recv().unwrap();
        Self { over, heard, thread: Some(thread) }
    }
}

impl Drop for Fencer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = self.thread.take().unwrap().join();
    }
}

fn answer(connection: &Connection, assembler: &mut Assembler, bytes: &[u8], tell: &Sender<String>) {
    let Some(request) = assembler.push(bytes).unwrap() else { return };
    let sent = if request.text.contains(r#"st_op="register""#) {
        let token = r#"<reply st_op="register" st_clientid="token"/>"#;
        let parts = encode_response(IpcLayout::Old, request.id, false, token, IPC_BUFFER).unwrap();
        connection.send_response(&parts[0])
    } else {
        let id = request.text.split("st_callid=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        let yes = format!(r#"<reply t="stonith-ng" st_callid="{id}" rc-code="0" op-status="0"/>"#);
        tell.send(request.text).unwrap();
        connection.send_event(&encode_event(IpcLayout::Old, 1, &yes, IPC_BUFFER).unwrap()[0])
    };
    assert_eq!(sent, Ok(Sent::Done));
}
