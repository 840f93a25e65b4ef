//! What providers say of messages that they took, folded into the messages' states, which only move forward.

mod plan;

use std::collections::HashMap;
use std::sync::Arc;

use super::{InboundHandlers, LEASE, WebhookJob, read};
use crate::model::{MessageId, Millis};
use crate::provider::{self, DeliveryReceipt};
use crate::service::event::FailureReason;
use crate::service::retry;
use crate::store::inbound::finish::{self, FoldedReceipts};
use crate::store::message::Message;
use crate::store::{self, call, receipt};

use plan::{ReceiptBatchPlan, ReceiptStep};

/// A receipt that could be read.
struct ParsedReceipt<'a> {
    job: &'a WebhookJob,
    said: Arc<DeliveryReceipt>,
    provider: provider::CarrierKind,
}

impl InboundHandlers {
    pub(super) async fn receipts(&self, jobs: Vec<WebhookJob>) {
        let mut left = vec![jobs];
        while let Some(mut jobs) = left.pop() {
            if jobs.is_empty() {
                continue;
            }
            match retry::while_away(LEASE / 2, || self.fold(&jobs)).await {
                Ok(early) => self.give_back(&early).await,
                Err(error) if error.is_race() && jobs.len() > 1 => {
                    // what comes earlier in a message's life goes first
                    jobs.sort_by_cached_key(|job| self.rank(job));
                    left.push(jobs.split_off(jobs.len() / 2));
                    left.push(jobs);
                }
                // its message moves at this moment, or another node has it
                Err(error) if error.is_race() => self.give_back(&jobs).await,
                Err(error) => tracing::error!(%error, "could not fold receipts; they are handled again"),
            }
        }
    }

    /// Folds receipts in; those that come too early are returned.
    async fn fold(&self, jobs: &[WebhookJob]) -> store::Result<Vec<WebhookJob>> {
        let entries = self.directory.current();
        if jobs.iter().any(|job| entries.handle(job.account).is_none()) {
            // another node may just have added the account
            self.directory.refresh().await?;
        }
        let mut plan = ReceiptBatchPlan::default();
        let read = self.read(jobs, &mut plan.folded);
        let messages = self.messages(&read).await?;
        let ids: Vec<MessageId> = messages.values().flatten().map(|message| message.id).collect();
        plan.known = receipt::codes(&self.store, &ids).await?;
        if read.iter().any(|one| one.said.call.is_some()) {
            let calls = call::list(&self.store, &ids).await?;
            plan.calls = calls.into_iter().map(|(id, call)| (id, (call, call))).collect();
        }
        let now_ms = self.clock.now_ms();
        for one in &read {
            match find(&messages, one) {
                Some(message) => plan.add(one, message),
                None => self.unknown(one, &mut plan, now_ms),
            }
        }
        for message in &plan.opted_out {
            self.opt_outs.opted_out_at_carrier(message.client, &message.from, &message.to).await?;
        }
        self.write_receipts(plan, now_ms).await
    }

    /// What cannot be read any more is done with.
    fn read<'a>(&self, jobs: &'a [WebhookJob], folded: &mut FoldedReceipts) -> Vec<ParsedReceipt<'a>> {
        let entries = self.directory.current();
        let mut found = Vec::with_capacity(jobs.len());
        for job in jobs {
            if entries.is_unusable(job.account) {
                // tried again when its lease has ended
                continue;
            }
            let provider = entries.handle(job.account).map(|handle| handle.connector.kind());
            let read = provider.and_then(|provider| Some((provider, read::receipt_of(provider, job).ok()?)));
            match read {
                Some((provider, said)) => found.push(ParsedReceipt { job, said, provider }),
                None => {
                    tracing::warn!(id = %job.id, "a receipt cannot be read any more");
                    self.metrics.dropped();
                    folded.done.push(job.id);
                }
            }
        }
        // a carrier posts the steps of a message side by side
        found.sort_by_key(|one| one.said.rank());
        found
    }

    fn rank(&self, job: &WebhookJob) -> u8 {
        let entries = self.directory.current();
        let provider = entries.handle(job.account).map(|handle| handle.connector.kind());
        provider.and_then(|provider| read::receipt_of(provider, job).ok()).map_or(0, |said| said.rank())
    }

    async fn messages(&self, read: &[ParsedReceipt<'_>]) -> store::Result<HashMap<String, Vec<Message>>> {
        let (mut theirs, mut ours) = (Vec::new(), Vec::new());
        for one in read {
            match &one.said.message {
                Some(id) => ours.push(id.clone()),
                None => theirs.push(one.said.provider_id.clone()),
            }
        }
        let mut found = finish::by_provider_id(&self.store, &theirs).await?;
        found.extend(finish::by_message_id(&self.store, &ours).await?);
        Ok(found)
    }

    fn unknown(&self, one: &ParsedReceipt<'_>, plan: &mut ReceiptBatchPlan, now_ms: Millis) {
        if now_ms - one.job.received_ms < self.receipt_patience.as_ms() {
            plan.early.push(one.job.clone());
            return;
        }
        tracing::info!(id = %one.job.id, "a receipt is for no message of ours");
        self.metrics.dropped();
        plan.folded.done.push(one.job.id);
    }

    async fn write_receipts(&self, mut plan: ReceiptBatchPlan, now_ms: Millis) -> store::Result<Vec<WebhookJob>> {
        if plan.folded.done.is_empty() {
            return Ok(plan.early);
        }
        let mut batch = self.events.batch();
        for ReceiptStep { message, state, code } in &plan.steps {
            batch.message(message, *state, FailureReason { code: *code, reason: None }, now_ms);
        }
        for (ReceiptStep { message, state: call, code }, notes) in &plan.call_steps {
            batch.call_step(message, (call, notes), FailureReason { code: *code, reason: None }, now_ms);
        }
        let moved = plan.calls.into_iter().filter(|(_, (seen, now))| seen != now);
        plan.folded.calls = moved.map(|(id, (seen, now))| (id, seen.status, now)).collect();
        for (id, step) in plan.now {
            plan.folded.moved.entry(step).or_default().push(id);
        }
        let told = batch.into_rows();
        finish::receipts(&self.store, &self.owner, &plan.folded, &told, now_ms).await?;
        if !told.new.is_empty() {
            self.events.wake();
        }
        Ok(plan.early)
    }
}

/// The message of a receipt, where the account that speaks of it has sent it.
fn find<'a>(messages: &'a HashMap<String, Vec<Message>>, one: &ParsedReceipt<'_>) -> Option<&'a Message> {
    messages.get(one.said.id())?.iter().find(|message| message.account == one.job.account)
}
