// SPDX-License-Identifier: LGPL-2.1-or-later
//! The house rules that a compiler does not know: who may import whom, who may do what, and that ARCHITECTURE.md says so.
//!
//! The sources are parsed, and every path is followed to where its item is defined, through imports, re-exports and
//! globs. After a change of the table or of the circles:
//!
//!     PCMK_UPDATE=1 cargo test --all-features --test architecture
//!
//! writes the table into ARCHITECTURE.md and the circles into `tests/architecture/circles.txt`, where each wants its reason.

mod circles;
mod documents;
mod interface;
mod layers;
mod references;
mod rules;
mod sight;
mod signature;
mod tree;

use layers::LAYERS;
use std::collections::BTreeMap;
use std::sync::OnceLock;
use tree::Tree;

fn package() -> &'static Tree {
    static TREE: OnceLock<Tree> = OnceLock::new();
    TREE.get_or_init(Tree::of_package)
}

fn none(faults: Vec<String>) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn layers_import_what_the_table_says_and_nothing_else() {
    let table: Vec<_> = LAYERS.iter().map(|layer| (layer.folder, layer.imports)).collect();
    none(layers::faults(package(), &table));
}

#[test]
fn a_layer_gives_on_only_the_listed_names_of_a_lower_one() {
    none(layers::unlisted_reexports(package(), &layers::GIVEN_ON));
}

#[test]
fn the_table_has_lower_layers_first() {
    for (at, layer) in LAYERS.iter().enumerate() {
        for name in layer.imports {
            let below = LAYERS.iter().take(at).any(|lower| lower.folder == *name);
            assert!(below, "{} imports {name}, which is not below it", layer.folder);
        }
    }
}

#[test]
fn unsafe_code_lives_in_its_folders_and_is_forbidden_elsewhere() {
    none(rules::unsafe_code(package()));
}

#[test]
fn pure_layers_know_no_descriptor_clock_or_thread() {
    none(rules::impure(package()));
}

#[test]
fn only_the_layers_of_the_table_read_the_clock() {
    none(rules::clocks(package()));
    let folders: Vec<_> = LAYERS.iter().filter(|layer| layer.clock && layer.folder != "bin").collect();
    let reasons = rules::clippy_reasons();
    assert!(!reasons.is_empty());
    for reason in reasons {
        let named: Vec<_> =
            LAYERS.iter().filter(|layer| reason.contains(&format!("src/{}", layer.folder))).collect();
        let names = |layers: &[&layers::Layer]| layers.iter().map(|layer| layer.folder).collect::<Vec<_>>();
        assert_eq!(names(&named), names(&folders), "clippy.toml: {reason}");
    }
}

#[test]
fn only_the_daemons_driver_knows_tokio() {
    none(rules::runtimes(package()));
}

#[test]
fn the_driver_for_a_programs_own_loop_starts_no_thread() {
    none(rules::threads(package()));
}

#[test]
fn other_objects_of_the_program_are_reached_through_the_table_alone() {
    none(rules::neighbours_passed_by(package()));
}

#[test]
fn only_capi_abi_asks_for_the_release() {
    none(rules::releases(package()));
}

#[test]
fn every_source_file_belongs_to_a_module() {
    none(package().unreached.iter().map(|file| file.display().to_string()).collect());
}

#[test]
fn every_source_file_names_its_licence() {
    let lacks = |text: &str| {
        !text.lines().take(2).any(|line| line.contains("SPDX-License-Identifier: LGPL-2.1-or-later"))
    };
    none(
        package()
            .texts
            .iter()
            .filter(|(_, text)| lacks(text))
            .map(|(file, _)| file.display().to_string())
            .collect(),
    );
}

#[test]
fn every_circle_is_listed_with_its_reason() {
    let found = circles::circles(package());
    for circle in &found {
        println!("{}: {}: {} back", circle.folder, circle.members.join(" "), circle.back);
        circle.arrows.iter().for_each(|arrow| println!("    {arrow}"));
    }
    println!(
        "{} circles, {} arrows back",
        found.len(),
        found.iter().map(|circle| circle.back).sum::<usize>()
    );
    let path = "tests/architecture/circles.txt";
    let listed = std::fs::read_to_string(documents::root().join(path)).unwrap_or_default();
    let wanted = circles::list(&found, &listed);
    documents::assert_current(path, &wanted);
    assert!(!wanted.contains(circles::UNEXPLAINED), "circles without a reason in {path}:\n{wanted}");
}

#[test]
fn the_list_of_the_interface_is_current() {
    let interface = interface::Interface::new(package());
    println!("{} documented items", interface.size());
    documents::assert_current("docs/public-api.txt", &interface.list());
}

#[test]
fn a_program_can_name_each_type_of_the_interface() {
    none(interface::Interface::new(package()).unnamed().into_iter().collect());
}

#[test]
fn what_the_interface_answers_as_an_error_is_one() {
    none(interface::Interface::new(package()).no_errors().into_iter().collect());
}

#[test]
fn the_table_in_architecture_md_is_the_one_that_is_tested() {
    let wanted = documents::with_table(&documents::document(), &layers::table()).expect("marks of the table");
    documents::assert_current("ARCHITECTURE.md", &wanted);
}

#[test]
fn files_that_architecture_md_names_exist() {
    none(documents::missing_files(&documents::document(), documents::exists));
}

/// A crate of made-up files, for tests of the checks.
fn made_up(files: &[(&str, &str)]) -> Tree {
    Tree::new(files.iter().map(|(path, text)| (path.into(), (*text).to_owned())).collect::<BTreeMap<_, _>>())
}
