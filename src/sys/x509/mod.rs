// SPDX-License-Identifier: LGPL-2.1-or-later
//! Certificates, their keys and revocation lists: read from PEM, described for people, and how a peer's are judged.
//!
//! * `pem`: from a file's bytes to objects. `object`: the objects. `describe`: names, numbers and dates in words.
//! * `strictness`, `demands`: what may be demanded beyond that.
//! * `set`: what one side presents and trusts, as a whole. `whole`: whether its parts go together.
//! * `judge`, `refusal`: what OpenSSL's verification does not do, or does differently from GnuTLS. `chain`: how a
//!   verification is set up and goes; `foreign`: of chains that another TLS library got. `ffi`: functions that openssl-sys lacks.

mod chain;
mod demands;
mod describe;
mod ffi;
#[cfg(feature = "capi")]
mod foreign;
mod judge;
mod object;
mod pem;
mod refusal;
mod set;
mod strictness;
#[cfg(test)]
mod tests;
mod whole;

pub use demands::Role;
pub use describe::Time;
pub use object::{About, Certificate, PrivateKey, RevocationList};
pub use pem::{PemError, certificates, private_key, revocation_lists};
pub use set::{CertificateSet, ListFinding};
pub use strictness::{Fingerprint, NoFingerprint, Strictness, SuiteB};

pub(in crate::sys) use chain::prepare;
#[cfg(feature = "capi")]
pub(crate) use foreign::Refused;
pub(in crate::sys) use judge::Judge;
pub(in crate::sys) use refusal::Refusal;
