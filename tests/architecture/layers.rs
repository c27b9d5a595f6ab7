// SPDX-License-Identifier: LGPL-2.1-or-later
//! The table of layers: what each folder of `src` is, whom it may import, and what it may do. ARCHITECTURE.md shows this
//! table; a test writes it there.
use crate::references::{Kind, Reference};
use crate::tree::{Target, Tree};
use std::collections::BTreeSet;
use std::path::Path;

pub(crate) struct Layer {
    pub(crate) folder: &'static str,
    pub(crate) is: &'static str,
    pub(crate) imports: &'static [&'static str],
    /// No descriptor, no clock, no thread.
    pub(crate) pure: bool,
    /// May ask what time it is.
    pub(crate) clock: bool,
    pub(crate) unsafe_code: bool,
}

const EDGE: Layer = Layer { folder: "", is: "", imports: &[], pure: false, clock: true, unsafe_code: false };
const LIBRARY: Layer = Layer { clock: false, ..EDGE };
const PURE: Layer = Layer { pure: true, ..LIBRARY };

/// Lowest first.
pub(crate) const LAYERS: [Layer; 12] = [
    Layer {
        folder: "model",
        is: "the field's vocabulary: resource, action, interval, outcome, message",
        ..PURE
    },
    Layer {
        folder: "wire",
        is: "bytes and XML to messages and back: frames, element tree, codec, local IPC header",
        imports: &["model"],
        ..PURE
    },
    Layer {
        folder: "core",
        is: "the executor, the peers, the proxy and the shutdown as one state machine; the client as another",
        imports: &["model"],
        ..PURE
    },
    Layer {
        folder: "agents",
        is: "what an agent is started with and what its exit means, by standard",
        imports: &["model"],
        ..PURE
    },
    Layer {
        folder: "sys",
        is: "OpenSSL, libqb, starting processes: thin and safe to use",
        unsafe_code: true,
        ..LIBRARY
    },
    Layer {
        folder: "transport",
        is: "key files, TLS policy, addresses and socket options",
        imports: &["model", "sys"],
        ..LIBRARY
    },
    Layer {
        folder: "session",
        is: "a connection without a socket: TLS bytes to messages, both roles; schema transfer",
        imports: &["model", "wire", "core", "sys"],
        ..PURE
    },
    Layer {
        folder: "driver",
        is: "the only place that waits: `tokio` for the daemons, `glib` for an executor in a program's own loop, `client` for \
             callers with a loop of their own, `blocking` for those that wait; `hub` owns the core for any loop",
        imports: &["model", "wire", "core", "agents", "sys", "transport", "session"],
        clock: true,
        ..LIBRARY
    },
    Layer {
        folder: "daemon",
        is: "configuration, logging, files",
        imports: &["model", "core", "agents", "sys", "transport", "session", "driver"],
        ..EDGE
    },
    Layer {
        folder: "tool",
        is: "`pcmk-remote`: one file or folder each for demo, check, exec, list, metadata, explain, status",
        imports: &["model", "session", "driver"],
        ..EDGE
    },
    Layer {
        folder: "capi",
        is: "the C interface: liblrmd's names and layouts, and libcrmcommon's remote transport",
        imports: &["model", "wire", "sys", "session", "driver"],
        unsafe_code: true,
        ..EDGE
    },
    Layer { folder: "bin", is: "the programs, one line each", imports: &["daemon", "tool"], ..EDGE },
];

pub(crate) fn layer(folder: &str) -> Option<&'static Layer> {
    LAYERS.iter().find(|layer| layer.folder == folder)
}

