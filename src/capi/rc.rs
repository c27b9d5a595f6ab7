// SPDX-License-Identifier: LGPL-2.1-or-later
//! Every error to the number that C callers get for it, in one place: 0 or a negated errno, as upstream answers.

use std::ffi::c_int;

use super::abi::BEHAVIOUR;
use crate::driver::blocking::NoMetadata;
use crate::driver::client::{CallProblem, ClientError, KeyProblem, Problem};
use crate::model::Standard;

/// There is no connection.
pub const NOT_CONNECTED: c_int = -libc::ENOTCONN;
/// An argument is missing or makes no sense.
pub const INVALID: c_int = -libc::EINVAL;

/// `pcmk_err_generic`: a failure of any kind.
const GENERIC: c_int = 201;

/// How a connection was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// `connect`.
    Waited,
    /// `connect_async`, as its event tells.
    Event,
}

/// Why there is no connection.
pub fn of_connect(problem: &Problem, way: Way) -> c_int {
    match (problem, way) {
        (Problem::Tcp { errno, .. }, Way::Event) => -(*errno as c_int),
        (Problem::NameTimedOut { .. }, Way::Event) => -libc::ETIMEDOUT,
        (
            Problem::Name { .. }
            | Problem::NameTimedOut { .. }
            | Problem::Tcp { .. }
            | Problem::NoLocalExecutor(_)
            | Problem::ForeignExecutor { .. },
            _,
        ) => NOT_CONNECTED,
        (Problem::Key(KeyProblem::NoKey(_)), _) => -libc::ENOKEY,
        (Problem::Key(KeyProblem::Setup(_)), _) => -libc::EPROTO,
        (Problem::Key(KeyProblem::Certificates(_)), _) => -libc::ENODATA,
        // The controller tries again after it: a server that is stopping looks the same as one that refuses.
        (Problem::ClosedAfterHandshake { .. }, Way::Event) => -libc::ECONNABORTED,
        (Problem::ClosedAfterHandshake { .. }, Way::Waited) => -libc::ECOMM,
        (Problem::HandshakeTimedOut, Way::Event) => BEHAVIOUR.slow_handshake_event_code,
        (Problem::Handshake(_) | Problem::ClosedInHandshake | Problem::HandshakeTimedOut, _) => {
            -libc::EKEYREJECTED
        }
        (Problem::SignOn(error), _) => of_sign_on(*error),
        // Of clients in Rust alone: C is told of any other sign-on than a refused version as of a success.
        (Problem::SignOnRefused(_) | Problem::Garbled(_), _) => -libc::EPROTO,
        (
            Problem::Lost
            | Problem::Broken(_)
            | Problem::Stalled
            | Problem::Flooded
            | Problem::LateAnswer
            | Problem::Unsendable(_),
            _,
        ) => -libc::ECOMM,
    }
}

/// An answer that is none is another protocol; no answer is a matter of communication.
const fn of_sign_on(error: ClientError) -> c_int {
    match error {
        ClientError::VersionRefused | ClientError::NotAServer | ClientError::Refused => -libc::EPROTO,
        ClientError::NotConnected
        | ClientError::Busy
        | ClientError::Stale
        | ClientError::NeverAnswered
        | ClientError::TimedOut
        | ClientError::Flooded
        | ClientError::Closed => -libc::ECOMM,
    }
}

/// Why a call over TLS (`remote`) or local IPC has no answer.
pub fn of_call(problem: &CallProblem, remote: bool) -> c_int {
    match problem {
        CallProblem::NotConnected | CallProblem::Ended(_) => NOT_CONNECTED,
        CallProblem::TimedOut if remote => -libc::ETIME,
        CallProblem::TimedOut => -libc::ETIMEDOUT,
        CallProblem::Stale => -libc::EALREADY,
        CallProblem::NotSent(errno) => -(*errno as c_int),
        CallProblem::TooLarge(_) => -libc::EMSGSIZE,
        CallProblem::Refused(error) => match error {
            ClientError::Busy => -libc::EBUSY,
            ClientError::Refused => -libc::EPROTO,
            ClientError::NeverAnswered => INVALID,
            ClientError::Stale => -libc::EALREADY,
            ClientError::TimedOut => -libc::ETIME,
            ClientError::VersionRefused | ClientError::NotAServer => -libc::EPROTO,
            ClientError::NotConnected | ClientError::Closed | ClientError::Flooded => NOT_CONNECTED,
        },
    }
}

