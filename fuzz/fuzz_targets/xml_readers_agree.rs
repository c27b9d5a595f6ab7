// SPDX-License-Identifier: LGPL-2.1-or-later
#![no_main]
libfuzzer_sys::fuzz_target!(
    init: bodies::begin("xml_readers_agree"),
    |data: &[u8]| bodies::run("xml_readers_agree", data)
);
