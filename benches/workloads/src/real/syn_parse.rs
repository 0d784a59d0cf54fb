//! syn: Rust sources parsed into syntax trees, walked, printed as tokens, and parsed again.
//!
//! Many small boxes of many types, kept until the whole tree goes. The sources are those of crates that this
//! library itself is built from, found in Cargo's registry; where they are not found, made-up ones.

use std::path::{Path, PathBuf};
use std::{env, fs};

use quote::ToTokens;
use syn::visit::{self, Visit};

use crate::rng::Rng;
use crate::text;
use crate::workload::{Job, Outcome, Scale};

/// Whose sources are parsed.
const PACKAGES: [&str; 5] = ["regex-automata", "serde_json", "hashbrown", "rayon", "tokio"];

/// Bytes of source parsed at scale 1.
const BYTES: usize = 7_500_000;

pub(crate) fn prepare(scale: Scale) -> Job {
    let sources = take(sources(), scale.at_least(BYTES, 20_000));
    Box::new(move || {
        let mut counts = Counts::default();
        let mut ok = true;
        let mut trees = Vec::new();
        for source in &sources {
            match syn::parse_file(source) {
                Ok(tree) => trees.push(tree),
                Err(_) => ok = false,
            }
        }
        for tree in &trees {
            let mut first = Counts::default();
            first.visit_file(tree);
            let mut second = Counts::default();
            match syn::parse2::<syn::File>(tree.to_token_stream()) {
                Ok(copy) => second.visit_file(&copy),
                Err(_) => ok = false,
            }
            ok &= first == second;
            counts.items += first.items;
            counts.expressions += first.expressions;
        }
        let Counts { items, expressions } = counts;
        let check = format!("files={} items={items} expressions={expressions}", sources.len());
        Outcome { ok, check, ops: expressions }
    })
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    items: u64,
    expressions: u64,
}

impl<'ast> Visit<'ast> for Counts {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        self.items += 1;
        visit::visit_item(self, item);
    }

    fn visit_expr(&mut self, expression: &'ast syn::Expr) {
        self.expressions += 1;
        visit::visit_expr(self, expression);
    }
}

/// Sources again and again until they reach `bytes`.
fn take(sources: Vec<String>, bytes: usize) -> Vec<String> {
    let mut left = bytes;
    let mut taken = Vec::new();
    for source in sources.iter().cycle() {
        if left == 0 {
            break;
        }
        left = left.saturating_sub(source.len());
        taken.push(source.clone());
    }
    taken
}

/// Real sources, sorted by path within each package; if there are none, made-up ones.
fn sources() -> Vec<String> {
    let mut paths = Vec::new();
    for root in registries() {
        for package in PACKAGES.iter().filter_map(|name| locked(name)) {
            collect(&root.join(package).join("src"), &mut paths);
        }
        if !paths.is_empty() {
            break;
        }
    }
    let read: Vec<String> = paths
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .filter(|source| source.len() < 400_000)
        .collect();
    if read.is_empty() { (0..40).map(made_up).collect() } else { read }
}

/// Folders of unpacked packages, one for each registry in use.
fn registries() -> Vec<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    home.map(|home| entries(&home.join("registry/src")).collect()).unwrap_or_default()
}

/// What is in a folder, sorted; nothing if it cannot be read.
fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.into_iter()
}

/// The folder of the package `name` in the version that `Cargo.lock` names, so that every run parses the same.
fn locked(name: &str) -> Option<String> {
    let lock = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.lock")).ok()?;
    // Of several versions, the last.
    let (_, rest) = lock.rsplit_once(&format!("name = \"{name}\"\nversion = \""))?;
    Some(format!("{name}-{}", rest.split('"').next()?))
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for path in entries(folder) {
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

/// A source with nested modules, types, methods, matches and closures.
fn made_up(seed: u64) -> String {
    let mut rng = Rng::new(seed);
    let mut source = String::from("//! Generated.\nuse std::collections::HashMap;\n");
    for index in 0..rng.range(40, 120) {
        let (kind, field) = (text::word(&mut rng, 2), text::word(&mut rng, 2));
        let bound = rng.below(1_000);
        source.push_str(&format!(
            "/// A {kind}.\n#[derive(Clone, Debug)]\npub struct T{index}<T> {{ {field}: Vec<Option<T>>, n: usize }}\n\
             impl<T: Clone + Default> T{index}<T> {{\n    pub fn get_{field}(&mut self, key: &str) -> Result<usize, String> {{\n\
             let mut map: HashMap<String, Vec<usize>> = HashMap::new();\n\
             for (i, item) in self.{field}.iter().enumerate().filter(|(i, _)| i % 3 != {bound}) {{\n\
             match item {{ Some(_) if i > {bound} => map.entry(key.to_owned()).or_default().push(i + self.n * 2),\n\
             None => return Err(format!(\"{{i}}: {{}}\", key)), _ => continue }}\n}}\n\
             Ok(map.values().map(|list| list.iter().sum::<usize>()).max().unwrap_or({bound}))\n}}\n}}\n",
        ));
    }
    source
}
