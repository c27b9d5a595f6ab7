// SPDX-License-Identifier: LGPL-2.1-or-later
//! Starting, not starting, and signals.
use crate::node::{KEY, LOG, Start, await_log, connect, log_text, make_key, serving};
use crate::place::{eventually, isolated, set_read_only, tmpfs};
use nix::sys::signal::Signal;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn6, bind, listen, setsockopt, socket, sockopt,
};
use pcmk_remote_rs::model::Request;
use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV6, TcpListener};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process::{Command, Stdio};

/// The daemon gives up with exit code 100 and a line that holds `words`.
pub(crate) fn refuses_to_start(start: Start, words: &[&str]) {
    let (code, ..) = start.run();
    await_log(words);
    assert_eq!(code, Some(100), "{}", log_text());
    assert!(!log_text().contains("Ready: "), "{}", log_text());
}

#[test]
fn sigterm_ends_it_with_and_without_clients() {
    isolated(|| {
        assert_eq!(serving().stop(), Some(0));
        let daemon = Start::new().ready();
        let mut client = connect("c").unwrap();
        assert_eq!(client.call(Request::Poke).unwrap().rc, 0);
        assert_eq!(daemon.stop(), Some(0));
        assert!(client.call(Request::Poke).is_err());
        // Nothing of it is left in the way of the next.
        let daemon = Start::new().ready();
        connect("c").unwrap();
        daemon.signal(Signal::SIGINT);
        let mut daemon = daemon;
        assert_eq!(daemon.wait().code(), Some(0));
    });
}

#[test]
fn signals_are_taken_by_a_daemon_that_was_started_with_all_of_them_blocked() {
    isolated(|| {
        make_key(64);
        let block = "import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()); \
                     os.execv(sys.argv[1], sys.argv[1:])";
        for daemon in [env!("CARGO_BIN_EXE_pacemaker-remoted"), env!("CARGO_BIN_EXE_pacemaker-execd")] {
            for pid1 in ["default", "full"] {
                let mut command = Command::new("python3");
                command.args(["-c", block, daemon]);
                let daemon = Start::through(command).env("PCMK_remote_pid1", pid1).env("PCMK_logfile", LOG);
                let daemon = daemon.ready();
                assert_eq!(daemon.stop(), Some(0));
            }
        }
    });
}

#[test]
fn sighup_reopens_the_log_and_other_signals_change_nothing() {
    isolated(|| {
        let daemon = serving();
        fs::rename(LOG, "/var/log/pacemaker/old").unwrap();
        daemon.signal(Signal::SIGHUP);
        await_log(&["opened anew", "SIGHUP"]);
        for signal in [Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGTRAP] {
            daemon.signal(signal);
            await_log(&[signal.as_str(), "no effect"]);
        }
        daemon.signal(Signal::SIGPIPE);
        connect("c").unwrap().call(Request::Poke).unwrap();
        // Rotation without a signal.
        fs::rename(LOG, "/var/log/pacemaker/older").unwrap();
        connect("after").unwrap();
        await_log(&["after", "connected"]);
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn words_on_the_command_line() {
    isolated(|| {
        for (argument, code) in [("--help", 0), ("--version", 0), ("--no-such-option", 64)] {
            let (ended, stdout, stderr) = Start::new().argument(argument).run();
            assert_eq!(ended, Some(code), "{argument}");
            assert_eq!(stdout.is_empty(), code != 0, "{argument}: {stdout}");
            assert_eq!(stderr.contains(argument), code != 0, "{argument}: {stderr}");
        }
        assert!(!fs::exists(LOG).unwrap());
    });
}

#[test]
fn a_port_or_a_name_that_is_taken_is_fatal() {
    isolated(|| {
        make_key(64);
        let other = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 3121)).unwrap();
        refuses_to_start(Start::new(), &["3121", "in use", "PCMK_remote_port"]);
        drop(other);
        fs::remove_file(LOG).unwrap();
        let first =
            Start::new().argument("--port").argument("4000").env("PCMK_logfile", "/var/log/first").spawn();
        eventually("the first daemon serves", || {
            fs::read_to_string("/var/log/first").is_ok_and(|text| text.contains("Ready: "))
        });
        refuses_to_start(Start::new(), &["lrmd", "crit"]);
        assert_eq!(first.stop(), Some(0));
        // On a host where Pacemaker itself runs.
        fs::remove_file(LOG).unwrap();
        // As libqb writes names: with zeroes up to the end.
        let name = SocketAddr::from_abstract_name(format!("{:\0<107}", "pacemakerd")).unwrap();
        let _cluster = UnixListener::bind_addr(&name).unwrap();
        refuses_to_start(Start::new(), &["crit", "pacemakerd"]);
    });
}

/// As upstream does: a node that can be reached is better than none.
#[test]
fn a_port_that_is_taken_for_ipv6_alone_is_served_for_ipv4() {
    isolated(|| {
        let flags = SockFlag::SOCK_CLOEXEC;
        let other = socket(AddressFamily::Inet6, SockType::Stream, flags, None).unwrap();
        setsockopt(&other, sockopt::Ipv6V6Only, &true).unwrap();
        let everywhere = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 3121, 0, 0);
        bind(other.as_raw_fd(), &SockaddrIn6::from(everywhere)).unwrap();
        listen(&other, Backlog::new(1).unwrap()).unwrap();
        let daemon = serving();
        assert_eq!(connect("c").unwrap().call(Request::Poke).unwrap().rc, 0);
        assert_eq!(daemon.stop(), Some(0));
    });
}

/// What libqb's file in /etc changes: names of local servers are files, here in /tmp as Debian builds libqb.
fn names_are_files() {
    fs::create_dir_all("/etc/libqb").unwrap();
    fs::write("/etc/libqb/force-filesystem-sockets", "").unwrap();
}

