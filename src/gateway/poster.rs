//! Stand-in.
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};

use crate::service::publish::{Answer, Letter, Sinks};

pub(super) fn sinks() -> Sinks {
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(15))
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap_or_default();
    Arc::new(move |letter| {
        let client = client.clone();
        Box::pin(async move { post(client, letter).await })
    })
}

async fn post(client: reqwest::Client, letter: Letter) -> Answer {
    let key = STANDARD.decode(letter.secret.expose().trim_start_matches("whsec_")).unwrap_or_default();
    let Ok(mut mac) = Hmac::<sha2::Sha256>::new_from_slice(&key) else {
        return Answer::Failed { reason: "key".into(), wait: None };
    };
    let secs = letter.now_ms / 1000;
    mac.update(format!("{}.{secs}.{}", letter.id, letter.body.as_str()).as_bytes());
    let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    let sent = client
        .post(&letter.url)
        .header("webhook-id", &letter.id)
        .header("webhook-timestamp", secs.to_string())
        .header("webhook-signature", signature)
        .header("content-type", "application/json")
        .body(letter.body.as_str().to_owned())
        .send()
        .await;
    match sent {
        Ok(response) if response.status().is_success() => Answer::Taken,
        Ok(response) => Answer::Failed { reason: response.status().to_string(), wait: None },
        Err(error) => Answer::Failed { reason: error.to_string(), wait: None },
    }
}
