//! How many lanes one node holds in memory. Those that tell codes have some room of their own, which no campaign fills.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::store::message::Message;

/// What is kept for codes is so small a part of the rest.
const PART: usize = 8;

/// Room for lanes; clones share it.
#[derive(Clone)]
pub struct LaneRoom {
    all: Arc<Semaphore>,
    codes: Arc<Semaphore>,
}

impl LaneRoom {
    /// For so many lanes, and besides for some that tell codes.
    pub fn new(lanes: usize) -> Self {
        let codes = (lanes / PART).max(1);
        Self { all: Arc::new(Semaphore::new(lanes)), codes: Arc::new(Semaphore::new(codes)) }
    }

    /// How many lanes there is room for, whatever they tell.
    pub fn free(&self) -> usize {
        self.all.available_permits()
    }

    /// Takes the room of a lane with this first message, where there is any.
    pub fn take(&self, first: &Message) -> Option<OwnedSemaphorePermit> {
        let room = self.all.clone().try_acquire_owned().ok();
        room.or_else(|| {
            first.content.secret.as_ref()?;
            self.codes.clone().try_acquire_owned().ok()
        })
    }
}
