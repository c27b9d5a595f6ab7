// SPDX-License-Identifier: LGPL-2.1-or-later
#![no_main]
libfuzzer_sys::fuzz_target!(
    init: bodies::begin("message_codec"),
    |data: &[u8]| bodies::run("message_codec", data)
);
