// SPDX-License-Identifier: LGPL-2.1-or-later
#![no_main]
libfuzzer_sys::fuzz_target!(
    init: bodies::begin("fencer_session"),
    |data: &[u8]| bodies::run("fencer_session", data)
);
