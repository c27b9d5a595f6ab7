// SPDX-License-Identifier: LGPL-2.1-or-later
//! What both readers accept, they read alike. Only where values hold characters beyond ASCII the lenient one goes
//! by the habits of old peers' writer, so that it may find another end of a value.
use pcmk_remote_rs::wire::xml::{read_leniently, read_strictly};

pub fn fuzz_one(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if !text.is_ascii() {
        return;
    }
    if let (Ok(strict), Ok(lenient)) = (read_strictly(&text), read_leniently(&text)) {
        assert_eq!(strict, lenient);
    }
}
