// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a debug build logs of calls from C: names, numbers and results, and nothing that may be a secret.

use std::ffi::{c_char, c_int, c_void};
use std::ptr;
use std::sync::Mutex;

use log::{LevelFilter, Log, Metadata, Record};
// For its C symbols.
use pcmk_remote_rs as _;

unsafe extern "C" {
    fn lrmd_key_value_add(head: *mut c_void, key: *const c_char, value: *const c_char) -> *mut c_void;
    fn lrmd_key_value_freeall(head: *mut c_void);
    fn lrmd_new_rsc_info(
        rsc_id: *const c_char,
        standard: *const c_char,
        provider: *const c_char,
        agent: *const c_char,
    ) -> *mut c_void;
    fn lrmd_free_rsc_info(info: *mut c_void);
    fn lrmd_poll(lrmd: *mut c_void, timeout: c_int) -> c_int;
}

struct Lines(Mutex<Vec<String>>);

impl Log for Lines {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        self.0.lock().unwrap().push(record.args().to_string());
    }

    fn flush(&self) {}
}

#[test]
fn a_debug_build_traces_calls_without_their_secrets() {
    static LINES: Lines = Lines(Mutex::new(Vec::new()));
    log::set_logger(&LINES).unwrap();
    log::set_max_level(LevelFilter::Trace);
    // SAFETY: literals and NULL; what is made is freed once.
    unsafe {
        let params = lrmd_key_value_add(ptr::null_mut(), c"passwd".as_ptr(), c"secret".as_ptr());
        lrmd_key_value_freeall(params);
        let info = lrmd_new_rsc_info(c"web".as_ptr(), c"lsb".as_ptr(), ptr::null(), c"httpd".as_ptr());
        lrmd_free_rsc_info(info);
        assert_eq!(lrmd_poll(ptr::null_mut(), 5), -libc::ENOTCONN);
    }
    let lines = LINES.0.lock().unwrap();
    let all = lines.join("\n");
    if !cfg!(debug_assertions) {
        assert!(lines.is_empty(), "{all}");
        return;
    }
    let new = r#"-> lrmd_new_rsc_info(rsc_id="web", standard="lsb", provider=NULL, r#type="httpd")"#;
    for line in [new, "-> lrmd_poll(lrmd=0x0, _timeout=5)", "<- lrmd_poll [-107]"] {
        assert!(lines.iter().any(|found| found == line), "no {line} in:\n{all}");
    }
    assert!(all.contains("-> lrmd_key_value_add(head=0x0, key=0x"), "{all}");
    assert!(!all.contains("secret") && !all.contains("passwd"), "{all}");
    assert_eq!(all.matches("-> ").count(), 5, "one for each call:\n{all}");
    assert_eq!(all.matches("<- ").count(), 5, "one for each call:\n{all}");
}
