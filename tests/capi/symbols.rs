// SPDX-License-Identifier: LGPL-2.1-or-later
//! The list of exported names, capi-tests/symbols.txt.

use std::collections::BTreeSet;
use std::fs;

use crate::support::root;

/// One name of the list.
pub(crate) struct Symbol {
    pub(crate) name: String,
    /// Not a function.
    pub(crate) data: bool,
    /// public, internal, transport, server or own.
    pub(crate) group: String,
    /// Of the server group: the object that has it upstream.
    pub(crate) object: Option<String>,
    /// The releases that have it.
    pub(crate) releases: Vec<String>,
}

impl Symbol {
    /// Whether liblrmd has it in this release; 3.0 is taken with what comes after it.
    pub(crate) fn is_in_liblrmd(&self, release: &str) -> bool {
        let is_of = |known: &String| {
            known.starts_with(&format!("{release}.")) || (release == "3.0" && known == "main")
        };
        ["public", "internal"].contains(&self.group.as_str()) && self.releases.iter().any(is_of)
    }
}

pub(crate) fn symbols() -> Vec<Symbol> {
    let text = fs::read_to_string(root().join("capi-tests/symbols.txt")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let symbols: Vec<Symbol> = lines
        .map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
            [
                name,
                kind @ ("function" | "data"),
                group @ ("public" | "internal" | "transport" | "server" | "own"),
                ref releases @ ..,
            ] if !releases.is_empty() && (group != "server" || releases.len() > 1) => Symbol {
                name: name.into(),
                data: kind == "data",
                group: group.into(),
                object: (group == "server").then(|| releases[0].to_owned()),
                releases: releases[usize::from(group == "server")..]
                    .iter()
                    .map(|release| (*release).to_owned())
                    .collect(),
            },
            _ => panic!("symbols.txt: {line}"),
        })
        .collect();
    let names: BTreeSet<&str> = symbols.iter().map(|symbol| symbol.name.as_str()).collect();
    assert_eq!(names.len(), symbols.len(), "symbols.txt has a name twice");
    symbols
}
