// SPDX-License-Identifier: LGPL-2.1-or-later
//! A connection without a socket: TLS bytes to messages, and back.
#![forbid(unsafe_code)]
