//! tokio: a runtime with four workers, actors that answer messages, and very many short tasks.
//!
//! Tasks are boxed futures that start on one worker and end on another; replies travel through one-shot channels.

use std::collections::HashMap;

use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::workload::{Job, Outcome, Scale};

const WORKERS: usize = 4;
const ACTORS: usize = 64;
/// Short tasks under way at the same time.
const OPEN: usize = 500;

/// Appends a line under a key and asks how many bytes the actor holds there.
struct Append {
    key: String,
    line: Vec<u8>,
    reply: oneshot::Sender<usize>,
}

pub(crate) fn prepare(scale: Scale) -> Job {
    let tasks = scale.at_least(500_000, 200);
    Box::new(move || {
        let Ok(runtime) = Builder::new_multi_thread().worker_threads(WORKERS).build() else {
            return Outcome { ok: false, check: "no runtime".to_owned(), ops: 0 };
        };
        let (answered, held) = runtime.block_on(run(tasks));
        let expected: usize = (0..tasks).map(|task| 1 + task % 200).sum();
        let check = format!("tasks={answered} bytes={held}");
        Outcome { ok: answered == tasks && held == expected, check, ops: tasks as u64 }
    })
}

async fn run(tasks: usize) -> (usize, usize) {
    let mut actors = JoinSet::new();
    let mailboxes: Vec<mpsc::Sender<Append>> = (0..ACTORS)
        .map(|_| {
            let (sender, receiver) = mpsc::channel(64);
            actors.spawn(actor(receiver));
            sender
        })
        .collect();
    let mut answered = 0;
    let mut open = JoinSet::new();
    for task in 0..tasks {
        open.spawn(client(mailboxes[task % ACTORS].clone(), task));
        if open.len() >= OPEN {
            answered += usize::from(matches!(open.join_next().await, Some(Ok(true))));
        }
    }
    while let Some(done) = open.join_next().await {
        answered += usize::from(matches!(done, Ok(true)));
    }
    drop(mailboxes);
    let mut held = 0;
    while let Some(bytes) = actors.join_next().await {
        held += bytes.unwrap_or(0);
    }
    (answered, held)
}

async fn client(mailbox: mpsc::Sender<Append>, task: usize) -> bool {
    let (reply, answer) = oneshot::channel();
    let append =
        Append { key: format!("key-{}", task % 1_000), line: vec![task as u8; 1 + task % 200], reply };
    mailbox.send(append).await.is_ok() && answer.await.is_ok_and(|bytes| bytes > task % 200)
}

/// Keeps the last lines of each key; returns how many bytes it was sent.
async fn actor(mut mailbox: mpsc::Receiver<Append>) -> usize {
    let mut lines: HashMap<String, Vec<Vec<u8>>> = HashMap::new();
    let mut total = 0;
    while let Some(Append { key, line, reply }) = mailbox.recv().await {
        total += line.len();
        let kept = lines.entry(key).or_default();
        if kept.len() >= 32 {
            kept.remove(0);
        }
        kept.push(line);
        let _ = reply.send(kept.iter().map(Vec::len).sum());
    }
    total
}
