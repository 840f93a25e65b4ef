//! Calls at the loopback carrier: what their numbers do, reported step by step.

use super::{Loopback, LoopbackEvent, Trick};
use crate::model::{CallStatus, MessageId};
use crate::provider::{AskError, CallNotes, CallStep, End, Receipt, ReceiptState};

/// How long a call lasts, in seconds. Nobody waits for it.
const LENGTH: i64 = 1;

/// What a call goes through.
fn steps(trick: Trick) -> &'static [CallStatus] {
    use CallStatus::{Busy, Completed, Failed, InProgress, Initiated, NoAnswer, Ringing};
    match trick {
        Trick::Busy => &[Initiated, Busy],
        Trick::Report(ReceiptState::Undelivered, _) => &[Initiated, Ringing, NoAnswer],
        Trick::Report(..) => &[Initiated, Failed],
        Trick::Silent => &[Initiated, Ringing, InProgress],
        _ => &[Initiated, Ringing, InProgress, Completed],
    }
}

impl Loopback {
    pub(super) fn report_call(&self, message: MessageId, provider_id: &str, trick: Trick) {
        for status in steps(trick) {
            let duration = (*status == CallStatus::Completed).then_some(LENGTH);
            self.tell_call(message, provider_id, CallStep { status: *status, duration, notes: CallNotes::default() });
        }
    }

    /// Ends a call that lasts; one that is over stays as it is.
    pub(super) fn end(&self, provider_id: &str, end: End) -> Result<(), AskError> {
        let message = self.ring().message_of(provider_id);
        let gone = || AskError::Refused { code: Some(20_404), reason: "there is no such call".into() };
        let message = message.ok_or_else(gone)?;
        let duration = (end == End::Completed).then_some(LENGTH);
        self.tell_call(message, provider_id, CallStep { status: end.status(), duration, notes: CallNotes::default() });
        Ok(())
    }

    fn tell_call(&self, message: MessageId, provider_id: &str, call: CallStep) {
        let receipt = Receipt {
            message: None,
            provider_id: provider_id.to_owned(),
            state: call.status.into(),
            word: call.status.name().to_owned(),
            hop: None,
            error_code: None,
            at_ms: Some(self.0.clock.now_ms()),
            call: Some(call),
        };
        self.tell(LoopbackEvent::Receipt { message, receipt });
    }
}
