// SPDX-License-Identifier: LGPL-2.1-or-later
//! What proves to each other who the two sides are.
use super::psk::Secret;
use crate::sys::x509::Judge;
use std::sync::Arc;

/// One excludes the other.
#[derive(Clone)]
pub(super) enum Proof {
    Key(Arc<Secret>),
    Certificates(Arc<Judge>),
}
