//! `VerificationCheck`: whether a code is the one that was sent. A wrong one is no error.

use ::http::StatusCode;
use serde_json::json;

use super::error::{CHECKS, NO_TARGET, PARAMETER};
use super::order::to;
use super::payment::ConfirmedPayment;
use super::refusal;
use super::verification::{common, of_service};
use crate::http::body::UnreadBody;
use crate::http::compat::twilio::error::{NOT_FOUND, Result, TwilioCompatResult};
use crate::http::compat::twilio::form::TwilioForm;
use crate::http::compat::twilio::{TwilioCompatRequest, sid};
use crate::http::reply;
use crate::model::VerificationStatus;
use crate::service::client::KeyScope;
use crate::service::verification::{CheckOutcome, CheckTarget, VerificationService};

/// Which verification is meant, by its SID or its number. One of another service is none. A payment is confirmed by a
/// check that names the same, of the very verification whose text named it; another uses no try.
async fn target(
    visit: &TwilioCompatRequest<'_>,
    service: &VerificationService,
    form: &TwilioForm,
    payment: Option<&ConfirmedPayment>,
) -> Result<CheckTarget> {
    let verifications = &visit.app.verifications;
    let found = if let Some(sid) = form.one("VerificationSid") {
        let id = sid::parse_verification(sid).ok_or(NOT_FOUND)?;
        of_service(verifications.find(service.client, id).await?, service)?
    } else {
        let to = to(form, visit.country())?.ok_or(NO_TARGET)?;
        if payment.is_none() {
            return Ok(CheckTarget::Number { service: Some(service.id), to });
        }
        verifications.find_last(service.client, Some(service.id), &to).await?
    };
    let is_same = |named: &ConfirmedPayment| ConfirmedPayment::kept(&found).is_none_or(|kept| kept == *named);
    if payment.is_none_or(is_same) {
        return Ok(CheckTarget::Id(found.id));
    }
    Err(PARAMETER.because("Amount and Payee must be those that the verification was started with"))
}

/// `POST …/VerificationCheck`
pub(super) async fn create(
    visit: &TwilioCompatRequest<'_>,
    service: &VerificationService,
    posted: UnreadBody,
) -> TwilioCompatResult {
    visit.may(KeyScope::Verify)?;
    let form = TwilioForm::posted(visit, posted).await?;
    let payment = ConfirmedPayment::of(&form, &service.settings)?;
    let target = target(visit, service, &form, payment.as_ref()).await?;
    let code = form.one("Code").ok_or_else(|| PARAMETER.because("Code is missing"))?;
    let checked = visit.app.verifications.check(&visit.consumer, target, code).await.map_err(refusal::of)?;
    let status = match checked.outcome {
        CheckOutcome::Approved => VerificationStatus::Approved,
        // the last that may be tried is one of them: only the next is told that there were too many
        CheckOutcome::Wrong { .. } => VerificationStatus::Pending,
        CheckOutcome::Over if checked.verification.status == VerificationStatus::MaxAttemptsReached => {
            return Err(CHECKS.into());
        }
        CheckOutcome::Over => return Err(NOT_FOUND.into()),
    };
    let mut shown = common(&checked.verification, status);
    shown["sna_attempts_error_codes"] = json!([]);
    Ok(reply::json(StatusCode::CREATED, &shown))
}