/// The table as ARCHITECTURE.md shows it.
pub(crate) fn table() -> String {
    let yes_no = |yes: bool, strong: bool| match (yes, strong) {
        (true, true) => "**yes**",
        (true, false) => "yes",
        (false, _) => "no",
    };
    let mut text =
        "| folder | what it is | imports | pure | clock | unsafe |\n|---|---|---|---|---|---|\n".to_owned();
    for Layer { folder, is, imports, pure, clock, unsafe_code } in &LAYERS {
        let imports = if imports.is_empty() { "–".to_owned() } else { imports.join(", ") };
        let (pure, clock) = (yes_no(*pure, false), yes_no(*clock, false));
        let unsafe_code = yes_no(*unsafe_code, true);
        text += &format!("| `{folder}` | {is} | {imports} | {pure} | {clock} | {unsafe_code} |\n");
    }
    text
}

/// What the imports between folders have against the table: `layers` are (folder, what it may import).
pub(crate) fn faults(tree: &Tree, layers: &[(&str, &[&str])]) -> Vec<String> {
    let mut faults = BTreeSet::new();
    let mut used = BTreeSet::new();
    for reference in below_the_root(tree) {
        let Some(folder) = reference.module.first() else { continue };
        let place = format!("{}:{}", reference.file.display(), reference.line);
        let Some((_, allowed)) = layers.iter().find(|(name, _)| name == folder) else {
            faults.insert(format!("{place}: the table does not know the folder {folder}"));
            continue;
        };
        let named = tree.named(&reference.module, &reference.path).and_then(|named| named.first().cloned());
        let Some(name) = named.filter(|name| name != folder) else { continue };
        if allowed.contains(&name.as_str()) {
            used.insert((folder.clone(), name));
        } else {
            let path = reference.path.join("::");
            faults.insert(format!("{place}: {folder} must not import {name} ({path})"));
        }
    }
    for (folder, allowed) in layers {
        for name in *allowed {
            if !used.contains(&((*folder).to_owned(), (*name).to_owned())) {
                faults.insert(format!("the table lets {folder} import {name}, and nothing there does"));
            }
        }
    }
    faults.into_iter().collect()
}

/// What `lib.rs` holds is the interface, which no layer may name, and which gives names of all on.
fn below_the_root(tree: &Tree) -> impl Iterator<Item = &Reference> {
    tree.references.iter().filter(|reference| reference.file != Path::new("lib.rs"))
}

/// What a layer gives on of a lower one, as part of its own interface: the layers above may use it although they may
/// not import the lower one. Who gives, what is given on, why.
pub(crate) const GIVEN_ON: [(&str, &str, &str); 8] = [
    ("driver", "transport", "the C library reads its key before it has a connection"),
    (
        "driver::blocking",
        "agents",
        "what is known of a node's agents is given as the layer that finds it out has it",
    ),
    ("driver::blocking", "core", "why a call was refused or not answered"),
    ("driver::blocking", "model", "the port of a target that names none"),
    ("driver::client", "core", "why a call was refused or not answered"),
    ("driver::client", "sys", "what is demanded of a server's certificates"),
    ("driver::client", "wire", "how the local executor lays out its messages"),
    ("driver::tokio", "sys", "by which of libqb's transports local clients are served"),
];

/// Re-exports from one layer in another that `listed` does not have, and entries that are no longer needed.
pub(crate) fn unlisted_reexports(tree: &Tree, listed: &[(&str, &str, &str)]) -> Vec<String> {
    let mut found = BTreeSet::new();
    for reference in below_the_root(tree).filter(|reference| reference.kind == Kind::Reexport) {
        let Target::Inside(target) = tree.resolve(&reference.module, &reference.path) else { continue };
        if let (Some(folder), Some(from)) = (reference.module.first(), target.first())
            && folder != from
        {
            found.insert((reference.module.join("::"), from.clone()));
        }
    }
    let listed: BTreeSet<_> =
        listed.iter().map(|(module, from, _)| ((*module).to_owned(), (*from).to_owned())).collect();
    let unlisted =
        found.difference(&listed).map(|(module, from)| format!("{module} gives on names of {from}"));
    let stale =
        listed.difference(&found).map(|(module, from)| format!("{module} gives on nothing of {from}"));
    unlisted.chain(stale).collect()
}
