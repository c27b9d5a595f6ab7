// SPDX-License-Identifier: LGPL-2.1-or-later
//! The modules of a crate as the compiler sees them: which file each is in, and which names each knows.
use crate::references::{Reference, Use, collect};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use syn::{Attribute, Item};

/// The segments of a module's path below the crate; empty for the crate itself.
pub(crate) type ModulePath = Vec<String>;

/// What a name stands for in a module.
#[derive(Clone, Debug)]
pub(crate) enum Name {
    /// An item that is defined there, or something that cannot be followed further.
    Defined,
    /// A `use` of this path.
    Imported(Vec<String>),
}

#[derive(Debug, Default)]
pub(crate) struct Module {
    /// Relative to the folder of the sources.
    pub(crate) file: PathBuf,
    pub(crate) names: BTreeMap<String, Name>,
    pub(crate) globs: Vec<Vec<String>>,
}

/// Where a path ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// In this module of the crate.
    Inside(ModulePath),
    /// In another crate: the path with every import of this crate replaced.
    Outside(Vec<String>),
}

/// A module, and the item of it that a path names; none for the module itself.
pub(crate) type Definition = (ModulePath, Option<String>);

#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) modules: BTreeMap<ModulePath, Module>,
    pub(crate) references: Vec<Reference>,
    /// The text of each file.
    pub(crate) texts: BTreeMap<PathBuf, String>,
    /// Files that no module declares.
    pub(crate) unreached: BTreeSet<PathBuf>,
}

/// The name by which the programs in `src/bin` know the library.
const OURSELVES: &str = "pcmk_remote_rs";

