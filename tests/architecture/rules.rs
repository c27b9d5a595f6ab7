// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a folder may do: hold unsafe code, read the clock, know a runtime, touch the world outside.
use crate::layers::{LAYERS, layer};
use crate::references::Reference;
use crate::tree::{Target, Tree};
use proc_macro2::{TokenStream, TokenTree};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What a pure layer must not name.
const IMPURE: [&str; 14] = [
    "std::net",
    "std::fs",
    "std::thread",
    "std::process",
    "std::env",
    "std::io::stdin",
    "std::os::fd",
    "std::os::unix::net",
    "std::time::Instant::now",
    "std::time::SystemTime::now",
    "tokio",
    "nix",
    "libc",
    "zbus",
];

/// Names of numbers and work on text: no system calls.
const VOCABULARY: [&str; 3] = ["nix::errno", "nix::sys::signal::Signal", "std::env::split_paths"];

const CLOCKS: [&str; 6] = [
    "std::time::Instant::now",
    "std::time::SystemTime::now",
    "tokio::time::Instant::now",
    "nix::time::clock_gettime",
    "libc::clock_gettime",
    "libc::time",
];

/// The paths into other crates that `tree` names outside of unit tests, with all imports followed.
fn outside(tree: &Tree) -> impl Iterator<Item = (&Reference, String)> {
    tree.references.iter().filter_map(|reference| match tree.resolve(&reference.module, &reference.path) {
        Target::Outside(path) if !reference.test => Some((reference, path.join("::"))),
        _ => None,
    })
}

