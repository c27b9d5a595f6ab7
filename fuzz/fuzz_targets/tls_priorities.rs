// SPDX-License-Identifier: LGPL-2.1-or-later
#![no_main]
libfuzzer_sys::fuzz_target!(
    init: bodies::begin("tls_priorities"),
    |data: &[u8]| bodies::run("tls_priorities", data)
);
