// SPDX-License-Identifier: LGPL-2.1-or-later
//! The checks see each form in which one module can name another.
use crate::interface::Interface;
use crate::references::Kind;
use crate::tree::{Target, Tree};
use crate::{circles, layers, made_up, rules};

/// A crate of two folders, in which `low/a.rs` holds `text`.
fn with(text: &str) -> Tree {
    made_up(&[
        ("lib.rs", "pub mod low; pub mod high;"),
        ("low/mod.rs", "pub mod a; pub mod b;"),
        ("low/a.rs", text),
        ("low/b.rs", "pub struct Below;"),
        (
            "high/mod.rs",
            "mod inner; pub use inner::Thing; pub mod deep; #[macro_export] macro_rules! shout { () => {} }",
        ),
        ("high/inner.rs", "pub struct Thing; impl Thing { pub const SIZE: usize = 1; }"),
        ("high/deep.rs", "pub fn call() {}"),
    ])
}

/// Whether the table's check finds that `low`, which may import nothing, imports `high`.
fn seen(text: &str) -> bool {
    let faults = layers::faults(&with(text), &[("low", &[]), ("high", &[])]);
    assert!(
        faults.iter().all(|fault| fault.starts_with("low/a.rs:1: low must not import high")),
        "{faults:?}"
    );
    !faults.is_empty()
}

#[test]
fn an_import_is_seen_in_every_form() {
    let forms = [
        "use crate::high::Thing;",
        "use crate::{low::b::Below, high::{Thing}};",
        "use crate::{high as h};",
        "use crate::high::{self};",
        "use crate::high::*;",
        "use super::super::high::Thing;",
        "use super::super::{high::deep::call};",
        "use crate as whole; fn f() { whole::high::deep::call() }",
        "pub(crate) use crate::high::Thing as Other;",
        "fn f() { use crate::high::Thing; }",
        "fn f(_: crate::high::Thing) {}",
        "fn f(_: Option<&mut [crate::high::Thing]>) {}",
        "fn f() -> usize { crate::high::Thing::SIZE }",
        "fn f(x: usize) -> bool { match x { crate::high::Thing::SIZE => true, _ => false } }",
        "fn f() { super::super::high::deep::call() }",
        "fn f() -> String { format!(\"{}\", crate::high::Thing::SIZE) }",
        "fn f() { assert!(matches!(1, super::super::high::Thing::SIZE)) }",
        "macro_rules! m { () => { $crate::high::deep::call() } }",
        "macro_rules! m { () => { use $crate::{low::b, high::deep}; } }",
        "#[derive(crate::high::Thing)] struct S;",
        "#[arg(value_parser = crate::high::deep::call)] struct S;",
        "mod within { use super::super::super::high::Thing; }",
        "mod within { pub fn f() { crate::high::deep::call() } }",
        "#[cfg(test)] mod tests { use crate::high::Thing; }",
        "impl From<crate::high::Thing> for u8 { fn from(_: crate::high::Thing) -> u8 { 1 } }",
        "type T = <crate::high::Thing as Clone>::Owned;",
    ];
    for form in forms {
        assert!(seen(form), "{form}");
    }
}

#[test]
fn what_is_no_import_is_not_seen() {
    let forms = [
        "use crate::low::b::Below; // crate::high",
        "/// [`crate::high`]\nfn f() {}",
        "const TEXT: &str = \"crate::high::Thing\";",
        "use super::b::Below; use std::fmt; fn f(high: u8) -> u8 { high }",
        "mod high { pub fn call() {} } fn f() { high::call() }",
    ];
    for form in forms {
        assert!(!seen(form), "{form}");
    }
}

#[test]
fn an_allowance_that_nothing_uses_is_a_fault() {
    let faults = layers::faults(&with(""), &[("low", &["high"]), ("high", &[])]);
    assert_eq!(faults, ["the table lets low import high, and nothing there does"]);
}

#[test]
fn names_that_a_layer_gives_on_must_be_listed() {
    let tree = made_up(&[
        ("lib.rs", "mod low; mod middle; mod top;"),
        ("low.rs", "pub struct Thing;"),
        ("middle.rs", "pub use crate::low::Thing;"),
        ("top.rs", "use crate::middle::Thing;"),
    ]);
    let table: [(&str, &[&str]); 3] = [("low", &[]), ("middle", &["low"]), ("top", &["middle"])];
    assert!(layers::faults(&tree, &table).is_empty());
    assert_eq!(layers::unlisted_reexports(&tree, &[]), ["middle gives on names of low"]);
    assert!(layers::unlisted_reexports(&tree, &[("middle", "low", "reason")]).is_empty());
    assert_eq!(
        layers::unlisted_reexports(&tree, &[("middle", "low", "reason"), ("top", "low", "reason")]),
        ["top gives on nothing of low"]
    );
}

