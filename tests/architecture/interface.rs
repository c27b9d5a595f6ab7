// SPDX-License-Identifier: LGPL-2.1-or-later
//! The documented interface of the crate as a list of text: what a change of it would break for a program that uses it.
use crate::references::segments;
use crate::signature::text;
use crate::tree::{Definition, ModulePath, Tree};
use std::collections::{BTreeMap, BTreeSet};
use syn::visit::{self, Visit};
use syn::{Attribute, Fields, ImplItem, Item, TraitItem, Visibility};

/// One item and its lines.
struct Entry {
    lines: BTreeSet<String>,
    head: String,
}

/// The interface of a tree.
pub(crate) struct Interface<'a> {
    tree: &'a Tree,
    items: BTreeMap<ModulePath, Vec<Item>>,
    /// Where each definition is found first, by its path in the interface.
    entries: BTreeMap<Definition, Entry>,
    /// Further paths: path, the first one.
    also: BTreeSet<(String, String)>,
    /// Types that signatures name, with the place.
    named: Vec<(Definition, String)>,
    /// Types that are the error of a `Result`.
    errors: BTreeSet<Definition>,
}

impl<'a> Interface<'a> {
    pub(crate) fn new(tree: &'a Tree) -> Self {
        let mut found = Self {
            tree,
            items: tree.items(),
            entries: BTreeMap::new(),
            also: BTreeSet::new(),
            named: Vec::new(),
            errors: BTreeSet::new(),
        };
        found.add_module(&[], "");
        found.add_implementations();
        found
    }

    /// The list: an item a paragraph, its parts indented.
    pub(crate) fn list(&self) -> String {
        let mut items: Vec<_> = self.entries.values().collect();
        items.sort_by(|a, b| a.head.cmp(&b.head));
        let mut list = String::new();
        for Entry { head, lines } in items {
            list += &format!("{head}\n");
            lines.iter().for_each(|line| list += &format!("    {line}\n"));
        }
        for (path, first) in &self.also {
            list += &format!("use {path} = {first}\n");
        }
        list
    }

    /// Items, and their public fields, variants and functions.
    pub(crate) fn size(&self) -> usize {
        let parts = |entry: &Entry| {
            entry.lines.iter().filter(|line| !line.starts_with("impl ") && *line != "..").count()
        };
        self.entries.values().map(|entry| 1 + parts(entry)).sum()
    }

    /// Types of this crate that a signature names and a program cannot.
    pub(crate) fn unnamed(&self) -> BTreeSet<String> {
        let outside = self.named.iter().filter(|(definition, _)| !self.entries.contains_key(definition));
        outside
            .map(|((module, name), place)| {
                format!("{place} names {}::{}", module.join("::"), name.as_deref().unwrap_or(""))
            })
            .collect()
    }

    /// Types that a function of the interface answers as its error, and that are none for `?` and `Box<dyn Error>`.
    pub(crate) fn no_errors(&self) -> BTreeSet<String> {
        let is_error = |entry: &Entry| entry.lines.iter().any(|line| line.ends_with("error::Error"));
        let answered = self.errors.iter().filter_map(|definition| self.entries.get(definition));
        answered.filter(|entry| !is_error(entry)).map(|entry| entry.head.clone()).collect()
    }

