// SPDX-License-Identifier: LGPL-2.1-or-later
//! Under a service manager, and as a container's first process.
use crate::node::{
    Daemon, KEY, PORT, Start, await_line, children, completion, connect, context, is_alive, make_agent,
    make_key, register, start_operation,
};
use crate::peer::{Peer, dial_at};
use crate::place::{LIMIT, eventually, eventually_some, isolated};
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Command;
use std::time::Duration;

/// The next message that the manager gets within this time.
fn message(manager: &UnixDatagram, limit: Duration) -> Option<String> {
    let mut buffer = [0; 512];
    manager.set_read_timeout(Some(limit)).unwrap();
    let count = manager.recv(&mut buffer).ok()?;
    Some(String::from_utf8(buffer[..count].to_vec()).unwrap())
}

/// The same, without states.
fn told(manager: &UnixDatagram) -> String {
    loop {
        let message = message(manager, LIMIT).expect("the daemon notifies");
        if !message.starts_with("STATUS=") {
            return message;
        }
    }
}

#[test]
fn states_are_told_as_they_change() {
    isolated(|| {
        make_key(64);
        let manager = UnixDatagram::bind("/run/notify").unwrap();
        let _daemon = Start::new().env("NOTIFY_SOCKET", "/run/notify").spawn();
        assert!(told(&manager).starts_with("READY=1\n"));
        let mut client = connect("c").unwrap();
        register(&mut client, "r", "None");
        let until = |state: &str| {
            eventually("the state is told", || message(&manager, LIMIT).unwrap().ends_with(state));
        };
        until("clients: 1, resources: 1");
        drop(client);
        until("clients: 0, resources: 1");
    });
}

#[test]
fn a_loop_that_hangs_gives_no_sign_of_life() {
    isolated(|| {
        make_key(64);
        let manager = UnixDatagram::bind("/run/notify").unwrap();
        let period = Duration::from_millis(400);
        let start = Start::new().env("NOTIFY_SOCKET", "/run/notify");
        let daemon = start.env("WATCHDOG_USEC", &period.as_micros().to_string()).spawn();
        assert!(told(&manager).starts_with("READY=1\n"));
        for _ in 0..3 {
            assert_eq!(told(&manager), "WATCHDOG=1", "without a client, too");
        }
        // The loop's thread alone is stopped: all others go on.
        ptrace::seize(daemon.pid(), ptrace::Options::empty()).unwrap();
        ptrace::interrupt(daemon.pid()).unwrap();
        waitpid(daemon.pid(), None).unwrap();
        while message(&manager, Duration::from_millis(1)).is_some() {}
        assert_eq!(message(&manager, 2 * period), None);
        ptrace::detach(daemon.pid(), None).unwrap();
        assert_eq!(told(&manager), "WATCHDOG=1");
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn readiness_and_stopping_are_told() {
    isolated(|| {
        let key = make_key(64);
        let by_path = UnixDatagram::bind("/run/notify").unwrap();
        let abstract_name = SocketAddr::from_abstract_name("attack-notify").unwrap();
        let by_name = UnixDatagram::bind_addr(&abstract_name).unwrap();
        for (manager, name) in [(by_path, "/run/notify"), (by_name, "@attack-notify")] {
            let mut daemon = Start::new().env("NOTIFY_SOCKET", name).spawn();
            let ready = told(&manager);
            assert!(ready.starts_with("READY=1\n") && ready.contains("3121"), "{ready}");
            // Ready means ready.
            let mut provider = Peer::connect(&key);
            provider.sign_on("cluster", true);
            daemon.signal(Signal::SIGTERM);
            // While it still waits for the cluster.
            assert!(told(&manager).starts_with("STOPPING=1\n"));
            assert_eq!(daemon.ended(), None);
            drop(provider);
            assert_eq!(daemon.wait().code(), Some(0));
            // And once is enough, also when it leaves at once.
            manager.set_nonblocking(true).unwrap();
            assert!(manager.recv(&mut [0; 64]).is_err());
            manager.set_nonblocking(false).unwrap();
            let daemon = Start::new().env("NOTIFY_SOCKET", name).spawn();
            assert!(told(&manager).starts_with("READY=1\n"));
            assert_eq!(daemon.stop(), Some(0));
            assert!(told(&manager).starts_with("STOPPING=1\n"));
        }
    });
}

#[test]
fn a_service_manager_that_is_not_there_is_no_obstacle() {
    isolated(|| {
        make_key(64);
        for name in ["/run/nobody", "@nobody", "nonsense"] {
            let daemon = Start::new().env("NOTIFY_SOCKET", name).ready();
            connect("c").unwrap();
            assert_eq!(daemon.stop(), Some(0));
        }
        crate::node::await_log(&["warning", "service manager", "NOTIFY_SOCKET is neither"]);
    });
}

/// The daemon as the first process of a process namespace.
fn first_process() -> Start {
    let mut unshare = Command::new("unshare");
    unshare.args(["--pid", "--fork", "--mount-proc", "--kill-child"]);
    unshare.arg(env!("CARGO_BIN_EXE_pacemaker-remoted"));
    Start::through(unshare)
}

/// The only child of `parent`.
fn only_child(parent: i32) -> i32 {
    eventually_some("a child", || children(parent).first().copied())
}

#[test]
fn as_a_first_process_it_reaps_and_passes_on() {
    isolated(|| {
        make_key(64);
        make_agent("Orphans", "sleep 600 >/dev/null 2>&1 & echo $! >/run/orphan; exit 0");
        fs::write("/etc/pacemaker/pcmk-init.env", "PCMK_remote_port=4002\nPCMK_remote_address='127.0.0.1'\n")
            .unwrap();
        let mut outer: Daemon = first_process().spawn();
        let log = || fs::read_to_string("/var/log/pcmk-init.log").unwrap_or_default();
        eventually("it is ready", || log().contains("Ready: "));
        let init = only_child(outer.pid().as_raw());
        let daemon = only_child(init);
        let name = |pid| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
        assert_eq!((name(init).trim(), name(daemon).trim()), ("pcmk-init", "pacemaker-remot"));
        drop(
            Peer::over(dial_at((Ipv4Addr::LOCALHOST, 4002).into()), &context(&fs::read(KEY).unwrap()))
                .unwrap(),
        );
        let target = pcmk_remote_rs::driver::blocking::Target::new("127.0.0.1", 4002);
        let mut client = pcmk_remote_rs::driver::blocking::Client::connect(&target, "c").unwrap();
        register(&mut client, "r", "Orphans");
        start_operation(&mut client, "r", "start", 0);
        assert_eq!(completion(&mut client).outcome.exit.0, 0);
        await_line("/run/orphan");
        let orphan = eventually_some("an orphan", || children(init).into_iter().find(|pid| *pid != daemon));
        kill(Pid::from_raw(orphan), Signal::SIGKILL).unwrap();
        eventually("the orphan is reaped", || !fs::exists(format!("/proc/{orphan}")).unwrap());
        kill(Pid::from_raw(init), Signal::SIGHUP).unwrap();
        eventually("SIGHUP is passed on", || log().contains("opened anew"));
        kill(Pid::from_raw(init), Signal::SIGTERM).unwrap();
        assert_eq!(outer.wait().code(), Some(0));
        assert!(!is_alive(daemon));
        assert!(log().contains("Exiting with code 0"), "{}", log());
    });
}

#[test]
fn as_a_first_process_it_ends_with_the_daemon_s_exit_code() {
    isolated(|| {
        make_key(64);
        let _other = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).unwrap();
        assert_eq!(first_process().run().0, Some(100));
    });
}
