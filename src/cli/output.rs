//! Colour where a person looks; `anstream` takes it out where output is piped.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};

fn styled(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

pub(super) fn good(text: impl Display) -> String {
    styled(AnsiColor::Green.on_default().bold(), text)
}

pub(super) fn bad(text: impl Display) -> String {
    styled(AnsiColor::Red.on_default().bold(), text)
}

pub(super) fn careful(text: impl Display) -> String {
    styled(AnsiColor::Yellow.on_default().bold(), text)
}

pub(super) fn strong(text: impl Display) -> String {
    styled(Style::new().bold(), text)
}

pub(super) fn dim(text: impl Display) -> String {
    styled(Style::new().dimmed(), text)
}
