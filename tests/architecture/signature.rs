// SPDX-License-Identifier: LGPL-2.1-or-later
//! Tokens as one line of text, with the blanks that people write.
use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::ToTokens;

pub(crate) fn text(item: &impl ToTokens) -> String {
    let mut line = Line::default();
    line.add(item.to_token_stream());
    line.text.trim_end().to_owned()
}

#[derive(Default)]
struct Line {
    text: String,
    /// Whether a word that follows needs a blank before it.
    word: bool,
}

impl Line {
    fn add(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => self.add_group(group.delimiter(), group.stream()),
                TokenTree::Punct(punct) => {
                    let last = at + 1 == tokens.len();
                    if !(last && punct.as_char() == ',') {
                        self.add_punct(punct.as_char(), punct.spacing());
                    }
                }
                TokenTree::Ident(_) | TokenTree::Literal(_) => {
                    if self.word {
                        self.text.push(' ');
                    }
                    self.text += &token.to_string();
                    self.word = true;
                }
            }
        }
    }

    fn add_group(&mut self, delimiter: Delimiter, inner: TokenStream) {
        let (open, close) = match delimiter {
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Bracket => (if self.word { " [" } else { "[" }, "]"),
            Delimiter::Brace => (" { ", " }"),
            Delimiter::None => ("", ""),
        };
        self.text += open;
        self.word = false;
        self.add(inner);
        self.text += close;
        self.word = true;
    }

    fn add_punct(&mut self, punct: char, spacing: Spacing) {
        let joint = spacing == Spacing::Joint;
        match punct {
            ',' | ';' => self.text += &format!("{punct} "),
            '=' | '+' | '|' if !joint => self.text += &format!(" {punct} "),
            '-' if joint => self.text += " -",
            '>' if self.text.ends_with('-') => self.text += "> ",
            ':' if !joint && !self.text.ends_with(':') => self.text += ": ",
            '&' | '\'' | '*' if self.word => self.text += &format!(" {punct}"),
            _ => self.text.push(punct),
        }
        // `Vec<u8> where` and `dyn Fn() + Send` have theirs.
        self.word = punct == '>' && !self.text.ends_with("-> ");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_reads_as_it_is_written() {
        for line in [
            "fn new(host: &str, port: u16) -> Self",
            "fn next(&mut self, deadline: Instant) -> Result<Option<Notification>, Failure>",
            "fn check(target: &Target, tell: &mut dyn FnMut(Step)) -> Result<(), Failure>",
            "fn iter(&self) -> impl Iterator<Item = (&str, &'static [u8; 4])> + use<'_>",
            "const fn of<T: Into<String> + Clone>(self, name: T) -> std::sync::Arc<T> where T: Send",
        ] {
            let parsed: syn::Signature = syn::parse_str(line).unwrap();
            assert_eq!(text(&parsed), line);
        }
    }
}
