//! One tree of settings: the commented default is compiled in, then come a file, the older
//! environment names, the environment, and flags.

mod codes;
mod doors;
mod layer;
mod legacy;
mod replaced;
mod secret;
mod show;

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::model::keyword::{LanguageKeywords, is_word};
use crate::model::{Millis, Platform, Secret, text};
use crate::service::publish::sink;
use crate::service::{
    event, guard, inbound, number, opt_out, outbox, publish, relay, retention, session, sync, tariff, verification,
};
use crate::{http, provider, store};

pub use layer::{ConfigError, ConfigLayers};

/// The default configuration, with its comments.
pub const DEFAULT: &str = include_str!("config/default.toml");

/// Read from the working directory where no file is named.
const FILE: &str = "switchboard.toml";

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub http: http::Settings,
    pub tls: http::TlsSettings,
    pub admin: http::AdminSettings,
    pub store: store::Settings,
    pub backend: sync::UserDatabaseSettings,
    pub keys: KeyDirectorySettings,
    pub redis: RedisSettings,
    pub log: LogSettings,
    pub sync: sync::Settings,
    pub outbox: outbox::Settings,
    pub number: number::Settings,
    pub call: relay::CallSettings,
    pub tariff: tariff::DefaultPrices,
    pub provider: provider::Settings,
    pub event: event::Settings,
    pub guard: guard::Settings,
    pub inbound: inbound::Settings,
    pub opt_out: opt_out::Settings,
    pub session: session::Settings,
    pub verification: verification::Settings,
    pub compat: CompatSettings,
    pub retention: retention::Settings,
    pub publish: publish::Settings,
    pub platforms: Vec<Platform>,
    /// `SWITCHBOARD_MASTER_KEY` or its older name, and which it was; it is never in a file.
    #[serde(skip)]
    pub master_key: Option<(&'static str, Secret)>,
    /// `serve --dev`.
    #[serde(skip)]
    pub is_dev: bool,
}

/// `[keys]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyDirectorySettings {
    pub dir: PathBuf,
}

/// `[compat.…]`: what the doors of older systems need besides.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompatSettings {
    pub number_proxy: session::NumberProxySettings,
    pub masked: http::MaskedDoorSettings,
    pub codes: http::CodesDoorSettings,
}

/// `[redis]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisSettings {
    pub url: Secret,
}

/// `[log]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSettings {
    pub level: String,
    pub format: LogFormat,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Auto,
    Text,
    Json,
}

/// What the command line says about configuration.
#[derive(Clone, Debug, Default)]
pub struct ConfigSources {
    /// `--config FILE`.
    pub file: Option<PathBuf>,
    /// `--set key=value`, and flags that stand for one.
    pub flags: Vec<(String, String)>,
    pub environment: Vec<(String, String)>,
}

/// The configuration, and the layers that it came from.
pub fn load(sources: &ConfigSources) -> Result<(Config, ConfigLayers), ConfigError> {
    let mut layers = ConfigLayers::of_default(DEFAULT)?;
    match &sources.file {
        Some(path) => layers.add_file(path)?,
        None if Path::new(FILE).exists() => layers.add_file(Path::new(FILE))?,
        None => {}
    }
    for (key, value) in legacy::settings(&sources.environment) {
        layers.add_text(&key, &value, "the older environment names")?;
    }
    for (name, value) in &sources.environment {
        if let Some(key) = name.strip_prefix("SWITCHBOARD__") {
            let key = key.to_lowercase().replace("__", ".");
            layers.add_text(&key, value, &format!("the environment variable {name}"))?;
        }
    }
    for (key, value) in &sources.flags {
        layers.add_text(key, value, "the command line")?;
    }
    let mut config: Config = layers.read()?;
    config.master_key = legacy::master_key(&sources.environment);
    check(&config, &layers)?;
    Ok((config, layers))
}

const SINK: &str =
    "a sink_url of http(s)://… without a login, with a sink_secret of whsec_…; names of 64 bytes at most";

