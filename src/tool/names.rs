// SPDX-License-Identifier: LGPL-2.1-or-later
//! Agents and parameters as people type them.
use crate::model::{Agent, Params};

/// `ocf:PROVIDER:TYPE` or `STANDARD:TYPE`.
pub(super) fn agent(text: &str) -> Result<Agent, String> {
    Agent::named(text).ok_or_else(|| format!("'{text}' is no agent: give ocf:PROVIDER:TYPE or STANDARD:TYPE"))
}

/// `NAME=VALUE`, each.
pub(super) fn parameters(pairs: &[String]) -> Result<Params, String> {
    let split = |pair: &String| match pair.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("'{pair}' is no parameter: give NAME=VALUE")),
    };
    pairs.iter().map(split).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_are_named_as_in_the_configuration() {
        let ocf = agent("ocf:heartbeat:IPaddr2").unwrap();
        assert_eq!((ocf.provider.as_deref(), ocf.name.as_str()), (Some("heartbeat"), "IPaddr2"));
        assert_eq!(agent("lsb:exim").unwrap().provider, None);
        for (text, provider, name) in [
            ("lsb:a:b", None, "a:b"),
            ("systemd:f-inst@x:y.service", None, "f-inst@x:y.service"),
            ("service:a:b", None, "a:b"),
            ("stonith:external/x:y", None, "external/x:y"),
            ("OCF:p:a:b", Some("p"), "a:b"),
            ("web:0", None, "0"),
        ] {
            let agent = agent(text).unwrap();
            assert_eq!((agent.provider.as_deref(), agent.name.as_str()), (provider, name), "{text}");
            assert_eq!(agent.to_string(), text);
        }
        for incomplete in ["ocf::x", "ocf:p:", "lsb:", ":x", ""] {
            assert!(agent(incomplete).is_err(), "{incomplete}");
        }
        assert!(agent("ocf:IPaddr2").is_err());
        assert!(agent("exim").is_err());
    }

    #[test]
    fn parameters_need_a_name() {
        let params = parameters(&["a=1=2".into(), "b=".into()]).unwrap();
        assert_eq!(params.get("a"), Some("1=2"));
        assert_eq!(params.get("b"), Some(""));
        assert!(parameters(&["=x".into()]).is_err());
    }
}
