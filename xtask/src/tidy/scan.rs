//! What a piece of code names: paths, attributes, identifiers. The rules ask here and judge.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItem, Item, ItemMod, ItemUse, Macro, Meta, Path, Stmt, TraitItem, UseTree};

/// A path that code names, outside test code: `use a::{b, c}` names `a::b` and `a::c`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
    /// The inline modules of the file around it, outermost first.
    pub(crate) inside: Vec<String>,
}

/// An attribute or a `cfg!` and the tokens in its parentheses, outside test code.
#[derive(Debug, Clone)]
pub(crate) struct Marked {
    pub(crate) name: String,
    pub(crate) tokens: TokenStream,
    pub(crate) line: usize,
}

/// Everything of interest in one file.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(crate) paths: Vec<Named>,
    pub(crate) marks: Vec<Marked>,
    /// Names of methods called, with their lines.
    pub(crate) calls: Vec<(String, usize)>,
    inside: Vec<String>,
}

/// Scans a file, leaving out what is compiled for tests only: items, or the whole file, if it says so itself.
pub(crate) fn product(file: &syn::File) -> Scan {
    let mut scan = Scan::default();
    if !is_test(&file.attrs) {
        scan.visit_file(file);
    }
    scan
}

/// Whether one of `attrs` is `#[cfg(test)]`, `#[cfg(all(test, ..))]` or `#[test]`.
pub(crate) fn is_test(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| {
        let Meta::List(list) = &attr.meta else { return attr.path().is_ident("test") };
        attr.path().is_ident("cfg") && demands_test(&list.tokens)
    })
}

/// Every identifier in `tokens`, also inside of groups.
pub(crate) fn idents(tokens: &TokenStream) -> Vec<String> {
    let mut found = Vec::new();
    for token in tokens.clone() {
        match token {
            TokenTree::Ident(ident) => found.push(ident.to_string()),
            TokenTree::Group(group) => found.extend(idents(&group.stream())),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
    found
}

/// Whether a condition holds in tests only: `test`, or an `all` that lists it.
fn demands_test(tokens: &TokenStream) -> bool {
    let mut tokens = tokens.clone().into_iter();
    match (tokens.next(), tokens.next()) {
        (Some(TokenTree::Ident(name)), None) => name == "test",
        (Some(TokenTree::Ident(name)), Some(TokenTree::Group(group))) if name == "all" => {
            let terms: Vec<_> = group.stream().into_iter().collect();
            let mut terms = terms.split(|token| matches!(token, TokenTree::Punct(p) if p.as_char() == ','));
            terms.any(|term| matches!(term, [TokenTree::Ident(name)] if name == "test"))
        }
        _ => false,
    }
}

fn line(span: Span) -> usize {
    span.start().line
}

impl Scan {
    fn name(&mut self, path: Vec<String>, line: usize) {
        self.paths.push(Named { path, line, inside: self.inside.clone() });
    }

    fn use_tree(&mut self, tree: &UseTree, prefix: &[String]) {
        let with = |ident: &syn::Ident| [prefix, &[ident.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.use_tree(&path.tree, &with(&path.ident)),
            UseTree::Name(name) => self.name(with(&name.ident), line(name.ident.span())),
            UseTree::Rename(rename) => self.name(with(&rename.ident), line(rename.ident.span())),
            UseTree::Glob(glob) => self.name(prefix.to_vec(), line(glob.star_token.span)),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.use_tree(tree, prefix)),
        }
    }

    /// The body of a macro: paths are identifiers joined by `::`, conditions are `cfg` and a group.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut start = 0;
        let mut colons = 0;
        for token in tokens {
            match &token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.flush(&mut path, start);
                        start = line(ident.span());
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Punct(punct)
                    if punct.as_char() == '!' && path.last().is_some_and(|p| p == "cfg") => {}
                TokenTree::Group(group) => {
                    let name = path.last().cloned().unwrap_or_default();
                    self.flush(&mut path, start);
                    if group.delimiter() == Delimiter::Parenthesis && !name.is_empty() {
                        let line = line(group.span_open());
                        self.marks.push(Marked { name, tokens: group.stream(), line });
                    }
                    self.tokens(group.stream());
                    colons = 0;
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {
                    self.flush(&mut path, start);
                    colons = 0;
                }
            }
        }
        self.flush(&mut path, start);
    }

    fn flush(&mut self, path: &mut Vec<String>, line: usize) {
        if !path.is_empty() {
            self.name(std::mem::take(path), line);
        }
    }
}

impl<'ast> Visit<'ast> for Scan {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attrs = match item {
            ImplItem::Fn(method) => &method.attrs[..],
            ImplItem::Const(constant) => &constant.attrs[..],
            _ => &[],
        };
        if !is_test(attrs) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_trait_item(&mut self, item: &'ast TraitItem) {
        if !matches!(item, TraitItem::Fn(method) if is_test(&method.attrs)) {
            visit::visit_trait_item(self, item);
        }
    }

    fn visit_stmt(&mut self, stmt: &'ast Stmt) {
        if !matches!(stmt, Stmt::Local(local) if is_test(&local.attrs)) {
            visit::visit_stmt(self, stmt);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.inside.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.inside.pop();
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        item.attrs.iter().for_each(|attr| self.visit_attribute(attr));
        self.use_tree(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let names: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let start = path.segments.first().map_or(0, |segment| line(segment.ident.span()));
        self.name(names, start);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, mac: &'ast Macro) {
        self.visit_path(&mac.path);
        if mac.path.is_ident("cfg") {
            let start = mac.path.segments.first().map_or(0, |segment| line(segment.ident.span()));
            self.marks.push(Marked { name: "cfg".into(), tokens: mac.tokens.clone(), line: start });
        }
        self.tokens(mac.tokens.clone());
    }

    fn visit_attribute(&mut self, attr: &'ast Attribute) {
        let name = attr.path().segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        let tokens = match &attr.meta {
            Meta::List(list) => list.tokens.clone(),
            Meta::Path(_) | Meta::NameValue(_) => TokenStream::new(),
        };
        self.marks.push(Marked { name, tokens, line: line(attr.pound_token.span) });
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.calls.push((call.method.to_string(), line(call.method.span())));
        visit::visit_expr_method_call(self, call);
    }
}

/// The attributes of any item.
pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(i) => &i.attrs,
        Item::Enum(i) => &i.attrs,
        Item::ExternCrate(i) => &i.attrs,
        Item::Fn(i) => &i.attrs,
        Item::ForeignMod(i) => &i.attrs,
        Item::Impl(i) => &i.attrs,
        Item::Macro(i) => &i.attrs,
        Item::Mod(i) => &i.attrs,
        Item::Static(i) => &i.attrs,
        Item::Struct(i) => &i.attrs,
        Item::Trait(i) => &i.attrs,
        Item::Type(i) => &i.attrs,
        Item::Union(i) => &i.attrs,
        Item::Use(i) => &i.attrs,
        _ => &[],
    }
}

#[cfg(test)]
mod tests;
