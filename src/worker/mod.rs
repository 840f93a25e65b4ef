//! Time speaks: what is done without anybody asking.

mod book;
mod expire;
pub mod publish;
mod send;
mod watch;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::service::book::Book;
use crate::service::outbound::Outbound;
use crate::service::sync::Sync;

/// Starts the workers of a node. `is_shared`: other nodes may write to the same store.
pub fn start(sync: &Arc<Sync>, is_shared: bool, tasks: &TaskTracker, stop: &CancellationToken) {
    spawn(tasks, stop, expire::run(sync.clone()));
    if is_shared {
        spawn(tasks, stop, watch::run(sync.clone()));
    }
}

/// Starts what sends.
pub fn start_sending(outbound: &Arc<Outbound>, book: &Arc<Book>, tasks: &TaskTracker, stop: &CancellationToken) {
    spawn(tasks, stop, send::run(outbound.clone()));
    spawn(tasks, stop, book::run(book.clone()));
}

fn spawn(tasks: &TaskTracker, stop: &CancellationToken, work: impl Future<Output = ()> + Send + 'static) {
    let stop = stop.clone();
    tasks.spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = work => {}
        }
    });
}
