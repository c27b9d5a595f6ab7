// SPDX-License-Identifier: LGPL-2.1-or-later
//! A container's settings: `NAME=value` lines, quoted as in a shell.
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// What a file says: variables in its order, and the numbers of lines (from 1) that say nothing
/// understandable.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) variables: Vec<(OsString, OsString)>,
    pub(super) bad_lines: Vec<usize>,
}

/// Reads the text of a file. One variable a line; quotes, backslashes and `#` comments as in a shell; nothing
/// is expanded.
pub(super) fn parse(text: &[u8]) -> Contents {
    let mut contents = Contents::default();
    for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        match variable(line) {
            Ok(Some(variable)) => contents.variables.push(variable),
            Ok(None) => {}
            Err(()) => contents.bad_lines.push(number),
        }
    }
    contents
}

fn variable(line: &[u8]) -> Result<Option<(OsString, OsString)>, ()> {
    let line = line.trim_ascii();
    let words = shlex::bytes::split(line).ok_or(())?;
    let word = match words.as_slice() {
        [] => return Ok(None),
        [word] => word,
        _ => return Err(()),
    };
    let equals = word.iter().position(|byte| *byte == b'=').ok_or(())?;
    let (name, value) = word.split_at(equals);
    // The name must stand bare before its "=", as a shell would have it.
    if !is_name(name) || !line.starts_with(name) || value.contains(&0) {
        return Err(());
    }
    Ok(Some((OsString::from_vec(name.to_vec()), OsString::from_vec(value[1..].to_vec()))))
}

fn is_name(name: &[u8]) -> bool {
    name.first().is_some_and(|first| !first.is_ascii_digit())
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> (Vec<(String, String)>, Vec<usize>) {
        let contents = parse(text.as_bytes());
        let text = |value: OsString| value.into_string().unwrap();
        let pairs = contents.variables.into_iter().map(|(name, value)| (text(name), text(value)));
        (pairs.collect(), contents.bad_lines)
    }

    fn one(line: &str) -> Option<(String, String)> {
        let (variables, bad) = of(line);
        assert_eq!(variables.len() + bad.len(), 1, "{line}");
        variables.into_iter().next()
    }

    fn pair(name: &str, value: &str) -> Option<(String, String)> {
        Some((name.into(), value.into()))
    }

    #[test]
    fn values_as_a_shell_reads_them() {
        assert_eq!(one("A=b"), pair("A", "b"));
        assert_eq!(one("  A=b  # why"), pair("A", "b"));
        assert_eq!(one("A="), pair("A", ""));
        assert_eq!(one("A=\"b c\""), pair("A", "b c"));
        assert_eq!(one("A='b \"c\" $HOME'"), pair("A", "b \"c\" $HOME"));
        assert_eq!(one(r"A=b\ c"), pair("A", "b c"));
        assert_eq!(one("A=b=c"), pair("A", "b=c"));
        assert_eq!(one("_a1=b#c\r"), pair("_a1", "b#c"));
    }

    #[test]
    fn lines_that_are_no_variables() {
        for line in ["A", "A =b", "1A=b", "A=b c", "A='b", "=b", "export A=b", "A-B=c", "'A'=b", "A=b\0c"] {
            assert_eq!(one(line), None, "{line:?}");
        }
    }

    #[test]
    fn a_file_with_everything() {
        let (variables, bad) = of("# comment\n\nA=1\noops\nB=2\n\t# more\nC=3");
        assert_eq!(variables, [("A".into(), "1".into()), ("B".into(), "2".into()), ("C".into(), "3".into())]);
        assert_eq!(bad, [4]);
        let long = format!("A={}", "x".repeat(100_000));
        assert_eq!(one(&long).unwrap().1.len(), 100_000);
    }

    #[test]
    fn bytes_that_are_no_text_stay() {
        let contents = parse(b"A=\xff\xfe");
        assert_eq!(contents.variables[0].1, OsString::from_vec(vec![0xff, 0xfe]));
    }
}
