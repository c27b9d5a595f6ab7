// SPDX-License-Identifier: LGPL-2.1-or-later
//! How calls from C look in the log of a debug build: numbers as they are, pointers as addresses, and of texts only
//! those that [`entry!`](super::entry) marks.

use std::ffi::{CStr, c_char};
use std::fmt;

/// A call as it comes in.
pub(super) struct Call<'a> {
    /// The entry point.
    pub(super) name: &'a str,
    /// Names and values.
    pub(super) arguments: &'a [(&'a str, &'a dyn fmt::Debug)],
}

impl fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.name)?;
        for (number, (name, value)) in self.arguments.iter().enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            write!(f, "{comma}{name}={value:?}")?;
        }
        f.write_str(")")
    }
}

/// A C string that may be shown.
pub(super) struct Text<'a>(Option<&'a CStr>);

impl Text<'_> {
    /// # Safety
    /// `text` is NULL or a C string that stays as it is while this lives.
    pub(super) unsafe fn of(text: *const c_char) -> Self {
        // SAFETY: not NULL, and a C string by the caller's promise.
        Self((!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }))
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(text) => text.fmt(f),
            None => f.write_str("NULL"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr;

    #[test]
    fn a_call_shows_its_marked_texts_and_only_the_addresses_of_others() {
        let hidden = ptr::without_provenance::<c_char>(0x10);
        // SAFETY: a literal and NULL.
        let (text, none) = unsafe { (Text::of(c"web\n".as_ptr()), Text::of(ptr::null())) };
        let arguments: &[(&str, &dyn fmt::Debug)] =
            &[("rsc_id", &text), ("provider", &none), ("userdata", &hidden), ("timeout", &-5)];
        let call = Call { name: "exec", arguments };
        assert_eq!(call.to_string(), r#"exec(rsc_id="web\n", provider=NULL, userdata=0x10, timeout=-5)"#);
        assert_eq!(Call { name: "f", arguments: &[] }.to_string(), "f()");
    }
}