const LEVELS: &str = "error, warn, info, debug, trace or off, or target=level, with commas between";

/// What a lease must last beyond two calls: writing takes time too.
const LEASE_MARGIN_MS: Millis = 1000;

/// More than any carrier takes, and well within the column that holds it.
const LONGEST_TEXT: usize = 10_000;
/// The same of what callers hear (Twilio: <https://www.twilio.com/docs/voice/twiml/say>).
const LONGEST_SPEECH: usize = 4_096;

/// Characters of the administrator's key: what can be guessed opens everything.
const SHORTEST_TOKEN: usize = 16;

/// Refuses the value of a key that is wrong, and says what is allowed there.
type RefuseValue<'a> = &'a dyn Fn(&str, bool, &str) -> Result<(), ConfigError>;

/// What no single value shows.
fn check(config: &Config, layers: &ConfigLayers) -> Result<(), ConfigError> {
    let refuse =
        |key: &str, is_wrong: bool, allowed: &str| if is_wrong { Err(layers.wrong(key, allowed)) } else { Ok(()) };
    check_addresses(config, &refuse)?;
    check_sessions(config, &refuse)?;
    check_messaging(config, &refuse)?;
    doors::check(config, &refuse)?;
    codes::check(config, &refuse)?;
    check_limits(config, &refuse)
}

fn check_addresses(config: &Config, refuse: RefuseValue) -> Result<(), ConfigError> {
    let http = &config.http;
    refuse("http.listen", http.listen.is_empty(), "at least one address such as 127.0.0.1:6996")?;
    let is_wrong = !http.metrics_listen.is_empty() && http.metrics_listen.parse::<std::net::SocketAddr>().is_err();
    refuse("http.metrics_listen", is_wrong, "an address such as 127.0.0.1:9090, or nothing")?;
    let is_wrong = !http.public_url.is_empty() && http.public_url.parse::<crate::model::PublicOrigin>().is_err();
    refuse("http.public_url", is_wrong, "http://host:port or https://host:port, without a path")?;
    let url = &config.backend.url;
    let is_wrong = !url.is_empty() && url.expose().parse::<store::StoreUrl>().is_err();
    refuse("backend.url", is_wrong, "sqlite:PATH or mysql://user:password@host:port/database, or nothing")?;
    let is_wrong = !config.redis.url.is_empty() && redis::Client::open(config.redis.url.expose()).is_err();
    refuse("redis.url", is_wrong, "redis://host:port, or nothing")?;
    let token = config.admin.token.expose();
    let is_short = !token.is_empty() && token.chars().count() < SHORTEST_TOKEN;
    refuse("admin.token", is_short, "16 characters or more, such as from `openssl rand -hex 32`, or nothing")
}

fn check_sessions(config: &Config, refuse: RefuseValue) -> Result<(), ConfigError> {
    let sync = &config.sync;
    for (key, is_none) in [
        ("sync.rotations", sync.rotations == 0),
        ("sync.sockets_per_user", sync.sockets_per_user == 0),
        ("sync.sockets_per_address", sync.sockets_per_address == 0),
        ("provider.connections_per_host", config.provider.connections_per_host == 0),
        ("http.connections", config.http.connections == 0),
    ] {
        refuse(key, is_none, "at least 1")?;
    }
    refuse("sync.rotate_every", sync.rotate_every.as_ms() < 50, "at least 50ms")?;
    // a sid carries its expiry in whole seconds
    refuse("sync.session_ttl", sync.session_ttl.as_ms() < 1000, "at least 1s")?;
    refuse("sync.ping_every", sync.ping_every.as_ms() < 100, "at least 100ms")?;
    let is_short = sync.silent_for <= sync.ping_every;
    refuse("sync.silent_for", is_short, "longer than sync.ping_every, or nobody has time to answer")
}

