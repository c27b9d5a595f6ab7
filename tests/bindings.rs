// SPDX-License-Identifier: LGPL-2.1-or-later
//! Makes the checked-in bindings of libqb again from the installed headers and compares: a header that says
//! something else must fail here, not on a user's node. To write them:
//! `UPDATE_BINDINGS=1 cargo test --no-default-features --test bindings` (the daemon may not build before).

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/sys/qb/bindings.rs");

const HEADERS: &str = "#include <qb/qbipcs.h>\n#include <qb/qbipcc.h>\n";

const FUNCTIONS: &str = concat!(
    "qb_ipcs_(create|poll_handlers_set|run|destroy|request_rate_limit|enforce_buffer_size|response_send|event_send",
    "|disconnect|context_set|context_get|connection_stats_get|connection_auth_set",
    "|connection_get_buffer_size|service_context_set|connection_service_context_get)",
    "|qb_ipcc_(connect|disconnect|send|recv|event_recv|fd_get|get_buffer_size|is_connected)",
);

fn generate() -> String {
    let file = bindgen::Builder::default()
        .header_contents("qb.h", HEADERS)
        .allowlist_function(FUNCTIONS)
        .blocklist_type("(__)?(u?int32_t|uid_t|gid_t|mode_t|pid_t|size_t|ssize_t)")
        .raw_line("use libc::{gid_t, mode_t, uid_t};")
        .default_enum_style(bindgen::EnumVariation::Consts)
        .size_t_is_usize(true)
        .generate_comments(false)
        .layout_tests(false)
        .merge_extern_blocks(true)
        .disable_header_comment()
        .formatter(bindgen::Formatter::Prettyplease)
        .generate()
        .expect("libqb's headers and libclang must be installed")
        .to_string();
    // The crate checks that unsafe code is explained; a block of declarations needs no more than this.
    let body = file.replace("unsafe extern \"C\" {", "#[link(name = \"qb\")]\nunsafe extern \"C\" {");
    format!(
        "// SPDX-License-Identifier: LGPL-2.1-or-later\n\
         //! The part of libqb that we use. Made by `tests/bindings.rs`; do not edit.\n{body}"
    )
}

#[test]
fn bindings_match_the_installed_headers() {
    let made = generate();
    if std::env::var_os("UPDATE_BINDINGS").is_some() {
        std::fs::write(PATH, &made).expect("write the bindings");
    }
    let kept = std::fs::read_to_string(PATH).expect("read the bindings");
    assert!(
        kept == made,
        "libqb's headers changed: run UPDATE_BINDINGS=1 cargo test --no-default-features --test bindings, then review"
    );
}
