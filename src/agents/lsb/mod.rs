// SPDX-License-Identifier: LGPL-2.1-or-later
//! Init scripts: programs in one directory, which get no parameters.

mod exit;
mod metadata;
mod names;
mod plan;

pub(super) use exit::exit;
pub(super) use metadata::of_script as metadata;
pub(super) use names::{names, script};
pub(super) use plan::plan;
