// SPDX-License-Identifier: LGPL-2.1-or-later
//! Circles between the members of one folder: its files, and the folders inside it, each taken as one.
use crate::references::Kind;
use crate::tree::{Target, Tree};
use std::collections::{BTreeMap, BTreeSet};

/// The member that stands for a folder's own `mod.rs`.
pub(crate) const FACE: &str = "mod";

/// Stands for a reason that somebody must write.
pub(crate) const UNEXPLAINED: &str = "UNEXPLAINED";

type Graph = BTreeMap<String, BTreeSet<String>>;

/// Members of one folder that reach each other, and how many imports would have to go for the circle to open.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Circle {
    pub(crate) folder: String,
    pub(crate) members: Vec<String>,
    /// The least number of arrows between members that go against one order of them.
    pub(crate) back: usize,
    /// The arrows between its members, each with one place where it is written.
    pub(crate) arrows: Vec<String>,
}

/// Every circle of the crate, sorted by folder. Code for unit tests does not count.
pub(crate) fn circles(tree: &Tree) -> Vec<Circle> {
    let mut graphs: BTreeMap<String, Graph> = BTreeMap::new();
    let mut places: BTreeMap<(String, String, String), String> = BTreeMap::new();
    for (folder, from, to, place) in arrows(tree) {
        graphs.entry(folder.clone()).or_default().entry(from.clone()).or_default().insert(to.clone());
        places.entry((folder, from, to)).or_insert(place);
    }
    let mut found = Vec::new();
    for (folder, graph) in graphs {
        for members in components(&graph) {
            let inside = within(&graph, &members);
            let arrows = inside.iter().flat_map(|(from, all)| all.iter().map(move |to| (from, to)));
            let arrows = arrows.map(|(from, to)| {
                let place = &places[&(folder.clone(), from.clone(), to.clone())];
                format!("{from} -> {to} ({place})")
            });
            let arrows = arrows.collect();
            let back = least_back(&inside, &members);
            found.push(Circle { folder: folder.clone(), members, back, arrows });
        }
    }
    found
}

/// The list of circles, a line each: `folder: members: reason`. Reasons are taken from the list as it is.
pub(crate) fn list(found: &[Circle], listed: &str) -> String {
    let reason = |head: &str| listed.lines().find_map(|line| line.strip_prefix(head)).unwrap_or(UNEXPLAINED);
    let line = |circle: &Circle| {
        let head = format!("{}: {}: ", circle.folder, circle.members.join(" "));
        format!("{head}{}\n", reason(&head))
    };
    found.iter().map(line).collect()
}

/// Folder, member that mentions, member that is mentioned, place.
fn arrows(tree: &Tree) -> Vec<(String, String, String, String)> {
    let mut found = Vec::new();
    for reference in &tree.references {
        let Target::Inside(target) = tree.resolve(&reference.module, &reference.path) else { continue };
        if reference.test || reference.kind == Kind::Visibility {
            continue;
        }
        let from = places_of(tree, &reference.module);
        let to = places_of(tree, &target);
        // A face that gives its members' names on does not need them.
        let gives_on = reference.kind == Kind::Reexport && from.last().is_some_and(|last| last == FACE);
        if gives_on && to.starts_with(&from[..from.len() - 1]) {
            continue;
        }
        let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
        // The crate's root names every folder; the table of layers judges those.
        if let (Some(a), Some(b), 1..) = (from.get(common), to.get(common), common) {
            let place = format!("{}:{}", reference.file.display(), reference.line);
            found.push((from[..common].join("/"), a.clone(), b.clone(), place));
        }
    }
    found
}

/// Folders and file of a module: `driver/tokio/mod.rs` is driver, tokio, mod.
fn places_of(tree: &Tree, module: &[String]) -> Vec<String> {
    let file = tree.file(module).with_extension("");
    file.iter().map(|part| part.to_string_lossy().into_owned()).collect()
}

fn within(graph: &Graph, members: &[String]) -> Graph {
    let kept = |name: &String| members.contains(name);
    let arrows = graph.iter().filter(|(from, _)| kept(from));
    arrows.map(|(from, to)| (from.clone(), to.iter().filter(|to| kept(to)).cloned().collect())).collect()
}

fn reachable(graph: &Graph, from: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut open = vec![from.to_owned()];
    while let Some(next) = open.pop() {
        for to in graph.get(&next).into_iter().flatten() {
            if seen.insert(to.clone()) {
                open.push(to.clone());
            }
        }
    }
    seen
}

/// Sets of more than one member that all reach each other.
fn components(graph: &Graph) -> Vec<Vec<String>> {
    let reach: BTreeMap<_, _> = graph.keys().map(|name| (name, reachable(graph, name))).collect();
    let mut found = BTreeSet::new();
    for (name, reached) in &reach {
        let both = reached.iter().filter(|other| reach.get(other).is_some_and(|back| back.contains(*name)));
        let members: Vec<_> = both.cloned().collect();
        if members.len() > 1 {
            found.insert(members);
        }
    }
    found.into_iter().collect()
}

/// Tries every order of the members by dynamic programming over their sets; a circle of more than 20 would be
/// counted by an upper bound, the order of its names.
fn least_back(graph: &Graph, members: &[String]) -> usize {
    let needs: Vec<u32> = members
        .iter()
        .map(|from| {
            let to = |name: &String| graph.get(from).is_some_and(|all| all.contains(name));
            members.iter().enumerate().filter(|(_, name)| to(name)).fold(0, |bits, (at, _)| bits | 1 << at)
        })
        .collect();
    if members.len() > 20 {
        return needs.iter().enumerate().map(|(at, bits)| (bits >> at).count_ones() as usize).sum();
    }
    let mut least = vec![u32::MAX; 1 << members.len()];
    least[0] = 0;
    for placed in 0..least.len() {
        for (at, needed) in needs.iter().enumerate().filter(|(at, _)| placed & (1 << at) == 0) {
            // What it needs and is not below it yet is an arrow back up.
            let cost = least[placed].saturating_add((needed & !(placed as u32)).count_ones());
            let next = placed | 1 << at;
            least[next] = least[next].min(cost);
        }
    }
    least[least.len() - 1] as usize
}
