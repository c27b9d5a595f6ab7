// SPDX-License-Identifier: LGPL-2.1-or-later
//! Layouts and values are those of the distribution's real headers: in our headers, and in Rust.

use std::collections::BTreeMap;
use std::mem::offset_of;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use pcmk_remote_rs::capi::abi::api::{Lrmd, LrmdApiOperations};
use pcmk_remote_rs::capi::abi::shared::{LrmdKeyValue, LrmdList, LrmdOpInfo, LrmdRscInfo};
use pcmk_remote_rs::capi::abi::{v2_1, v3_0};

use crate::libraries::distribution_headers;
use crate::support::{compile, include, lines, own_header, packages, root};

const RELEASES: [&str; 2] = ["2.1", "3.0"];

/// What layouts.c prints with these headers.
fn printed(name: &str, flags: &[String]) -> Vec<String> {
    lines(&mut Command::new(compile("layouts", &format!("layouts-{name}"), flags)))
}

fn theirs(release: &str) -> &'static [String] {
    static PRINTED: LazyLock<[Vec<String>; 2]> = LazyLock::new(|| {
        RELEASES.map(|release| {
            let mut flags = vec![include(&distribution_headers(release))];
            flags.extend(packages(&["glib-2.0", "libxml-2.0"]));
            printed(&format!("upstream-{release}"), &flags)
        })
    });
    &PRINTED[usize::from(release == "3.0")]
}

/// Our header before the rest of upstream's.
fn drop_in(release: &str) -> Vec<String> {
    let mut flags =
        vec![include(&root().join("include").join(release)), include(&distribution_headers(release))];
    flags.extend(packages(&["glib-2.0", "libxml-2.0"]));
    printed(&format!("drop-in-{release}"), &flags)
}

#[test]
fn our_headers_give_the_layouts_of_upstreams() {
    for release in RELEASES {
        let wanted = theirs(release);
        assert!(wanted.len() > 60, "{wanted:?}");
        assert_eq!(drop_in(release), wanted, "{release}");
        let mut flags = own_header(release);
        flags.extend(packages(&["glib-2.0"]));
        assert_eq!(printed(&format!("own-{release}"), &flags), wanted, "{release}");
    }
}

#[test]
fn the_releases_differ_where_the_proof_would_be_blind_otherwise() {
    assert_ne!(theirs("2.1"), theirs("3.0"));
}

macro_rules! layout {
    ($lines:ident, $c:literal, $type:ty, $($field:ident)*) => {
        $lines.push(format!("{} {}", $c, size_of::<$type>()));
        $($lines.push(format!(
            "{}.{} {} {}",
            $c,
            stringify!($field).trim_start_matches("r#"),
            offset_of!($type, $field),
            size_of_field(|value: &$type| &raw const value.$field),
        ));)*
    };
}

fn size_of_field<T, F>(_: impl Fn(&T) -> *const F) -> usize {
    size_of::<F>()
}

macro_rules! event {
    ($lines:ident, $type:ty) => {
        layout!($lines, "lrmd_event_data_t", $type,
            r#type rsc_id op_type user_data call_id timeout interval_ms start_delay rsc_deleted rc op_status output
            t_run t_rcchange exec_time queue_time connection_rc params remote_nodename exit_reason);
    };
}

/// The lines of layouts.c about structures, as Rust sees them.
fn rust(release: &str) -> Vec<String> {
    let mut lines = Vec::new();
    if release == "2.1" {
        event!(lines, v2_1::LrmdEventData);
    } else {
        event!(lines, v3_0::LrmdEventData);
    }
    layout!(lines, "lrmd_t", Lrmd, cmds lrmd_private);
    layout!(lines, "lrmd_api_operations_t", LrmdApiOperations,
        connect connect_async is_connected poke_connection disconnect register_rsc get_rsc_info get_recurring_ops
        unregister_rsc set_callback exec cancel get_metadata list_agents list_ocf_providers list_standards exec_alert
        get_metadata_params);
    layout!(lines, "lrmd_key_value_t", LrmdKeyValue, key value next);
    layout!(lines, "lrmd_list_t", LrmdList, val next);
    layout!(lines, "lrmd_rsc_info_t", LrmdRscInfo, id r#type standard provider);
    layout!(lines, "lrmd_op_info_t", LrmdOpInfo, rsc_id action interval_ms_s timeout_ms_s);
    lines
}

#[test]
fn rust_gives_the_layouts_of_upstreams_headers() {
    for release in RELEASES {
        let all = theirs(release);
        let structures = all.iter().take_while(|line| !line.starts_with("enum "));
        let wanted: Vec<String> = structures.cloned().collect();
        assert_eq!(rust(release), wanted, "{release}");
    }
}

/// The macros that a header defines, as the preprocessor sees them.
fn macros(header: &Path, flags: &[String]) -> BTreeMap<String, String> {
    let mut command = Command::new("cc");
    command.args(["-E", "-dM"]).args(flags).arg(header);
    let prefixes = ["LRMD_", "F_LRMD", "T_LRMD", "DEFAULT_REMOTE_", "ALT_REMOTE_"];
    lines(&mut command)
        .iter()
        .filter_map(|line| line.strip_prefix("#define ")?.split_once(' '))
        .filter(|(name, _)| prefixes.iter().any(|prefix| name.starts_with(prefix)))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn every_macro_of_upstreams_headers_is_in_ours() {
    for release in RELEASES {
        let mut flags = vec![include(&distribution_headers(release))];
        flags.extend(packages(&["glib-2.0", "libxml-2.0"]));
        let theirs = macros(&distribution_headers(release).join("crm/lrmd.h"), &flags);
        flags.insert(0, include(&root().join("include").join(release)));
        let ours = macros(&root().join("include").join(release).join("crm/lrmd.h"), &flags);
        assert!(theirs.len() > 20, "{theirs:?}");
        for (name, value) in theirs {
            // 3.0.0 asks libcrmcommon, later releases their own liblrmd.
            let value = match release {
                "3.0" => value.replace("(compare_version(", "(lrmd_compare_versions("),
                _ => value,
            };
            assert_eq!(ours.get(&name), Some(&value), "{release}: {name}");
        }
    }
}
