// SPDX-License-Identifier: LGPL-2.1-or-later
//! The one door from C: what is exported or called by C is declared by the macros of src/capi/entry.rs, in whose body
//! panics end. Read from the source, since no compiler says by which macro a function was made.

use std::collections::BTreeSet;
use std::fs;

use crate::support::{root, rust_files};
use crate::symbols::symbols;

/// Called by the one file of C, and exported by no library.
const OUR_OWN: &str = "pcmk_remote_rs_show_list";

/// Callbacks that need no guard, since nothing in them can panic.
const UNGUARDED: [(&str, &str); 8] = [
    ("child_main", "the child of a clone, which shares our memory: it calls the kernel and nothing else"),
    ("on_sigbus", "a signal handler: it may do nothing else than what is allowed there"),
    ("prepare", "sets two variables"),
    ("dispatch", "calls the function that GLib hands in"),
    ("control", "compares two numbers"),
    ("free_document", "calls a function of libxml2"),
    ("query", "returns a constant"),
    ("init", "sets two variables"),
];

/// Arguments that a trace may show as text.
const NAMES: [&str; 21] = [
    "action",
    "agent",
    "alert_id",
    "attr_name",
    "channel",
    "client_name",
    "msg_type",
    "node",
    "node_name",
    "nodename",
    "provider",
    "r#type",
    "rsc_id",
    "server",
    "session_id",
    "standard",
    "state",
    "target",
    "task",
    "version1",
    "version2",
];

/// A declaration by one of the macros.
pub(crate) struct Declaration {
    /// `entry`, `slot`, `entry_data` or `server_entry`.
    pub(crate) by: &'static str,
    pub(crate) name: String,
    /// Where it stands in its file, from the macro's name to the brace that ends it.
    pub(crate) place: std::ops::Range<usize>,
    /// Documentation and declaration, without what the macro adds and without its body.
    pub(crate) head: String,
}

/// The declarations of a file.
pub(crate) fn declarations(text: &str) -> Vec<Declaration> {
    let mut found = Vec::new();
    for by in ["entry", "slot", "entry_data", "server_entry"] {
        for (at, opening) in text.match_indices(&format!("{by}! {{\n")) {
            let line = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
            let indent = &text[line..at];
            if !indent.trim().is_empty() {
                continue;
            }
            let inner = &text[at + opening.len()..];
            let length = inner.find(&format!("\n{indent}}}\n")).unwrap();
            let (head, name) = head(&inner[..length]);
            let end = at + opening.len() + length + format!("\n{indent}}}").len();
            found.push(Declaration { by, name, place: at..end, head });
        }
    }
    found
}

fn head(inner: &str) -> (String, String) {
    let at =
        [" fn ", " static mut "].into_iter().filter_map(|word| Some((inner.find(word)?, word.len()))).min();
    let (at, length) = at.unwrap();
    let rest = &inner[at + length..];
    let name = rest.split(['(', ':']).next().unwrap().to_owned();
    let end = [", failed = ", ") {", ") |", " = "]
        .into_iter()
        .filter_map(|end| Some(rest.find(end)? + usize::from(end.starts_with(')'))));
    let head = &inner[..at + length + end.min().unwrap()];
    (head.replace("#[shown] ", ""), name)
}

/// What the macros in all files declare.
fn declared(wanted: &[&str]) -> BTreeSet<String> {
    let texts = rust_files("src/capi").into_iter().map(|file| fs::read_to_string(file).unwrap());
    let all = texts.flat_map(|text| declarations(without_tests(&text)));
    all.filter(|declaration| wanted.contains(&declaration.by)).map(|declaration| declaration.name).collect()
}

fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default()
}

