// SPDX-License-Identifier: LGPL-2.1-or-later
//! Any text: what is read and written again stays as it is, and a payload cannot break out of its envelope.
use pcmk_remote_rs::wire::xml::{Limits, check_element, read, read_document};

pub fn fuzz_one(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match read(&text) {
        Ok(element) => {
            let written = element.to_text();
            let again = read(&written).expect("we write valid XML");
            assert_eq!(again.to_text(), written);
            assert_eq!(again.name, element.name);
            if let Ok(payload) = check_element(&written) {
                assert_eq!(payload.as_str(), written);
            }
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            // Only what would be too much to hold can be carried without being readable.
            assert!(check_element(&text).is_err() || error.to_string().contains("more than"));
        }
    }
    if let Ok(payload) = check_element(&text) {
        assert_eq!(check_element(payload.as_str()).as_ref(), Ok(&payload));
        let wrapped = format!("<p a=\"1\"><m>{}</m></p>", payload.as_str());
        let document = read_document(&wrapped, "m", Limits::LARGE).expect("a payload fits into an envelope");
        assert_eq!(document.payload, Some(payload));
        assert_eq!(document.root.attribute("a"), Some("1"));
        assert_eq!(document.root.elements().count(), 1);
    }
}
