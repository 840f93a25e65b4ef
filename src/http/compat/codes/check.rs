//! `GET /?auth_id=&code=`: whether a code is the one that was texted, which can be asked until it is, or so often.

use std::borrow::Cow;
use std::sync::Arc;

use ::http::{Method, StatusCode};
use serde_json::json;

use super::refusal::{CodesRefusal, failed, invalid};
use super::{AUTH_ID, CODE, CodesResult, is_auth_id, verifier};
use crate::http::{App, RequestParts, auth, reply};
use crate::model::VerificationStatus;
use crate::model::verification::read_code;
use crate::service::ErrorKind;
use crate::service::verification::{CheckOutcome, CheckResult, CheckTarget};

/// `method`: as it was asked; whoever wants only the head uses nothing up.
pub(super) async fn answer(method: Method, request: RequestParts, app: Arc<App>) -> CodesResult {
    let consumer = auth::consumer(&app, &request)?;
    verifier(&consumer)?;
    let auth_id = request.param(AUTH_ID).map(Cow::into_owned).filter(|text| is_auth_id(text));
    let code = request.param(CODE).and_then(|text| read_code(&text));
    let (Some(auth_id), Some(code)) = (auth_id, code) else {
        return Err(invalid("auth_id and code must be there: a text of 1 to 120 characters, and a whole number."));
    };
    if method == Method::HEAD {
        return Ok(reply::empty(StatusCode::OK));
    }
    let checked = app.verifications.check(&consumer, CheckTarget::AuthId(auth_id.clone()), &code).await;
    let CheckResult { verification, outcome } = match checked {
        Err(error) if error.kind == ErrorKind::NotFound => return Err(unknown()),
        checked => checked?,
    };
    match outcome {
        CheckOutcome::Approved => {
            let message = "Success: Authorization code verified.";
            let body = json!({"authenticated": true, "auth_id": auth_id, "message": message});
            Ok(reply::json(StatusCode::OK, &body))
        }
        CheckOutcome::Wrong { left } => Err(failed("Invalid code", "InvalidAuthCode", left)),
        CheckOutcome::Over if verification.status == VerificationStatus::Expired => {
            Err(failed("Expired code", "ExpiredAuthCode", 0))
        }
        CheckOutcome::Over => Err(unknown()),
    }
}

/// There is none under this name, or none any more.
fn unknown() -> CodesRefusal {
    failed("Unknown auth id", "UnknownAuthId", 0)
}
