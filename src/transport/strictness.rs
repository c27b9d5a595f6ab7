// SPDX-License-Identifier: LGPL-2.1-or-later
//! The options by which more is demanded of a peer's certificates than Pacemaker does. A value that cannot be used is an
//! error, as in `PCMK_tls_priorities`: to go on without it would be less than was asked for.
use crate::model::options::{
    CRL_FILE, ClusterOption, Rules, TLS_MIN_CURVE_BITS, TLS_MIN_RSA_BITS, TLS_PEER_FINGERPRINTS,
    TLS_PEER_NAMES, TLS_REQUIRE_CRL, TLS_SECURITY_LEVEL, TLS_VERIFY_HOST, TLS_VERIFY_PURPOSE, boolean,
};
use crate::sys::x509::{Fingerprint, Strictness};
use std::ffi::OsString;
use std::fmt;

/// Why the demands cannot be met as they stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StrictnessError {
    /// The variable's value is none.
    Value {
        /// The variable.
        variable: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Lists are demanded, and no file of lists is named.
    NoLists,
}

impl fmt::Display for StrictnessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value { variable, value, problem } => write!(f, "{variable} is \"{value}\": {problem}"),
            Self::NoLists => write!(
                f,
                "{} is set, but {} is not: every peer would be refused",
                TLS_REQUIRE_CRL.variable, CRL_FILE.variable
            ),
        }
    }
}

impl std::error::Error for StrictnessError {}

const ALL: [&ClusterOption; 8] = [
    &TLS_VERIFY_HOST,
    &TLS_VERIFY_PURPOSE,
    &TLS_REQUIRE_CRL,
    &TLS_PEER_NAMES,
    &TLS_PEER_FINGERPRINTS,
    &TLS_SECURITY_LEVEL,
    &TLS_MIN_RSA_BITS,
    &TLS_MIN_CURVE_BITS,
];