    fn add_module(&mut self, module: &[String], path: &str) {
        let tree = self.tree;
        let join = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}::{name}") };
        for item in self.items.get(module).cloned().unwrap_or_default() {
            match &item {
                Item::Mod(inner) if is_shown(&inner.vis, &inner.attrs) => {
                    let mut below = module.to_vec();
                    below.push(inner.ident.to_string());
                    let path = join(&inner.ident.to_string());
                    let entry = Entry { lines: BTreeSet::new(), head: format!("mod {path}") };
                    self.entries.insert((below.clone(), None), entry);
                    self.add_module(&below, &path);
                }
                Item::Use(import) if is_shown(&import.vis, &import.attrs) => {
                    let imports = tree.references.iter().filter(|reference| reference.module == module);
                    let line = import.use_token.span.start().line;
                    for import in imports
                        .filter(|reference| reference.line == line)
                        .filter_map(|one| one.import.as_ref())
                    {
                        let Some(name) = &import.name else { panic!("{path}: a glob in the interface") };
                        self.add_definition(module, &import.path, &join(name));
                    }
                }
                other => {
                    if let Some(name) = shown_name(other) {
                        self.add_definition(module, std::slice::from_ref(&name), &join(&name));
                    }
                }
            }
        }
    }

    fn add_definition(&mut self, module: &[String], target: &[String], path: &str) {
        let Some(definition) = self.tree.definition(module, target) else { return };
        if let Some(entry) = self.entries.get(&definition) {
            let first = entry.head.split(' ').nth(1).unwrap_or_default().to_owned();
            self.also.insert((path.to_owned(), first));
            return;
        }
        let (place, Some(name)) = &definition else { return self.add_module(&definition.0, path) };
        let items = self.items[place].iter();
        let found: Vec<_> = items.filter(|item| item_name(item).as_ref() == Some(name)).cloned().collect();
        assert!(!found.is_empty(), "{path}: no definition of {name} in {}", place.join("::"));
        for item in &found {
            let mut entry = entry_of(item, path);
            self.note_types(item, place, path);
            let lines = std::mem::take(&mut entry.lines);
            self.entries.entry(definition.clone()).or_insert(entry).lines.extend(lines);
        }
    }

    /// Functions and traits of every `impl` whose type is part of the interface.
    fn add_implementations(&mut self) {
        let tree = self.tree;
        let items = std::mem::take(&mut self.items);
        for (module, found) in &items {
            for item in found {
                let Item::Impl(implementation) = item else { continue };
                if crate::tree::for_tests_only(&implementation.attrs) {
                    continue;
                }
                let syn::Type::Path(own) = &*implementation.self_ty else { continue };
                let Some(definition) = tree.definition(module, &segments(&own.path)) else { continue };
                let Some(entry) = self.entries.get_mut(&definition) else { continue };
                if let Some((_, of, _)) = &implementation.trait_ {
                    entry.lines.insert(format!("impl {}", text(of)));
                    continue;
                }
                let head = entry.head.split(' ').nth(1).unwrap_or_default().to_owned();
                for part in implementation.items.iter().filter(|part| is_public_part(part)) {
                    entry.lines.insert(part_line(part));
                }
                for part in implementation.items.iter().filter(|part| is_public_part(part)) {
                    self.note_part(part, module, &head);
                }
            }
        }
    }

    fn note_part(&mut self, part: &ImplItem, module: &[String], place: &str) {
        let mut paths = Paths::default();
        match part {
            ImplItem::Fn(function) => paths.visit_signature(&function.sig),
            ImplItem::Const(constant) => paths.visit_type(&constant.ty),
            _ => {}
        }
        self.note(paths, module, place);
    }

    fn note_types(&mut self, item: &Item, module: &[String], place: &str) {
        let mut paths = Paths::default();
        match item {
            Item::Fn(function) => paths.visit_signature(&function.sig),
            Item::Const(constant) => paths.visit_type(&constant.ty),
            Item::Static(constant) => paths.visit_type(&constant.ty),
            Item::Type(alias) => paths.visit_type(&alias.ty),
            Item::Enum(item) => paths.visit_item_enum(item),
            Item::Trait(item) => paths.visit_item_trait(item),
            Item::Struct(item) => {
                paths.visit_generics(&item.generics);
                let public = item.fields.iter().filter(|field| is_public(&field.vis));
                public.for_each(|field| paths.visit_type(&field.ty));
            }
            _ => {}
        }
        self.note(paths, module, place);
    }

    fn note(&mut self, paths: Paths, module: &[String], place: &str) {
        let errors = paths.errors.iter().filter_map(|path| self.tree.definition(module, path));
        self.errors.extend(errors);
        for path in paths.found {
            match self.tree.definition(module, &path) {
                // `Self` and names of generic parameters are none.
                Some((found, Some(name))) if self.tree.modules[&found].names.contains_key(&name) => {
                    self.named.push(((found, Some(name)), place.to_owned()));
                }
                _ => {}
            }
        }
    }
}