/// Why a waited question for an agent's metadata has no answer.
pub fn of_metadata(error: &NoMetadata, standard: Option<Standard>) -> c_int {
    let is_fence_agent = standard == Some(Standard::Stonith);
    match error {
        NoMetadata::NotInstalled(_) if is_fence_agent => -libc::ENODEV,
        NoMetadata::TimedOut(_) if is_fence_agent => -libc::ETIME,
        NoMetadata::Failed(_) if is_fence_agent => -GENERIC,
        NoMetadata::TimedOut(_) | NoMetadata::Failed(_) => -libc::EIO,
        // An init script is looked for when it is read, the others before anything is tried.
        NoMetadata::NotInstalled(_) if standard != Some(Standard::Ocf) => -libc::EIO,
        NoMetadata::NotInstalled(_) | NoMetadata::Invalid(_) => INVALID,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::SessionError;
    use crate::sys::tls::TlsError;
    use nix::errno::Errno;

    #[test]
    fn connecting_fails_with_the_controllers_codes() {
        let tcp = Problem::Tcp { address: ([127, 0, 0, 1], 3121).into(), errno: Errno::ECONNREFUSED };
        let wrong_key = Problem::Handshake(SessionError::Tls(TlsError::WrongKey));
        let slow = BEHAVIOUR.slow_handshake_event_code;
        for (problem, waited, event) in [
            (Problem::Name { host: String::new(), reason: String::new() }, -107, -107),
            (Problem::NameTimedOut { host: String::new() }, -107, -110),
            (tcp, -107, -111),
            (Problem::NoLocalExecutor(Errno::ECONNREFUSED), -107, -107),
            (Problem::ForeignExecutor { server: String::new(), holder: String::new() }, -107, -107),
            (Problem::Key(KeyProblem::NoKey(String::new())), -126, -126),
            (Problem::Key(KeyProblem::Setup(String::new())), -71, -71),
            (Problem::Key(KeyProblem::Certificates(String::new())), -61, -61),
            (Problem::ClosedAfterHandshake { certificate: String::new() }, -70, -103),
            (wrong_key, -129, -129),
            (Problem::ClosedInHandshake, -129, -129),
            (Problem::HandshakeTimedOut, -129, slow),
            (Problem::SignOn(ClientError::VersionRefused), -71, -71),
            (Problem::SignOn(ClientError::NotAServer), -71, -71),
            (Problem::SignOn(ClientError::TimedOut), -70, -70),
            (Problem::SignOn(ClientError::NotConnected), -70, -70),
            (Problem::Lost, -70, -70),
        ] {
            assert_eq!(of_connect(&problem, Way::Waited), waited, "{problem:?}");
            assert_eq!(of_connect(&problem, Way::Event), event, "{problem:?}");
        }
    }

    #[test]
    fn calls_fail_with_upstreams_codes() {
        for (problem, remote, local) in [
            (CallProblem::NotConnected, -107, -107),
            (CallProblem::Ended(Problem::Lost), -107, -107),
            (CallProblem::TimedOut, -62, -110),
            (CallProblem::Stale, -114, -114),
            (CallProblem::NotSent(Errno::ENOTCONN), -107, -107),
            (CallProblem::TooLarge(String::new()), -90, -90),
            (CallProblem::Refused(ClientError::Refused), -71, -71),
            (CallProblem::Refused(ClientError::Busy), -16, -16),
        ] {
            assert_eq!(of_call(&problem, true), remote, "{problem:?}");
            assert_eq!(of_call(&problem, false), local, "{problem:?}");
        }
    }

    #[test]
    fn metadata_fails_with_upstreams_codes() {
        let text = String::new;
        for (error, ocf, fence, lsb) in [
            (NoMetadata::NotInstalled(text()), -22, -19, -5),
            (NoMetadata::TimedOut(text()), -5, -62, -5),
            (NoMetadata::Failed(text()), -5, -201, -5),
            (NoMetadata::Invalid(text()), -22, -22, -22),
        ] {
            let codes = [Standard::Ocf, Standard::Stonith, Standard::Lsb]
                .map(|standard| of_metadata(&error, Some(standard)));
            assert_eq!(codes, [ocf, fence, lsb], "{error:?}");
        }
    }
}
