// SPDX-License-Identifier: LGPL-2.1-or-later
//! Disks that are full and directories that are not there.
use crate::node::{
    LOG, Start, await_log, completion, connect, log_text, make_agent, make_key, register, serving,
    start_operation,
};
use crate::place::{bind, eventually, isolated, set_read_only, tmpfs};
use pcmk_remote_rs::driver::blocking::Client;
use pcmk_remote_rs::model::Request;
use pcmk_remote_rs::wire::ipc::IpcLayout;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::net::UnixDatagram;

#[test]
fn a_full_disk_under_the_log() {
    isolated(|| {
        tmpfs("/var/log/pacemaker", "size=128k");
        let daemon = serving();
        let filler = "/var/log/pacemaker/filler";
        let mut file = File::create(filler).unwrap();
        while file.write_all(&[0; 512]).is_ok() {}
        drop(file);
        // More lines than fit into what is left of the log's last page.
        for number in 0..60 {
            let mut client = connect(&format!("while-full-{number}")).unwrap();
            assert_eq!(client.call(Request::Poke).unwrap().rc, 0);
        }
        assert!(!log_text().contains("while-full-59"), "the disk was not full");
        fs::remove_file(filler).unwrap();
        connect("with-room").unwrap();
        await_log(&["warning", LOG, "works again", "lines are missing"]);
        await_log(&["with-room connected"]);
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn a_log_that_cannot_be_written() {
    isolated(|| {
        make_key(64);
        tmpfs("/var/log/pacemaker", "");
        set_read_only("/var/log/pacemaker", true);
        for file in ["/nowhere/at/all/log", LOG, "/var/log/pacemaker"] {
            let mut daemon = Start::new().env("PCMK_logfile", file).env("PCMK_stderr", "yes").spawn();
            eventually("it serves", || connect("c").is_ok());
            let stderr = daemon.take_stderr();
            assert_eq!(daemon.stop(), Some(0));
            let mut text = String::new();
            { stderr }.read_to_string(&mut text).unwrap();
            let line = text.lines().find(|line| line.contains("cannot write to log file"));
            assert!(line.is_some_and(|line| line.contains(file)), "{file}: {text}");
        }
    });
}

#[test]
fn directories_that_are_not_there() {
    isolated(|| {
        make_key(64);
        tmpfs("/run", "");
        set_read_only("/run", true);
        fs::remove_dir_all("/var/lib/pacemaker").unwrap();
        no_system_log();
        let daemon = Start::new().ready();
        await_log(&["warning", "/run/resource-agents"]);
        await_log(&["warning", "/var/lib/pacemaker/cores"]);
        await_log(&["warning", "/run/pcmk-remote-rs"]);
        assert_eq!(connect("c").unwrap().call(Request::Poke).unwrap().rc, 0);
        assert_eq!(daemon.stop(), Some(0));
        assert_eq!(log_text().matches("warning").count(), 3, "{}", log_text());
    });
}

/// Nobody takes what is sent to /dev/log.
fn no_system_log() {
    if fs::symlink_metadata("/dev/log").is_ok_and(|log| !log.is_symlink()) {
        fs::write("/var/log/no-socket", "").unwrap();
        crate::place::bind("/var/log/no-socket", "/dev/log");
    }
    assert!(UnixDatagram::unbound().unwrap().connect("/dev/log").is_err());
}

/// The cluster's connection, and an agent's run; then what the log advises, by which local clients are served too.
fn serves_the_cluster_without_shared_memory() {
    make_agent("Look", "exit 0");
    let daemon = serving();
    let line = await_log(&["warning", "/dev/shm", "cannot be used"]);
    assert!(line.contains("tmpfs"), "{line}");
    let mut cluster = connect("cluster").unwrap();
    register(&mut cluster, "r", "Look");
    start_operation(&mut cluster, "r", "start", 0);
    assert_eq!(completion(&mut cluster).outcome.exit.0, 0);
    assert!(Client::connect_local(IpcLayout::New, "tool").is_err());
    fs::create_dir_all("/dev/shm").unwrap();
    tmpfs("/dev/shm", "");
    assert_eq!(Client::connect_local(IpcLayout::New, "tool").unwrap().call(Request::Poke).unwrap().rc, 0);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn shared_memory_that_is_read_only() {
    isolated(|| {
        set_read_only("/dev/shm", true);
        serves_the_cluster_without_shared_memory();
    });
}

/// As in a libvirt-lxc container.
#[test]
fn shared_memory_that_is_not_there() {
    isolated(|| {
        for device in ["null", "urandom"] {
            fs::write(format!("/run/{device}"), "").unwrap();
            bind(&format!("/dev/{device}"), &format!("/run/{device}"));
        }
        tmpfs("/dev", "");
        for device in ["null", "urandom"] {
            fs::write(format!("/dev/{device}"), "").unwrap();
            bind(&format!("/run/{device}"), &format!("/dev/{device}"));
        }
        serves_the_cluster_without_shared_memory();
    });
}

#[test]
fn shared_memory_that_is_full() {
    isolated(|| {
        make_key(64);
        tmpfs("/dev/shm", "size=4k");
        let daemon = Start::new().ready();
        // Local clients cannot be served; remote ones can.
        assert_eq!(connect("c").unwrap().call(Request::Poke).unwrap().rc, 0);
        assert_eq!(daemon.stop(), Some(0));
    });
}
