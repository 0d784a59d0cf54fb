//! The modules of one crate, from the files and the `mod` lines that reach them.
//!
//! Resolves a path such as `crate::contract::AllocError` to the module that holds the item, through re-exports.

use std::collections::HashSet;

use syn::{Item, Meta, UseTree, Visibility};

use crate::tidy::scan;
use crate::tidy::source::{Breach, Crate, Source};

/// Deeper re-exports of re-exports are taken for a cycle.
const DEPTH: usize = 16;

/// Roots of trees, from the crate's folder.
pub(crate) const ROOTS: [&str; 2] = ["src/lib.rs", "src/main.rs"];

/// Marks the files that are compiled for tests only.
pub(crate) fn mark_tests(krate: &mut Crate) {
    for root in ROOTS {
        let tree = Tree::build(krate, root);
        for module in tree.modules.iter().filter(|module| module.test && !module.inline) {
            krate.sources[module.source].test = true;
        }
    }
}

/// One module.
#[derive(Debug)]
pub(crate) struct Module {
    /// From the root, whose path is empty.
    pub(crate) path: Vec<String>,
    /// The file that holds it, by its number in [`Crate::sources`].
    pub(crate) source: usize,
    /// Modules declared in it, in order, by their numbers in [`Tree::modules`].
    pub(crate) children: Vec<usize>,
    pub(crate) parent: Option<usize>,
    /// Compiled for tests only.
    pub(crate) test: bool,
    /// Whether it is written inside the braces of its declaration.
    inline: bool,
    items: HashSet<String>,
    /// `use PATH as NAME`, public or not: both give the item a second place.
    exports: Vec<(String, Vec<String>)>,
    globs: Vec<Vec<String>>,
}

/// All modules of a crate; the first is its root.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) modules: Vec<Module>,
    /// `mod` lines without a file.
    pub(crate) missing: Vec<Breach>,
}

impl Tree {
    /// The tree below `root` (`src/lib.rs`, `src/main.rs`), a path from the crate's folder.
    pub(crate) fn build(krate: &Crate, root: &str) -> Self {
        let mut tree = Self::default();
        let path = format!("{}/{root}", krate.dir);
        if let Some(index) = krate.sources.iter().position(|source| source.path == path) {
            let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
            let syntax = &krate.sources[index].syntax;
            let module = Module::new(Vec::new(), index, None, false);
            tree.add(krate, module, &syntax.items, dir);
        }
        tree
    }

    /// The module that holds what `path` names, seen from module `from`; none when it is not of this crate.
    pub(crate) fn resolve(&self, from: usize, path: &[String]) -> Option<usize> {
        self.resolve_within(from, path, DEPTH)
    }

    /// The ancestors of a module and itself, the root first.
    pub(crate) fn lineage(&self, module: usize) -> Vec<usize> {
        let mut line = vec![module];
        while let Some(parent) = self.modules[line[line.len() - 1]].parent {
            line.push(parent);
        }
        line.reverse();
        line
    }

    /// The module of a file that lies `inside` these inline modules of the file.
    pub(crate) fn find(&self, source: usize, inside: &[String]) -> Option<usize> {
        let file = self.modules.iter().position(|module| module.source == source && !module.inline)?;
        inside.iter().try_fold(file, |at, name| self.child(at, name))
    }

    fn child(&self, module: usize, name: &str) -> Option<usize> {
        let mut children = self.modules[module].children.iter().copied();
        children.find(|&child| self.modules[child].path.last().is_some_and(|last| last == name))
    }

    fn resolve_within(&self, from: usize, path: &[String], depth: usize) -> Option<usize> {
        let (first, mut rest) = path.split_first()?;
        let mut at = match first.as_str() {
            "crate" => 0,
            "self" => from,
            "super" => self.modules[from].parent?,
            name => self.child(from, name)?,
        };
        while let Some((name, tail)) = rest.split_first() {
            at = match name.as_str() {
                "self" => at,
                "super" => self.modules[at].parent?,
                name => match self.step(at, name, depth) {
                    Some(next) => next,
                    None => return Some(at),
                },
            };
            rest = tail;
        }
        Some(at)
    }

