//! serde_json: a large document parsed into a tree of values, changed in many places, and written again.
//!
//! Short strings, small maps and growing arrays, freed in another order than they were made.

use serde_json::{Map, Value, json};

use crate::rng::Rng;
use crate::text::Vocabulary;
use crate::workload::{Job, Outcome, Scale};

pub(crate) fn prepare(scale: Scale) -> Job {
    let records = scale.of(60_000);
    let document = document(records);
    Box::new(move || {
        let mut bytes = 0;
        let mut ok = true;
        for round in 0..2 {
            let mut tree: Value = match serde_json::from_str(&document) {
                Ok(tree) => tree,
                Err(error) => return Outcome { ok: false, check: error.to_string(), ops: 0 },
            };
            let Some(list) = tree.get_mut("records").and_then(Value::as_array_mut) else { break };
            ok &= list.len() == records;
            let removed = change(list, round);
            let text = serde_json::to_string(&tree).unwrap_or_default();
            bytes += text.len();
            ok &= again(&text, records - removed, &tree);
        }
        Outcome { ok, check: format!("records={records} bytes={bytes}"), ops: 2 * records as u64 }
    })
}

/// The document: records with nested objects, arrays of tags, numbers, prose and nulls.
fn document(records: usize) -> String {
    let mut rng = Rng::new(1);
    let words = Vocabulary::new(&mut rng, 4_000);
    let mut text = String::from("{\"version\":3,\"records\":[");
    for id in 0..records {
        let tags: Vec<&str> = (0..rng.below(6)).map(|_| words.pick(&mut rng)).collect();
        let length = rng.range(3, 24);
        let record = json!({
            "id": id,
            "name": words.pick(&mut rng),
            "active": rng.chance(60),
            "score": rng.below(100_000) as f64 / 8.0,
            "tags": tags,
            "text": words.sentence(&mut rng, length),
            "parent": if rng.chance(50) { Value::Null } else { json!(rng.below(id + 1)) },
            "place": { "city": words.pick(&mut rng), "at": [rng.below(180), rng.below(90)] },
        });
        text.push_str(if id > 0 { "," } else { "" });
        text.push_str(&record.to_string());
    }
    text.push_str("]}");
    text
}

/// Edits most records and removes some; returns how many were removed.
fn change(list: &mut Vec<Value>, round: usize) -> usize {
    let before = list.len();
    list.retain(|record| record["id"].as_u64().is_none_or(|id| id % 7 != round as u64));
    for record in list.iter_mut() {
        let Some(fields) = record.as_object_mut() else { continue };
        let note = format!("{} / {}", fields["name"], fields["score"]);
        fields.insert("note".to_owned(), Value::String(note));
        fields.remove("parent");
        if let Some(Value::Array(tags)) = fields.get_mut("tags") {
            tags.push(json!({ "round": round }));
        }
        let inner: Map<String, Value> = (0..3).map(|key| (format!("k{key}"), json!(key))).collect();
        fields.insert("extra".to_owned(), Value::Object(inner));
    }
    before - list.len()
}

/// Whether the written text parses to the same tree.
fn again(text: &str, records: usize, tree: &Value) -> bool {
    let parsed: Option<Value> = serde_json::from_str(text).ok();
    parsed.is_some_and(|parsed| {
        parsed == *tree && parsed["records"].as_array().is_some_and(|l| l.len() == records)
    })
}
