// SPDX-License-Identifier: LGPL-2.1-or-later
//! ARCHITECTURE.md says what is so: its table of layers, and the files that it names.
use std::fs;
use std::path::{Path, PathBuf};

const BEGIN: &str = "<!-- the table of layers: made from tests/architecture/layers.rs by PCMK_UPDATE=1 -->\n";
const END: &str = "<!-- end of the table -->\n";

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// Compares a file with what it should be; with PCMK_UPDATE set, writes it.
pub(crate) fn assert_current(path: &str, wanted: &str) {
    let place = root().join(path);
    if std::env::var_os("PCMK_UPDATE").is_some() {
        fs::write(&place, wanted).unwrap();
    }
    let found = fs::read_to_string(&place).unwrap_or_default();
    assert!(
        found == wanted,
        "{path} is out of date: run PCMK_UPDATE=1 cargo test --all-features --test architecture"
    );
}

/// `document` with `table` between the two marks.
pub(crate) fn with_table(document: &str, table: &str) -> Option<String> {
    let (before, rest) = document.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{table}{END}{after}"))
}

pub(crate) fn document() -> String {
    fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap()
}

/// What `document` has in backticks and looks like a file or folder, with the places where it may be.
///
/// In a row of a table, a bare name stands in the folder of the name before it: `src/core/queue.rs`, `recurring.rs`.
pub(crate) fn missing_files(document: &str, exists: impl Fn(&Path) -> bool) -> Vec<String> {
    let mut missing = Vec::new();
    let mut number = 0;
    for line in document.lines() {
        number += 1;
        let mut last_folder: Option<PathBuf> = None;
        for name in line.split('`').skip(1).step_by(2) {
            if !looks_like_a_file(name) {
                continue;
            }
            let whole = [Path::new("").join(name), Path::new("src").join(name)];
            let beside = last_folder.iter().map(|folder| folder.join(name));
            match whole.into_iter().chain(beside).find(|place| exists(place)) {
                Some(place) => last_folder = place.parent().map(Path::to_path_buf),
                None => missing.push(format!("line {number}: {name}")),
            }
        }
    }
    missing
}

/// A path, or a file name with an ending that we use. Not a command, a type or an option.
fn looks_like_a_file(name: &str) -> bool {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    let ending =
        [".rs", ".md", ".txt", ".c", ".h", ".toml", ".py"].iter().any(|ending| name.ends_with(ending));
    plain && (ending || name.contains('/')) && !name.starts_with(['/', '-'])
}

pub(crate) fn exists(path: &Path) -> bool {
    root().join(path).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_put_between_its_marks() {
        let document = format!("a\n{BEGIN}old\n{END}b\n");
        assert_eq!(with_table(&document, "new\n"), Some(format!("a\n{BEGIN}new\n{END}b\n")));
        assert_eq!(with_table("no marks", ""), None);
    }

    #[test]
    fn a_file_that_is_not_there_is_found() {
        let there =
            |path: &Path| path == Path::new("src/core/queue.rs") || path == Path::new("src/core/peers.rs");
        let text = "| x | `src/core/queue.rs`, `peers.rs`, `gone.rs` and `Type::method`, `--option`, `core/nothing/` |";
        assert_eq!(missing_files(text, there), ["line 1: gone.rs", "line 1: core/nothing/"]);
        assert_eq!(missing_files("`peers.rs`", there), ["line 1: peers.rs"]);
    }
}
