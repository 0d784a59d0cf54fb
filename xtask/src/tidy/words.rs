//! One word, one meaning: identifiers that the published crates declare must not contain a word for which the
//! glossary (`docs/glossary.md`) has another.
//!
//! Only declarations count: what others named, such as `std::sync::PoisonError`, we cannot change.

use syn::visit::{self, Visit};

use crate::tidy::source::{Breach, Source};

/// Words that are never right here, and what to say instead.
pub(crate) const WRONG: [(&str, &str); 12] = [
    ("region", "span"),
    ("extent", "span"),
    ("shard", "slab or slot"),
    ("magazine", "chain"),
    ("redzone", "canary"),
    ("red_zone", "canary"),
    ("poison", "fill"),
    ("peak", "high_water"),
    ("thread_free", "remote_free"),
    ("delayed_free", "remote_free"),
    ("free_node", "block"),
    ("freelist", "free_list"),
];

/// Breaches in one file.
pub(crate) fn check(source: &Source) -> Vec<Breach> {
    let mut words = Words { source, breaches: Vec::new() };
    words.visit_file(&source.syntax);
    words.breaches
}

struct Words<'a> {
    source: &'a Source,
    breaches: Vec<Breach>,
}

impl Words<'_> {
    fn declare(&mut self, ident: &syn::Ident) {
        let name = ident.to_string();
        let words = snake(&name);
        let joined = format!("_{}_", words.join("_"));
        // One word is wrong in the plural too; of several, a plural is another word (`threads_free_blocks`).
        let plural = |word: &str| words.iter().any(|part| part.strip_suffix('s') == Some(word));
        let wrong = WRONG.iter().find(|(word, _)| joined.contains(&format!("_{word}_")) || plural(word));
        if let Some((word, right)) = wrong {
            let text = format!("`{name}`: say `{right}`, not `{word}`");
            self.breaches.push(self.source.breach(ident.span().start().line, text));
        }
    }
}

/// `FreeList2d` as `free`, `list2d`.
fn snake(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_lower = false;
    for c in name.chars() {
        if c == '_' || (c.is_uppercase() && after_lower) {
            words.push(String::new());
        }
        after_lower = c.is_lowercase() || c.is_numeric();
        if let Some(word) = words.last_mut().filter(|_| c != '_') {
            word.extend(c.to_lowercase());
        }
    }
    words
}

impl<'ast> Visit<'ast> for Words<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        match item {
            syn::Item::Const(i) => self.declare(&i.ident),
            syn::Item::Enum(i) => self.declare(&i.ident),
            syn::Item::Mod(i) => self.declare(&i.ident),
            syn::Item::Static(i) => self.declare(&i.ident),
            syn::Item::Struct(i) => self.declare(&i.ident),
            syn::Item::Trait(i) => self.declare(&i.ident),
            syn::Item::Type(i) => self.declare(&i.ident),
            syn::Item::Union(i) => self.declare(&i.ident),
            syn::Item::Macro(i) => i.ident.iter().for_each(|ident| self.declare(ident)),
            _ => {}
        }
        visit::visit_item(self, item);
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.declare(&signature.ident);
        visit::visit_signature(self, signature);
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        field.ident.iter().for_each(|ident| self.declare(ident));
        visit::visit_field(self, field);
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        self.declare(&variant.ident);
        visit::visit_variant(self, variant);
    }

    fn visit_pat_ident(&mut self, pat: &'ast syn::PatIdent) {
        self.declare(&pat.ident);
        visit::visit_pat_ident(self, pat);
    }

    fn visit_generic_param(&mut self, param: &'ast syn::GenericParam) {
        match param {
            syn::GenericParam::Type(param) => self.declare(&param.ident),
            syn::GenericParam::Const(param) => self.declare(&param.ident),
            syn::GenericParam::Lifetime(_) => {}
        }
        visit::visit_generic_param(self, param);
    }

    fn visit_foreign_item(&mut self, _: &'ast syn::ForeignItem) {
        // Named by somebody else.
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(text: &str) -> Vec<String> {
        check(&Source::parse("crates/heap-x/src/a.rs", text).unwrap()).into_iter().map(|b| b.text).collect()
    }

    #[test]
    fn a_wrong_word_is_a_breach_wherever_it_is_declared() {
        for code in [
            "struct MemoryRegion;",
            "struct S { region: u8 }",
            "fn map_region() {}",
            "fn f(region: u8) {}",
            "fn f() { let (_, regions) = g(); }",
            "const REGION_LEN: usize = 1;",
            "enum E { Region }",
            "fn f<Region>() {}",
            "mod region {}",
        ] {
            let found = breaches(code);
            assert_eq!(found.len(), 1, "{code}");
            assert!(found[0].ends_with("say `span`, not `region`"), "{code}: {found:?}");
        }
        assert_eq!(breaches("fn peak_bytes() {}"), ["`peak_bytes`: say `high_water`, not `peak`"]);
        assert_eq!(breaches("struct RedZone;"), ["`RedZone`: say `canary`, not `red_zone`"]);
    }

    #[test]
    fn words_of_others_and_longer_words_are_free() {
        for code in [
            "use std::sync::PoisonError;",
            "fn f(e: PoisonError<()>) { e.region(); }",
            "extern \"C\" { fn __asan_poison_memory_region(); }",
            "fn speak() {} fn regional() {} struct Extents2;",
            "fn threads_free_blocks() {}",
        ] {
            assert_eq!(breaches(code), [""; 0], "{code}");
        }
    }
}
