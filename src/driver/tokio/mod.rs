// SPDX-License-Identifier: LGPL-2.1-or-later
//! The daemons' driver, on a current-thread tokio runtime.

pub mod children;
mod files;
mod output;
mod watch;
