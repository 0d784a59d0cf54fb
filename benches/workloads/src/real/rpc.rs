//! prost: orders as protocol buffers, encoded by one side, decoded and answered by the other.
//!
//! Nested messages with optional parts, repeated fields, maps and byte strings, all gone after the answer.

use std::collections::{HashMap, VecDeque};

use prost::Message;

use crate::rng::Rng;
use crate::text::Vocabulary;
use crate::workload::{Job, Outcome, Scale};

#[derive(Clone, PartialEq, Message)]
struct Item {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(uint64, tag = "2")]
    price: u64,
    #[prost(uint32, repeated, tag = "3")]
    options: Vec<u32>,
    #[prost(bytes = "vec", tag = "4")]
    picture: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct Address {
    #[prost(string, tag = "1")]
    street: String,
    #[prost(string, tag = "2")]
    city: String,
}

#[derive(Clone, PartialEq, Message)]
struct Order {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(message, repeated, tag = "2")]
    items: Vec<Item>,
    #[prost(message, optional, boxed, tag = "3")]
    address: Option<Box<Address>>,
    #[prost(map = "string, string", tag = "4")]
    labels: HashMap<String, String>,
    #[prost(string, repeated, tag = "5")]
    notes: Vec<String>,
}

pub(crate) fn prepare(scale: Scale) -> Job {
    let orders = scale.at_least(200_000, 20);
    let words = Vocabulary::new(&mut Rng::new(210), 3_000);
    Box::new(move || {
        let mut rng = Rng::new(211);
        let mut recent: VecDeque<Order> = VecDeque::new();
        let (mut good, mut bytes, mut total) = (0, 0, 0_u64);
        for id in 0..orders as u64 {
            let order = order(id, &mut rng, &words);
            let wire = order.encode_to_vec();
            bytes += wire.len();
            let Ok(received) = Order::decode(&wire[..]) else { continue };
            good += usize::from(received == order);
            total += received.items.iter().map(|item| item.price).sum::<u64>();
            recent.push_back(received);
            if recent.len() > 2_000 {
                recent.pop_front();
            }
        }
        Outcome {
            ok: good == orders,
            check: format!("orders={good} bytes={bytes} total={total}"),
            ops: orders as u64,
        }
    })
}

fn order(id: u64, rng: &mut Rng, words: &Vocabulary) -> Order {
    let item = |rng: &mut Rng| Item {
        name: words.sentence(rng, 2),
        price: rng.below(10_000) as u64,
        options: (0..rng.below(6) as u32).collect(),
        picture: vec![id as u8; rng.size(8_192)],
    };
    let address =
        |rng: &mut Rng| Address { street: words.sentence(rng, 3), city: words.pick(rng).to_owned() };
    Order {
        id,
        items: (0..rng.range(1, 8)).map(|_| item(rng)).collect(),
        address: rng.chance(70).then(|| Box::new(address(rng))),
        labels: (0..rng.below(5)).map(|_| (words.pick(rng).to_owned(), words.pick(rng).to_owned())).collect(),
        notes: (0..rng.below(3)).map(|_| words.sentence(rng, 8)).collect(),
    }
}
