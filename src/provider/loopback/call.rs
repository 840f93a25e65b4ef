//! Calls at the loopback carrier: what their numbers do, reported step by step.

use super::{Loopback, LoopbackEvent, LoopbackTrick, StoredLoopbackReceipt, trick};
use crate::model::lock::lock;
use crate::model::message::MessageState;
use crate::model::{CallStatus, MessageId};
use crate::provider::{AskError, CallHangupMode};

/// How long a call lasts, in seconds. Nobody waits for it.
const LENGTH: i64 = 1;

/// What a call goes through.
fn steps(trick: LoopbackTrick) -> &'static [CallStatus] {
    use CallStatus::{Busy, Completed, Failed, InProgress, Initiated, NoAnswer, Ringing};
    match trick {
        LoopbackTrick::Busy => &[Initiated, Busy],
        LoopbackTrick::Report(MessageState::Undelivered, _) => &[Initiated, Ringing, NoAnswer],
        LoopbackTrick::Report(..) => &[Initiated, Failed],
        LoopbackTrick::Silent => &[Initiated, Ringing, InProgress],
        _ => &[Initiated, Ringing, InProgress, Completed],
    }
}

impl Loopback {
    pub(super) fn report_call(&self, message: MessageId, provider_id: &str, trick: LoopbackTrick) {
        for status in steps(trick) {
            self.tell_call(message, provider_id, *status);
        }
    }

    /// Dials somebody for a caller, and reports that call as any.
    pub fn dial(&self, call: MessageId, to: &str) {
        if self.0.has_receipts {
            self.report_call(call, &format!("LD{}", call.hex()), trick(to));
        }
    }

    /// Ends a call that lasts; one that is over stays as it is.
    pub(super) fn end(&self, provider_id: &str, end: CallHangupMode) -> Result<(), AskError> {
        let message = lock(&self.0.ring).message_of(provider_id);
        let gone = || AskError::Refused { code: Some(20_404), reason: "there is no such call".into() };
        let message = message.ok_or_else(gone)?;
        self.tell_call(message, provider_id, end.status());
        Ok(())
    }

    fn tell_call(&self, message: MessageId, provider_id: &str, status: CallStatus) {
        self.tell(LoopbackEvent::Receipt(StoredLoopbackReceipt {
            message: message.hex(),
            provider_id: provider_id.to_owned(),
            state: status.state().name().to_owned(),
            error_code: None,
            at_ms: Some(self.0.clock.now_ms()),
            call: Some(status.name().to_owned()),
            duration: (status == CallStatus::Completed).then_some(LENGTH),
        }));
    }
}
