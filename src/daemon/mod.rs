// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the daemons share beside the protocol: configuration, logging, PID 1 mode.
#![forbid(unsafe_code)]
