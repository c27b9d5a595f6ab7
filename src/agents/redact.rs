// SPDX-License-Identifier: LGPL-2.1-or-later
//! Which values are not for people's eyes, told by the name of the parameter. Rather one too many than one
//! too few: a person who may see the value finds it in the configuration.

/// Parts of names.
const PARTS: [&str; 8] =
    ["passw", "passphrase", "passcode", "secret", "token", "credential", "pwd", "community"];
/// Ends of names: `dbpass`, `api_key`, but not `bypass_check` or `keyboard`.
const ENDS: [&str; 2] = ["pass", "key"];

/// Is the value of such a parameter or variable to be hidden? Also one that carries a password itself, as in
/// `https://user:password@host`.
pub(super) fn is_secret(name: &str, value: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let by_name = PARTS.iter().any(|part| name.contains(part))
        // The path of a file says nothing.
        || (ENDS.iter().any(|end| name.ends_with(end)) && !value.starts_with('/'));
    by_name || has_login(value)
}

fn has_login(value: &str) -> bool {
    let authorities = value.match_indices("://").filter_map(|(at, mark)| value.get(at + mark.len()..));
    authorities
        .filter_map(|rest| rest.split(['/', '?', '#', ' ']).next())
        .any(|authority| authority.rsplit_once('@').is_some_and(|(login, _)| login.contains(':')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_promise_secrets() {
        for name in [
            "password",
            "OCF_RESKEY_passwd",
            "db_Password",
            "admin_pass",
            "PGPASS",
            "login_token",
            "AWS_SECRET_ACCESS_KEY",
            "api_key",
            "apikey",
            "key",
            "snmp_community",
            "credentials",
            "ssh_passphrase",
        ] {
            assert!(is_secret(name, "x"), "{name}");
        }
        for name in ["ip", "keyboard", "bypass_check", "monkeys", "OCF_RESKEY_state", "OCF_ROOT", "PATH"] {
            assert!(!is_secret(name, "x"), "{name}");
        }
        assert!(!is_secret("ssh_key", "/root/.ssh/id"), "the path of a file");
        assert!(is_secret("password", "/x"), "may be any text");
    }

    #[test]
    fn values_that_carry_a_login() {
        assert!(is_secret("url", "https://me:x@host/path"));
        assert!(is_secret("urls", "http://a/ amqp://u:p@b"));
        for harmless in ["https://host:80/a@b:c", "me@host", "a:b@c", "lrm://", "ssh://me@host"] {
            assert!(!is_secret("url", harmless), "{harmless}");
        }
    }
}
