//! Colour where a person looks; `anstream` takes it out where output is piped.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

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

/// An object's text field; empty where it has none.
pub(super) fn field<'a>(object: &'a Value, name: &str) -> &'a str {
    object[name].as_str().unwrap_or_default()
}

/// Shows an object: for a script as it came, for a person in words.
pub(super) fn show(object: &Value, as_json: bool, words: impl FnOnce(&Value) -> String) {
    if as_json {
        anstream::println!("{object:#}");
    } else {
        anstream::println!("{}", words(object));
    }
}

/// Shows a list in the same way, one line an item; `none` says that it is empty.
pub(super) fn show_list(items: &[Value], as_json: bool, none: &str, words: impl Fn(&Value) -> String) {
    if as_json {
        anstream::println!("{:#}", json!({ "data": items }));
        return;
    }
    if items.is_empty() {
        anstream::println!("{none}");
    }
    for item in items {
        anstream::println!("{}", words(item));
    }
}

/// A message's state, coloured by what it means for whoever waits.
pub(super) fn state(name: &str) -> String {
    match name {
        "sent" | "delivered" | "received" | "enabled" => good(name),
        "failed" | "undelivered" | "expired" => bad(name),
        _ => careful(name),
    }
}