#[test]
fn a_directory_for_names_that_cannot_be_used_is_fatal_and_what_the_line_advises_helps() {
    isolated(|| {
        make_key(64);
        tmpfs("/tmp", "mode=1777");
        set_read_only("/tmp", true);
        names_are_files();
        refuses_to_start(
            Start::new(),
            &["crit", "libqb", "Read-only", "force-filesystem-sockets (in /etc/libqb)"],
        );
        fs::remove_file("/etc/libqb/force-filesystem-sockets").unwrap();
        assert_eq!(Start::new().ready().stop(), Some(0));
    });
}

#[test]
fn a_name_that_is_a_file_is_not_taken_from_another_daemon() {
    isolated(|| {
        tmpfs("/tmp", "mode=1777");
        names_are_files();
        let first = serving();
        assert!(fs::exists("/tmp/lrmd").unwrap(), "libqb uses files");
        let before = log_text().lines().count();
        let (code, ..) = Start::new().argument("--port").argument("4000").run();
        assert_eq!(code, Some(100));
        let said: Vec<_> = log_text().lines().skip(before).map(str::to_owned).collect();
        assert!(said.iter().any(|line| line.contains("already serves") && line.contains("lrmd")), "{said:?}");
        assert!(fs::exists("/tmp/lrmd").unwrap(), "the first one's socket is still there");
        assert_eq!(first.stop(), Some(0));
        assert!(!fs::exists("/tmp/lrmd").unwrap());
    });
}

#[test]
fn a_name_that_is_a_file_is_taken_from_a_user_who_is_no_daemon() {
    isolated(|| {
        tmpfs("/tmp", "mode=1777");
        names_are_files();
        let script = "import os, socket, sys; os.setuid(65534); s = socket.socket(socket.AF_UNIX); s.bind('/tmp/lrmd'); \
                      s.listen(); os.write(1, b'ready'); sys.stdin.read()";
        let mut squatter = Command::new("python3");
        squatter.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut squatter = squatter.spawn().unwrap();
        let mut ready = [0; 5];
        squatter.stdout.take().unwrap().read_exact(&mut ready).unwrap();
        let daemon = serving();
        assert_eq!(connect("c").unwrap().call(Request::Poke).unwrap().rc, 0);
        assert_eq!(daemon.stop(), Some(0));
        drop(squatter.stdin.take());
        squatter.wait().unwrap();
    });
}

#[test]
fn a_container_in_its_host_s_network_is_told_what_to_do_and_that_helps() {
    isolated(|| {
        let host = serving();
        let log = |name: &str| Start::new().argument("--port").argument("4000").env("PCMK_logfile", name);
        let (code, ..) = log("/var/log/refused").run();
        assert_eq!(code, Some(100));
        let said = fs::read_to_string("/var/log/refused").unwrap();
        let remedy = "/etc/libqb/force-filesystem-sockets";
        let line = said.lines().find(|line| line.contains("already serves") && line.contains(remedy));
        assert!(line.is_some_and(|line| line.contains("container")), "{said}");
        // The container has its own file system.
        let mut container = Command::new("unshare");
        let enter = "mount -t tmpfs none /etc/libqb; : > /etc/libqb/force-filesystem-sockets; \
                     mount -t tmpfs -o mode=1777 none /tmp; exec \"$0\" \"$@\"";
        fs::create_dir_all("/etc/libqb").unwrap();
        container.args(["--mount", "sh", "-euc", enter, env!("CARGO_BIN_EXE_pacemaker-remoted")]);
        let inside = Start::through(container)
            .argument("--port")
            .argument("4000")
            .env("PCMK_logfile", "/var/log/inside")
            .spawn();
        eventually("the container's daemon serves", || {
            fs::read_to_string("/var/log/inside").is_ok_and(|text| text.contains("Ready: "))
        });
        for port in [3121, 4000] {
            let target = pcmk_remote_rs::driver::blocking::Target::new("127.0.0.1", port);
            pcmk_remote_rs::driver::blocking::Client::connect(&target, "c").unwrap();
        }
        assert_eq!(inside.stop(), Some(0));
        assert_eq!(host.stop(), Some(0));
    });
}

#[test]
fn tls_settings_that_it_cannot_keep_are_fatal() {
    isolated(|| {
        make_key(64);
        refuses_to_start(Start::new().env("PCMK_tls_priorities", "NORMAL:+WONDERFUL"), &["WONDERFUL"]);
        fs::remove_file(LOG).unwrap();
        let certificates = Start::new()
            .env("PCMK_ca_file", "/etc/a")
            .env("PCMK_cert_file", "/etc/b")
            .env("PCMK_key_file", "/etc/c");
        refuses_to_start(certificates, &["X.509 CA file /etc/a", "does not exist"]);
        fs::remove_file(LOG).unwrap();
        refuses_to_start(Start::new().env("PCMK_remote_address", "no.such.name."), &["no.such.name."]);
        fs::remove_file(LOG).unwrap();
        refuses_to_start(Start::new().env("PCMK_remote_address", "192.0.2.1"), &["192.0.2.1"]);
    });
}

#[test]
fn it_serves_every_address_that_is_configured() {
    isolated(|| {
        make_key(64);
        let daemon = Start::new()
            .env("PCMK_remote_address", "127.0.0.2, ::1 localhost")
            .env("PCMK_remote_port", "4001")
            .ready();
        for host in ["127.0.0.2", "::1", "127.0.0.1"] {
            let target = pcmk_remote_rs::driver::blocking::Target::new(host, 4001).with_key_file(KEY);
            pcmk_remote_rs::driver::blocking::Client::connect(&target, "c").unwrap();
        }
        assert_eq!(daemon.stop(), Some(0));
    });
}
