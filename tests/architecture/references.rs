// SPDX-License-Identifier: LGPL-2.1-or-later
//! Every path that a file mentions: imports, paths in types, expressions and patterns, visibilities, and what stands
//! inside macros and attributes, which the parser leaves as tokens.
use crate::tree::for_tests_only;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::path::{Path, PathBuf};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Import,
    /// A `use` that gives the name on.
    Reexport,
    /// The folder that `pub(in ..)` names: who may see the item, not what it needs.
    Visibility,
    Code,
}

/// A name that a `use` brings in; without a name it is a glob.
#[derive(Clone, Debug)]
pub(crate) struct Use {
    pub(crate) path: Vec<String>,
    pub(crate) name: Option<String>,
}

/// One path, where it is written.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    pub(crate) file: PathBuf,
    pub(crate) module: Vec<String>,
    pub(crate) line: usize,
    pub(crate) path: Vec<String>,
    pub(crate) kind: Kind,
    /// In code for unit tests only.
    pub(crate) test: bool,
    pub(crate) import: Option<Use>,
}

/// The paths that the items of one module mention, without those of modules inside it.
pub(crate) fn collect(items: &[Item], file: &Path, module: &[String], test: bool) -> Vec<Reference> {
    let mut collector = Collector { file, module, test, found: Vec::new() };
    for item in items {
        collector.visit_item(item);
    }
    collector.found
}

struct Collector<'a> {
    file: &'a Path,
    module: &'a [String],
    test: bool,
    found: Vec<Reference>,
}

impl Collector<'_> {
    fn add(&mut self, path: Vec<String>, line: usize, kind: Kind) {
        self.found.push(Reference {
            file: self.file.to_path_buf(),
            module: self.module.to_vec(),
            line,
            path,
            kind,
            test: self.test,
            import: None,
        });
    }

    fn add_use(&mut self, tree: &UseTree, before: &[String], line: usize, kind: Kind) {
        let mut path = before.to_vec();
        let name = match tree {
            UseTree::Path(inner) => {
                path.push(inner.ident.to_string());
                return self.add_use(&inner.tree, &path, line, kind);
            }
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.add_use(tree, before, line, kind));
                return;
            }
            UseTree::Name(leaf) if leaf.ident == "self" => path.last().cloned(),
            UseTree::Name(leaf) => {
                path.push(leaf.ident.to_string());
                path.last().cloned()
            }
            UseTree::Rename(leaf) => {
                if leaf.ident != "self" {
                    path.push(leaf.ident.to_string());
                }
                Some(leaf.rename.to_string())
            }
            UseTree::Glob(_) => None,
        };
        self.add(path.clone(), line, kind);
        if let Some(last) = self.found.last_mut() {
            last.import = Some(Use { path, name });
        }
    }

    /// Paths of two or more segments in tokens: `a::b`, `$crate::a`, `crate::{a, b}`.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) => self.add_tokens(group.stream()),
                TokenTree::Ident(_) => {
                    at = self.add_token_path(&tokens, at, &[]);
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// Reads the path that begins at `at` and returns where the tokens go on.
    fn add_token_path(&mut self, tokens: &[TokenTree], mut at: usize, before: &[String]) -> usize {
        let mut path = before.to_vec();
        let line = tokens[at].span().start().line;
        while let Some(TokenTree::Ident(word)) = tokens.get(at) {
            path.push(word.to_string());
            at += 1;
            if !is_punct(tokens.get(at), ':') || !is_punct(tokens.get(at + 1), ':') {
                break;
            }
            at += 2;
            if let Some(TokenTree::Group(group)) = tokens.get(at)
                && group.delimiter() == Delimiter::Brace
            {
                let inner: Vec<_> = group.stream().into_iter().collect();
                for part in inner.split(|token| is_punct(Some(token), ',')).filter(|part| !part.is_empty()) {
                    self.add_token_path(part, 0, &path);
                }
                return at + 1;
            }
        }
        if path.len() > 1 {
            self.add(path, line, Kind::Code);
        }
        at
    }
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

impl<'ast> Visit<'ast> for Collector<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let outer = self.test;
        self.test = outer || for_tests_only(attributes(item));
        match item {
            // A module of its own; its visibility is written here.
            Item::Mod(inner) => self.visit_visibility(&inner.vis),
            _ => visit::visit_item(self, item),
        }
        self.test = outer;
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        let outer = self.test;
        self.test = outer || for_tests_only(&item.attrs);
        visit::visit_impl_item_fn(self, item);
        self.test = outer;
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let kind = match item.vis {
            syn::Visibility::Inherited => Kind::Import,
            _ => Kind::Reexport,
        };
        let leading: Vec<_> = item.leading_colon.iter().map(|_| "::".to_owned()).collect();
        self.add_use(&item.tree, &leading, item.span().start().line, kind);
        self.visit_visibility(&item.vis);
    }

    fn visit_vis_restricted(&mut self, restricted: &'ast syn::VisRestricted) {
        let path = segments(&restricted.path);
        // `pub(crate)` and `pub(super)` name nothing.
        if restricted.in_token.is_some() {
            self.add(path, restricted.span().start().line, Kind::Visibility);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.add(segments(path), path.span().start().line, Kind::Code);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.visit_path(&item.path);
        self.add_tokens(item.tokens.clone());
    }

    fn visit_meta_list(&mut self, list: &'ast syn::MetaList) {
        self.add_tokens(list.tokens.clone());
    }
}

/// A path with a leading `::` begins with that as its first segment.
pub(crate) fn segments(path: &syn::Path) -> Vec<String> {
    let leading = path.leading_colon.map(|_| "::".to_owned());
    leading.into_iter().chain(path.segments.iter().map(|segment| segment.ident.to_string())).collect()
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
