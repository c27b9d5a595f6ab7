// SPDX-License-Identifier: LGPL-2.1-or-later
//! What an agent is started with, and what its exit means, by agent standard. Pure.
#![forbid(unsafe_code)]