#[test]
fn a_visibility_names_a_folder_and_is_no_import() {
    let tree = with("pub(in crate::low) fn f() {} pub(crate) fn g() {}");
    let named: Vec<_> =
        tree.references.iter().filter(|reference| reference.kind == Kind::Visibility).collect();
    assert_eq!(named.len(), 1);
    assert_eq!(named[0].path, ["crate", "low"]);
    assert!(circles::circles(&tree).is_empty());
}

fn target(tree: &Tree, module: &str, path: &str) -> Target {
    let split = |text: &str| text.split("::").map(str::to_owned).collect::<Vec<_>>();
    tree.resolve(&split(module), &split(path))
}

fn inside(module: &str) -> Target {
    Target::Inside(module.split("::").map(str::to_owned).collect())
}

#[test]
fn a_path_is_followed_to_the_definition() {
    let tree = with("use crate::high::*; use std::time::Instant; use crate::high as upper; use super::b;");
    assert_eq!(target(&tree, "low::a", "Thing"), inside("high::inner"), "through a glob and a re-export");
    assert_eq!(target(&tree, "low::a", "upper::deep::call"), inside("high::deep"), "through another name");
    assert_eq!(target(&tree, "low::a", "b::Below"), inside("low::b"));
    let now = ["std", "time", "Instant", "now"].map(str::to_owned).to_vec();
    assert_eq!(target(&tree, "low::a", "Instant::now"), Target::Outside(now));
    let tree = with("use ::high::Thing;");
    assert_eq!(
        target(&tree, "low::a", "Thing"),
        Target::Outside(["high", "Thing"].map(str::to_owned).to_vec())
    );
}

#[test]
fn a_module_called_like_a_crate_is_not_that_crate() {
    let tree = made_up(&[
        ("lib.rs", "mod driver;"),
        ("driver/mod.rs", "pub mod tokio; pub mod other;"),
        ("driver/tokio/mod.rs", "use tokio::net::TcpStream; use ::tokio::time; mod hub;"),
        ("driver/tokio/hub.rs", "use super::super::other::f;"),
        ("driver/other.rs", "use super::tokio; pub fn f() {}"),
    ]);
    assert_eq!(target(&tree, "driver::other", "tokio::hub"), inside("driver::tokio::hub"));
    let outside = target(&tree, "driver::tokio", "tokio::net");
    assert_eq!(outside, Target::Outside(vec!["tokio".to_owned(), "net".to_owned()]));
}

/// What `check` finds in a crate whose folder `folder` holds `text`.
fn found(check: fn(&Tree) -> Vec<String>, folder: &str, text: &str) -> usize {
    let declared = format!("mod {folder};");
    check(&made_up(&[("lib.rs", &declared), (&format!("{folder}/mod.rs"), text)])).len()
}

#[test]
fn a_pure_layer_is_seen_to_touch_the_world_in_every_form() {
    let forms = [
        "use std::{fmt, fs};",
        "use std::fs as files; use std::fmt;",
        "fn f() -> Vec<u8> { std::fs::read(\"x\").unwrap_or_default() }",
        "fn f() { assert!(std::env::var(\"X\").is_ok()) }",
        "fn f(_: nix::unistd::Pid) {}",
        "use ::libc::pid_t;",
        "use std::os::fd::{AsFd};",
    ];
    for form in forms {
        assert!(found(rules::impure, "model", form) > 0, "{form}");
        assert_eq!(found(rules::impure, "driver", form), 0, "{form}");
    }
    for form in [
        "use nix::errno::Errno;",
        "#[cfg(test)] mod tests { use std::fs; }",
        "use std::ffi::OsStr; // std::fs",
    ] {
        assert_eq!(found(rules::impure, "model", form), 0, "{form}");
    }
}

