// SPDX-License-Identifier: LGPL-2.1-or-later
//! Reads the documents of daemons, and says what to do where there is none.
use crate::driver::status::{Document, VERSION, socket_of};
use crate::model::site::CLUSTER_GROUP;
use std::io::{self, ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A daemon that says nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(10);
/// More than the greatest daemon has to say, in bytes.
const LONGEST: u64 = 256 * 1024 * 1024;

/// A document, and its text.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) text: String,
    pub(super) document: Document,
}

/// Without their texts.
pub(super) fn documents(shown: Vec<Shown>) -> Vec<Document> {
    shown.into_iter().map(|shown| shown.document).collect()
}

/// The document behind this socket, or those of all daemons of this node.
pub(super) fn read(socket: Option<&Path>) -> Result<Vec<Shown>, String> {
    if let Some(socket) = socket {
        let text = text_of(socket).map_err(|problem| explain(socket, &problem))?;
        return Ok(vec![parse(socket, text)?]);
    }
    let places = ["pacemaker-remoted", "pacemaker-execd"].map(socket_of);
    let mut found = Vec::new();
    for place in &places {
        match text_of(place) {
            Ok(text) => found.push(parse(place, text)?),
            Err(problem) if is_absent(&problem) => {}
            Err(problem) => return Err(explain(place, &problem)),
        }
    }
    if found.is_empty() { Err(nobody(&places)) } else { Ok(found) }
}

fn text_of(socket: &Path) -> io::Result<String> {
    let stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut bytes = Vec::new();
    stream.take(LONGEST).read_to_end(&mut bytes)?;
    String::from_utf8(bytes).map_err(|_| io::Error::new(ErrorKind::InvalidData, "what it says is no UTF-8"))
}

fn parse(socket: &Path, text: String) -> Result<Shown, String> {
    let document: Document = serde_json::from_str(&text).map_err(|problem| {
        let socket = socket.display();
        format!(
            "{socket}: the daemon ended amid its document, or this is no status socket ({problem}); try again"
        )
    })?;
    if let Some(problem) = document.error {
        return Err(format!("{}: {problem}", socket.display()));
    }
    if document.overview.version != VERSION {
        return Err(format!(
            "{}: the document is of version {}, and this program knows {VERSION}; use the pcmk-remote that came with the \
             daemon, or --json",
            socket.display(),
            document.overview.version
        ));
    }
    Ok(Shown { text, document })
}

fn is_absent(problem: &io::Error) -> bool {
    matches!(problem.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused)
}

fn explain(socket: &Path, problem: &io::Error) -> String {
    let place = socket.display();
    match problem.kind() {
        _ if is_absent(problem) => {
            format!(
                "no daemon serves {place}: start it (systemctl start pacemaker_remote), or correct --socket"
            )
        }
        ErrorKind::PermissionDenied => format!(
            "{place} is closed to you: become root, or a member of the group {CLUSTER_GROUP} (usermod --append --groups \
             {CLUSTER_GROUP} USER, then log in again)"
        ),
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            format!(
                "{place}: the daemon said nothing for {PATIENCE:?}; look at its log and at what its host does"
            )
        }
        _ => format!("{place}: {problem}"),
    }
}

fn nobody(places: &[PathBuf]) -> String {
    let places: Vec<_> = places.iter().map(|place| place.display().to_string()).collect();
    format!(
        "no daemon of this node serves {}: start one (systemctl start pacemaker_remote), or name the socket of one with \
         --socket",
        places.join(" or ")
    )
}
