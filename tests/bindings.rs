// SPDX-License-Identifier: LGPL-2.1-or-later
//! Makes the checked-in bindings of C libraries again from the installed headers and compares: a header that says
//! something else must fail here, not on a user's node. Releases that say the same in other words pass. To write them:
//! `UPDATE_BINDINGS=1 cargo test --no-default-features --test bindings` (the crate may not build before).

use proc_macro2::{Spacing, TokenStream, TokenTree};
use quote::ToTokens;
use std::collections::{BTreeMap, BTreeSet};
use syn::Item;

/// One checked-in file of bindings.
struct Bindings {
    /// Below src/sys.
    path: &'static str,
    /// The library, as the linker knows it.
    library: &'static str,
    /// What it is called in the file's first line.
    name: &'static str,
    headers: &'static str,
    functions: &'static str,
    /// Types that are somebody else's, and lines that bring them in.
    blocked: &'static str,
    lines: &'static str,
    /// Types whose inside is nobody's business.
    opaque: &'static str,
    /// Its name for pkg-config.
    package: &'static str,
}

const QB: Bindings = Bindings {
    path: "qb/bindings.rs",
    library: "qb",
    name: "libqb",
    headers: "#include <qb/qbipcs.h>\n#include <qb/qbipcc.h>\n#include <qb/qblog.h>\n",
    functions: concat!(
        "qb_ipcs_(create|poll_handlers_set|run|destroy|request_rate_limit|enforce_buffer_size|response_send|event_send",
        "|disconnect|context_set|context_get|connection_stats_get|connection_auth_set",
        "|connection_get_buffer_size|connection_first_get|connection_next_get|connection_unref|service_context_set|connection_service_context_get)",
        "|qb_ipcc_(connect_async|connect_continue|disconnect|send|recv|event_recv|fd_get|get_buffer_size|is_connected)",
        "|qb_log_(callsite_get|from_external_source)",
    ),
    blocked: "(__)?(u?int32_t|uid_t|gid_t|mode_t|pid_t|size_t|ssize_t)",
    lines: "use libc::{gid_t, mode_t, uid_t};",
    opaque: "",
    package: "libqb",
};

const GLIB: Bindings = Bindings {
    path: "glib/bindings.rs",
    library: "glib-2.0",
    name: "GLib",
    headers: "#include <glib.h>\n#include <glib-unix.h>\n",
    functions: concat!(
        "g_source_(new|attach|destroy|unref|set_callback|set_priority|set_name|set_ready_time",
        "|add_unix_fd|modify_unix_fd|remove_unix_fd|query_unix_fd)|g_get_monotonic_time",
        "|g_hash_table_(new_full|ref|insert|lookup|remove|foreach|size|unref|destroy|iter_init|iter_next)|g_str_(hash|equal)",
        "|g_list_(prepend|free|free_full)|g_queue_(pop_head|free)|g_source_(ref|remove)",
        "|g_byte_array_(new|append|unref)|g_main_context_iteration",
    ),
    blocked: "",
    lines: "",
    opaque: "_?(GSource|GSourceCallbackFuncs|GMainContext|GHashTable|GPollFD|GSourcePrivate|GSList)",
    package: "glib-2.0",
};

const XML2: Bindings = Bindings {
    path: "xmlnode/bindings.rs",
    library: "xml2",
    name: "libxml2",
    headers: "#include <libxml/tree.h>\n",
    functions: concat!(
        "xml(NewDoc|FreeDoc|NewDocNode|NewDocTextLen|NewCDataBlock|DocSetRootElement|AddChild|DocCopyNode)",
        "|xml(SetProp|UnsetProp|HasProp)|xml(First|Next)Element(Child|Sibling)|xmlFreeNode",
    ),
    blocked: "",
    lines: "",
    opaque: "_?xml(Doc|Ns|Dtd|Dict|IDTable|ID)",
    package: "libxml-2.0",
};

fn flags(package: &str) -> Vec<String> {
    let output = std::process::Command::new("pkg-config").args(["--cflags", package]).output();
    let output = output.expect("pkg-config must be installed");
    String::from_utf8_lossy(&output.stdout).split_whitespace().map(str::to_owned).collect()
}

