//! What errors and `--print-config` show of a value: no secret, however wrong the value is.

use toml::Value;
use url::Url;

use crate::store::{StoreUrl, redact_url};

/// Settings whose value is never shown.
const SECRETS: [&str; 6] = [
    "admin.token",
    "backend.hashing_salt",
    "platforms.sink_secret",
    "compat.number_proxy.flowroute_secret_key",
    "compat.masked.password",
    "compat.masked.auth_token",
];
/// Settings that hold a password inside a URL.
const URLS: [&str; 4] = ["store.url", "backend.url", "redis.url", "platforms.sink_url"];

const HIDDEN: &str = "(hidden)";

pub(super) fn is_secret(key: &str) -> bool {
    SECRETS.contains(&key) || URLS.contains(&key)
}

/// A value as it may be shown.
pub(super) fn shown(key: &str, value: &Value) -> Value {
    match value {
        Value::String(text) if text.is_empty() => value.clone(),
        Value::String(text) if URLS.contains(&key) => parsed(key, text).map_or_else(|| HIDDEN.into(), Value::String),
        _ if is_secret(key) => HIDDEN.into(),
        // under whatever name: it may be misspelt
        Value::String(text) if text.starts_with("whsec_") => HIDDEN.into(),
        Value::String(text) if is_url(key) && may_have_login(text) => HIDDEN.into(),
        Value::Array(rows) => Value::Array(rows.iter().map(|row| shown(key, row)).collect()),
        Value::Table(row) => {
            let part = |(name, value): (&String, &Value)| (name.clone(), shown(&format!("{key}.{name}"), value));
            Value::Table(row.iter().map(part).collect())
        }
        other => other.clone(),
    }
}

/// A URL without its secrets, where whoever uses it can read it: where each part of it stands is unknown otherwise.
fn parsed(key: &str, text: &str) -> Option<String> {
    match key {
        "store.url" | "backend.url" => text.parse::<StoreUrl>().ok().map(|url| url.to_string()),
        "redis.url" => redis::Client::open(text).ok().and_then(|_| redact_url(text)),
        _ => redact_url(text),
    }
}

/// Whether a setting is a URL, or one of several.
pub(super) fn is_url(key: &str) -> bool {
    key.ends_with("url") || key.ends_with("_urls") || key.contains("_urls.")
}

/// Whether there is a login in a URL that wants none.
fn may_have_login(text: &str) -> bool {
    let has_none = |url: Url| url.username().is_empty() && url.password().is_none();
    text.contains('@') && !Url::parse(text).is_ok_and(has_none)
}