/// The text without comments.
fn code(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_exported_name_is_declared_by_the_macros() {
    let names = |data: bool| symbols().into_iter().filter(move |symbol| symbol.data == data);
    let (server, others): (Vec<_>, Vec<_>) = names(false).partition(|symbol| symbol.group == "server");
    let mut functions: BTreeSet<String> = others.into_iter().map(|symbol| symbol.name).collect();
    functions.insert(OUR_OWN.to_owned());
    assert_eq!(declared(&["entry"]), functions);
    assert_eq!(declared(&["server_entry"]), server.into_iter().map(|symbol| symbol.name).collect());
    let (server, others): (Vec<_>, Vec<_>) = names(true).partition(|symbol| symbol.group == "server");
    assert_eq!(declared(&["entry_data"]), others.into_iter().map(|symbol| symbol.name).collect());
    assert_eq!(given_variables(), server.into_iter().map(|symbol| symbol.name).collect());
}

/// The variables that the program may have instead.
fn given_variables() -> BTreeSet<String> {
    let texts = rust_files("src/capi/server").into_iter().map(|file| fs::read_to_string(file).unwrap());
    let given = |text: String| -> Vec<String> {
        let names = text.split("give_variable!(").skip(1).filter_map(|rest| rest.split(',').next());
        names.map(str::to_owned).collect()
    };
    texts.flat_map(given).collect()
}

#[test]
fn nothing_is_exported_but_by_the_macros() {
    let door = root().join("src/capi/entry.rs");
    for file in rust_files("src") {
        let text = code(&fs::read_to_string(&file).unwrap());
        let count = text.matches("no_mangle").count() + text.matches("export_name").count();
        let allowed = if file == door { 3 } else { 0 };
        assert_eq!(count, allowed, "{}: declare it by entry! or entry_data!", file.display());
    }
}

#[test]
fn every_operation_is_declared_as_a_slot() {
    let text = fs::read_to_string(root().join("src/capi/client/lifecycle.rs")).unwrap();
    let (_, table) = text.split_once("const OPERATIONS: LrmdApiOperations = LrmdApiOperations {\n").unwrap();
    let (table, _) = table.split_once("};").unwrap();
    let used: BTreeSet<String> = table
        .lines()
        .map(|line| line.rsplit("::").next().unwrap().trim_end_matches(',').to_owned())
        .collect();
    assert_eq!(declared(&["slot"]), used);
}

/// Whatever else a text holds may be a secret: values of parameters, user data, reasons, descriptions, messages.
#[test]
fn traces_show_names_and_no_other_texts() {
    for file in rust_files("src/capi") {
        let text = fs::read_to_string(&file).unwrap();
        for shown in without_tests(&code(&text)).split("#[shown] ").skip(1) {
            let name = shown.split(':').next().unwrap();
            assert!(NAMES.contains(&name), "{}: is {name} really fit for a log?", file.display());
        }
    }
}

/// One would have two boundaries, and its trace would tell of calls that C has not made.
#[test]
fn no_entry_point_calls_another() {
    let names = declared(&["entry", "slot", "server_entry"]);
    for file in rust_files("src/capi") {
        let text = fs::read_to_string(&file).unwrap();
        let code = code(without_tests(&text));
        for name in &names {
            let call = format!("{name}(");
            let calls = code.match_indices(&call).filter(|(at, _)| {
                let before = &code[..*at];
                !before.ends_with("fn ")
                    && !before.ends_with('.')
                    // The program's, or ours where it has none: a call of C's, either way.
                    && !before.ends_with("neighbours::")
                    && !before.ends_with(|c: char| c.is_alphanumeric() || c == '_')
            });
            assert_eq!(calls.count(), 0, "{} calls {name}: share a function", file.display());
        }
    }
}

#[test]
fn every_callback_of_a_c_library_is_guarded() {
    let mut unguarded: BTreeSet<&str> = UNGUARDED.iter().map(|(name, _)| *name).collect();
    let mut faults = Vec::new();
    for file in rust_files("src/sys").into_iter().chain(rust_files("src/capi")) {
        let text = fs::read_to_string(&file).unwrap();
        if file.ends_with("bindings.rs") || file.ends_with("capi/entry.rs") || file.ends_with("tests.rs") {
            continue;
        }
        let code = code(without_tests(&text));
        for (at, word) in code.match_indices("extern \"C\" fn ") {
            let rest = &code[at + word.len()..];
            let name = rest.split('(').next().unwrap();
            // A type has no name; a declaration of a foreign function has no body.
            let body = rest.split("\n}").next().unwrap();
            let is_definition = !name.is_empty() && body.contains("{\n");
            let is_guarded = body.contains("guard(") || body.contains("enter(");
            if is_definition && !is_guarded && !unguarded.remove(name) {
                faults.push(format!("{}: {name}", file.display()));
            }
        }
    }
    assert!(faults.is_empty(), "wrap the body in sys::unwind::guard:\n{}", faults.join("\n"));
    assert!(unguarded.is_empty(), "no longer needed: {unguarded:?}");
}

#[test]
fn declarations_are_found_with_their_heads() {
    let text = r"entry! {
    /// Text.
    pub unsafe fn a_b(
        #[shown] id: *const c_char,
    ) -> c_int, failed = 0; {
        5
    }
}

slot! {
    unsafe fn c(lrmd: *mut Lrmd) |handle| {
    }
}

entry_data! {
    pub static mut d: *mut c_void = NULL;
}
";
    let found = declarations(text);
    let shown: Vec<_> =
        found.iter().map(|found| (found.by, found.name.as_str(), found.head.as_str())).collect();
    assert_eq!(
        shown,
        [
            (
                "entry",
                "a_b",
                "    /// Text.\n    pub unsafe fn a_b(\n        id: *const c_char,\n    ) -> c_int"
            ),
            ("slot", "c", "    unsafe fn c(lrmd: *mut Lrmd)"),
            ("entry_data", "d", "    pub static mut d: *mut c_void"),
        ]
    );
    assert!(
        text[found[0].place.clone()].starts_with("entry! {\n") && text[found[0].place.clone()].ends_with('}')
    );
}
