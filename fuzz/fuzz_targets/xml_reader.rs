// SPDX-License-Identifier: LGPL-2.1-or-later
#![no_main]
libfuzzer_sys::fuzz_target!(
    init: bodies::begin("xml_reader"),
    |data: &[u8]| bodies::run("xml_reader", data)
);
