// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the exit code of an init script means.
use crate::agents::plan::Convention;
use crate::model::OcfExit;

/// Exit codes of `status` and of everything else, as OCF codes.
pub(in crate::agents) fn exit(code: i32, convention: Convention) -> OcfExit {
    if convention == Convention::LsbStatus {
        return match code {
            0 => OcfExit::OK,
            1..=3 => OcfExit::NOT_RUNNING,
            150 => OcfExit::NOT_INSTALLED,
            151 => OcfExit::INSUFFICIENT_PRIVILEGES,
            _ => OcfExit::ERROR,
        };
    }
    match code {
        0..=7 => OcfExit(code),
        _ => OcfExit::ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes() {
        for (code, status, other) in
            [(0, 0, 0), (1, 7, 1), (3, 7, 3), (4, 1, 4), (7, 1, 7), (8, 1, 1), (150, 5, 1), (151, 4, 1)]
        {
            assert_eq!(exit(code, Convention::LsbStatus).0, status, "status: {code}");
            assert_eq!(exit(code, Convention::Lsb).0, other, "other: {code}");
        }
    }
}
