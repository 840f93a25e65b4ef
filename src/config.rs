//! One tree of settings: the commented default is compiled in, then come a file, the older
//! environment names, the environment, and flags.

mod layer;
mod legacy;
mod replaced;
mod secret;
mod show;

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::http::{AdminSettings, Settings as HttpSettings, TlsSettings};
use crate::model::keyword::{Words, is_word};
use crate::model::{Millis, Platform, Secret, text};
use crate::provider::Settings as ProviderSettings;
use crate::service::event::Settings as EventSettings;
use crate::service::inbound::Settings as InboundSettings;
use crate::service::number::Settings as NumberSettings;
use crate::service::opt_out::Settings as OptOutSettings;
use crate::service::outbox::Settings as OutboxSettings;
use crate::service::publish::{Settings as PublishSettings, sink};
use crate::service::relay::CallSettings;
use crate::service::retention::Settings as RetentionSettings;
use crate::service::sync::{BackendSettings, Settings as SyncSettings};
use crate::service::tariff::Prices;
use crate::store::Settings as StoreSettings;

pub use layer::{ConfigError, Layers};

/// The default configuration, with its comments.
pub const DEFAULT: &str = include_str!("config/default.toml");

/// Read from the working directory where no file is named.
const FILE: &str = "switchboard.toml";

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub http: HttpSettings,
    pub tls: TlsSettings,
    pub admin: AdminSettings,
    pub store: StoreSettings,
    pub backend: BackendSettings,
    pub keys: KeySettings,
    pub redis: RedisSettings,
    pub log: LogSettings,
    pub sync: SyncSettings,
    pub outbox: OutboxSettings,
    pub number: NumberSettings,
    pub call: CallSettings,
    pub tariff: Prices,
    pub provider: ProviderSettings,
    pub event: EventSettings,
    pub inbound: InboundSettings,
    pub opt_out: OptOutSettings,
    pub retention: RetentionSettings,
    pub publish: PublishSettings,
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
pub struct KeySettings {
    pub dir: PathBuf,
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
pub struct Sources {
    /// `--config FILE`.
    pub file: Option<PathBuf>,
    /// `--set key=value`, and flags that stand for one.
    pub flags: Vec<(String, String)>,
    pub environment: Vec<(String, String)>,
}

/// The configuration, and the layers that it came from.
pub fn load(sources: &Sources) -> Result<(Config, Layers), ConfigError> {
    let mut layers = Layers::of_default(DEFAULT)?;
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

/// What a lease must last beyond two calls: writing takes time too.
const LEASE_MARGIN_MS: Millis = 1000;

/// More than any carrier takes, and well within the column that holds it.
const LONGEST_TEXT: usize = 10_000;

/// Characters of the administrator's key: what can be guessed opens everything.
const SHORTEST_TOKEN: usize = 16;

/// The error that a key is wrong, with what is allowed there.
type Refuse<'a> = &'a dyn Fn(&str, &str) -> Result<(), ConfigError>;

/// What no single value shows.
fn check(config: &Config, layers: &Layers) -> Result<(), ConfigError> {
    let wrong = |key: &str, allowed: &str| Err(layers.wrong(key, allowed));
    check_addresses(config, &wrong)?;
    check_sessions(config, &wrong)?;
    check_messaging(config, &wrong)?;
    check_limits(config, &wrong)
}

fn check_addresses(config: &Config, wrong: Refuse) -> Result<(), ConfigError> {
    if config.http.listen.is_empty() {
        return wrong("http.listen", "at least one address such as 127.0.0.1:6996");
    }
    if !config.http.metrics_listen.is_empty() && config.http.metrics_listen.parse::<std::net::SocketAddr>().is_err() {
        return wrong("http.metrics_listen", "an address such as 127.0.0.1:9090, or nothing");
    }
    if !config.http.public_url.is_empty() && config.http.public_url.parse::<crate::model::Origin>().is_err() {
        return wrong("http.public_url", "http://host:port or https://host:port, without a path");
    }
    if !config.backend.url.is_empty() && config.backend.url.expose().parse::<crate::store::StoreUrl>().is_err() {
        return wrong("backend.url", "sqlite:PATH or mysql://user:password@host:port/database, or nothing");
    }
    if !config.redis.url.is_empty() && redis::Client::open(config.redis.url.expose()).is_err() {
        return wrong("redis.url", "redis://host:port, or nothing");
    }
    let token = config.admin.token.expose();
    if !token.is_empty() && token.chars().count() < SHORTEST_TOKEN {
        return wrong("admin.token", "16 characters or more, such as from `openssl rand -hex 32`, or nothing");
    }
    Ok(())
}

fn check_sessions(config: &Config, wrong: Refuse) -> Result<(), ConfigError> {
    let sync = &config.sync;
    for (key, is_none) in [
        ("sync.rotations", sync.rotations == 0),
        ("sync.sockets_per_user", sync.sockets_per_user == 0),
        ("sync.sockets_per_address", sync.sockets_per_address == 0),
        ("provider.connections_per_host", config.provider.connections_per_host == 0),
        ("http.connections", config.http.connections == 0),
    ] {
        if is_none {
            return wrong(key, "at least 1");
        }
    }
    if sync.rotate_every.as_ms() < 50 {
        return wrong("sync.rotate_every", "at least 50ms");
    }
    // a sid carries its expiry in whole seconds
    if sync.session_ttl.as_ms() < 1000 {
        return wrong("sync.session_ttl", "at least 1s");
    }
    if sync.ping_every.as_ms() < 100 {
        return wrong("sync.ping_every", "at least 100ms");
    }
    if sync.silent_for <= sync.ping_every {
        return wrong("sync.silent_for", "longer than sync.ping_every, or nobody has time to answer");
    }
    Ok(())
}

fn check_messaging(config: &Config, wrong: Refuse) -> Result<(), ConfigError> {
    if config.store.timeout.as_ms() < 10 {
        return wrong("store.timeout", "at least 10ms");
    }
    if !config.platforms.iter().all(sink::is_sound) {
        return wrong("platforms", SINK);
    }
    if !config.log.level.split(',').all(is_directive) {
        return wrong("log.level", "error, warn, info, debug, trace or off, or target=level, with commas between");
    }
    if config.provider.connect_timeout >= config.provider.timeout {
        return wrong("provider.connect_timeout", "shorter than provider.timeout");
    }
    if crate::provider::webhook::Allow::parse(&config.event.allow).is_err() {
        return wrong("event.allow", "networks, addresses and host names, such as 10.1.0.0/16");
    }
    let replies = [&config.opt_out.stop_reply, &config.opt_out.start_reply, &config.opt_out.help_reply];
    let outbox = &config.outbox;
    for (key, length) in [("outbox.sms_length", outbox.sms_length), ("outbox.whatsapp_length", outbox.whatsapp_length)]
    {
        if !(1..=LONGEST_TEXT).contains(&length) {
            return wrong(key, "from 1 to 10000");
        }
    }
    if replies.into_iter().any(|reply| text::units(reply) > outbox.sms_length) {
        return wrong("opt_out", "replies of at most outbox.sms_length UTF-16 units each");
    }
    if !config.opt_out.words.values().flat_map(Words::texts).all(is_word) {
        return wrong("opt_out.words", "words of a letter or digit at least, and 40 characters at most");
    }
    Ok(())
}

fn check_limits(config: &Config, wrong: Refuse) -> Result<(), ConfigError> {
    if config.retention.remove_every.as_ms() < 100 {
        return wrong("retention.remove_every", "at least 100ms");
    }
    if config.outbox.lease.as_ms() < 2 * config.outbox.call_timeout.as_ms() + LEASE_MARGIN_MS {
        return wrong("outbox.lease", "at least a second longer than twice outbox.call_timeout");
    }
    if config.event.timeout.as_ms() < 100 {
        return wrong("event.timeout", "at least 100ms");
    }
    // what was accepted last is finished behind it
    if config.http.drain_delay.as_ms() > 0 && config.http.drain_delay >= config.http.shutdown_grace {
        return wrong("http.drain_delay", "less than http.shutdown_grace, of which it is a part");
    }
    if config.http.write_timeout.as_ms() < 1000 {
        return wrong("http.write_timeout", "at least 1s");
    }
    if config.http.body_limit < 8192 {
        return wrong("http.body_limit", "at least 8192: a handshake has to fit");
    }
    if config.http.bodies_memory / 8 < config.http.body_limit {
        return wrong("http.bodies_memory", "at least eight times http.body_limit: one address may hold an eighth");
    }
    Ok(())
}

/// `info`, or `switchboard::store=debug`. A bare word that is no level would be taken for a target.
fn is_directive(text: &str) -> bool {
    let level = text.rsplit_once('=').map_or(text, |(_, level)| level).trim();
    ["error", "warn", "info", "debug", "trace", "off"].contains(&level.to_lowercase().as_str())
}

#[cfg(test)]
#[path = "config/config_test.rs"]
mod tests;
