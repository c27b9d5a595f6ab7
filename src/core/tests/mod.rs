// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the server does, by topic: inputs and the effects that they have.
mod ending;
mod memory;
mod queueing;
mod recurring;
mod registering;
mod requests;
mod transitions;
mod viewing;
