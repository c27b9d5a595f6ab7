// SPDX-License-Identifier: LGPL-2.1-or-later
//! What goes wrong outside of this process: silent hosts, a silent name service, a peer that breaks off, a doubtful key
//! file. Files of the name service are replaced for one test in a mount namespace, which needs root.
use crate::{Node, Seen, executor, sign_on};
use nix::errno::Errno;
use nix::libc::{SIGCHLD, SIGHUP, SIGINT, SIGTERM, linger};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{Backlog, listen, setsockopt, sockopt};
use pcmk_remote_rs::driver::blocking::{CallProblem, Client, Problem, Stage, Target};
use pcmk_remote_rs::model::{CallId, Millis, Params, Request};
use pcmk_remote_rs::sys::tls::Policy;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// Runs `test` where this host's files of the name service are `files`: name below /etc and content.
fn with_name_service(files: &[(&str, &str)], test: impl FnOnce() + Send) {
    let enter = || {
        assert!(
            nix::unistd::geteuid().is_root(),
            "this test makes a namespace and needs root: run it with sudo"
        );
        unshare(CloneFlags::CLONE_NEWNS).expect("own mounts (in a container this needs CAP_SYS_ADMIN)");
        let nothing: Option<&str> = None;
        mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing).unwrap();
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let file = directory.path().join(name);
            std::fs::write(&file, text).unwrap();
            let place = format!("/etc/{name}");
            mount(Some(&file), place.as_str(), nothing, MsFlags::MS_BIND, nothing).unwrap();
        }
        test();
    };
    thread::scope(|scope| {
        if let Err(panic) = scope.spawn(enter).join() {
            std::panic::resume_unwind(panic);
        }
    });
}

#[test]
fn the_connect_limit_holds_for_all_addresses_together() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let silent: Vec<_> = (2..32)
        .map(|last| {
            // A full queue of connections: what comes further is not answered.
            let listener = TcpListener::bind((Ipv4Addr::new(127, 0, 7, last), port)).unwrap();
            listen(&listener, Backlog::new(0).unwrap()).unwrap();
            let filler = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            (listener, filler)
        })
        .collect();
    let line = |(listener, _): &(TcpListener, TcpStream)| {
        format!("{} silent.example\n", listener.local_addr().unwrap().ip())
    };
    let hosts: String = silent.iter().map(line).collect();
    with_name_service(&[("hosts", &hosts)], || {
        let limit = Duration::from_millis(500);
        let target = Target::new("silent.example", port).with_connect_limit(limit);
        let begun = Instant::now();
        let problem = Client::connect(&target, "tester").unwrap_err();
        let took = begun.elapsed();
        assert!(matches!(problem, Problem::Tcp { .. }), "{problem:?}");
        // Each of the thirty for itself would take 15 s together.
        assert!(took >= limit && took < limit * 10, "{took:?}");
    });
}

#[test]
fn a_silent_name_service_has_as_long_as_the_connect_limit() {
    // It takes questions and answers none.
    let _server = UdpSocket::bind("127.9.9.8:53").unwrap();
    let files = [("resolv.conf", "nameserver 127.9.9.8\n"), ("nsswitch.conf", "hosts: dns\n")];
    with_name_service(&files, || {
        let target = Target::new("unknown.example", 1).with_connect_limit(Duration::from_millis(50));
        let problem = Client::connect(&target, "tester").unwrap_err();
        assert_eq!(problem, Problem::NameTimedOut { host: "unknown.example".to_owned() });
    });
}

#[test]
fn the_resolvers_thread_takes_no_signal() {
    let server = UdpSocket::bind("127.9.9.9:53").unwrap();
    server.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let files = [("resolv.conf", "nameserver 127.9.9.9\n"), ("nsswitch.conf", "hosts: dns\n")];
    with_name_service(&files, || {
        let connecting = thread::spawn(|| Client::connect(&Target::new("unknown.example", 1), "tester"));
        let mut query = [0; 512];
        let mut masks = Vec::new();
        while !connecting.is_finished() {
            let Ok((length, from)) = server.recv_from(&mut query) else { continue };
            masks.extend(masks_of_resolvers());
            // There is no such name.
            (query[2], query[3]) = (0x81, 0x83);
            server.send_to(&query[..length], from).unwrap();
        }
        let problem = connecting.join().unwrap().unwrap_err();
        assert!(matches!(problem, Problem::Name { .. }), "{problem:?}");
        let all = [SIGHUP, SIGINT, SIGTERM, SIGCHLD].iter().fold(0, |all, signal| all | 1 << (signal - 1));
        assert!(!masks.is_empty());
        assert!(masks.iter().all(|mask| mask & all == all), "{masks:x?}");
    });
}

/// The signals that each resolver's thread of this process has blocked.
fn masks_of_resolvers() -> Vec<u64> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    tasks
        .filter_map(|task| {
            let read = |name| std::fs::read_to_string(task.path().join(name)).unwrap_or_default();
            let status = read("status");
            let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:\t"))?;
            (read("comm") == "resolver\n").then(|| u64::from_str_radix(mask, 16).unwrap())
        })
        .collect()
}

#[test]
fn a_request_that_fits_in_no_message_is_not_sent_and_the_connection_goes_on() {
    let node = Node::executor(1, Policy::default(), 0);
    let mut client = Client::connect(&node.target(), "tester").unwrap();
    let mut params = Params::new();
    params.set("large", "x".repeat(64 * 1024 * 1024));
    let large = Request::Alert { id: None, path: None, timeout: Millis(0), params };
    assert!(matches!(client.send(large), Err(CallProblem::TooLarge(_))));
    assert_eq!(client.call(Request::Poke).unwrap().result(), Ok(CallId(0)));
}

#[test]
fn a_connection_that_breaks_in_use_is_not_one_that_could_not_be_made() {
    let node = Node::new(|mut stream| {
        sign_on(&mut stream);
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
        // Closed with a reset.
        setsockopt(&stream, sockopt::Linger, &linger { l_onoff: 1, l_linger: 0 }).unwrap();
        Seen::default()
    });
    let mut client = Client::connect(&node.target(), "tester").unwrap();
    let CallProblem::Ended(problem) = client.call(Request::Poke).unwrap_err() else { panic!("it ended") };
    assert_eq!((&problem, problem.stage()), (&Problem::Broken(Errno::ECONNRESET), Stage::Ready));
    assert!(!problem.to_string().contains("cannot connect"), "{problem}");
}

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Keeps what this process logs.
struct Logger;

impl log::Log for Logger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        LINES.lock().unwrap().push(format!("{} {}", record.level(), record.args()));
    }

    fn flush(&self) {}
}

#[test]
fn a_warning_about_the_key_is_not_lost_when_the_connection_fails() {
    log::set_logger(&Logger).unwrap();
    log::set_max_level(log::LevelFilter::Warn);
    let node = Node::new(|stream| executor(stream, 2, &Policy::default(), 0));
    let file = node.key_file();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(Client::connect(&node.target(), "tester").unwrap_err().stage(), Stage::Handshake);
    let lines = LINES.lock().unwrap();
    let file = file.display().to_string();
    assert!(lines.iter().any(|line| line.starts_with("WARN") && line.contains(&file)), "{lines:?}");
}
