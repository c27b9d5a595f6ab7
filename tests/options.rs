// SPDX-License-Identifier: LGPL-2.1-or-later
//! The cluster's options in documents and sources are those of `model::options`, and what Pacemaker fixes stands in
//! `model::site` alone.

use pcmk_remote_rs::model::options::{self, ClusterOption, Effect};
use pcmk_remote_rs::model::site;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Variables that begin as options do and are none: the build's, the tests', and an agent's.
const NO_OPTIONS: [&str; 3] = ["PCMK_REMOTE_RS_PACEMAKER_VERSION", "PCMK_UPDATE", "HA_RSCTMP"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Files below `place` whose names end so, or `place` itself.
fn files(place: &str, ends: &[&str]) -> Vec<PathBuf> {
    fn walk(path: &Path, found: &mut Vec<PathBuf>) {
        if path.is_dir() {
            fs::read_dir(path).unwrap().for_each(|entry| walk(&entry.unwrap().path(), found));
        } else {
            found.push(path.to_path_buf());
        }
    }
    let mut found = Vec::new();
    walk(&root().join(place), &mut found);
    found.retain(|path| ends.iter().any(|end| path.to_string_lossy().ends_with(end)));
    assert!(!found.is_empty(), "{place}");
    found
}

/// Text as its reader sees it, without a source's tests: manual pages write `\-` for a dash.
fn text(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.split("#[cfg(test)]\n").next().unwrap().replace("\\-", "-").replace("\\_", "_")
}

/// Words that are the name of a variable with one of the prefixes of options.
fn variables(text: &str) -> BTreeSet<&str> {
    let words = text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    words
        .filter(|word| {
            ["PCMK_", "HA_", "CIB_"].iter().any(|prefix| {
                word.strip_prefix(prefix)
                    .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
            })
        })
        .filter(|word| !NO_OPTIONS.contains(word))
        .collect()
}

fn names(option: &ClusterOption) -> impl Iterator<Item = &'static str> {
    [Some(option.variable), option.old_variable, option.cib_variable].into_iter().flatten()
}

#[test]
fn documents_and_sources_name_only_options_that_exist() {
    let known: BTreeSet<&str> = options::ALL.iter().flat_map(names).collect();
    let documents = [
        files("packaging", &[".8", "default.pacemaker", ".in"]),
        files("docs", &[".md"]),
        files("README.md", &[".md"]),
        files("CHANGELOG.md", &[".md"]),
        files("src", &[".rs"]),
    ];
    let mut faults = Vec::new();
    for path in documents.concat() {
        for name in variables(&text(&path)) {
            if !known.contains(name) {
                faults.push(format!("{}: {name} is no option", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_manual_page_names_every_option() {
    let page = text(&root().join("packaging/man/pacemaker-remoted.8"));
    let named = variables(&page);
    for option in options::ALL {
        assert!(names(option).any(|name| named.contains(name)), "{} is not documented", option.variable);
    }
}

#[test]
fn the_defaults_file_offers_only_what_a_daemon_reads() {
    let offered = text(&root().join("packaging/default.pacemaker"));
    let settings = offered.lines().filter_map(|line| line.strip_prefix('#')?.split_once('='));
    let variables: Vec<&str> = settings.map(|(name, _)| name).filter(|name| !name.contains(' ')).collect();
    assert!(variables.len() > 10, "{variables:?}");
    for variable in variables {
        let option = options::ALL.iter().find(|option| option.variable == variable).expect(variable);
        assert_eq!(option.effect, Effect::Read, "{variable}");
    }
}

#[test]
fn no_option_stands_twice() {
    let all: Vec<_> = options::ALL.iter().flat_map(names).collect();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
}

/// A file's code: no comments, no tests.
fn code(path: &Path) -> String {
    let text = text(path);
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or(""));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_pacemaker_fixes_stands_in_one_place() {
    let quoted = |text: &str| format!("\"{text}\"");
    let mut fixed: Vec<String> = [
        site::CLUSTER_USER,
        site::CLUSTER_GROUP,
        site::UNKNOWN_USER,
        site::OCF_ROOT,
        site::OCF_SEARCH_PATH,
        site::INIT_DIRECTORY,
        site::UNIT_DIRECTORY,
        site::FENCE_DIRECTORY,
        site::AGENT_STATE_DIRECTORY,
        site::SECRETS_DIRECTORY,
        site::SCHEMA_DIRECTORY,
        site::REMOTE_SCHEMA_DIRECTORY,
        site::CORE_DIRECTORY,
        site::LOG_FILE,
        site::CONTAINER_LOG_FILE,
        site::CONTAINER_SETTINGS,
    ]
    .map(quoted)
    .into();
    fixed.extend(site::KEY_FILES.map(quoted));
    fixed.extend([site::REMOTE_PORT.to_string(), "131_072".to_owned(), "131072".to_owned()]);
    let sources = files("src", &[".rs"]);
    let tests = |path: &Path| path.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("tests"));
    for path in sources.iter().filter(|path| !tests(path) && !path.ends_with("model/site.rs")) {
        for word in &fixed {
            let code = code(path);
            let stands = code.match_indices(word.as_str()).any(|(at, _)| {
                let next = code[at + word.len()..].chars().next();
                let before = code[..at].chars().next_back();
                let part = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
                word.starts_with('"') || !(part(next) || part(before))
            });
            assert!(!stands, "{}: {word} belongs into model/site.rs", path.display());
        }
    }
}
