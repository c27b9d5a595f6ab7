// SPDX-License-Identifier: LGPL-2.1-or-later
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::xml_readers_agree::fuzz_one(data));
