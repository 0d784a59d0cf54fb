//! rpds: an account book whose every state is kept for a while, in persistent maps.
//!
//! Reference-counted nodes shared between hundreds of versions; dropping an old version frees what it alone held.

use std::collections::VecDeque;

use rpds::{HashTrieMap, RedBlackTreeMap};

use crate::rng::Rng;
use crate::workload::{Job, Outcome, Scale};

/// Versions that are kept.
const VERSIONS: usize = 6_000;
const ACCOUNTS: usize = 20_000;

/// One state of the books: who has what, and who has how much, in order.
#[derive(Clone)]
struct Books {
    balances: HashTrieMap<String, i64>,
    ranking: RedBlackTreeMap<(i64, usize), ()>,
}

pub(crate) fn prepare(scale: Scale) -> Job {
    let transfers = scale.at_least(50_000, 50);
    let accounts = scale.at_least(ACCOUNTS, 40);
    Box::new(move || {
        let mut rng = Rng::new(190);
        let mut plain = vec![1_000_i64; accounts];
        let mut books = Books { balances: HashTrieMap::new(), ranking: RedBlackTreeMap::new() };
        for (account, &balance) in plain.iter().enumerate() {
            books.balances.insert_mut(name(account), balance);
            books.ranking.insert_mut((balance, account), ());
        }
        let mut versions: VecDeque<(Books, usize, i64)> = VecDeque::new();
        let mut ok = true;
        for _ in 0..transfers {
            let (from, to, amount) = (rng.below(accounts), rng.below(accounts), rng.range(1, 100) as i64);
            books = book(&books, &mut plain, from, -amount);
            books = book(&books, &mut plain, to, amount);
            versions.push_back((books.clone(), to, plain[to]));
            if versions.len() > VERSIONS {
                ok &= versions
                    .pop_front()
                    .is_some_and(|(old, account, balance)| intact(&old, account, balance));
            }
        }
        ok &= versions.into_iter().all(|(old, account, balance)| intact(&old, account, balance));
        let total: i64 = books.balances.values().sum();
        let richest = books.ranking.last().map_or(0, |((balance, _), ())| *balance);
        ok &= total == 1_000 * accounts as i64 && plain.iter().max() == Some(&richest);
        Outcome { ok, check: format!("total={total} richest={richest}"), ops: transfers as u64 }
    })
}

fn name(account: usize) -> String {
    format!("account {account:09}")
}

/// The books with `amount` added to an account. The state before stays as it is.
fn book(books: &Books, plain: &mut [i64], account: usize, amount: i64) -> Books {
    let before = plain[account];
    plain[account] += amount;
    Books {
        balances: books.balances.insert(name(account), before + amount),
        ranking: books.ranking.remove(&(before, account)).insert((before + amount, account), ()),
    }
}

/// Whether a version still says what it said when it was made.
fn intact(books: &Books, account: usize, balance: i64) -> bool {
    books.balances.get(&name(account)) == Some(&balance) && books.ranking.contains_key(&(balance, account))
}
