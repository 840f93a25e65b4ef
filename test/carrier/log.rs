//! The record: an append-only file, one fsync for all messages that arrived during the last one, and its index.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use tokio::sync::{mpsc, oneshot};

use crate::message::Message;

/// Messages written with one fsync at most, and messages waiting for the next.
const BATCH: usize = 4096;

pub struct Log {
    writer: mpsc::Sender<Job>,
    index: Arc<Mutex<Index>>,
    syncs: Arc<AtomicU64>,
}

struct Job {
    message: Message,
    done: oneshot::Sender<()>,
}

/// All messages in the order in which they stand in the file.
#[derive(Default)]
pub struct Index {
    messages: Vec<Message>,
    by_sid: HashMap<String, usize>,
    by_to: HashMap<String, Vec<usize>>,
}

impl Log {
    /// Reads what is there and starts the thread that writes.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let index = Arc::new(Mutex::new(Index::read(&mut file)?));
        let (writer, jobs) = mpsc::channel(BATCH);
        let syncs = Arc::new(AtomicU64::new(0));
        let thread = (index.clone(), syncs.clone());
        std::thread::spawn(move || {
            if let Err(error) = write(&file, jobs, &thread.0, &thread.1) {
                // a carrier that cannot record must not answer
                eprintln!("carrier: the record cannot be written: {error}");
                std::process::exit(1);
            }
        });
        Ok(Self { writer, index, syncs })
    }

    /// Returns once the message is on disk. A caller that goes away meanwhile changes nothing.
    pub async fn record(&self, message: Message) {
        let (done, written) = oneshot::channel();
        // neither fails before the process ends: the writer ends with it
        let _ = self.writer.send(Job { message, done }).await;
        let _ = written.await;
    }

    pub fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }
}

fn write(
    mut file: &File,
    mut jobs: mpsc::Receiver<Job>,
    index: &Mutex<Index>,
    syncs: &AtomicU64,
) -> anyhow::Result<()> {
    let mut seq = index.lock().map_or(0, |index| index.messages.len() as u64);
    let mut batch = Vec::new();
    while let Some(first) = jobs.blocking_recv() {
        batch.push(first);
        while batch.len() < BATCH
            && let Ok(next) = jobs.try_recv()
        {
            batch.push(next);
        }
        for job in &mut batch {
            seq += 1;
            job.message.seq = seq;
            let mut line = serde_json::to_vec(&job.message)?;
            line.push(b'\n');
            file.write_all(&line)?;
        }
        file.sync_data()?;
        syncs.fetch_add(1, Ordering::Relaxed);
        let mut index = index.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting: Vec<_> = batch
            .drain(..)
            .map(|job| {
                index.add(job.message);
                job.done
            })
            .collect();
        drop(index);
        for done in waiting {
            let _ = done.send(());
        }
    }
    Ok(())
}

impl Index {
    /// A last line without its end was never answered: it is taken off.
    fn read(file: &mut File) -> anyhow::Result<Self> {
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        file.set_len(whole as u64)?;
        let mut index = Self::default();
        for (number, line) in text[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).enumerate() {
            index.add(serde_json::from_slice(line).with_context(|| format!("line {}", number + 1))?);
        }
        Ok(index)
    }

    fn add(&mut self, message: Message) {
        let at = self.messages.len();
        self.by_sid.insert(message.sid.clone(), at);
        self.by_to.entry(message.to.clone()).or_default().push(at);
        self.messages.push(message);
    }

    pub fn find(&self, sid: &str) -> Option<&Message> {
        self.by_sid.get(sid).map(|at| &self.messages[*at])
    }

    /// In the order of arrival, all or those to one number.
    pub fn messages(&self, to: Option<&str>) -> Box<dyn DoubleEndedIterator<Item = &Message> + '_> {
        match to {
            None => Box::new(self.messages.iter()),
            Some(to) => Box::new(self.by_to.get(to).into_iter().flatten().map(|at| &self.messages[*at])),
        }
    }

    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Notes a later state; the file keeps the first.
    pub fn set_status(&mut self, sid: &str, status: &str, error_code: Option<u32>) {
        if let Some(at) = self.by_sid.get(sid) {
            status.clone_into(&mut self.messages[*at].status);
            self.messages[*at].error_code = error_code;
        }
    }
}
