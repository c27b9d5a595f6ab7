// SPDX-License-Identifier: LGPL-2.1-or-later
//! What depends on Pacemaker's release: layouts that C callers see, names, words and behaviour. Nothing outside this
//! folder asks for the release (tests/architecture.rs looks): it uses a constant of this module that says what differs.
//!
//! A release is a file: `v2_1`, `v3_0`. All are always compiled, so that all are tested in one run. `--cfg
//! pcmk_abi="2.1"` or `"3.0"` chooses the one whose interface a build of the library has; without, it is 3.0. A
//! further release is a further file, which states what it changes, and a further line of the choice below.
//!
//! Within 2.1 and within 3.0 objects of Pacemaker's daemons have moved. That is no choice of the build: `layout` asks the
//! process which of them it has.

// Its files have the library's plain name, which is that of the newest interface.
#[cfg(all(cargo_c, pcmk_abi = "2.1"))]
compile_error!("cargo-c gives the interface of the newest release: packaging/build-library makes the other");

pub mod api;
pub mod behaviour;
pub mod event;
pub mod internal;
pub mod layout;
pub mod output;
pub mod remote;
pub mod shared;
pub mod v2_1;
pub mod v3_0;
pub mod words;

#[cfg(pcmk_abi = "2.1")]
use v2_1 as chosen;
#[cfg(not(pcmk_abi = "2.1"))]
use v3_0 as chosen;

pub use chosen::{ALERT_WORDS, BEHAVIOUR, CRM_COMMON, FENCING, FREE_ELEMENT, LrmdEventData, RELEASE, layout};

/// Items that only the interface of one release has.
#[cfg(pcmk_abi = "2.1")]
macro_rules! only_in {
    ("2.1", $($item:tt)*) => { $($item)* };
    ($other:literal, $($item:tt)*) => {};
}
#[cfg(not(pcmk_abi = "2.1"))]
macro_rules! only_in {
    ("3.0", $($item:tt)*) => { $($item)* };
    ($other:literal, $($item:tt)*) => {};
}
pub(crate) use only_in;

#[cfg(test)]
mod tests {
    use super::{v2_1, v3_0};
    use crate::model::Millis;
    use crate::wire::ipc::IpcLayout;

    #[test]
    fn releases_behave_as_pacemakers_do() {
        let (old, new) = (v2_1::BEHAVIOUR, v3_0::BEHAVIOUR);
        assert_eq!([old.slow_handshake_event_code, new.slow_handshake_event_code], [-129, -62]);
        assert_eq!([old.metadata_limit, new.metadata_limit], [Millis(30_000), Millis(20_000)]);
        assert_eq!((old.local_layout)(), IpcLayout::Old);
    }

    /// What controllers of these releases said to a remote node.
    #[test]
    fn the_version_that_is_announced_is_that_of_the_release() {
        for (behaviour, register) in [
            (v2_1::BEHAVIOUR, include_str!("../../../tests/golden/2.1.5-00002-c2r-cmd-register.xml")),
            (v3_0::BEHAVIOUR, include_str!("../../../tests/golden/3.0.0-00002-c2r-cmd-register.xml")),
        ] {
            let announced = format!("lrmd_protocol_version=\"{}\"", behaviour.protocol_version);
            assert!(register.contains(&announced), "{register}");
        }
    }

    #[test]
    fn each_release_has_words_for_every_status() {
        let (old, new) = (v2_1::ALERT_WORDS, v3_0::ALERT_WORDS);
        for code in 1..=11 {
            assert_ne!((old.status)(code), "UNKNOWN!");
            assert_ne!((new.status)(code), "Unrecognized status (bug?)");
        }
        assert_eq!([(old.status)(0), (new.status)(0)], ["complete", "Done"]);
        assert_eq!([(old.status)(12), (new.status)(12)], ["UNKNOWN!", "Unrecognized status (bug?)"]);
        assert_eq!((old.exit)(7), "not running");
    }

    #[test]
    fn pacemakers_library_knows_exit_statuses() {
        // That of either release, whichever this machine has: they have the same list.
        let known = [v2_1::CRM_COMMON, v3_0::CRM_COMMON].map(|library| super::words::exit_of(library, 7));
        assert!(known.iter().any(|text| text.as_deref() == Some("Not running")), "{known:?}");
    }
}
