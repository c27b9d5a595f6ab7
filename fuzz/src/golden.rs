// SPDX-License-Identifier: LGPL-2.1-or-later
//! Messages of real peers, from `tests/golden`: what fuzzing begins from.
use std::path::Path;

/// The texts below 2000 bytes, sorted by the names of their files.
pub fn texts() -> Vec<Vec<u8>> {
    // This file is compiled in the fuzz package and in the main one.
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = [here.join("tests/golden"), here.join("../tests/golden")]
        .into_iter()
        .find(|folder| folder.is_dir())
        .expect("the repository has tests/golden");
    let entries = std::fs::read_dir(folder).expect("tests/golden can be read");
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "xml"));
    paths.sort();
    let texts: Vec<_> = paths.iter().filter_map(|path| std::fs::read(path).ok()).collect();
    assert!(texts.len() > 100);
    texts.into_iter().filter(|text| text.len() < 2000).collect()
}

/// The same as text.
pub fn strings() -> Vec<String> {
    texts().into_iter().map(|text| String::from_utf8_lossy(&text).into_owned()).collect()
}