impl Tree {
    /// The sources of this package.
    pub(crate) fn of_package() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut texts = BTreeMap::new();
        for path in files_below(&root) {
            if path.extension().is_some_and(|extension| extension == "rs") {
                let inside = path.strip_prefix(&root).unwrap().to_path_buf();
                texts.insert(inside, fs::read_to_string(&path).unwrap());
            }
        }
        Self::new(texts)
    }

    /// From `lib.rs` and each program in `bin`, along the declarations of modules.
    pub(crate) fn new(texts: BTreeMap<PathBuf, String>) -> Self {
        let unreached = texts.keys().cloned().collect();
        let mut tree = Self { texts, unreached, ..Self::default() };
        tree.add_file(Path::new("lib.rs"), &[], false);
        let programs: Vec<_> = tree.texts.keys().filter(|path| path.starts_with("bin")).cloned().collect();
        for program in programs {
            let name = program.file_stem().unwrap().to_string_lossy().into_owned();
            tree.add_file(&program, &["bin".to_owned(), name], false);
        }
        tree
    }

    fn add_file(&mut self, file: &Path, path: &[String], test: bool) {
        let text = self.texts.get(file).unwrap_or_else(|| panic!("{}: no such file", file.display()));
        let syntax = syn::parse_file(text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.unreached.remove(file);
        let stem = file.file_stem().unwrap().to_string_lossy();
        let parent = file.parent().unwrap();
        let folder = if matches!(&*stem, "mod" | "lib") { parent.to_path_buf() } else { parent.join(&*stem) };
        self.add_module(&syntax.items, file, &folder, path, test);
    }

    /// `folder`: where files of modules declared here are looked for.
    fn add_module(&mut self, items: &[Item], file: &Path, folder: &Path, path: &[String], test: bool) {
        let mut module = Module { file: file.to_path_buf(), ..Module::default() };
        for item in items {
            if let Some(name) = defined_name(item) {
                module.names.insert(name, Name::Defined);
            }
        }
        let references = collect(items, file, path, test);
        for Use { path, name } in references.iter().flat_map(|reference| &reference.import) {
            match name {
                Some(name) => {
                    module.names.entry(name.clone()).or_insert_with(|| Name::Imported(path.clone()));
                }
                None => module.globs.push(path.clone()),
            }
        }
        self.references.extend(references);
        self.modules.insert(path.to_vec(), module);
        for item in items {
            if let Item::Mod(declared) = item {
                self.add_declared(declared, file, folder, path, test);
            }
        }
    }

    fn add_declared(
        &mut self,
        declared: &syn::ItemMod,
        file: &Path,
        folder: &Path,
        path: &[String],
        test: bool,
    ) {
        let name = declared.ident.to_string();
        let mut inner = path.to_vec();
        inner.push(name.clone());
        let test = test || for_tests_only(&declared.attrs);
        if let Some((_, items)) = &declared.content {
            self.add_module(items, file, &folder.join(&name), &inner, test);
            return;
        }
        let candidates = match path_attribute(&declared.attrs) {
            Some(place) => vec![file.parent().unwrap().join(place)],
            None => vec![folder.join(&name).with_extension("rs"), folder.join(&name).join("mod.rs")],
        };
        let found = candidates.iter().find(|candidate| self.texts.contains_key(*candidate));
        let found = found.unwrap_or_else(|| panic!("{}: no file for `mod {name}`", file.display()));
        self.add_file(&found.clone(), &inner, test);
    }

    /// Where `path`, written in `module`, ends: re-exports and imports are followed to the definition.
    pub(crate) fn resolve(&self, module: &[String], path: &[String]) -> Target {
        match self.resolve_within(module, path, 0) {
            Ok((place, _)) => Target::Inside(place),
            Err(outside) => Target::Outside(outside),
        }
    }

    /// The definition in this crate that `path` leads to, if it does.
    pub(crate) fn definition(&self, module: &[String], path: &[String]) -> Option<Definition> {
        self.resolve_within(module, path, 0).ok()
    }

    /// The path into another crate as an error.
    fn resolve_within(
        &self,
        module: &[String],
        path: &[String],
        depth: usize,
    ) -> Result<Definition, Vec<String>> {
        if let Some(("::", outside)) = path.split_first().map(|(first, rest)| (first.as_str(), rest)) {
            return Err(outside.to_vec());
        }
        let mut place = module.to_vec();
        let mut rest = path;
        let mut anchored = false;
        while let Some((first, others)) = rest.split_first() {
            match first.as_str() {
                "crate" | "$crate" | OURSELVES => place.clear(),
                "self" => {}
                "super" => {
                    place.pop();
                }
                _ => break,
            }
            anchored = true;
            rest = others;
        }
        self.descend(place, rest, anchored, depth)
    }

    fn descend(
        &self,
        place: ModulePath,
        rest: &[String],
        anchored: bool,
        depth: usize,
    ) -> Result<Definition, Vec<String>> {
        let Some((first, others)) = rest.split_first() else { return Ok((place, None)) };
        let mut inner = place.clone();
        inner.push(first.clone());
        if self.modules.contains_key(&inner) {
            return self.descend(inner, others, true, depth);
        }
        let Some(module) = self.modules.get(&place) else { return Ok((place, None)) };
        // A circle of globs or re-exports is no path that compiles.
        let deeper = depth < 16;
        match module.names.get(first) {
            // `use tokio::..` in a module that is itself called so names the crate.
            Some(Name::Imported(path)) if deeper && path.first() != Some(first) => {
                let whole: Vec<_> = path.iter().chain(others).cloned().collect();
                self.resolve_within(&place, &whole, depth + 1)
            }
            Some(Name::Imported(path)) if path.len() == 1 => Err(rest.to_vec()),
            Some(_) => Ok((place, Some(first.clone()))),
            None if deeper => match self.through_globs(&place, first, depth) {
                Some(from) => self.descend(from, rest, true, depth + 1),
                None if anchored => Ok((place, Some(first.clone()))),
                None => Err(rest.to_vec()),
            },
            None => Ok((place, None)),
        }
    }

    /// The module whose names one of the globs in `place` brings in, if it knows `name`.
    fn through_globs(&self, place: &[String], name: &str, depth: usize) -> Option<ModulePath> {
        self.modules.get(place)?.globs.iter().find_map(|glob| {
            let (from, _) = self.resolve_within(place, glob, depth + 1).ok()?;
            (from != place && self.knows(&from, name, depth + 1)).then_some(from)
        })
    }

    fn knows(&self, module: &[String], name: &str, depth: usize) -> bool {
        let mut inner = module.to_vec();
        inner.push(name.to_owned());
        let named = self.modules.get(module).is_some_and(|module| module.names.contains_key(name));
        named
            || self.modules.contains_key(&inner)
            || depth < 16 && self.through_globs(module, name, depth).is_some()
    }

    /// The deepest module that `path` names in words: imports of its own module are replaced, re-exports of others are
    /// taken as theirs. None for a path into another crate.
    pub(crate) fn named(&self, module: &[String], path: &[String]) -> Option<ModulePath> {
        let first = path.first()?;
        let mut own = module.to_vec();
        own.push(first.clone());
        let import = self.modules.get(module).and_then(|module| module.names.get(first));
        if let (Some(Name::Imported(import)), false) = (import, self.modules.contains_key(&own))
            && import.first() != Some(first)
        {
            return self.named(module, &import.iter().chain(&path[1..]).cloned().collect::<Vec<_>>());
        }
        let Target::Inside(_) = self.resolve(module, path) else { return None };
        let is_anchor = |word: &&String| matches!(word.as_str(), "crate" | "super" | "self" | OURSELVES);
        let anchors = path.iter().take_while(is_anchor).count();
        let Target::Inside(mut place) = self.resolve(module, &path[..anchors]) else { return None };
        for word in &path[anchors..] {
            place.push(word.clone());
            if !self.modules.contains_key(&place) {
                place.pop();
                break;
            }
        }
        Some(place)
    }

    /// The items of each module. Parsed anew, since syntax trees cannot be shared between the threads of tests.
    pub(crate) fn items(&self) -> BTreeMap<ModulePath, Vec<Item>> {
        fn add(found: &mut BTreeMap<ModulePath, Vec<Item>>, path: ModulePath, items: Vec<Item>) {
            for item in &items {
                if let Item::Mod(syn::ItemMod { ident, content: Some((_, inner)), .. }) = item {
                    let below = path.iter().cloned().chain([ident.to_string()]).collect();
                    add(found, below, inner.clone());
                }
            }
            found.insert(path, items);
        }
        let mut found = BTreeMap::new();
        let mut roots: BTreeMap<&Path, &ModulePath> = BTreeMap::new();
        // A module comes before those inside it.
        for (path, module) in &self.modules {
            roots.entry(&module.file).or_insert(path);
        }
        for (file, path) in roots {
            add(&mut found, path.clone(), syn::parse_file(&self.texts[file]).unwrap().items);
        }
        found
    }

    /// The file that a module is written in.
    pub(crate) fn file(&self, module: &[String]) -> &Path {
        self.modules.get(module).map_or(Path::new("lib.rs"), |module| &module.file)
    }
}

/// All files below a folder, sorted.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        syn::Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    })
}

/// Whether `#[cfg(test)]` or `#[cfg(all(test, ..))]` stands there, or `#[test]`.
pub(crate) fn for_tests_only(attributes: &[Attribute]) -> bool {
    fn demands_test(meta: &syn::Meta) -> bool {
        match meta {
            syn::Meta::Path(path) => path.is_ident("test"),
            syn::Meta::List(list) if list.path.is_ident("cfg") || list.path.is_ident("all") => list
                .parse_args_with(syn::punctuated::Punctuated::<syn::Meta, syn::Token![,]>::parse_terminated)
                .is_ok_and(|inner| inner.iter().any(demands_test)),
            _ => false,
        }
    }
    attributes.iter().any(|attribute| demands_test(&attribute.meta))
}

pub(crate) fn defined_name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}
