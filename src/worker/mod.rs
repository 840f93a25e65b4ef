//! Time speaks: what is done without anybody asking.

mod expire;
mod notify;
mod watch;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::service::event::{Courier, Events};
use crate::service::sync::Sync;

/// Starts the workers of a node. `is_shared`: other nodes may write to the same store.
pub fn start(sync: &Arc<Sync>, events: &Arc<Events>, is_shared: bool, tasks: &TaskTracker, stop: &CancellationToken) {
    spawn(tasks, stop, expire::run(sync.clone(), events.clone()));
    spawn(tasks, stop, notify::listen(events.clone()));
    // stops by itself: what is under way ends first
    tasks.spawn(notify::run(Courier::new(events.clone()), stop.clone()));
    if is_shared {
        spawn(tasks, stop, watch::run(sync.clone()));
    }
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