/// What the environment demands; `variable` gives a variable's value. A blank value demands nothing.
///
/// # Errors
/// A value that cannot be used, or a demand that nothing could meet.
pub fn read(
    rules: Rules,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Strictness, StrictnessError> {
    let reader = Reader { rules, variable };
    let read = Strictness {
        security_level: reader.number(&TLS_SECURITY_LEVEL, |level| (1..=5).contains(&level))?,
        least_rsa_bits: reader.number(&TLS_MIN_RSA_BITS, |bits| bits <= 16_384)?,
        least_curve_bits: reader.number(&TLS_MIN_CURVE_BITS, |bits| bits <= 521)?,
        names: reader.list(&TLS_PEER_NAMES, host_name)?,
        fingerprints: reader.list(&TLS_PEER_FINGERPRINTS, |word| word.parse::<Fingerprint>().ok())?,
        verify_host: reader.switch(&TLS_VERIFY_HOST)?,
        verify_purpose: reader.switch(&TLS_VERIFY_PURPOSE)?,
        require_lists: reader.switch(&TLS_REQUIRE_CRL)?,
        ..Strictness::default()
    };
    if read.require_lists && rules.certificate(&CRL_FILE, &reader.variable).is_none() {
        return Err(StrictnessError::NoLists);
    }
    Ok(read.and(Strictness::default()))
}

/// What deserves a warning where no certificates are used: demands that are set for nothing.
pub fn without_certificates(rules: Rules, variable: impl Fn(&str) -> Option<OsString>) -> Option<String> {
    let reader = Reader { rules, variable };
    let set: Vec<_> = ALL.iter().filter_map(|option| Some(reader.text(option)?.0)).collect();
    let verb = if set.len() == 1 { "has" } else { "have" };
    (!set.is_empty()).then(|| format!("{} {verb} no effect: certificates are not used", set.join(" and ")))
}

struct Reader<F> {
    rules: Rules,
    variable: F,
}

impl<F: Fn(&str) -> Option<OsString>> Reader<F> {
    /// The variable and its value, which is not blank.
    fn text(&self, option: &ClusterOption) -> Option<(&'static str, String)> {
        let setting = self.rules.find(option, &self.variable)?;
        let text = setting.text().trim().to_owned();
        (!text.is_empty()).then_some((setting.variable, text))
    }

    fn parsed<T>(
        &self,
        option: &ClusterOption,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, StrictnessError> {
        let Some((variable, value)) = self.text(option) else { return Ok(None) };
        match parse(&value) {
            Some(parsed) => Ok(Some(parsed)),
            None => Err(StrictnessError::Value { variable, value, problem: option.value.problem() }),
        }
    }

    /// Whole numbers, whatever the rules are: `3x` must not become 3 here.
    fn number(
        &self,
        option: &ClusterOption,
        in_range: impl FnOnce(i32) -> bool,
    ) -> Result<i32, StrictnessError> {
        let parse = |text: &str| text.parse::<u16>().ok().map(i32::from).filter(|number| in_range(*number));
        Ok(self.parsed(option, parse)?.unwrap_or(0))
    }

    fn switch(&self, option: &ClusterOption) -> Result<bool, StrictnessError> {
        Ok(self.parsed(option, boolean)?.unwrap_or(false))
    }

    /// Words that are separated by commas or blanks.
    fn list<T>(
        &self,
        option: &ClusterOption,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<T>, StrictnessError> {
        let words = |text: &str| {
            let words = text.split(|character: char| character == ',' || character.is_whitespace());
            let list: Vec<T> = words.filter(|word| !word.is_empty()).map(&parse).collect::<Option<_>>()?;
            (!list.is_empty()).then_some(list)
        };
        Ok(self.parsed(option, words)?.unwrap_or_default())
    }
}

/// A host name or an address.
fn host_name(word: &str) -> Option<String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    word.bytes().all(fits).then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Release;
    use crate::model::options::{DAEMON, TRANSPORT, client};

    const DIGITS: &str = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";

    fn get(pairs: &[(&str, &str)]) -> impl Fn(&str) -> Option<OsString> {
        move |name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
    }

    #[test]
    fn nothing_is_demanded_unless_it_is_asked_for() {
        for rules in [DAEMON, TRANSPORT, client(Release::V3_0), client(Release::V2_1)] {
            assert_eq!(read(rules, get(&[])), Ok(Strictness::default()));
            let blank: Vec<_> = ALL.iter().map(|option| (option.variable, " ")).collect();
            assert_eq!(read(rules, get(&blank)), Ok(Strictness::default()));
            let off = [("PCMK_tls_verify_host", "no"), ("PCMK_tls_require_crl", "off")];
            assert_eq!(read(rules, get(&off)), Ok(Strictness::default()));
        }
    }

    #[test]
    fn each_option_sets_its_demand() {
        for rules in [DAEMON, TRANSPORT, client(Release::V3_0)] {
            let colons = DIGITS.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap());
            let fingerprints = format!("{DIGITS}, {}", colons.collect::<Vec<_>>().join(":"));
            let all = [
                ("PCMK_tls_verify_host", "yes"),
                ("PCMK_tls_verify_purpose", "on"),
                ("PCMK_tls_require_crl", "1"),
                ("PCMK_crl_file", "/crl"),
                ("PCMK_tls_peer_names", "n1, n2.example 2001:db8::1"),
                ("PCMK_tls_peer_fingerprints", &fingerprints),
                ("PCMK_tls_security_level", "3"),
                ("PCMK_tls_min_rsa_bits", "3072"),
                ("PCMK_tls_min_curve_bits", "384"),
            ];
            let fingerprint: Fingerprint = DIGITS.parse().unwrap();
            let expected = Strictness {
                security_level: 3,
                least_rsa_bits: 3072,
                least_curve_bits: 384,
                names: vec!["n1".to_owned(), "n2.example".to_owned(), "2001:db8::1".to_owned()],
                fingerprints: vec![fingerprint; 2],
                verify_host: true,
                verify_purpose: true,
                require_lists: true,
                ..Strictness::default()
            };
            assert_eq!(read(rules, get(&all)), Ok(expected));
        }
    }

    #[test]
    fn a_value_that_cannot_be_used_is_an_error_that_names_it() {
        for rules in [DAEMON, TRANSPORT, client(Release::V3_0)] {
            for (variable, value) in [
                ("PCMK_tls_verify_host", "maybe"),
                ("PCMK_tls_verify_purpose", "2"),
                ("PCMK_tls_peer_names", "n1;n2"),
                ("PCMK_tls_peer_names", ","),
                ("PCMK_tls_peer_fingerprints", "00:11"),
                ("PCMK_tls_peer_fingerprints", &DIGITS.replace('a', "+")),
                ("PCMK_tls_security_level", "0"),
                ("PCMK_tls_security_level", "3x"),
                ("PCMK_tls_security_level", "6"),
                ("PCMK_tls_min_rsa_bits", "-1"),
                ("PCMK_tls_min_rsa_bits", "30720"),
                ("PCMK_tls_min_curve_bits", "571"),
            ] {
                let error = read(rules, get(&[(variable, value)])).unwrap_err().to_string();
                assert!(
                    error.starts_with(&format!("{variable} is \"{value}\": not"))
                        || error.contains("neither"),
                    "{error}"
                );
            }
        }
        let lists = [("PCMK_tls_require_crl", "yes")];
        assert_eq!(read(DAEMON, get(&lists)), Err(StrictnessError::NoLists));
    }

    #[test]
    fn demands_without_certificates_are_named() {
        assert_eq!(without_certificates(DAEMON, get(&[])), None);
        let set =
            [("PCMK_tls_peer_names", "n1"), ("PCMK_tls_verify_host", "yes"), ("PCMK_tls_min_rsa_bits", "")];
        assert_eq!(
            without_certificates(DAEMON, get(&set)).unwrap(),
            "PCMK_tls_verify_host and PCMK_tls_peer_names have no effect: certificates are not used"
        );
    }
}
