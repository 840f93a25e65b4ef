//! Threads that read: as many as are needed at once, started when they are.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rusqlite::Connection;
use tokio::sync::mpsc;

use super::{ConnectionOpener, EngineReply, QUEUE, ask, select_all, start};
use crate::model::lock::lock;
use crate::store::engine::{Query, Result, Row};

type QueuedReadBatch = (Vec<Query>, EngineReply<Vec<Vec<Row>>>);

/// Clones share the threads, which end with the last of them.
#[derive(Clone)]
pub(super) struct ReaderThreads {
    reads: mpsc::Sender<QueuedReadBatch>,
    queue: Arc<Mutex<mpsc::Receiver<QueuedReadBatch>>>,
    opener: ConnectionOpener,
    most: usize,
    started: Arc<AtomicUsize>,
    /// Reads that wait or are being answered; one that was given up counts until its thread is done with it.
    under_way: Arc<AtomicUsize>,
}

impl ReaderThreads {
    pub(super) fn new(most: usize, opener: &ConnectionOpener) -> Self {
        let (reads, queue) = mpsc::channel(QUEUE);
        Self {
            reads,
            queue: Arc::new(Mutex::new(queue)),
            opener: opener.clone(),
            most: most.clamp(1, 4),
            started: Arc::default(),
            under_way: Arc::default(),
        }
    }

    pub(super) async fn read(&self, queries: Vec<Query>) -> Result<Vec<Vec<Row>>> {
        let under_way = self.under_way.fetch_add(1, Ordering::Relaxed) + 1;
        let sent = self.have(under_way).and_then(|()| ask(&self.reads, queries));
        match sent {
            Ok(answered) => answered.await,
            Err(error) => {
                self.under_way.fetch_sub(1, Ordering::Relaxed);
                Err(error)
            }
        }
    }

    /// Starts one more thread if there are fewer than reads under way.
    fn have(&self, under_way: usize) -> Result<()> {
        let more = |started: usize| (started < under_way.min(self.most)).then_some(started + 1);
        if self.started.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_err() {
            return Ok(());
        }
        let (opener, queue, under_way) = (self.opener.clone(), self.queue.clone(), self.under_way.clone());
        let begun = start("sqlite-reader", move || read_loop(&opener, &queue, &under_way));
        begun.inspect_err(|_| {
            self.started.fetch_sub(1, Ordering::Relaxed);
        })
    }
}

fn read_loop(opener: &ConnectionOpener, queue: &Mutex<mpsc::Receiver<QueuedReadBatch>>, under_way: &AtomicUsize) {
    let mut reader = None;
    loop {
        let next = lock(queue).blocking_recv();
        let Some((queries, answer)) = next else { return };
        if !answer.is_closed() {
            let _ = answer.send(read(opener, &mut reader, &queries));
        }
        under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

fn read(opener: &ConnectionOpener, reader: &mut Option<Connection>, queries: &[Query]) -> Result<Vec<Vec<Row>>> {
    let connection = match reader {
        Some(connection) => connection,
        none => none.insert(opener()?),
    };
    select_all(connection, queries)
}
