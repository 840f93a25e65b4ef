//! Platforms' sinks: who may be called, and one signed call.

use bytes::Bytes;

use crate::crypto::WebhookSecret;
use crate::crypto::signature::webhook::sign;
use crate::model::{DurationSetting, Millis, Platform};
use crate::provider::client::HttpClientBuildError;
use crate::provider::webhook::{PrivateAddressExceptions, Settings, SignedEvent};
use crate::provider::{WebhookClient, WebhookPostOutcome};

/// A lease has to outlive a call.
const LONGEST_CALL: DurationSetting = DurationSetting::from_millis(20_000);

/// Whether its sink can be called, where it has one, and its name fits what is stored of it.
pub fn is_sound(platform: &Platform) -> bool {
    let is_callable = |allow: PrivateAddressExceptions| allow.check_url(&platform.sink_url).is_ok();
    let can_be_called = || trusting(std::slice::from_ref(platform)).is_ok_and(is_callable);
    let can_be_signed = || platform.sink_secret.expose().parse::<WebhookSecret>().is_ok();
    platform.name.len() <= 64 && (!platform.has_sink() || (can_be_called() && can_be_signed()))
}

/// What posts to these platforms' sinks. They are the operator's own, so they may stand on private addresses.
pub fn webhooks(timeout: DurationSetting, platforms: &[Platform]) -> Result<WebhookClient, HttpClientBuildError> {
    // hosts that cannot be read were refused with the configuration
    let allow = trusting(platforms).unwrap_or_default();
    WebhookClient::new(&Settings { allow, timeout: timeout.min(LONGEST_CALL) })
}

fn trusting(platforms: &[Platform]) -> Result<PrivateAddressExceptions, String> {
    let hosts = platforms.iter().filter_map(|platform| {
        let url: http::Uri = platform.sink_url.parse().ok()?;
        // a literal address is covered by its network
        url.host().filter(|host| !host.starts_with('[')).map(str::to_owned)
    });
    let everywhere = ["0.0.0.0/0", "::/0"].map(str::to_owned);
    PrivateAddressExceptions::parse(&everywhere.into_iter().chain(hosts).collect::<Vec<_>>())
}

/// Posts a text; `id` is the same at every try.
pub(super) async fn post(
    webhooks: &WebhookClient,
    platform: &Platform,
    id: String,
    body: String,
    now_ms: Millis,
) -> WebhookPostOutcome {
    let Ok(secret) = platform.sink_secret.expose().parse::<WebhookSecret>() else {
        let reason = "platforms.sink_secret is none".into();
        return WebhookPostOutcome::Failed { status: None, retry_after: None, reason };
    };
    let timestamp_secs = now_ms / 1000;
    let signature = sign(&secret, &id, timestamp_secs, body.as_bytes());
    let event = SignedEvent { id, timestamp_secs, signature, body: Bytes::from(body) };
    webhooks.deliver(&platform.sink_url, &event).await
}
