//! Messages between threads: two threads make them, two others read and free them.
//!
//! Every block is freed by a thread that did not allocate it, through a bounded queue of boxes.

use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::rng::Rng;
use crate::workload::{Job, Outcome, Scale};

const PRODUCERS: usize = 2;
const CONSUMERS: usize = 2;
/// Messages under way at most.
const QUEUE: usize = 4_096;

/// A message: a box with owned parts, as an event in a pipeline has.
struct Message {
    id: u64,
    topic: String,
    body: Vec<u8>,
    headers: Vec<(String, u32)>,
}

pub(crate) fn prepare(scale: Scale) -> Job {
    let each = scale.of(900_000);
    Box::new(move || {
        let (sender, receiver) = bounded(QUEUE);
        let got: Vec<(u64, u64)> = thread::scope(|scope| {
            let consumers: Vec<_> = (0..CONSUMERS)
                .map(|_| {
                    let receiver = receiver.clone();
                    scope.spawn(move || consume(&receiver))
                })
                .collect();
            for producer in 0..PRODUCERS {
                let sender = sender.clone();
                scope.spawn(move || produce(&sender, producer, each));
            }
            drop(sender);
            consumers.into_iter().map(|consumer| consumer.join().unwrap_or_default()).collect()
        });
        let count: u64 = got.iter().map(|part| part.0).sum();
        let sum = got.iter().fold(0_u64, |sum, part| sum.wrapping_add(part.1));
        let total = (PRODUCERS * each) as u64;
        // Ids are 0..total, each once; the rest of the sum is zero when a message arrives whole.
        let ok = count == total && sum == total * (total - 1) / 2;
        Outcome { ok, check: format!("messages={count} sum={sum:x}"), ops: total }
    })
}

fn produce(sender: &Sender<Box<Message>>, producer: usize, each: usize) {
    let mut rng = Rng::new(10 + producer as u64);
    for index in 0..each {
        let id = (producer * each + index) as u64;
        let body = vec![id as u8; rng.size(4_096)];
        let headers = (0..rng.below(4)).map(|n| (format!("header-{n}"), n as u32)).collect();
        let message = Message { id, topic: format!("topic/{}/{}", producer, index % 100), body, headers };
        if sender.send(Box::new(message)).is_err() {
            return;
        }
    }
}

/// Counts messages and sums their ids; a damaged message adds a large number.
fn consume(receiver: &Receiver<Box<Message>>) -> (u64, u64) {
    let (mut count, mut sum) = (0, 0_u64);
    for message in receiver {
        let whole = message.body.iter().all(|&byte| byte == message.id as u8)
            && message.topic.starts_with("topic/")
            && message.headers.iter().all(|(name, n)| name.ends_with(&n.to_string()));
        count += 1;
        sum = sum.wrapping_add(if whole { message.id } else { 1 << 60 });
    }
    (count, sum)
}
