// SPDX-License-Identifier: LGPL-2.1-or-later
//! Which units there are, and how an agent's name becomes a unit's.
use crate::agents::config::NodeUnits;

/// Kinds of unit that a name may end with; any other name is a service's.
const EXTENSIONS: [&str; 5] = [".service", ".socket", ".mount", ".timer", ".path"];

/// A name without a known extension is a service's; a template without an instance gets the cluster's own.
pub(super) fn unit_name(agent: &str) -> String {
    let extension = EXTENSIONS.iter().find(|extension| agent.ends_with(**extension));
    let (name, extension) = match extension {
        Some(extension) => (agent.strip_suffix(extension).unwrap_or(agent), *extension),
        None => (agent, ".service"),
    };
    let instance = if name.ends_with('@') { "pacemaker" } else { "" };
    format!("{name}{instance}{extension}")
}

/// The units that a cluster can manage, without the extension of services, in the order of their letters.
pub(in crate::agents) fn names(units: &dyn NodeUnits) -> Vec<String> {
    let mut names: Vec<String> = units.files().iter().filter_map(|path| name(path)).collect();
    names.sort_by_cached_key(|name| (name.to_ascii_lowercase(), name.clone()));
    names.dedup();
    names
}

fn name(path: &str) -> Option<String> {
    let file = path.rsplit('/').next()?;
    let extension = EXTENSIONS.iter().find(|extension| file.ends_with(**extension))?;
    let name = if *extension == ".service" { file.strip_suffix(extension)? } else { file };
    (!name.is_empty()).then(|| name.to_owned())
}

/// Does systemd have the unit that this agent stands for?
pub(in crate::agents) fn exists(agent: &str, units: &dyn NodeUnits) -> bool {
    let state = units.property(&unit_name(agent), "LoadState");
    matches!(state.as_deref(), Some("loaded" | "masked"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::testing::FakeUnits;

    #[test]
    fn names_of_units() {
        for (agent, full) in [
            ("web", "web.service"),
            ("web.service", "web.service"),
            ("web.timer", "web.timer"),
            ("data.mount", "data.mount"),
            ("a.path", "a.path"),
            ("a.socket", "a.socket"),
            ("php8.2-fpm", "php8.2-fpm.service"),
            ("multi-user.target", "multi-user.target.service"),
            ("vpn@", "vpn@pacemaker.service"),
            ("vpn@.timer", "vpn@pacemaker.timer"),
            ("vpn@site", "vpn@site.service"),
            ("vpn@site.service", "vpn@site.service"),
        ] {
            assert_eq!(unit_name(agent), full);
        }
    }

    #[test]
    fn what_a_cluster_can_manage() {
        let units = FakeUnits::default()
            .with("/lib/systemd/system/web.service", "loaded", "")
            .with("/lib/systemd/system/Data.mount", "loaded", "")
            .with("/lib/systemd/system/vpn@.service", "loaded", "")
            .with("/lib/systemd/system/a.timer", "loaded", "")
            .with("/lib/systemd/system/a.path", "loaded", "")
            .with("/lib/systemd/system/a.socket", "loaded", "")
            .with("/lib/systemd/system/a.target", "loaded", "")
            .with("/lib/systemd/system/.service", "loaded", "")
            .with("/run/systemd/generator/web.service", "loaded", "");
        assert_eq!(names(&units), ["a.path", "a.socket", "a.timer", "Data.mount", "vpn@", "web"]);
        assert!(names(&FakeUnits::default()).is_empty());
    }

    #[test]
    fn a_unit_that_systemd_could_load_exists() {
        let units = FakeUnits::default()
            .with("/x/web.service", "loaded", "")
            .with("/x/off.service", "masked", "")
            .with("/x/bad.service", "bad-setting", "");
        for (agent, there) in
            [("web", true), ("web.service", true), ("off", true), ("bad", false), ("no", false)]
        {
            assert_eq!(exists(agent, &units), there, "{agent}");
        }
    }
}
