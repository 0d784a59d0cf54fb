//! A server with one short-lived thread per connection: httparse reads requests, dashmap holds the sessions,
//! serde_json writes the answers.
//!
//! Threads die while what they allocated lives on in the sessions, and are freed by threads that come later.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use dashmap::DashMap;
use serde_json::json;

use crate::rng::Rng;
use crate::text::Vocabulary;
use crate::workload::{Job, Outcome, Scale};

/// Connections served at the same time.
const WIDTH: usize = 4;
/// Requests on one connection.
const REQUESTS: usize = 25;
const USERS: usize = 8_000;

struct Item {
    number: u64,
    text: String,
}

#[derive(Default)]
struct Session {
    hits: u64,
    /// Pages visited, newest last; bounded.
    trail: Vec<String>,
    basket: Vec<Arc<Item>>,
}

type Sessions = DashMap<String, Session>;

pub(crate) fn prepare(scale: Scale) -> Job {
    let connections = scale.at_least(6_000, 8);
    let mut rng = Rng::new(80);
    let words = Vocabulary::new(&mut rng, 2_000);
    let requests: Vec<Vec<u8>> = (0..10_000).map(|_| request(&mut rng, &words)).collect();
    Box::new(move || {
        let sessions = Sessions::new();
        let mut answered = 0;
        let mut bytes = 0;
        thread::scope(|scope| {
            let (done, waiting) = sync_channel(WIDTH);
            for connection in 0..connections {
                if connection >= WIDTH {
                    add(&waiting, &mut answered, &mut bytes);
                }
                let (done, sessions, requests) = (done.clone(), &sessions, &requests);
                scope.spawn(move || {
                    let answers = serve(connection, sessions, requests);
                    // The acceptor frees the answers.
                    let _ = done.send(answers);
                });
            }
            for _ in 0..WIDTH.min(connections) {
                add(&waiting, &mut answered, &mut bytes);
            }
        });
        let hits: u64 = sessions.iter().map(|session| session.hits).sum();
        let total = (connections * REQUESTS) as u64;
        let whole = sessions.iter().all(|session| session.trail.len() <= 40 && session.basket.len() <= 60);
        Outcome { ok: whole && hits == total && answered == total, check: format!("hits={hits}"), ops: total }
    })
}

fn add(waiting: &Receiver<Vec<Vec<u8>>>, answered: &mut u64, bytes: &mut usize) {
    for answer in waiting.recv().unwrap_or_default() {
        *answered += u64::from(answer.starts_with(b"HTTP/1.1 200"));
        *bytes += answer.len();
    }
}

fn request(rng: &mut Rng, words: &Vocabulary) -> Vec<u8> {
    let user = rng.below(USERS);
    let (a, b, c) = (words.pick(rng), words.pick(rng), words.pick(rng));
    format!(
        "GET /{a}/{b}?q={c} HTTP/1.1\r\nHost: example.org\r\nCookie: user-{user:05}\r\nAccept: text/html, */*\r\n\
         User-Agent: {a}/1.0 ({b}; {c})\r\nAccept-Language: en\r\n\r\n"
    )
    .into_bytes()
}

/// One connection, from its first request to its last.
fn serve(connection: usize, sessions: &Sessions, requests: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut rng = Rng::new(81 + connection as u64);
    (0..REQUESTS).map(|_| answer(&requests[rng.below(requests.len())], sessions, &mut rng)).collect()
}

fn answer(bytes: &[u8], sessions: &Sessions, rng: &mut Rng) -> Vec<u8> {
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut request = httparse::Request::new(&mut headers);
    if !request.parse(bytes).is_ok_and(|status| status.is_complete()) {
        return b"HTTP/1.1 400".to_vec();
    }
    let path = request.path.unwrap_or("/").to_owned();
    let header =
        |name: &str| request.headers.iter().find(|header| header.name == name).map(|header| header.value);
    let user = String::from_utf8_lossy(header("Cookie").unwrap_or_default()).into_owned();
    let mut session = sessions.entry(user).or_default();
    session.hits += 1;
    session.trail.push(path.clone());
    if session.trail.len() > 40 {
        session.trail.drain(..20);
    }
    let text = format!("{path} {}", "*".repeat(rng.size(512)));
    let number = session.hits;
    session.basket.push(Arc::new(Item { number, text }));
    if session.basket.len() > 60 {
        session.basket.clear();
    }
    // What the answer needs is kept by the answer while others may empty the basket.
    let last: Vec<Arc<Item>> = session.basket.iter().rev().take(5).cloned().collect();
    let (hits, trail) = (session.hits, session.trail.clone());
    drop(session);
    let last: Vec<_> = last.iter().map(|item| json!({ "number": item.number, "text": item.text })).collect();
    let body = json!({ "path": path, "hits": hits, "trail": trail, "last": last }).to_string();
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
