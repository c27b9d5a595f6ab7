// SPDX-License-Identifier: LGPL-2.1-or-later
#![no_main]
libfuzzer_sys::fuzz_target!(
    init: bodies::begin("dbus_message"),
    |data: &[u8]| bodies::run("dbus_message", data)
);
