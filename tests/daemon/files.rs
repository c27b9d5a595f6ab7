// SPDX-License-Identifier: LGPL-2.1-or-later
//! Disks that are full and directories that are not there.
use crate::node::{LOG, Start, await_log, connect, log_text, make_key, serving};
use crate::place::{eventually, isolated, set_read_only, tmpfs};
use pcmk_remote_rs::model::Request;
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
        assert_eq!(connect("c").unwrap().call(Request::Poke).unwrap().rc, 0);
        assert_eq!(daemon.stop(), Some(0));
        assert_eq!(log_text().matches("warning").count(), 2, "{}", log_text());
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