    /// Where `name` leads from module `at`: into a child, or to the home of what is re-exported.
    fn step(&self, at: usize, name: &str, depth: usize) -> Option<usize> {
        if let Some(child) = self.child(at, name) {
            return Some(child);
        }
        let module = &self.modules[at];
        if module.items.contains(name) || depth == 0 {
            return None;
        }
        if let Some((_, target)) = module.exports.iter().find(|(export, _)| export == name) {
            return self.resolve_within(at, target, depth - 1);
        }
        let mut homes = module.globs.iter().filter_map(|glob| self.resolve_within(at, glob, depth - 1));
        homes.find(|&home| self.modules[home].items.contains(name))
    }

    fn add(&mut self, krate: &Crate, module: Module, items: &[Item], dir: &str) -> usize {
        let (path, source, test) = (module.path.clone(), module.source, module.test);
        let number = self.modules.len();
        self.modules.push(module);
        for item in items {
            self.modules[number].collect(item);
            let Item::Mod(item) = item else { continue };
            let name = item.ident.to_string();
            let child_path = [&path[..], std::slice::from_ref(&name)].concat();
            let child_test = test || scan::is_test(&item.attrs);
            let child = if let Some((_, inner)) = &item.content {
                let mut child = Module::new(child_path, source, Some(number), child_test);
                child.inline = true;
                self.add(krate, child, inner, &format!("{dir}/{name}"))
            } else if let Some((file, below)) = file_of(krate, &krate.sources[source], item, dir) {
                let child = Module::new(child_path, file, Some(number), child_test);
                self.add(krate, child, &krate.sources[file].syntax.items, &below)
            } else {
                let line = item.ident.span().start().line;
                self.missing.push(krate.sources[source].breach(line, format!("`mod {name}` has no file")));
                continue;
            };
            self.modules[number].children.push(child);
        }
        number
    }
}

impl Module {
    fn new(path: Vec<String>, source: usize, parent: Option<usize>, test: bool) -> Self {
        Self {
            path,
            source,
            children: Vec::new(),
            parent,
            test,
            inline: false,
            items: HashSet::new(),
            exports: Vec::new(),
            globs: Vec::new(),
        }
    }

    fn collect(&mut self, item: &Item) {
        let name = match item {
            Item::Const(i) => &i.ident,
            Item::Enum(i) => &i.ident,
            Item::Fn(i) => &i.sig.ident,
            Item::Static(i) => &i.ident,
            Item::Struct(i) => &i.ident,
            Item::Trait(i) => &i.ident,
            Item::Type(i) => &i.ident,
            Item::Union(i) => &i.ident,
            Item::Use(i) => {
                let public = !matches!(i.vis, Visibility::Inherited);
                return self.collect_use(&i.tree, &[], public);
            }
            _ => return,
        };
        self.items.insert(name.to_string());
    }

    fn collect_use(&mut self, tree: &UseTree, prefix: &[String], public: bool) {
        let with = |ident: &syn::Ident| [prefix, &[ident.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.collect_use(&path.tree, &with(&path.ident), public),
            UseTree::Name(name) if name.ident == "self" => {}
            UseTree::Name(name) => self.exports.push((name.ident.to_string(), with(&name.ident))),
            UseTree::Rename(rename) => self.exports.push((rename.rename.to_string(), with(&rename.ident))),
            UseTree::Glob(_) if public => self.globs.push(prefix.to_vec()),
            UseTree::Glob(_) => {}
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.collect_use(tree, prefix, public));
            }
        }
    }
}

