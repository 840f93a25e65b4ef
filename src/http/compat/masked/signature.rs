//! What Twilio posts to the paths of the masked door, and where calls ask what to say: signed by an account of ours, in a
//! form or as JSON.

use ::http::StatusCode;

use crate::http::body::UnreadBody;
use crate::http::reply::{self, Refusal};
use crate::http::{App, RequestParts, object, webhook};
use crate::model::AccountId;
use crate::service::account::CarrierKind;
use crate::service::inbound::{PostKind, SignedPost};

/// The header that signs.
const SIGNATURE: &str = "x-twilio-signature";

/// The fields that a Twilio account of ours has signed, with the public URL of the path; whichever account it is.
pub(in crate::http) struct SignedFields(SignedPost);

impl SignedFields {
    /// 400 where the signature is missing, 403 where it is another's. `target`: path and query as they were asked for.
    pub(in crate::http) async fn posted(
        app: &App,
        request: &RequestParts,
        target: &str,
        posted: UnreadBody,
    ) -> Result<Self, Refusal> {
        request.only("POST")?;
        if !request.headers.contains_key(SIGNATURE) {
            return Err(reply::problem(StatusCode::BAD_REQUEST, "X-Twilio-Signature is missing").into());
        }
        let body = object::collect(posted, app).await?;
        // of what is posted here only who has signed it is asked: what kind of post it is does not matter
        let post = webhook::post(PostKind::Receipt, None, target, body.clone(), (request, app));
        let turn = app.guesses.turn(request).await;
        let signed = app.inbox.signed_by_any(CarrierKind::Twilio, post).await?;
        drop(turn);
        let Some(signed) = signed else {
            tracing::warn!("a post that no account of ours has signed");
            return Err(match app.guesses.count(request) {
                Ok(()) => reply::problem(StatusCode::FORBIDDEN, "X-Twilio-Signature is not our account's"),
                Err(wait) => reply::too_many_requests(wait.as_secs() + 1),
            }
            .into());
        };
        Ok(Self(signed))
    }

    /// Who has signed them.
    pub(in crate::http) fn accounts(&self) -> &[AccountId] {
        &self.0.accounts
    }

    /// A field's value, where it says something.
    pub(in crate::http) fn one(&self, name: &str) -> Option<&str> {
        let value = self.0.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        value.filter(|value| !value.is_empty())
    }
}
