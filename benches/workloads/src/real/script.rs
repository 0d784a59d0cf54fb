//! rhai: a scripting language's interpreter at work on strings, arrays, maps and closures.
//!
//! Values are boxed and reference-counted, scopes come and go; little memory, very many short-lived blocks.

use rhai::{Engine, Scope};

use crate::workload::{Job, Outcome, Scale};

const SCRIPT: &str = r#"
fn primes(n) {
    let sieve = [];
    sieve.pad(n + 1, true);
    let found = [];
    for i in 2..(n + 1) {
        if !sieve[i] { continue; }
        found.push(i);
        let j = i * i;
        while j <= n { sieve[j] = false; j += i; }
    }
    found
}
fn words(n) {
    let counts = #{};
    let state = 7;
    for i in 0..n {
        state = (state * 1103515245 + 12345) % 2147483648;
        let key = "w" + (state / 65536 % 500);
        if key in counts { counts[key] += 1; } else { counts[key] = 1; }
    }
    counts
}
fn shapes(n) {
    let list = [];
    for i in 0..n {
        list.push(#{ kind: if i % 3 == 0 { "circle" } else { "box" }, size: i % 17, tags: ["t" + i, "u" + (i % 5)] });
    }
    let big = list.filter(|s| s.size > 8).map(|s| s.kind + ":" + s.size + ":" + s.tags[0]);
    big.sort();
    big
}
let total = 0;
for round in 0..rounds {
    total += primes(2000).len();
    let counts = words(2000);
    for key in counts.keys() { total += counts[key]; }
    let text = "";
    for shape in shapes(600) { text += shape + ";"; }
    total += text.len();
}
total
"#;

pub(crate) fn prepare(scale: Scale) -> Job {
    let rounds = scale.of(150);
    let expected = rounds as i64 * round();
    Box::new(move || {
        let mut engine = Engine::new();
        // The limits of a debug build are lower than the script is deep.
        engine.set_max_expr_depths(0, 0);
        let mut scope = Scope::new();
        scope.push("rounds", rounds as i64);
        match engine.eval_with_scope::<i64>(&mut scope, SCRIPT) {
            Ok(total) => {
                Outcome { ok: total == expected, check: format!("total={total}"), ops: rounds as u64 }
            }
            Err(error) => Outcome { ok: false, check: error.to_string(), ops: 0 },
        }
    })
}

/// What one round of the script adds, worked out in Rust: primes to 2,000, words counted, length of the text.
fn round() -> i64 {
    let primes = (2..=2_000_u32).filter(|n| (2..*n).take_while(|d| d * d <= *n).all(|d| n % d != 0)).count();
    let names = (0..600).filter(|i| i % 17 > 8).map(|i| {
        let kind = if i % 3 == 0 { "circle" } else { "box" };
        format!("{kind}:{}:t{i};", i % 17).len()
    });
    (primes + 2_000 + names.sum::<usize>()) as i64
}
