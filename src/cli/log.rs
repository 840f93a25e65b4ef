//! What is logged, and how it is written.

use std::io::IsTerminal as _;

use anyhow::anyhow;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use crate::config::{Config, LogFormat};
use crate::model::{Clock, rfc3339};

/// Times in the log are written as the API writes them.
struct Stamp;

impl FormatTime for Stamp {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        writer.write_str(&rfc3339(Clock::default().now_ms()))
    }
}

/// The log of this process, whose level can be set while it runs.
pub(super) struct Log {
    level: String,
    set: Box<dyn Fn(EnvFilter) -> anyhow::Result<()> + Send>,
}

impl Log {
    /// Logs at another level from now on; whether it is another.
    pub(super) fn set_level(&mut self, level: &str) -> anyhow::Result<bool> {
        if self.level == level {
            return Ok(false);
        }
        (self.set)(filter(level)?)?;
        level.clone_into(&mut self.level);
        Ok(true)
    }
}

/// A server logs as configured; a command only says what went wrong.
pub(super) fn start(config: &Config, is_server: bool) -> anyhow::Result<Log> {
    let level = if is_server { config.log.level.clone() } else { "error".to_owned() };
    let is_watched = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter(&level)?).with_writer(std::io::stderr);
    let builder = builder.with_ansi(is_watched).with_timer(Stamp);
    let wants_json = match config.log.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => is_server && !is_watched,
    };
    if wants_json {
        let builder = builder.json().flatten_event(true).with_filter_reloading();
        let handle = builder.reload_handle();
        builder.init();
        Ok(Log { level, set: Box::new(move |filter| Ok(handle.reload(filter)?)) })
    } else {
        let builder = builder.with_target(false).with_filter_reloading();
        let handle = builder.reload_handle();
        builder.init();
        Ok(Log { level, set: Box::new(move |filter| Ok(handle.reload(filter)?)) })
    }
}

/// The migrations' own lines say less than ours; a directive of the reader's goes above this. That last one writes
/// segments of paths down, and Flowroute's hold a secret.
fn filter(level: &str) -> anyhow::Result<EnvFilter> {
    EnvFilter::try_new(format!("refinery_core=warn,{level},warp::filters::path=off"))
        .map_err(|error| anyhow!("bad value for `log.level`: {level}: {error}"))
}
