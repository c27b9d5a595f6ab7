// SPDX-License-Identifier: LGPL-2.1-or-later
//! Agents and parameters as people type them.
use crate::model::{Agent, Params, Standard};

/// `STANDARD:PROVIDER:TYPE` or `STANDARD:TYPE`.
pub(super) fn agent(text: &str) -> Result<Agent, String> {
    let parts: Vec<_> = text.split(':').collect();
    let (standard, provider, name) = match parts[..] {
        [standard, provider, name] => (standard, Some(provider), name),
        [standard, name] if Standard::named(standard) != Some(Standard::Ocf) => (standard, None, name),
        _ => return Err(format!("'{text}' is no agent: give ocf:PROVIDER:TYPE or STANDARD:TYPE")),
    };
    Ok(Agent { standard: standard.into(), provider: provider.map(Into::into), name: name.into() })
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
