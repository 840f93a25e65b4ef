//! What commands say, in colour where a person looks; `anstream` takes it out where output is piped.
//!
//! Nothing else here prints. What is given to [`OutputArguments`] and [`say_json`] may come from anywhere; words for the
//! others are ours, with what is not in them made harmless by [`escape`].

use std::fmt::Display;

use anstyle::{AnsiColor, Style};
use clap::Args;
use serde_json::{Value, json};

use super::escape;

/// Prints a line.
pub(super) fn say(words: impl Display) {
    anstream::println!("{words}");
}

/// Prints what has its own ends of lines, or none.
pub(super) fn put(words: impl Display) {
    anstream::print!("{words}");
}

/// Prints a line beside the output.
pub(super) fn note(words: impl Display) {
    anstream::eprintln!("{words}");
}

/// Asks for a line of the input.
pub(super) fn ask(question: impl Display) {
    anstream::eprint!("{question}");
}

/// Prints an object for a script.
pub(super) fn say_json(object: &Value) {
    say(escape::json(&format!("{object:#}")));
}

/// The same on one line.
pub(super) fn say_json_line(object: &Value) {
    say(escape::json(&object.to_string()));
}

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

/// An object's list of texts, in one word.
pub(super) fn joined(object: &Value, name: &str) -> String {
    object[name].as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
}

/// `1 number`, `2 numbers`.
pub(super) fn numbers(count: &Value) -> String {
    if *count == 1 { "1 number".to_owned() } else { format!("{count} numbers") }
}

/// How to show what a command came to: for a script as it came, for a person in words.
#[derive(Args, Clone, Copy)]
pub(super) struct OutputArguments {
    /// For a script
    #[arg(long, global = true)]
    json: bool,
}

impl OutputArguments {
    pub(super) fn is_json(self) -> bool {
        self.json
    }

    /// Shows an object.
    pub(super) fn show(self, object: &Value, words: impl FnOnce(&Value) -> String) {
        if self.json { say_json(object) } else { say(words(&escape::object(object))) }
    }

    /// Shows an object to which something was done.
    pub(super) fn show_done(self, done: &str, object: &Value, words: impl FnOnce(&Value) -> String) {
        self.show(object, |object| format!("{} {}", good(done), words(object)));
    }

    /// Tells what was done to an object that is no more.
    pub(super) fn tell_done(self, done: &str, id: impl Display) {
        self.show_done(done, &json!({"id": id.to_string(), format!("is_{done}"): true}), |_| id.to_string());
    }

    /// Shows a list, one line an item; `none` says that it is empty.
    pub(super) fn list(self, items: &[Value], none: &str, words: impl Fn(&Value) -> String) {
        if self.json {
            return say_json(&json!({ "data": items }));
        }
        if items.is_empty() {
            say(escape::line(none));
        }
        for item in items {
            say(words(&escape::object(item)));
        }
    }
}

/// Whether a key or a device is in force still.
pub(super) fn liveness(object: &Value) -> String {
    object["revoked_at"].as_str().map_or_else(|| good("live"), |at| careful(format!("revoked {at}")))
}

/// A message's state, coloured by what it means for whoever waits.
pub(super) fn state(name: &str) -> String {
    match name {
        "sent" | "delivered" | "received" | "enabled" => good(name),
        "failed" | "undelivered" | "expired" => bad(name),
        _ => careful(name),
    }
}
