//! csv: a table parsed into rows of strings, grouped, joined, sorted and written again.
//!
//! One small vector and several short strings a row; then index maps whose tables double as they fill.

use std::collections::HashMap;

use csv::{ReaderBuilder, Writer};
use indexmap::IndexMap;

use crate::rng::Rng;
use crate::text::Vocabulary;
use crate::workload::{Job, Outcome, Scale};

struct Row {
    customer: String,
    product: String,
    city: String,
    amount: u64,
    note: String,
}

struct Input {
    orders: String,
    customers: String,
    rows: usize,
    total: u64,
}

pub(crate) fn prepare(scale: Scale) -> Job {
    let input = input(scale.of(800_000));
    Box::new(move || match report(&input) {
        Ok((groups, bytes, total)) => Outcome {
            ok: total == input.total,
            check: format!("rows={} groups={groups} bytes={bytes} total={total}", input.rows),
            ops: input.rows as u64,
        },
        Err(error) => Outcome { ok: false, check: error.to_string(), ops: 0 },
    })
}

fn input(rows: usize) -> Input {
    let mut rng = Rng::new(20);
    let words = Vocabulary::new(&mut rng, 5_000);
    let (products, countries) = (Vocabulary::new(&mut rng, 600), Vocabulary::new(&mut rng, 40));
    let customers_count = rows / 20 + 1;
    let (mut orders, mut total) = (String::from("id,customer,product,city,amount,note\n"), 0);
    for id in 0..rows {
        let amount = rng.below(100_000) as u64;
        total += amount;
        let length = rng.below(8);
        let (customer, note) = (rng.below(customers_count), words.sentence(&mut rng, length));
        let (product, city) = (products.pick(&mut rng), words.pick(&mut rng));
        orders.push_str(&format!("{id},c{customer},{product},{city},{amount},\"{note}, {id}\"\n"));
    }
    let mut customers = String::from("key,name,country\n");
    for customer in 0..customers_count {
        customers.push_str(&format!(
            "c{customer},{},{}\n",
            words.sentence(&mut rng, 2),
            countries.pick(&mut rng)
        ));
    }
    Input { orders, customers, rows, total }
}

/// Reads both tables and writes the report; groups, bytes written, sum of all amounts in it.
fn report(input: &Input) -> Result<(usize, usize, u64), csv::Error> {
    let rows = read(&input.orders)?;
    let mut names: HashMap<String, (String, String)> = HashMap::new();
    for record in ReaderBuilder::new().from_reader(input.customers.as_bytes()).records() {
        let record = record?;
        names.insert(record[0].to_owned(), (record[1].to_owned(), record[2].to_owned()));
    }
    let mut groups: IndexMap<(String, String), Vec<&Row>> = IndexMap::new();
    for row in &rows {
        let country = names.get(&row.customer).map_or("", |(_, country)| country);
        groups.entry((country.to_owned(), row.product.clone())).or_default().push(row);
    }
    groups.sort_by(|a, _, b, _| a.cmp(b));
    let mut writer = Writer::from_writer(Vec::new());
    let mut total = 0;
    for ((country, product), rows) in &groups {
        let sum: u64 = rows.iter().map(|row| row.amount).sum();
        total += sum;
        let mut cities: Vec<String> = rows.iter().map(|row| row.city.to_uppercase()).collect();
        cities.sort();
        cities.dedup();
        let longest = rows.iter().map(|row| row.note.len()).max().unwrap_or(0).to_string();
        writer.write_record([country, product, &sum.to_string(), &longest, &cities.join(";")])?;
    }
    let bytes = writer.into_inner().map_or(0, |bytes| bytes.len());
    Ok((groups.len(), bytes, total))
}

fn read(text: &str) -> Result<Vec<Row>, csv::Error> {
    let mut rows = Vec::new();
    for record in ReaderBuilder::new().from_reader(text.as_bytes()).records() {
        let record = record?;
        let field = |index: usize| record[index].to_owned();
        let amount = record[4].parse().unwrap_or(0);
        rows.push(Row { customer: field(1), product: field(2), city: field(3), amount, note: field(5) });
    }
    Ok(rows)
}