#[test]
fn a_clock_is_seen_in_every_form() {
    let forms = [
        "fn f() { let _ = std::time::Instant::now(); }",
        "use std::time::Instant; fn f() -> Instant { Instant::now() }",
        "use std::time; const NOW: fn() -> time::SystemTime = time::SystemTime::now;",
        "use std::time::Instant as Time; fn f() { dbg!(Time::now()); }",
    ];
    for form in forms {
        assert!(found(rules::clocks, "transport", form) > 0, "{form}");
        assert_eq!(found(rules::clocks, "driver", form), 0, "{form}");
    }
    assert_eq!(found(rules::clocks, "transport", "use std::time::Instant; fn f(_: Instant) {}"), 0);
}

#[test]
fn the_runtime_is_seen_outside_of_its_driver() {
    for form in ["use tokio::net::TcpStream;", "fn f(_: zbus::Connection) {}", "fn f() { tokio::pin!(x); }"] {
        assert!(found(rules::runtimes, "daemon", form) > 0, "{form}");
    }
    let tree = made_up(&[
        ("lib.rs", "mod driver;"),
        ("driver/mod.rs", "mod tokio; fn f() { tokio::call() }"),
        ("driver/tokio/mod.rs", "use tokio::net::TcpStream; pub fn call() {}"),
    ]);
    assert!(rules::runtimes(&tree).is_empty());
}

#[test]
fn unsafe_code_is_seen_and_must_be_forbidden() {
    let forbidden = "#![forbid(unsafe_code)]";
    assert_eq!(
        found(rules::unsafe_code, "model", &format!("{forbidden} // unsafe\nconst A: &str = \"unsafe\";")),
        0
    );
    assert_eq!(found(rules::unsafe_code, "model", "fn f() {}"), 1, "not forbidden");
    assert_eq!(
        found(
            rules::unsafe_code,
            "model",
            &format!("{forbidden} macro_rules! m {{ () => {{ unsafe {{}} }} }}")
        ),
        1
    );
    assert_eq!(found(rules::unsafe_code, "sys", "unsafe fn f() {}"), 0);
}

#[test]
fn a_question_for_the_release_is_seen_outside_of_its_folder() {
    let with = |text: &str| {
        let tree = made_up(&[
            ("lib.rs", "mod model; mod capi;"),
            ("model/mod.rs", "pub enum Release { V2_1 }"),
            ("capi/mod.rs", "mod abi; mod client;"),
            (
                "capi/abi/mod.rs",
                "use crate::model::Release; pub const RELEASE: Release = Release::V2_1; #[cfg(pcmk_abi)] fn f() {}",
            ),
            ("capi/client.rs", text),
        ]);
        rules::releases(&tree).len()
    };
    let forms = [
        "use crate::model::Release;",
        "fn f(_: crate::model::Release) {}",
        "use super::abi::RELEASE; fn f() -> bool { RELEASE == 1 }",
        "fn f() -> bool { if (1 != super::abi::RELEASE) { true } else { false } }",
        "fn f() { match RELEASE { _ => {} } }",
        "#[cfg(pcmk_abi = \"2.1\")] fn f() {}",
    ];
    for form in forms {
        assert!(with(form) > 0, "{form}");
    }
    assert_eq!(with("use super::abi::RELEASE; fn f() { call(RELEASE) } // RELEASE == 1"), 0);
}

#[test]
fn circles_between_files_and_folders_are_found() {
    let tree = made_up(&[
        ("lib.rs", "mod x;"),
        ("x/mod.rs", "mod a; mod b; mod c; mod d; pub use a::A; pub use d::D;"),
        ("x/a.rs", "use super::{b::B}; pub struct A;"),
        ("x/b.rs", "pub struct B; fn f() { super::d::call() }"),
        ("x/c.rs", "use super::A; #[cfg(test)] mod tests { use super::super::a::A; }"),
        ("x/d/mod.rs", "mod e; pub use e::*;"),
        ("x/d/e.rs", "pub struct D; pub fn call() -> super::super::A { super::super::A }"),
    ]);
    let found = circles::circles(&tree);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].folder.as_str(), found[0].back), ("x", 1));
    assert_eq!(found[0].members, ["a", "b", "d"]);
    assert_eq!(found[0].arrows, ["a -> b (x/a.rs:1)", "b -> d (x/b.rs:1)", "d -> a (x/d/e.rs:1)"]);
}

#[test]
fn code_for_unit_tests_makes_no_circle() {
    let a = "pub struct A; #[cfg(test)] mod tests { use super::super::b::B; } #[cfg(all(test, unix))] use super::b::B;";
    let tree = made_up(&[
        ("lib.rs", "mod x;"),
        ("x/mod.rs", "mod a; mod b; #[cfg(test)] mod tests;"),
        ("x/a.rs", a),
        ("x/b.rs", "use super::a::A; pub struct B;"),
        ("x/tests.rs", "use super::b::B; pub struct Help;"),
    ]);
    assert!(circles::circles(&tree).is_empty());
}

