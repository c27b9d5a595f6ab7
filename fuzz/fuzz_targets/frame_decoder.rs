// SPDX-License-Identifier: LGPL-2.1-or-later
#![no_main]
libfuzzer_sys::fuzz_target!(
    init: bodies::begin("frame_decoder"),
    |data: &[u8]| bodies::run("frame_decoder", data)
);
