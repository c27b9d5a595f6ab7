// SPDX-License-Identifier: LGPL-2.1-or-later
#![no_main]
libfuzzer_sys::fuzz_target!(
    init: bodies::begin("server_session"),
    |data: &[u8]| bodies::run("server_session", data)
);
