//! `POST …/Messages.json` and `…/Calls.json`: record, then answer, unless told otherwise.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::behaviour::{Act, On};
use crate::callback;
use crate::message::Message;
use crate::reply::{self, Cut, Refusal, Reply};
use crate::state::Carrier;

pub async fn answer(carrier: &Arc<Carrier>, read: Result<Message, Refusal>) -> Result<Reply, Cut> {
    carrier.count("sends");
    let mut message = match read {
        Ok(message) => message,
        Err(refusal) => {
            carrier.count("invalid");
            return Ok(refusal.reply());
        }
    };
    let plan = carrier.rules.lock().map(|mut rules| rules.take(On::Send, &message.to)).unwrap_or_default();
    carrier.count(plan.act.name());
    wait(plan.hold_ms).await;
    plan.act.name().clone_into(&mut message.told);
    message.is_listed = !matches!(plan.act, Act::Unlisted);
    let mut shown = message.show(&carrier.account);
    if let Act::Fail { status, code } = &plan.act {
        message.status.clone_from(status);
        (shown["status"], shown["error_code"]) = (json!(status), json!(code));
        shown["error_message"] = json!(code.map(|_| "Failed on command"));
    }
    let created = reply::json(201, &shown);
    if plan.act.is_recorded() {
        callback::record(carrier, message, plan.delay_ms).await;
    }
    wait(plan.delay_ms).await;
    fault(plan.act, created).await
}

/// What becomes of a good answer.
pub async fn fault(act: Act, good: Reply) -> Result<Reply, Cut> {
    match act {
        Act::Accept | Act::Fail { .. } | Act::Forget | Act::Unlisted => Ok(good),
        Act::Status { status, retry_after, .. } => Ok(Refusal::of_status(status, retry_after).reply()),
        Act::Garbage { status } => Ok(reply::text(status, "application/json", "{\"sid\": \"SM")),
        Act::Refuse { code, status, says } => {
            Ok(Refusal::new(status, code, says.as_deref().unwrap_or("Refused on command")).reply())
        }
        Act::Cut => Ok(reply::cut(good)),
        Act::CutBefore => Err(Cut),
        Act::Silent => std::future::pending().await,
    }
}

pub async fn wait(ms: u64) {
    // a timer costs more than all the rest where there is nothing to wait for
    if ms > 0 {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}
