//! Builds what proves phones by codes.

use std::sync::Arc;

use super::StartError;
use super::base::StartContext;
use super::messaging::MessagingParts;
use super::rules::counter;
use crate::service::guard::Guard;
use crate::service::verification::limit::SendLimits;
use crate::service::verification::service_settings::VerificationServices;
use crate::service::verification::template::Templates;
use crate::service::verification::{Parts, Verifications, check_hooks};
use crate::store::verification::check::CheckWriter;

impl StartContext<'_> {
    pub(super) async fn verifications(
        &self,
        messaging: &MessagingParts,
        guard: &Arc<Guard>,
    ) -> Result<Arc<Verifications>, StartError> {
        let (store, clock) = (&self.databases.store, self.clock);
        let checker = CheckWriter {
            store: store.clone(),
            master: self.keys.master.clone(),
            clock: clock.clone(),
            hooks: check_hooks(self.events),
        };
        Ok(Arc::new(Verifications::new(Parts {
            settings: self.config.verification.clone(),
            store: store.clone(),
            master: self.keys.master.clone(),
            clock: clock.clone(),
            events: self.events.clone(),
            clients: messaging.clients.clone(),
            relay: messaging.relay.clone(),
            permissions: messaging.rules.permissions.clone(),
            limits: Arc::new(self.send_limits(messaging).await?),
            guard: guard.clone(),
            templates: Templates { store: store.clone(), clock: clock.clone() },
            calls: Arc::new(self.code_calls(&messaging.directory, &messaging.sending.codes)),
            intake: messaging.sending.code_intake.clone(),
            checker: checker.open(),
        })))
    }

    /// What limits of sends count, with what was sent within a day.
    async fn send_limits(&self, messaging: &MessagingParts) -> Result<SendLimits, StartError> {
        let named = messaging.rules.verification_limits.clone();
        let counter = counter(self.config, self.tasks, self.stop).await?;
        let limits = SendLimits::new(self.config.verification.limits, named, counter, self.key("send_limit").await?);
        let recalled = limits.recall(&self.databases.store, self.clock.now_ms()).await;
        recalled.map_err(StartError::storing(self.config))?;
        Ok(limits)
    }

    pub(super) fn verification_services(&self) -> VerificationServices {
        VerificationServices { store: self.databases.store.clone(), clock: self.clock.clone() }
    }
}
