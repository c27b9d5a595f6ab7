// SPDX-License-Identifier: LGPL-2.1-or-later
//! A fuzz target, and the bound on what one input of it may cost.
use nix::time::{ClockId, clock_gettime};
use std::path::Path;
use std::time::Duration;

/// CPU time that an input may take. Generous: sanitizers and builds without optimisation take many times what a release
/// does. A cost that grows in the square of the length exceeds it all the same, since inputs reach 64 KiB.
#[derive(Clone, Copy)]
pub struct Cost {
    /// Whatever the input is.
    pub constant_us: u64,
    /// For each of its bytes.
    pub byte_ns: u64,
}

impl Cost {
    fn of(self, length: usize) -> Duration {
        Duration::from_micros(self.constant_us) + Duration::from_nanos(self.byte_ns) * length as u32
    }
}

/// Length of a stretched input.
const STRETCHED: usize = 64 * 1024;
/// One of so many inputs is also run stretched.
const SELDOM: u64 = 64;

/// A body that must not fail whatever its input is, with inputs to begin from.
pub struct Target {
    pub name: &'static str,
    body: fn(&[u8]),
    seeds: fn() -> Vec<Vec<u8>>,
    cost: Cost,
    is_stretched: bool,
}

impl Target {
    pub const fn new(name: &'static str, body: fn(&[u8]), seeds: fn() -> Vec<Vec<u8>>, cost: Cost) -> Self {
        Self { name, body, seeds, cost, is_stretched: false }
    }

    /// The body reads plain bytes: some inputs are repeated until they are long, so that a short input shows what a long
    /// one like it costs.
    pub const fn stretched(self) -> Self {
        Self { is_stretched: true, ..self }
    }

    /// Inputs to begin from.
    pub fn seeds(&self) -> Vec<Vec<u8>> {
        (self.seeds)()
    }

    /// Runs the body.
    ///
    /// # Panics
    /// When an assertion of the body fails, or the input costs too much.
    pub fn run(&self, data: &[u8]) {
        self.run_within_cost(data);
        if self.is_stretched && checksum(data).is_multiple_of(SELDOM) {
            self.run_within_cost(&stretch(data));
        }
    }

    fn run_within_cost(&self, data: &[u8]) {
        let most = self.cost.of(data.len());
        let cost = || {
            let began = cpu_time();
            (self.body)(data);
            cpu_time().saturating_sub(began)
        };
        // Another program on the machine can make it slow once, but not each time.
        let is_cheap = (0..3).any(|_| cost() <= most);
        assert!(is_cheap, "{}: {} bytes cost more than {most:?} of CPU time", self.name, data.len());
    }

    /// Writes each seed into a file.
    pub fn write_seeds(&self, directory: &Path) {
        for (number, seed) in self.seeds().iter().enumerate() {
            std::fs::write(directory.join(format!("seed-{number:03}")), seed).expect("seeds can be written");
        }
    }
}

/// CPU time of this thread: other load on the machine does not count.
fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("Linux has this clock").into()
}

fn checksum(data: &[u8]) -> u64 {
    data.iter().fold(data.len() as u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A part of the input repeated, between what stands before and behind it. The first bytes choose the part.
fn stretch(data: &[u8]) -> Vec<u8> {
    let place = |at: usize| data.get(at).map_or(0, |byte| usize::from(*byte) % (data.len() + 1));
    let (a, b) = (place(0), place(1));
    let (from, to) = (a.min(b), a.max(b));
    let part = &data[from..to];
    let mut long = data[..from].to_vec();
    while !part.is_empty() && long.len() < STRETCHED {
        long.extend_from_slice(part);
    }
    long.extend_from_slice(&data[to..]);
    long
}
