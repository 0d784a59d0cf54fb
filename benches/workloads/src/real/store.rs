//! redb: a transactional key-value store over one buffer in memory.
//!
//! Pages of 4 KiB and their copies, a page cache, and the store itself, which grows by reallocation to a large buffer.

use redb::backends::InMemoryBackend;
use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};

use crate::rng::Rng;
use crate::workload::{Job, Outcome, Scale};

const USERS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("users");
const NAMES: TableDefinition<'_, &str, u64> = TableDefinition::new("names");

/// Writes in one transaction.
const BATCH: usize = 2_000;

pub(crate) fn prepare(scale: Scale) -> Job {
    let writes = scale.at_least(150_000, 500);
    Box::new(move || match work(writes) {
        Ok((users, names, sum, ok)) => {
            Outcome { ok, check: format!("users={users} names={names} sum={sum}"), ops: writes as u64 }
        }
        Err(error) => Outcome { ok: false, check: error.to_string(), ops: 0 },
    })
}

/// Inserts, overwrites and removes users; entries left in both tables, a sum over all, whether both agree.
fn work(writes: usize) -> Result<(u64, u64, u64, bool), redb::Error> {
    let database = Database::builder().set_cache_size(16 << 20).create_with_backend(InMemoryBackend::new())?;
    let mut rng = Rng::new(60);
    let mut alive = vec![false; writes];
    for batch in 0..writes.div_ceil(BATCH) {
        let transaction = database.begin_write()?;
        {
            let mut users = transaction.open_table(USERS)?;
            let mut names = transaction.open_table(NAMES)?;
            for _ in 0..BATCH.min(writes - batch * BATCH) {
                let key = rng.below(writes);
                let name = format!("user-{key:08}-{}", key % 77);
                if alive[key] && rng.chance(30) {
                    users.remove(key as u64)?;
                    names.remove(name.as_str())?;
                    alive[key] = false;
                } else {
                    users.insert(key as u64, vec![key as u8; 16 + rng.size(4_096)].as_slice())?;
                    names.insert(name.as_str(), key as u64)?;
                    alive[key] = true;
                }
            }
        }
        transaction.commit()?;
    }
    let transaction = database.begin_read()?;
    let (users, names) = (transaction.open_table(USERS)?, transaction.open_table(NAMES)?);
    let (mut sum, mut ok) = (0, true);
    for entry in names.iter()? {
        let key = entry?.1.value();
        let Some(value) = users.get(key)? else { return Ok((0, 0, sum, false)) };
        ok &= alive[key as usize] && value.value().iter().all(|&byte| byte == key as u8);
        sum += value.value().len() as u64;
    }
    let (users, names) = (users.len()?, names.len()?);
    ok &= users == names && users == alive.iter().filter(|&&alive| alive).count() as u64;
    Ok((users, names, sum, ok))
}