fn generate(wanted: &Bindings) -> String {
    let mut builder = bindgen::Builder::default()
        .header_contents("wanted.h", wanted.headers)
        .clang_args(flags(wanted.package))
        .allowlist_function(wanted.functions)
        .default_enum_style(bindgen::EnumVariation::Consts)
        .size_t_is_usize(true)
        .generate_comments(false)
        .layout_tests(false)
        .merge_extern_blocks(true)
        .disable_header_comment()
        .formatter(bindgen::Formatter::Prettyplease);
    if !wanted.blocked.is_empty() {
        builder = builder.blocklist_type(wanted.blocked).raw_line(wanted.lines);
    }
    if !wanted.opaque.is_empty() {
        builder = builder.opaque_type(wanted.opaque);
    }
    let file = builder
        .generate()
        .unwrap_or_else(|error| panic!("{}'s headers and libclang must be installed: {error}", wanted.name))
        .to_string();
    // The crate checks that unsafe code is explained; a block of declarations needs no more than this.
    let link = format!("#[link(name = \"{}\")]\nunsafe extern \"C\" {{", wanted.library);
    let body = file.replace("unsafe extern \"C\" {", &link);
    format!(
        "// SPDX-License-Identifier: LGPL-2.1-or-later\n\
         //! The part of {} that we use. Made by `tests/bindings.rs`; do not edit.\n{body}",
        wanted.name
    )
}

/// What bindings say, whatever names a release of the headers gives to types and parameters: every item but aliases, with
/// these followed to their end, and without the names of fields and parameters.
fn meaning(source: &str) -> BTreeSet<String> {
    let items = syn::parse_file(source).expect("bindings are Rust").items;
    let aliases: BTreeMap<String, TokenStream> = items
        .iter()
        .filter_map(|item| match item {
            Item::Type(alias) => Some((alias.ident.to_string(), alias.ty.to_token_stream())),
            _ => None,
        })
        .collect();
    let tokens = items.iter().flat_map(|item| match item {
        Item::Type(_) => Vec::new(),
        Item::ForeignMod(block) => block.items.iter().map(ToTokens::to_token_stream).collect(),
        other => vec![other.to_token_stream()],
    });
    tokens.map(|tokens| followed(tokens, &aliases)).collect()
}

fn followed(tokens: TokenStream, aliases: &BTreeMap<String, TokenStream>) -> String {
    let mut text = String::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let names = |next: &TokenTree| matches!(next, TokenTree::Punct(mark) if mark.as_char() == ':' && mark.spacing() == Spacing::Alone);
        let is_end = |next: &TokenTree| matches!(next, TokenTree::Punct(mark) if mark.as_char() == '>');
        match token {
            TokenTree::Ident(_) if tokens.next_if(names).is_some() => {}
            // Where a list ends with a comma depends on the length of its line.
            TokenTree::Punct(mark) if mark.as_char() == ',' && tokens.peek().is_none_or(is_end) => {}
            TokenTree::Ident(name) => match aliases.get(&name.to_string()) {
                Some(alias) => text += &followed(alias.clone(), aliases),
                None => text += &format!(" {name}"),
            },
            TokenTree::Group(group) => {
                text += &format!(" {:?}({})", group.delimiter(), followed(group.stream(), aliases));
            }
            other => text += &other.to_string(),
        }
    }
    text
}

fn compare(wanted: &Bindings) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sys").join(wanted.path);
    let made = generate(wanted);
    if std::env::var_os("UPDATE_BINDINGS").is_some() {
        std::fs::write(&path, &made).expect("write the bindings");
    }
    let kept = std::fs::read_to_string(&path).expect("read the bindings");
    let (kept, made) = (meaning(&kept), meaning(&made));
    assert!(
        kept == made,
        "{}'s headers changed: run UPDATE_BINDINGS=1 cargo test --no-default-features --test bindings, then review\n\
         no more: {:#?}\nnow: {:#?}",
        wanted.name,
        kept.difference(&made).collect::<Vec<_>>(),
        made.difference(&kept).collect::<Vec<_>>(),
    );
}

/// As GLib's headers did between 2.74 and 2.84.
#[test]
fn names_of_types_and_parameters_do_not_matter_and_types_do() {
    let of = |function: &str, aliases: &str| {
        meaning(&format!("{aliases} unsafe extern \"C\" {{ pub fn f(check: {function}); }}"))
    };
    let plain = of("Option<unsafe extern \"C\" fn(source: *mut u8) -> gint>", "pub type gint = c_int;");
    let check =
        "pub type gint = c_int; pub type Check = Option<unsafe extern \"C\" fn(data: *mut u8) -> gint>;";
    assert_eq!(of("Check", check), plain);
    assert_ne!(of("Check", &check.replace("c_int", "c_long")), plain);
    assert_ne!(of("Check", &check.replace("*mut u8", "*mut u8, more: gint")), plain);
}

#[test]
fn bindings_of_libqb_match_the_installed_headers() {
    compare(&QB);
}

#[test]
fn bindings_of_glib_match_the_installed_headers() {
    compare(&GLIB);
}

#[test]
fn bindings_of_libxml2_match_the_installed_headers() {
    compare(&XML2);
}