#[test]
fn a_face_that_calls_its_members_is_part_of_a_circle() {
    let tree = made_up(&[
        ("lib.rs", "mod x;"),
        ("x/mod.rs", "mod a; pub struct Shared; fn f() { a::call() }"),
        ("x/a.rs", "use super::Shared; pub fn call() {}"),
    ]);
    assert_eq!(circles::circles(&tree)[0].members, ["a", circles::FACE]);
}

#[test]
fn the_interface_has_what_is_shown_and_misses_what_cannot_be_named() {
    let tree = made_up(&[
        (
            "lib.rs",
            "#[doc(hidden)] pub mod low; pub mod face { pub use crate::low::{Thing, call as begin}; }",
        ),
        (
            "low/mod.rs",
            "mod a; pub use a::Thing; pub fn call(_: Hidden) {} pub struct Hidden; pub struct Unused;",
        ),
        (
            "low/a.rs",
            "#[derive(Clone)] pub struct Thing { pub size: u8, secret: u8 } impl Thing { pub fn new() -> Self { todo!() } \
             fn inner() {} #[doc(hidden)] pub fn internal() {} } impl From<u8> for Thing {}",
        ),
    ]);
    let interface = Interface::new(&tree);
    let list = "fn face::begin : fn call(_: Hidden)\nmod face\nstruct face::Thing\n    ..\n    fn new() -> Self\n    \
                impl Clone\n    impl From<u8>\n    size: u8\n";
    assert_eq!(interface.list(), list);
    assert_eq!(interface.size(), 5);
    assert_eq!(interface.unnamed().into_iter().collect::<Vec<_>>(), ["face::begin names low::Hidden"]);
}

#[test]
fn an_answered_error_that_is_none_is_found() {
    let tree = made_up(&[(
        "lib.rs",
        "pub struct Bare; pub struct Good; impl std::error::Error for Good {} pub fn a() -> Result<u8, Bare> { todo!() } \
         pub fn b() -> Option<std::result::Result<Bare, Good>> { None }",
    )]);
    assert_eq!(Interface::new(&tree).no_errors().into_iter().collect::<Vec<_>>(), ["struct Bare"]);
}

#[test]
fn the_list_keeps_reasons_and_drops_what_is_gone() {
    let tree = made_up(&[
        ("lib.rs", "mod x; mod y;"),
        ("x/mod.rs", "mod a; mod b;"),
        ("x/a.rs", "use super::b;"),
        ("x/b.rs", "use super::a;"),
        ("y/mod.rs", "mod c; mod d;"),
        ("y/c.rs", "use super::d;"),
        ("y/d.rs", "use super::c;"),
    ]);
    let list = circles::list(&circles::circles(&tree), "x: a b: they are one\nz: gone too: stale\n");
    assert_eq!(list, format!("x: a b: they are one\ny: c d: {}\n", circles::UNEXPLAINED));
}

#[test]
fn a_neighbour_that_is_reached_past_the_table_is_seen() {
    let table = "table! { }\ntable! {\n    functions {\n        neighbour: fn(client: Client);\n    }\n    variables {\n        \
                 number: c_int;\n    }\n}\n";
    let faults = |text: &str| {
        let tree = made_up(&[
            ("lib.rs", "mod sys; mod capi;"),
            ("sys/mod.rs", "pub mod neighbours;"),
            ("sys/neighbours.rs", table),
            ("capi/mod.rs", text),
        ]);
        rules::neighbours_passed_by(&tree).len()
    };
    for allowed in [
        "entry! { pub unsafe fn neighbour(client: *mut Client) { } }",
        "entry_data! { pub static mut number: c_int = 0; }",
        "fn f() { if let Some(call) = neighbours::neighbour() { call() } }",
        "fn f() { crate::sys::neighbours::number(); }",
    ] {
        assert_eq!(faults(allowed), 0, "{allowed}");
    }
    for passed_by in [
        "use super::commands::neighbour;",
        "fn f() { neighbour(client) }",
        "fn f() { super::commands::neighbour(client) }",
        "static TABLE: [F; 1] = [neighbour];",
        "fn f() -> c_int { unsafe { number } }",
    ] {
        assert_eq!(faults(passed_by), 1, "{passed_by}");
    }
}