fn begins(path: &str, with: &str) -> bool {
    path.strip_prefix(with).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn folder(path: &Path) -> String {
    path.iter().next().map(|part| part.to_string_lossy().into_owned()).unwrap_or_default()
}

fn place(reference: &Reference) -> String {
    format!("{}:{}", reference.file.display(), reference.line)
}

pub(crate) fn impure(tree: &Tree) -> Vec<String> {
    outside(tree)
        .filter(|(reference, _)| layer(&folder(&reference.file)).is_some_and(|layer| layer.pure))
        .filter(|(_, path)| !VOCABULARY.iter().any(|allowed| begins(path, allowed)))
        .filter(|(_, path)| IMPURE.iter().any(|banned| begins(path, banned)))
        .map(|(reference, path)| format!("{}: a pure layer uses {path}", place(reference)))
        .collect()
}

pub(crate) fn clocks(tree: &Tree) -> Vec<String> {
    outside(tree)
        .filter(|(reference, _)| !layer(&folder(&reference.file)).is_some_and(|layer| layer.clock))
        .filter(|(_, path)| CLOCKS.iter().any(|clock| begins(path, clock)))
        .map(|(reference, path)| format!("{}: reads the clock by {path}", place(reference)))
        .collect()
}

/// The daemons' runtime, and the D-Bus library that stands on it, outside of their driver.
pub(crate) fn runtimes(tree: &Tree) -> Vec<String> {
    outside(tree)
        .filter(|(_, path)| begins(path, "tokio") || begins(path, "zbus"))
        .filter(|(reference, _)| !reference.file.starts_with("driver/tokio"))
        .map(|(reference, path)| format!("{}: uses {path}", place(reference)))
        .collect()
}

/// Threads where there may be none: what runs in a loop of a program's own.
pub(crate) fn threads(tree: &Tree) -> Vec<String> {
    outside(tree)
        .filter(|(reference, _)| reference.file.starts_with("driver/glib"))
        .filter(|(_, path)| begins(path, "std::thread"))
        .map(|(reference, path)| format!("{}: uses {path}", place(reference)))
        .collect()
}

/// Where the table of the program's other objects is.
const NEIGHBOURS: &str = "sys/neighbours.rs";

/// The names of the table: those of functions before `: fn`, and those of variables.
fn neighbours(tree: &Tree) -> BTreeSet<String> {
    let text = tree.texts.get(Path::new(NEIGHBOURS)).map_or("", String::as_str);
    let Some((_, table)) = text.split_once("\ntable! {\n") else { return BTreeSet::new() };
    let table = table.split_once("\n}\n").map_or(table, |(table, _)| table);
    let lines = table.lines().map(str::trim).filter(|line| line.ends_with(';'));
    lines.filter_map(|line| line.split_once(':')).map(|(name, _)| name.to_owned()).collect()
}

/// Names of the program's other objects that are used otherwise than through the table: Rust would bind them to the
/// library's own. To declare one is allowed (`fn NAME`, `static mut NAME`, `give_variable!(NAME, ..)`).
pub(crate) fn neighbours_passed_by(tree: &Tree) -> Vec<String> {
    let names = neighbours(tree);
    let mut faults = Vec::new();
    for (file, text) in tree.texts.iter().filter(|(file, _)| *file != Path::new(NEIGHBOURS)) {
        let mut found = Vec::new();
        used_directly(text.parse().unwrap(), &names, &mut found);
        faults.extend(found.into_iter().map(|name| {
            format!("{}: {name} is reached by its path and not by sys::neighbours", file.display())
        }));
    }
    faults
}

fn used_directly(tokens: TokenStream, names: &BTreeSet<String>, found: &mut Vec<String>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let text =
        |at: Option<usize>| at.and_then(|at| tokens.get(at)).map(ToString::to_string).unwrap_or_default();
    for (at, token) in tokens.iter().enumerate() {
        let TokenTree::Ident(ident) = token else { continue };
        let name = ident.to_string();
        let before = text(at.checked_sub(1));
        let declared = before == "fn" || before == "mut" && text(at.checked_sub(2)) == "static";
        let by_table = before == ":" && ["neighbours", "Name"].contains(&text(at.checked_sub(3)).as_str());
        if names.contains(&name) && !declared && !by_table {
            found.push(name);
        }
    }
    let gives = |at: usize| text(at.checked_sub(1)) == "!" && text(at.checked_sub(2)) == "give_variable";
    let others: Vec<_> = (0..tokens.len()).filter(|at| !gives(*at)).map(|at| tokens[at].clone()).collect();
    groups(others).for_each(|inner| used_directly(inner, names, found));
}

/// Questions of the C interface for its release, outside of `capi/abi`, where the answers have names; nor may any other
/// folder know that a build has one.
pub(crate) fn releases(tree: &Tree) -> Vec<String> {
    let abi = Path::new("capi/abi");
    let mut faults = Vec::new();
    for reference in tree.references.iter().filter(|reference| !reference.file.starts_with(abi)) {
        let asks = reference.file.starts_with("capi")
            && match tree.definition(&reference.module, &reference.path) {
                Some((module, Some(name))) if name == "Release" => {
                    module.first().is_some_and(|top| top == "model")
                }
                _ => false,
            };
        if asks {
            faults.push(format!("{}: asks for the release", place(reference)));
        }
    }
    for (file, text) in tree.texts.iter().filter(|(file, _)| !file.starts_with(abi)) {
        if has_word(text.parse().unwrap(), "pcmk_abi") {
            faults.push(format!("{}: knows of pcmk_abi", file.display()));
        }
        if file.starts_with("capi") && compares(text.parse().unwrap(), "RELEASE") {
            faults.push(format!("{}: compares the release", file.display()));
        }
    }
    faults
}

/// Whether a word stands beside `==` or `!=`, or behind `match`.
fn compares(tokens: TokenStream, word: &str) -> bool {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let is = |at: usize, text: &str| tokens.get(at).is_some_and(|token| token.to_string() == text);
    let here = (0..tokens.len()).any(|at| {
        // Back to where the path begins that ends in the word.
        let mut begin = at;
        while begin > 2 && is(begin - 1, ":") && is(begin - 2, ":") {
            begin -= 3;
        }
        let before = begin > 1 && is(begin - 1, "=") && (is(begin - 2, "=") || is(begin - 2, "!"))
            || begin > 0 && is(begin - 1, "match");
        let after = is(at + 2, "=") && (is(at + 1, "=") || is(at + 1, "!"));
        is(at, word) && (before || after)
    });
    here || groups(tokens).any(|inner| compares(inner, word))
}

fn has_word(tokens: TokenStream, word: &str) -> bool {
    let tokens: Vec<_> = tokens.into_iter().collect();
    tokens.iter().any(|token| matches!(token, TokenTree::Ident(ident) if ident == word))
        || groups(tokens).any(|inner| has_word(inner, word))
}

fn groups(tokens: Vec<TokenTree>) -> impl Iterator<Item = TokenStream> {
    tokens.into_iter().filter_map(|token| match token {
        TokenTree::Group(group) => Some(group.stream()),
        _ => None,
    })
}

pub(crate) fn unsafe_code(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for (file, text) in &tree.texts {
        let allowed = layer(&folder(file)).is_some_and(|layer| layer.unsafe_code);
        if !allowed && has_word(text.parse().unwrap(), "unsafe") {
            faults.push(format!("{}: unsafe code", file.display()));
        }
    }
    for layer in LAYERS.iter().filter(|layer| !layer.unsafe_code) {
        for (file, text) in tree.texts.iter().filter(|(file, _)| is_root(file, layer.folder)) {
            let attributes = syn::parse_file(text).unwrap().attrs;
            let forbids = |meta: &syn::Meta| {
                matches!(meta, syn::Meta::List(list)
                    if list.path.is_ident("forbid") && list.tokens.to_string() == "unsafe_code")
            };
            if !attributes.iter().any(|attribute| forbids(&attribute.meta)) {
                faults.push(format!("{}: does not forbid unsafe code", file.display()));
            }
        }
    }
    faults
}

/// The `mod.rs` of a folder; each program is a root of its own.
fn is_root(file: &Path, folder: &str) -> bool {
    file == Path::new(folder).join("mod.rs") || folder == "bin" && file.starts_with("bin")
}

/// The folders that clippy.toml names as those that read the clock.
pub(crate) fn clippy_reasons() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("clippy.toml");
    let text = fs::read_to_string(path).unwrap();
    text.lines().filter(|line| line.contains("std::time::")).map(str::to_owned).collect()
}
