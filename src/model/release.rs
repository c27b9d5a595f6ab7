// SPDX-License-Identifier: LGPL-2.1-or-later
//! The releases of Pacemaker that behave differently where a caller can see it.

/// A series of Pacemaker's releases. Orders, words and return codes follow the one that is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Release {
    /// Pacemaker 2.1.
    V2_1,
    /// Pacemaker 3.0.
    #[default]
    V3_0,
}
