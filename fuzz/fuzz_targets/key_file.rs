// SPDX-License-Identifier: LGPL-2.1-or-later
#![no_main]
libfuzzer_sys::fuzz_target!(
    init: bodies::begin("key_file"),
    |data: &[u8]| bodies::run("key_file", data)
);
