//! What is logged, and how it is written: nothing that others wrote moves the terminal of who reads it.

use std::fmt::Debug;
use std::io::{self, IsTerminal as _, Write};

use anyhow::anyhow;
use tracing::field::{Field, Visit};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::{MakeVisitor, VisitFmt, VisitOutput};
use tracing_subscriber::fmt::format::{DefaultVisitor, Writer};
use tracing_subscriber::fmt::time::FormatTime;

use super::escape;
use crate::config::{Config, LogFormat};
use crate::model::{Clock, rfc3339};

/// Times in the log are written as the API writes them.
struct LogTimestamp;

impl FormatTime for LogTimestamp {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        writer.write_str(&rfc3339(Clock::default().now_ms()))
    }
}

/// Fields of a text log as they usually are, escaped: the library does so in messages only.
struct TextLogFields;

impl<'a> MakeVisitor<Writer<'a>> for TextLogFields {
    type Visitor = EscapedFields<'a>;

    fn make_visitor(&self, target: Writer<'a>) -> Self::Visitor {
        EscapedFields(DefaultVisitor::new(target, true))
    }
}

struct EscapedFields<'a>(DefaultVisitor<'a>);

impl Visit for EscapedFields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        // a message has no quotes
        if field.name() == "message" {
            self.record_debug(field, &format_args!("{value}"));
        } else {
            self.record_debug(field, &value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let shown = escape::line(&format!("{value:?}"));
        self.0.record_debug(field, &format_args!("{shown}"));
    }
}

impl VisitOutput<std::fmt::Result> for EscapedFields<'_> {
    fn finish(self) -> std::fmt::Result {
        self.0.finish()
    }
}

impl VisitFmt for EscapedFields<'_> {
    fn writer(&mut self) -> &mut dyn std::fmt::Write {
        self.0.writer()
    }
}

/// Where lines of JSON go, each in one write. They are read as the same.
struct JsonLineWriter<W>(W);

impl<W: Write> Write for JsonLineWriter<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write_all(escape::json(&String::from_utf8_lossy(line)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The log of this process, whose level can be set while it runs.
pub(super) struct ProcessLog {
    level: String,
    set: Box<dyn Fn(EnvFilter) -> anyhow::Result<()> + Send>,
}

impl ProcessLog {
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
pub(super) fn start(config: &Config, is_server: bool) -> anyhow::Result<ProcessLog> {
    let level = if is_server { config.log.level.clone() } else { "error".to_owned() };
    let is_watched = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter(&level)?).with_writer(std::io::stderr);
    let builder = builder.with_ansi(is_watched).with_timer(LogTimestamp);
    let wants_json = match config.log.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => is_server && !is_watched,
    };
    if wants_json {
        let builder = builder.json().flatten_event(true).with_writer(|| JsonLineWriter(std::io::stderr()));
        let builder = builder.with_filter_reloading();
        let handle = builder.reload_handle();
        builder.init();
        Ok(ProcessLog { level, set: Box::new(move |filter| Ok(handle.reload(filter)?)) })
    } else {
        let builder = builder.with_target(false).fmt_fields(TextLogFields).with_filter_reloading();
        let handle = builder.reload_handle();
        builder.init();
        Ok(ProcessLog { level, set: Box::new(move |filter| Ok(handle.reload(filter)?)) })
    }
}

/// The migrations' own lines say less than ours; a directive of the reader's goes above this. That last one writes
/// segments of paths down, and Flowroute's hold a secret.
fn filter(level: &str) -> anyhow::Result<EnvFilter> {
    EnvFilter::try_new(format!("refinery_core=warn,{level},warp::filters::path=off"))
        .map_err(|error| anyhow!("bad value for `log.level`: {level}: {error}"))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tracing::Subscriber;
    use tracing::subscriber::with_default;
    use tracing_subscriber::fmt;

    use super::*;
    use crate::model::lock::lock;

    const NASTY: &str = "Ann\u{1b}[2J\u{9b}2J\nWARN all is well\u{7f}\u{202e}eve\u{2066}";

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            lock(&self.0).write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is logged of this name.
    fn logged<S: Subscriber + Send + Sync + 'static>(name: &str, to: impl FnOnce(Written) -> S) -> String {
        let written = Written::default();
        with_default(to(written.clone()), || {
            let span = tracing::info_span!("request", path = name, method = %name);
            let _inside = span.enter();
            tracing::warn!(user = %name, quoted = ?name, error = name, count = 3, "it was {name}");
        });
        let written = lock(&written.0);
        String::from_utf8_lossy(&written).into_owned()
    }

    fn text(to: Written) -> impl Subscriber + Send + Sync {
        let builder = fmt().with_ansi(false).without_time().with_target(false);
        builder.fmt_fields(TextLogFields).with_writer(move || to.clone()).finish()
    }

    fn usual(to: Written) -> impl Subscriber + Send + Sync {
        fmt().with_ansi(false).without_time().with_target(false).with_writer(move || to.clone()).finish()
    }

    fn json(to: Written) -> impl Subscriber + Send + Sync {
        fmt().json().flatten_event(true).with_writer(move || JsonLineWriter(to.clone())).finish()
    }

    fn is_one_harmless_line(shown: &str) -> bool {
        shown.strip_suffix('\n').is_some_and(|line| escape::line(line) == line)
    }

    #[test]
    fn no_field_moves_a_terminal() -> serde_json::Result<()> {
        let shown = logged(NASTY, text);
        assert!(is_one_harmless_line(&shown), "{shown:?}");
        for part in ["it was Ann\\u{1b}", "user=Ann\\u{1b}", "quoted=\"Ann\\u{1b}"] {
            assert!(shown.contains(part), "{shown}");
        }
        let shown = logged(NASTY, json);
        assert!(is_one_harmless_line(&shown), "{shown:?}");
        let read: Value = serde_json::from_str(&shown)?;
        assert!(read["user"] == NASTY && read["span"]["method"] == NASTY, "{read}");
        Ok(())
    }

    #[test]
    fn what_is_harmless_is_written_as_ever() {
        for name in ["Ann", "Zürich \\ \"👩\"", "", "a b"] {
            assert_eq!(logged(name, text), logged(name, usual));
        }
    }
}