#[derive(Default)]
struct Paths {
    found: Vec<Vec<String>>,
    errors: Vec<Vec<String>>,
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.found.push(segments(path));
        if let Some(last) = path.segments.last()
            && let syn::PathArguments::AngleBracketed(arguments) = &last.arguments
            && let Some(syn::GenericArgument::Type(syn::Type::Path(error))) = arguments.args.get(1)
            && last.ident == "Result"
        {
            self.errors.push(segments(&error.path));
        }
        visit::visit_path(self, path);
    }

    fn visit_attribute(&mut self, _: &'ast Attribute) {}
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn is_shown(visibility: &Visibility, attributes: &[Attribute]) -> bool {
    let hidden = |attribute: &Attribute| {
        matches!(&attribute.meta, syn::Meta::List(list)
            if list.path.is_ident("doc") && list.tokens.to_string() == "hidden")
    };
    is_public(visibility) && !attributes.iter().any(hidden)
}

fn is_public_part(part: &ImplItem) -> bool {
    match part {
        ImplItem::Fn(function) => is_shown(&function.vis, &function.attrs),
        ImplItem::Const(constant) => is_shown(&constant.vis, &constant.attrs),
        _ => false,
    }
}

fn part_line(part: &ImplItem) -> String {
    match part {
        ImplItem::Fn(function) => text(&function.sig),
        ImplItem::Const(constant) => format!("const {}: {}", constant.ident, text(&constant.ty)),
        _ => String::new(),
    }
}

fn item_name(item: &Item) -> Option<String> {
    crate::tree::defined_name(item)
}

/// The name of an item that is public and shown.
fn shown_name(item: &Item) -> Option<String> {
    let (visibility, attributes) = match item {
        Item::Const(item) => (&item.vis, &item.attrs),
        Item::Enum(item) => (&item.vis, &item.attrs),
        Item::Fn(item) => (&item.vis, &item.attrs),
        Item::Static(item) => (&item.vis, &item.attrs),
        Item::Struct(item) => (&item.vis, &item.attrs),
        Item::Trait(item) => (&item.vis, &item.attrs),
        Item::Type(item) => (&item.vis, &item.attrs),
        Item::Union(item) => (&item.vis, &item.attrs),
        _ => return None,
    };
    is_shown(visibility, attributes).then(|| item_name(item)).flatten()
}

fn entry_of(item: &Item, path: &str) -> Entry {
    let (head, lines): (String, Vec<String>) = match item {
        Item::Const(item) => (format!("const {path}: {}", text(&item.ty)), Vec::new()),
        Item::Static(item) => (format!("static {path}: {}", text(&item.ty)), Vec::new()),
        Item::Type(item) => (format!("type {path} = {}", text(&item.ty)), Vec::new()),
        Item::Fn(item) => (format!("fn {path} : {}", text(&item.sig)), Vec::new()),
        Item::Enum(item) => {
            let variants = item.variants.iter().map(|variant| {
                let mut bare = variant.clone();
                strip_fields(&mut bare.fields);
                bare.attrs.clear();
                text(&bare)
            });
            (format!("enum {path} {}", text(&item.generics)), variants.chain(derives(&item.attrs)).collect())
        }
        Item::Struct(item) => {
            let fields = item.fields.iter().enumerate().filter(|(_, field)| is_public(&field.vis));
            let fields = fields.map(|(at, field)| {
                let name = field.ident.as_ref().map_or_else(|| at.to_string(), ToString::to_string);
                format!("{name}: {}", text(&field.ty))
            });
            // A literal of the struct can be written only if every field is public.
            let closed = item.fields.iter().any(|field| !is_public(&field.vis)).then(|| "..".to_owned());
            let lines = fields.chain(closed).chain(derives(&item.attrs)).collect();
            (format!("struct {path} {}", text(&item.generics)), lines)
        }
        Item::Trait(item) => {
            let parts = item.items.iter().map(|part| match part {
                TraitItem::Fn(function) => text(&function.sig),
                other => text(other),
            });
            (format!("trait {path} {}", text(&item.generics)), parts.collect())
        }
        other => (format!("item {path} : {}", text(other)), Vec::new()),
    };
    Entry { head: head.trim_end().to_owned(), lines: lines.into_iter().collect() }
}

fn strip_fields(fields: &mut Fields) {
    for field in fields.iter_mut() {
        field.attrs.clear();
    }
}

/// `#[derive(..)]`, and whether more may be added to an enum or struct without a break.
fn derives(attributes: &[Attribute]) -> Vec<String> {
    let mut found = Vec::new();
    for attribute in attributes {
        match &attribute.meta {
            syn::Meta::List(list) if list.path.is_ident("derive") => {
                let traits = list.tokens.to_string();
                found.extend(traits.split(',').map(|name| format!("impl {}", name.trim())));
            }
            syn::Meta::Path(path) if path.is_ident("non_exhaustive") => {
                found.push("non_exhaustive".to_owned())
            }
            _ => {}
        }
    }
    found
}
