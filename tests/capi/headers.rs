// SPDX-License-Identifier: LGPL-2.1-or-later
//! The headers: made from src/capi and include/parts, up to date, complete, and good for strict compilers.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::entries::declarations;
use crate::libraries::distribution_headers;
use crate::support::{assert_generated, include, output, own_header, packages, root, rust_files};
use crate::symbols::{Symbol, symbols};

/// What cbindgen reads for a header: the layouts, and the files that have functions of the header, which stand there as
/// plain functions. It knows nothing of our macros, so that it does not see all others.
fn sources(release: &str, functions: &[String]) -> Vec<String> {
    let layouts = ["api.rs", "event.rs", "shared.rs", if release == "2.1" { "v2_1.rs" } else { "v3_0.rs" }];
    let mut missing: BTreeSet<&str> = functions.iter().map(String::as_str).collect();
    let mut found = Vec::new();
    for file in rust_files("src/capi") {
        let text = fs::read_to_string(&file).unwrap();
        let mut shown = String::new();
        let mut end = 0;
        for declaration in declarations(&text) {
            if missing.remove(declaration.name.as_str()) {
                let head = declaration.head.replace(" fn ", " extern \"C\" fn ");
                shown += &text[end..declaration.place.start];
                shown += &format!("#[unsafe(no_mangle)]\n{head} {{}}");
                end = declaration.place.end;
            }
        }
        let is_layout =
            file.parent().unwrap().ends_with("abi") && layouts.iter().any(|name| file.ends_with(name));
        if end > 0 || is_layout {
            found.push(shown + &text[end..]);
        }
    }
    assert!(missing.is_empty(), "not in src/capi: {missing:?}");
    found
}

/// A part of include/parts without the licence, which the header says already.
fn part(name: &str) -> String {
    let text = fs::read_to_string(root().join("include/parts").join(name)).unwrap();
    text.split_once('\n').unwrap().1.to_owned()
}

