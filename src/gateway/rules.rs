//! Builds what is sent is held to: whom it may go to, and limits of clients' own.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::StartError;
use super::base::StartContext;
use super::sending::SendingParts;
use crate::config::Config;
use crate::service::directory::Directory;
use crate::service::ledger::Ledger;
use crate::service::permission::Permissions;
use crate::service::relay::Relay;
use crate::service::tariff::Tariff;
use crate::service::verification::limit::NamedLimits;
use crate::signal::SharedCounter;

/// What all that is sent is held to.
#[derive(Clone)]
pub(super) struct SendRules {
    pub(super) permissions: Arc<Permissions>,
    pub(super) verification_limits: Arc<NamedLimits>,
}

impl StartContext<'_> {
    pub(super) async fn send_rules(&self) -> Result<SendRules, StartError> {
        let (store, clock) = (&self.databases.store, self.clock);
        let permissions = Permissions::open(store.clone(), clock.clone()).await;
        let verification_limits = NamedLimits::open(store.clone(), clock.clone()).await;
        Ok(SendRules {
            permissions: Arc::new(permissions.map_err(StartError::storing(self.config))?),
            verification_limits: Arc::new(verification_limits.map_err(StartError::storing(self.config))?),
        })
    }

    /// What clients send, held to them.
    pub(super) fn relay(
        &self,
        (directory, tariff, ledger): (&Arc<Directory>, &Arc<Tariff>, &Arc<Ledger>),
        sending: &SendingParts,
        rules: &SendRules,
    ) -> Relay {
        Relay {
            directory: directory.clone(),
            tariff: tariff.clone(),
            messages: sending.messages.clone(),
            ledger: ledger.clone(),
            permissions: rules.permissions.clone(),
            calls: self.config.call,
            tasks: self.tasks.clone(),
            clock: self.clock.clone(),
        }
    }
}

/// What all nodes count together.
pub(super) async fn counter(
    config: &Config,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Result<SharedCounter, StartError> {
    if config.redis.url.is_empty() {
        return Ok(SharedCounter::alone());
    }
    Ok(SharedCounter::redis(config.redis.url.expose(), tasks, stop).await?)
}
