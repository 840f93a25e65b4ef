//! Posts paired phones' texts to their platforms' sinks: a loop for each platform that has one.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::service::publish::Publish;

/// How often a platform's texts are looked for that this node was not told of: due again, or another's.
const EVERY: Duration = Duration::from_secs(1);
/// Calls of one sink at once.
const AT_ONCE: usize = 8;

/// Starts the workers of a node. A call under way is finished at shutdown.
pub fn start(publish: &Arc<Publish>, tasks: &TaskTracker, stop: &CancellationToken) {
    for platform in publish.platforms() {
        super::spawn(tasks, stop, run(publish.clone(), platform.to_owned(), tasks.clone()));
    }
}

async fn run(publish: Arc<Publish>, platform: String, tasks: TaskTracker) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut is_away = false;
    while let Ok(place) = places.clone().acquire_owned().await {
        match publish.claim(&platform).await {
            Ok(Some(delivery)) => {
                is_away = false;
                let publish = publish.clone();
                tasks.spawn(async move {
                    publish.deliver(delivery).await;
                    drop(place);
                });
            }
            Ok(None) => {
                is_away = false;
                publish.wait(&platform, EVERY).await;
            }
            Err(error) => {
                // said once: it is asked every second
                if !is_away {
                    tracing::warn!(%error, platform, "could not look for texts to publish; trying again");
                }
                is_away = true;
                tokio::time::sleep(EVERY).await;
            }
        }
    }
}
