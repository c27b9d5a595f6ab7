// SPDX-License-Identifier: LGPL-2.1-or-later
#![no_main]
libfuzzer_sys::fuzz_target!(
    init: bodies::begin("lsb_header"),
    |data: &[u8]| bodies::run("lsb_header", data)
);
