// SPDX-License-Identifier: LGPL-2.1-or-later
//! The house rules that a compiler does not know: who may import whom, and where unsafe code may live.
//! ARCHITECTURE.md says why.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each folder of `src` and the folders it may import.
const MAY_IMPORT: [(&str, &[&str]); 12] = [
    ("model", &[]),
    ("sys", &[]),
    ("wire", &["model"]),
    ("core", &["model"]),
    ("agents", &["model"]),
    ("transport", &["model", "sys"]),
    ("session", &["model", "wire", "core", "sys"]),
    ("driver", &["model", "wire", "core", "agents", "sys", "transport", "session"]),
    ("daemon", &["model", "core", "agents", "sys", "transport", "session", "driver"]),
    ("tool", &["model", "transport", "session", "driver"]),
    ("capi", &["model", "wire", "session", "driver", "sys"]),
    ("bin", &[]),
];

/// Folders that may hold unsafe code.
const UNSAFE: [&str; 2] = ["sys", "capi"];

/// Folders that wait for nothing and know no clock.
const PURE: [&str; 4] = ["model", "wire", "core", "agents"];

fn sources() -> Vec<(String, PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &mut found);
    found
        .into_iter()
        .map(|path| {
            let inside = path.strip_prefix(&root).unwrap().to_path_buf();
            let folder = inside.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).unwrap();
            (folder, inside, text)
        })
        .filter(|(folder, _, _)| folder != "lib.rs")
        .collect()
}

/// The code of a file without comments; strings may remain.
fn code(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

/// The folders that `text` names behind `crate::`.
fn imports(text: &str) -> BTreeSet<String> {
    code(text)
        .match_indices("crate::")
        .filter(|(at, _)| !text.get(..*at).is_some_and(|before| before.ends_with('$')))
        .map(|(at, pattern)| {
            let code = code(text);
            code[at + pattern.len()..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
        })
        .filter(|name: &String| !name.is_empty())
        .collect()
}

#[test]
fn layers_import_only_what_lies_below_them() {
    let mut faults = Vec::new();
    for (folder, path, text) in sources() {
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == folder) else {
            faults.push(format!("{}: a folder that ARCHITECTURE.md does not know", path.display()));
            continue;
        };
        for name in imports(&text) {
            let known = MAY_IMPORT.iter().any(|(folder, _)| *folder == name);
            if known && name != folder && !allowed.contains(&name.as_str()) {
                faults.push(format!("{}: {folder} must not import {name}", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn unsafe_code_lives_in_its_folders_alone() {
    for (folder, path, text) in sources() {
        let holds =
            code(&text).split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe");
        assert!(
            !holds || UNSAFE.contains(&folder.as_str()),
            "{}: unsafe code outside {UNSAFE:?}",
            path.display()
        );
    }
}

#[test]
fn every_folder_without_unsafe_code_forbids_it() {
    for (folder, _) in MAY_IMPORT {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder).join("mod.rs");
        if UNSAFE.contains(&folder) || !root.exists() {
            continue;
        }
        assert!(fs::read_to_string(&root).unwrap().contains("#![forbid(unsafe_code)]"), "{}", root.display());
    }
}

#[test]
fn pure_layers_know_no_descriptor_clock_or_thread() {
    let banned =
        ["std::net", "std::fs", "std::thread", "std::os::fd", "tokio::", "nix::", "libc::", "Instant::now"];
    // Names of numbers, no system calls.
    let vocabulary = ["nix::errno::", "nix::sys::signal::Signal"];
    for (folder, path, text) in sources() {
        if !PURE.contains(&folder.as_str()) {
            continue;
        }
        let body = code(&text);
        let body = body.split("#[cfg(test)]").next().unwrap_or("");
        let body = vocabulary.iter().fold(body.to_owned(), |body, word| body.replace(word, ""));
        for word in banned {
            assert!(!body.contains(word), "{}: a pure layer uses {word}", path.display());
        }
    }
}

/// A caller of the C interface sees one release; which, and what follows from it, is said in one folder.
#[test]
fn only_capi_abi_asks_for_the_release() {
    let asks = ["pcmk_abi", "Release::", "model::Release", "RELEASE ==", "RELEASE !=", "match RELEASE"];
    let mut faults = Vec::new();
    for (folder, path, text) in sources() {
        if path.starts_with("capi/abi") {
            continue;
        }
        let code = code(&text);
        let banned = if folder == "capi" { &asks[..] } else { &asks[..1] };
        let found = banned.iter().filter(|word| code.contains(**word));
        faults.extend(found.map(|word| format!("{}: {word}", path.display())));
    }
    assert!(faults.is_empty(), "name what differs in src/capi/abi instead:\n{}", faults.join("\n"));
}

#[test]
fn no_runtime_is_named_outside_its_own_driver() {
    for (_, path, text) in sources() {
        if path.starts_with("driver/tokio") || path.ends_with("local_tests.rs") {
            continue;
        }
        let body = code(&text).replace("driver::tokio::", "");
        assert!(!body.contains("tokio::"), "{}: only driver/tokio uses tokio", path.display());
    }
}

#[test]
fn every_source_file_names_its_licence() {
    for (_, path, text) in sources() {
        assert!(
            text.lines().take(2).any(|line| line.contains("SPDX-License-Identifier: LGPL-2.1-or-later")),
            "{}: no SPDX line",
            path.display()
        );
    }
}

#[test]
fn the_checks_see_what_they_look_for() {
    assert_eq!(imports("use crate::core::X; // crate::wire"), BTreeSet::from(["core".to_owned()]));
    assert!(code("let a = 1; // unsafe").split(' ').all(|word| word != "unsafe"));
}
