// SPDX-License-Identifier: LGPL-2.1-or-later
//! Fence devices: the fencer runs them, the executor keeps books.

/// What the executor knows of a fence device. Nobody can be asked whether one is running.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceState {
    /// Not started here since the executor was.
    #[default]
    Stopped,
    /// Registered with the fencer, which has monitored it.
    Started,
    /// It was started, but the fencer has gone since.
    Doubtful,
}

/// What the fencer is to do with a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FenceOrder {
    /// Register it, then monitor it.
    Start,
    /// Monitor it.
    Monitor,
    /// Forget it.
    Stop,
}
