// SPDX-License-Identifier: LGPL-2.1-or-later
//! Panics end where C code has called us: unwinding through C frames is undefined. A caught panic is logged with its
//! message and location, so that a report of it says something.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{self, AssertUnwindSafe, Location, catch_unwind};
use std::sync::Once;
use std::thread;

thread_local! {
    /// How many calls of [`catch`] are under way in this thread.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// Where the last panic within one of them began.
    static LOCATION: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A panic that was caught. It shows itself as its message and its location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panic {
    message: String,
    location: Option<String>,
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Some(location) => write!(f, "{}, at {location}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// Runs `body`. After a panic the caller must not use what `body` may have left half done.
///
/// # Errors
/// The panic, which has ended here.
pub fn catch<T>(body: impl FnOnce() -> T) -> Result<T, Panic> {
    record_locations();
    let depth = DEPTH.try_with(|depth| depth.replace(depth.get() + 1));
    let result = catch_unwind(AssertUnwindSafe(body));
    if let Ok(before) = depth {
        // Present as long as the thread's other values, of which one was there a moment ago.
        let _ = DEPTH.try_with(|depth| depth.set(before));
    }
    result.map_err(|payload| Panic {
        message: message(payload.as_ref()),
        location: LOCATION.try_with(RefCell::take).ok().flatten(),
    })
}

/// Runs the body of a callback that a C library calls. A panic is logged and ends here: the library gets `failed`.
#[track_caller]
pub fn guard<T>(failed: T, body: impl FnOnce() -> T) -> T {
    let callback = Location::caller();
    catch(body).unwrap_or_else(|panic| {
        log::error!("callback in {callback}: an internal error was caught; please report it: {panic}");
        failed
    })
}

/// Only a hook learns where a panic begins. Ours keeps the location and calls the one that was there.
fn record_locations() {
    static ONCE: Once = Once::new();
    // With "abort" nothing is ever caught. In a thread that panics already a hook cannot be set.
    if cfg!(panic = "abort") || ONCE.is_completed() || thread::panicking() {
        return;
    }
    ONCE.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if DEPTH.try_with(Cell::get).is_ok_and(|depth| depth > 0) {
                let location = info.location().map(ToString::to_string);
                let _ = LOCATION.try_with(|kept| kept.try_borrow_mut().map(|mut kept| *kept = location));
            }
            others(info);
        }));
    });
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_the_failed_answer() {
        assert_eq!(guard(-1, || panic!("as a test does")), -1);
        assert_eq!(guard(-1, || 5), 5);
    }

    #[test]
    fn a_caught_panic_tells_its_message_and_location() {
        let line = line!() + 1;
        let panic = catch(|| panic!("{} went wrong", 7)).map(|()| "no panic").unwrap_err();
        let text = panic.to_string();
        assert!(text.starts_with("7 went wrong, at "), "{text}");
        assert!(text.contains(&format!("unwind.rs:{line}:")), "{text}");
        let literal = catch(|| panic!("a literal")).map(|()| "no panic").unwrap_err();
        assert!(literal.to_string().starts_with("a literal, at "), "{literal}");
        let other = catch(|| panic::panic_any(5)).map(|()| "no panic").unwrap_err();
        assert!(other.to_string().starts_with("a panic without a message, at "), "{other}");
    }

    #[test]
    fn a_panic_while_another_unwinds_is_caught_as_well() {
        struct Guarded;
        impl Drop for Guarded {
            fn drop(&mut self) {
                assert_eq!(guard(-1, || panic!("inner")), -1);
            }
        }
        let outer = catch(|| {
            let _guarded = Guarded;
            panic!("outer")
        });
        assert!(outer.map(|()| "no panic").unwrap_err().to_string().starts_with("outer"));
    }
}
