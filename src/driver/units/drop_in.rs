// SPDX-License-Identifier: LGPL-2.1-or-later
//! The drop-in by which a unit is the cluster's while the cluster runs it.
use crate::agents::UnitPlan;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Writes it, readable by all whatever the daemon's mask is.
pub(super) fn write(plan: &UnitPlan) -> io::Result<()> {
    if let Some(directory) = plan.drop_in.parent() {
        fs::create_dir_all(directory)?;
        fs::set_permissions(directory, Permissions::from_mode(0o755))?;
    }
    fs::write(&plan.drop_in, plan.drop_in_text())?;
    fs::set_permissions(&plan.drop_in, Permissions::from_mode(0o644))
}

/// Takes it away; was there one?
pub(super) fn remove(plan: &UnitPlan) -> bool {
    match fs::remove_file(&plan.drop_in) {
        Ok(()) => {
            // Others may have drop-ins there.
            let _ = plan.drop_in.parent().map(fs::remove_dir::<&Path>);
            true
        }
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => {
            log::warn!("Could not remove {}: {error}", plan.drop_in.display());
            false
        }
    }
}