fn parts(names: &[&str]) -> String {
    names.iter().map(|name| part(name)).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

fn config(guard: &str, title: &str, includes: &[&str]) -> cbindgen::Config {
    let mut config = cbindgen::Config::from_file(root().join("include/cbindgen.toml")).unwrap();
    let text = format!(
        "/* SPDX-License-Identifier: LGPL-2.1-or-later\n *\n * {title}\n * Made from src/capi and include/parts by \
         tests/capi/headers.rs: do not edit.\n */"
    );
    config.header = Some(text);
    config.include_guard = Some(guard.into());
    let includes: String = includes.iter().map(|name| format!("#include <{name}>\n")).collect();
    config.after_includes = Some(includes);
    config
}

fn add(config: &mut cbindgen::Config, text: &str) {
    let place = config.after_includes.get_or_insert_default();
    if !place.ends_with("\n\n") {
        place.push('\n');
    }
    place.push_str(text);
}

fn generate(config: cbindgen::Config, release: &str, functions: &[String]) -> String {
    let place = tempfile::tempdir().unwrap();
    let mut builder = cbindgen::Builder::new().with_config(config);
    for (number, source) in sources(release, functions).iter().enumerate() {
        let file = place.path().join(format!("{number}.rs"));
        fs::write(&file, source).unwrap();
        builder = builder.with_src(file);
    }
    let mut header = Vec::new();
    builder.generate().unwrap().write(&mut header);
    let text = String::from_utf8(header).unwrap();
    // cbindgen names an instance of a generic structure by its arguments, and knows no other name for it.
    text.replace("Event_c_uint", "lrmd_event_data_s").replace("Event_time_t", "lrmd_event_data_s")
}

/// The functions of a header.
fn functions(wanted: impl Fn(&Symbol) -> bool) -> Vec<String> {
    symbols().into_iter().filter(|symbol| !symbol.data && wanted(symbol)).map(|symbol| symbol.name).collect()
}

const STRUCTURES: [&str; 6] =
    ["Lrmd", "LrmdApiOperations", "LrmdKeyValue", "LrmdList", "LrmdRscInfo", "LrmdOpInfo"];

/// crm/lrmd_events.h: the event and nothing else.
fn events_header(release: &str) -> String {
    let title = format!("Executor events, as Pacemaker {release} has them.");
    let includes = ["sys/types.h", "glib.h", "crm/common/results.h"];
    let mut config = config("PCMK__CRM_LRMD_EVENTS__H", &title, &includes);
    add(&mut config, &parts(&["events.h"]));
    config.export.exclude.retain(|name| name != "LrmdEventData");
    config.export.exclude.extend(STRUCTURES.map(str::to_owned));
    config.export.exclude.push("LrmdEventCallback".into());
    config.export.include = vec!["LrmdEventData".into()];
    config.export.rename.insert("OcfExitCode".into(), "enum ocf_exitcode".into());
    generate(config, release, &[])
}

/// crm/lrmd.h: what Pacemaker's has.
fn lrmd_header(release: &str) -> String {
    let title = format!("Executor client, as Pacemaker {release} has it.");
    let includes = ["stdbool.h", "glib.h", "crm_config.h", "crm/lrmd_events.h", "crm/services.h"];
    let mut config = config("PCMK__CRM_LRMD__H", &title, &includes);
    let (names, options) = (format!("names-{release}.h"), format!("options-{release}.h"));
    add(&mut config, &parts(&[&names, &options, "values.h", "event-names.h"]));
    config.export.include = STRUCTURES.map(str::to_owned).to_vec();
    generate(config, release, &functions(|symbol| symbol.group == "public" && symbol.is_in_liblrmd(release)))
}

/// pcmk-remote-rs.h: the same and what only we have, without Pacemaker's other headers.
fn generated_own_header() -> String {
    let title = "The C interface of pcmk-remote-rs: Pacemaker's executor client without Pacemaker's other headers.\n \
                 * Names and layouts are those of its crm/lrmd.h, so do not include both.";
    let includes = ["stdbool.h", "stddef.h", "stdint.h", "sys/types.h", "glib.h"];
    let mut config = config("PCMK_REMOTE_RS_H", title, &includes);
    add(&mut config, &parts(&["abi.h", "events.h", "values.h", "event-names.h"]));
    config.export.exclude.retain(|name| name != "LrmdEventData");
    config.export.include = STRUCTURES.map(str::to_owned).to_vec();
    config.export.include.push("LrmdEventData".into());
    config.export.rename.insert("OcfExitCode".into(), "int".into());
    let wanted =
        functions(|symbol| symbol.group == "public" || (symbol.group == "own" && !is_servers(symbol)));
    generate(config, "3.0", &wanted).replace("time_t t_", "pcmk_remote_rs_time_t t_")
}

/// pcmk-remote-rs-server.h: what a main of one's own, or another object of upstream's executor, calls.
fn server_header() -> String {
    let title = "What pcmk-remote-rs gives the other objects of an executor, each in all releases that have it.\n \
                 * Trees are xmlNode of libxml2. Not to be read with Pacemaker's own headers of these objects.";
    let includes = ["stdbool.h", "stdint.h", "time.h", "glib.h"];
    let mut config = config("PCMK_REMOTE_RS_SERVER_H", title, &includes);
    add(&mut config, &parts(&["server.h"]));
    config.export.rename.insert("Client".into(), "pcmk__client_t".into());
    generate(config, "3.0", &functions(is_servers))
}

/// Is it of the executor's objects, or what a main of one's own calls beside them?
fn is_servers(symbol: &Symbol) -> bool {
    symbol.group == "server" || symbol.name.starts_with("pcmk_remote_rs_server_")
}

#[test]
fn generated_headers_are_up_to_date() {
    assert_generated("include/pcmk-remote-rs.h", &generated_own_header());
    assert_generated("include/pcmk-remote-rs-server.h", &server_header());
    for release in ["2.1", "3.0"] {
        assert_generated(&format!("include/{release}/crm/lrmd_events.h"), &events_header(release));
        assert_generated(&format!("include/{release}/crm/lrmd.h"), &lrmd_header(release));
    }
}

/// Compiles a C program as C and as C++, as strictly as a compiler can be asked to.
fn strictly(source: &str, flags: &[String]) {
    for (language, standard) in [("c", "-std=c99"), ("c++", "-std=c++11")] {
        let mut command = Command::new("cc");
        command.args([standard, "-x", language, "-pedantic", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]);
        output(command.args(flags).arg(root().join(source)));
    }
}

/// Headers that are not ours need not be that good.
fn system(flags: Vec<String>) -> Vec<String> {
    flags.into_iter().map(|flag| flag.replacen("-I", "-isystem", 1)).collect()
}

#[test]
fn strict_c_and_cplusplus_compilers_accept_the_headers_with_every_name_in_use() {
    for release in ["2.1", "3.0"] {
        let mut others = vec![include(&distribution_headers(release))];
        others.extend(packages(&["glib-2.0", "libxml-2.0"]));
        let others = system(others);
        // With upstream's own, so that the program is known to be right.
        strictly("capi-tests/every-name.c", &others);
        let mut flags = vec![include(&root().join("include").join(release))];
        flags.extend(others);
        strictly("capi-tests/every-name.c", &flags);
        let mut flags = own_header(release);
        flags.extend(system(packages(&["glib-2.0"])));
        strictly("capi-tests/every-name.c", &flags);
    }
}

#[test]
fn headers_need_no_other_before_them_and_may_be_read_twice() {
    for release in ["2.1", "3.0"] {
        let mut flags = vec![include(&root().join("include").join(release))];
        let mut others = vec![include(&distribution_headers(release))];
        others.extend(packages(&["glib-2.0", "libxml-2.0"]));
        flags.extend(system(others));
        for name in ["crm/lrmd.h", "crm/lrmd_events.h"] {
            let header = format!("include/{release}/{name}");
            let mut twice = flags.clone();
            twice.extend(["-include".to_owned(), root().join(&header).display().to_string()]);
            strictly(&header, &twice);
        }
    }
    let mut flags = system(packages(&["glib-2.0"]));
    flags.extend(["-include".to_owned(), root().join("include/pcmk-remote-rs.h").display().to_string()]);
    strictly("include/pcmk-remote-rs.h", &flags);
    let mut flags = system(packages(&["glib-2.0"]));
    let header = root().join("include/pcmk-remote-rs-server.h").display().to_string();
    flags.extend(["-include".to_owned(), header]);
    strictly("include/pcmk-remote-rs-server.h", &flags);
}
