//! A server that forgets some of its sessions. Run it: the report names the line that made what was never freed.
//!
//! `cargo run -p heap-debug --example find_a_leak`

use std::collections::HashMap;

use heap_debug::{DebugAllocator, DebugConfig, Format, LeakScope};

#[global_allocator]
static GLOBAL: DebugAllocator = DebugAllocator::with_config(DebugConfig::new().stack_trace_frames(24));

struct Session {
    name: String,
    history: Vec<u64>,
}

#[derive(Default)]
struct Server {
    sessions: HashMap<u32, *mut Session>,
}

impl Server {
    fn open(&mut self, id: u32) {
        let session = Box::new(Session { name: format!("session {id}"), history: vec![0; 100] });
        // The mistake: a session of the same number is replaced, and nobody frees the old one.
        self.sessions.insert(id, Box::into_raw(session));
    }

    fn close(&mut self, id: u32) -> Option<usize> {
        let session = self.sessions.remove(&id)?;
        // SAFETY: made by `open`, and removed just now.
        let session = unsafe { Box::from_raw(session) };
        Some(session.name.len() + session.history.len())
    }
}

fn main() {
    let scope = LeakScope::enter(&GLOBAL);
    let mut server = Server::default();
    for id in [1, 2, 3, 2] {
        server.open(id);
    }
    let closed: usize = [1, 2, 3].into_iter().filter_map(|id| server.close(id)).sum();
    drop(server);
    scope.finish().print(Format::Text);
    println!("closed sessions of {closed} entries");
}
