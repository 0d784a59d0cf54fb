//! minijinja: pages of a shop rendered from templates, each with a context of its own.
//!
//! Reference-counted values, many short strings, an output that grows; everything dies with its page.

use minijinja::{Environment, Value, context};

use crate::rng::Rng;
use crate::text::Vocabulary;
use crate::workload::{Job, Outcome, Scale};

const LAYOUT: &str =
    "<html><head><title>{{ title|upper }}</title></head><body>{% block body %}{% endblock %}</body></html>";
const ITEM: &str = "<li class=\"{{ loop.cycle('odd', 'even') }}\">{{ item.name|title }}: {{ item.price * item.count }}\
    {% for tag in item.tags %} <b>{{ tag|replace('a', 'o') }}</b>{% endfor %}</li>";
const PAGE: &str = "{% extends 'layout' %}{% block body %}{% set total = namespace(sum=0) %}<ul>\
    {% for item in items %}{% include 'item' %}{% set total.sum = total.sum + item.price * item.count %}{% endfor %}</ul>\
    {% for group, members in items|groupby('group') %}<h2>{{ group }}: {{ members|map(attribute='name')|sort|join(', ') }}</h2>\
    {% endfor %}<p>sum={{ total.sum }}</p>{% endblock %}";

pub(crate) fn prepare(scale: Scale) -> Job {
    let pages = scale.of(6_000);
    let words = Vocabulary::new(&mut Rng::new(30), 3_000);
    Box::new(move || match render(pages, &words) {
        Ok((bytes, good)) => {
            Outcome { ok: good == pages, check: format!("pages={good} bytes={bytes}"), ops: pages as u64 }
        }
        Err(error) => Outcome { ok: false, check: error.to_string(), ops: 0 },
    })
}

/// Renders all pages; bytes written and pages whose sum is right.
fn render(pages: usize, words: &Vocabulary) -> Result<(usize, usize), minijinja::Error> {
    let mut environment = Environment::new();
    for (name, source) in [("layout", LAYOUT), ("item", ITEM), ("page", PAGE)] {
        environment.add_template(name, source)?;
    }
    let mut rng = Rng::new(31);
    let (mut bytes, mut good) = (0, 0);
    for page in 0..pages {
        let (items, sum) = items(&mut rng, words);
        let text =
            environment.get_template("page")?.render(context! { title => format!("page {page}"), items })?;
        bytes += text.len();
        good += usize::from(text.contains(&format!("<p>sum={sum}</p>")));
    }
    Ok((bytes, good))
}

fn items(rng: &mut Rng, words: &Vocabulary) -> (Vec<Value>, u64) {
    let mut sum = 0;
    let count = rng.range(10, 60);
    let items = (0..count)
        .map(|_| {
            let (price, count) = (rng.range(1, 900) as u64, rng.range(1, 9) as u64);
            sum += price * count;
            let tags: Vec<String> = (0..rng.below(5)).map(|_| words.pick(rng).to_owned()).collect();
            let length = rng.range(1, 4);
            context! { name => words.sentence(rng, length), price, count, tags, group => rng.below(6) }
        })
        .collect();
    (items, sum)
}
