// SPDX-License-Identifier: LGPL-2.1-or-later
//! The time of day in the node's time zone, for log lines and time stamps.

/// A calendar time as log lines show it.
#[cfg(feature = "daemon")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime {
    /// 0 is January.
    pub month: usize,
    /// 1 to 31.
    pub day: u32,
    /// 0 to 23.
    pub hour: u32,
    /// 0 to 59.
    pub minute: u32,
    /// 0 to 60.
    pub second: u32,
}

/// What clocks on the wall showed `epoch_s` seconds after the epoch. `None` for a year beyond all reckoning.
#[cfg(feature = "daemon")]
pub fn local_time(epoch_s: i64) -> Option<LocalTime> {
    let parts = broken_down(epoch_s)?;
    let small = |value: libc::c_int| u32::try_from(value).ok();
    Some(LocalTime {
        month: usize::try_from(parts.tm_mon).ok()?,
        day: small(parts.tm_mday)?,
        hour: small(parts.tm_hour)?,
        minute: small(parts.tm_min)?,
        second: small(parts.tm_sec)?,
    })
}

/// The same by a format of `strftime(3)`. `None` also if it would be longer than `longest` bytes; a NUL ends the
/// format.
#[cfg(feature = "capi")]
pub fn show_local(epoch_s: i64, format: &[u8], longest: usize) -> Option<String> {
    // What is empty and what is too long look the same to strftime, so there is always something.
    let mut whole = vec![b'.'];
    whole.extend(format.iter().take_while(|byte| **byte != 0));
    whole.push(0);
    let parts = broken_down(epoch_s)?;
    let mut shown = vec![0u8; longest.checked_add(2)?];
    // SAFETY: room for as many bytes as said, a format that ends with NUL, and calendar time that localtime_r filled.
    let length = unsafe {
        libc::strftime(shown.as_mut_ptr().cast(), shown.len(), whole.as_ptr().cast(), &raw const parts)
    };
    Some(String::from_utf8_lossy(shown.get(1..length)?).into_owned())
}

fn broken_down(epoch_s: i64) -> Option<libc::tm> {
    let mut parts = std::mem::MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are valid for the call; the time zone comes from an environment that nobody
    // changes (std::env::set_var is banned), so reading it cannot race.
    let filled = unsafe { libc::localtime_r(&epoch_s, parts.as_mut_ptr()) };
    if filled.is_null() {
        return None;
    }
    // SAFETY: localtime_r succeeded and filled the structure; all-zero bytes were valid before it too.
    Some(unsafe { parts.assume_init() })
}

#[cfg(all(test, feature = "daemon"))]
mod tests {
    use super::*;

    #[test]
    fn a_day_later_is_the_same_time_of_day() {
        // 15 and 16 January 2024, noon UTC: no zone changes its clocks between them.
        let one = local_time(1_705_320_000).unwrap();
        let next = local_time(1_705_320_000 + 86_400).unwrap();
        assert_eq!(one.month, 0);
        assert_eq!((one.hour, one.minute, one.second), (next.hour, next.minute, next.second));
        assert_eq!(one.day + 1, next.day);
    }

    #[test]
    fn absurd_times_are_refused() {
        assert_eq!(local_time(i64::MAX), None);
    }
}