fn check_messaging(config: &Config, refuse: RefuseValue) -> Result<(), ConfigError> {
    refuse("store.timeout", config.store.timeout.as_ms() < 10, "at least 10ms")?;
    refuse("platforms", !config.platforms.iter().all(sink::is_sound), SINK)?;
    refuse("log.level", !config.log.level.split(',').all(is_directive), LEVELS)?;
    let is_long = config.provider.connect_timeout >= config.provider.timeout;
    refuse("provider.connect_timeout", is_long, "shorter than provider.timeout")?;
    let is_wrong = provider::webhook::PrivateAddressExceptions::parse(&config.event.allow).is_err();
    refuse("event.allow", is_wrong, "networks, addresses and host names, such as 10.1.0.0/16")?;
    let outbox = &config.outbox;
    for (key, length) in [("outbox.sms_length", outbox.sms_length), ("outbox.whatsapp_length", outbox.whatsapp_length)]
    {
        refuse(key, !(1..=LONGEST_TEXT).contains(&length), "from 1 to 10000")?;
    }
    let replies = [&config.opt_out.stop_reply, &config.opt_out.start_reply, &config.opt_out.help_reply];
    let is_long = replies.into_iter().any(|reply| text::units(reply) > outbox.sms_length);
    refuse("opt_out", is_long, "replies of at most outbox.sms_length UTF-16 units each")?;
    let session = &config.session;
    for (key, told) in [
        ("session.none_text", &session.none_text),
        ("session.alone_text", &session.alone_text),
        ("session.calls_only_text", &session.calls_only_text),
        ("session.too_long_text", &session.too_long_text),
    ] {
        refuse(key, text::units(told) > outbox.sms_length, "at most outbox.sms_length UTF-16 units")?;
    }
    for (key, said) in [
        ("session.connecting_text", &session.connecting_text),
        ("session.no_session_call_text", &session.no_session_call_text),
        ("session.texts_only_call_text", &session.texts_only_call_text),
        ("session.failed_call_text", &session.failed_call_text),
    ] {
        refuse(key, text::units(said) > LONGEST_SPEECH, "at most 4096 UTF-16 units")?;
    }
    let is_wrong = !config.opt_out.words.values().flat_map(LanguageKeywords::texts).all(is_word);
    refuse("opt_out.words", is_wrong, "words of a letter or digit at least, and 40 characters at most")
}

fn check_limits(config: &Config, refuse: RefuseValue) -> Result<(), ConfigError> {
    let (http, outbox) = (&config.http, &config.outbox);
    refuse("retention.remove_every", config.retention.remove_every.as_ms() < 100, "at least 100ms")?;
    let is_short = outbox.lease.as_ms() < 2 * outbox.call_timeout.as_ms() + LEASE_MARGIN_MS;
    refuse("outbox.lease", is_short, "at least a second longer than twice outbox.call_timeout")?;
    refuse("event.timeout", config.event.timeout.as_ms() < 100, "at least 100ms")?;
    // what was accepted last is finished behind it
    let is_long = http.drain_delay.as_ms() > 0 && http.drain_delay >= http.shutdown_grace;
    refuse("http.drain_delay", is_long, "less than http.shutdown_grace, of which it is a part")?;
    refuse("http.write_timeout", http.write_timeout.as_ms() < 1000, "at least 1s")?;
    refuse("http.body_limit", http.body_limit < 8192, "at least 8192: a handshake has to fit")?;
    let is_small = http.bodies_memory / 8 < http.body_limit;
    refuse("http.bodies_memory", is_small, "at least eight times http.body_limit: one address may hold an eighth")
}

/// `info`, or `switchboard::store=debug`. A bare word that is no level would be taken for a target.
fn is_directive(text: &str) -> bool {
    let level = text.rsplit_once('=').map_or(text, |(_, level)| level).trim();
    ["error", "warn", "info", "debug", "trace", "off"].contains(&level.to_lowercase().as_str())
}

#[cfg(test)]
#[path = "config/config_test.rs"]
mod tests;