/// The file of `mod NAME;` and the folder of its own children.
fn file_of(krate: &Crate, parent: &Source, item: &syn::ItemMod, dir: &str) -> Option<(usize, String)> {
    let name = item.ident.to_string();
    let find = |path: &str| krate.sources.iter().position(|source| source.path == path);
    let by_path = item.attrs.iter().find_map(|attr| {
        let Meta::NameValue(pair) = &attr.meta else { return None };
        let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(file), .. }) = &pair.value else { return None };
        pair.path.is_ident("path").then(|| file.value())
    });
    if let Some(file) = by_path {
        let folder = parent.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let path = format!("{folder}/{file}");
        let below = path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        let own = if file.ends_with("mod.rs") { below } else { path.trim_end_matches(".rs").to_owned() };
        return find(&path).map(|index| (index, own));
    }
    let below = format!("{dir}/{name}");
    let index = find(&format!("{below}.rs")).or_else(|| find(&format!("{below}/mod.rs")))?;
    Some((index, below))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split("::").map(str::to_owned).collect()
    }

    #[test]
    fn paths_lead_through_re_exports_to_the_home_of_the_item() {
        let krate = Crate::fixture(
            "heap-x",
            &[
                ("src/lib.rs", "mod a; mod b; pub use a::*; pub use b::deep::Thing as Other;"),
                ("src/a.rs", "pub struct A;"),
                ("src/b/mod.rs", "pub mod deep; pub use deep::Thing; fn own() {} mod inner { fn f() {} }"),
                ("src/b/deep.rs", "pub struct Thing;"),
            ],
        );
        let tree = Tree::build(&krate, "src/lib.rs");
        let home = |from: usize, text: &str| {
            tree.resolve(from, &path(text)).map(|module| tree.modules[module].path.join("::"))
        };
        assert_eq!(home(0, "crate::A").as_deref(), Some("a"));
        assert_eq!(home(0, "crate::Other").as_deref(), Some("b::deep"));
        assert_eq!(home(0, "crate::b::Thing::new").as_deref(), Some("b::deep"));
        assert_eq!(home(0, "crate::b::own").as_deref(), Some("b"));
        let deep = tree.resolve(0, &path("b::deep")).unwrap();
        assert_eq!(home(deep, "super::super::a::A").as_deref(), Some("a"));
        assert_eq!(home(deep, "core::mem::swap"), None);
        assert_eq!(tree.find(2, &["inner".into()]), tree.resolve(0, &path("b::inner")));
    }

    #[test]
    fn files_are_found_by_path_attribute_and_a_missing_one_is_told() {
        let krate = Crate::fixture(
            "heap-x",
            &[
                ("src/lib.rs", "mod sys;\nmod gone;"),
                ("src/sys/mod.rs", "#[cfg(unix)] #[path = \"unix.rs\"] mod imp; #[cfg(test)] mod tests;"),
                ("src/sys/unix.rs", ""),
                ("src/sys/tests.rs", ""),
            ],
        );
        let tree = Tree::build(&krate, "src/lib.rs");
        assert_eq!(tree.missing, [krate.sources[0].breach(2, "`mod gone` has no file")]);
        let imp = tree.find(2, &[]).unwrap();
        assert_eq!(tree.modules[imp].path, ["sys", "imp"]);
        assert!(tree.modules.iter().any(|module| module.test && module.source == 3));
    }

    #[test]
    fn files_below_a_test_module_are_no_product() {
        let mut krate = Crate::fixture(
            "heap-x",
            &[
                ("src/lib.rs", "mod a; #[cfg(all(test, loom))] mod models; #[cfg(test)] mod tests {}"),
                ("src/a.rs", ""),
                ("src/models/mod.rs", "mod one;"),
                ("src/models/one.rs", ""),
            ],
        );
        mark_tests(&mut krate);
        let product: Vec<_> = krate.product().map(|source| source.path.as_str()).collect();
        assert_eq!(product, ["crates/heap-x/src/lib.rs", "crates/heap-x/src/a.rs"]);
    }
}
