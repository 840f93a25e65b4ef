//! Layers of settings laid over the default, each value knowing where it came from.

use std::collections::BTreeMap;
use std::path::Path;

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::replaced;
use super::secret::{is_secret, is_url, shown};

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {path}: {reason}")]
    Unreadable { path: String, reason: String },
    #[error("{path} is not TOML: {reason}")]
    NotToml { path: String, reason: String },
    #[error("unknown setting `{key}` in {origin}; {hint}")]
    Unknown { key: String, origin: String, hint: String },
    #[error("bad value for `{key}` in {origin}: {value}; allowed: {allowed}")]
    BadValue { key: String, origin: String, value: String, allowed: String },
}

/// The section whose settings stand in sections of their own: `[compat.masked]`.
pub(super) const NESTED: &str = "compat";

/// A section within one that has settings of its own.
const INNER: &str = "verification.limits";

/// Whether it is a section, and no setting.
pub(super) fn is_section(key: &str) -> bool {
    key == INNER || key.split_once('.').is_some_and(|(outer, _)| outer == NESTED)
}

/// The section that a setting stands in, and what it is called there.
fn place(key: &str) -> Option<(&str, &str)> {
    match key.rsplit_once('.') {
        Some((NESTED, _)) => None,
        Some((section, name)) if is_section(section) => Some((section, name)),
        _ => key.split_once('.'),
    }
}

pub struct ConfigLayers {
    pub(super) table: Table,
    /// Which layer set a value; what is not in here is the default.
    pub(super) origins: BTreeMap<String, String>,
}

/// Where TOML is broken, without what stands there: it may be a secret.
fn not_toml(path: &str, text: &str, error: &toml::de::Error) -> ConfigError {
    let line = error.span().map_or(1, |span| text.get(..span.start).unwrap_or(text).matches('\n').count() + 1);
    ConfigError::NotToml { path: path.to_owned(), reason: format!("line {line}: {}", error.message()) }
}

impl ConfigLayers {
    pub(super) fn of_default(text: &str) -> Result<Self, ConfigError> {
        let table = text.parse().map_err(|error| not_toml("the compiled-in default", text, &error))?;
        Ok(Self { table, origins: BTreeMap::new() })
    }

    pub(super) fn add_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::Unreadable { path: shown.clone(), reason: error.to_string() })?;
        let table: Table = text.parse().map_err(|error| not_toml(&shown, &text, &error))?;
        table.into_iter().try_for_each(|(section, value)| self.add_section(&section, value, &shown))
    }

    fn add_section(&mut self, section: &str, value: Value, origin: &str) -> Result<(), ConfigError> {
        let Value::Table(settings) = value else { return self.add(section, value, origin) };
        settings.into_iter().try_for_each(|(name, value)| {
            let key = format!("{section}.{name}");
            if is_section(&key) { self.add_section(&key, value, origin) } else { self.add(&key, value, origin) }
        })
    }

    /// A value written as text: its kind is that of the default.
    pub(super) fn add_text(&mut self, key: &str, text: &str, origin: &str) -> Result<(), ConfigError> {
        let value = match self.find(key) {
            None => return Err(self.unknown(key, origin)),
            Some(Value::String(_)) => Value::String(text.to_owned()),
            Some(Value::Array(_)) if !text.trim_start().starts_with('[') => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Value::Array(items.map(|item| Value::String(item.to_owned())).collect())
            }
            Some(_) => parse(text).unwrap_or_else(|| Value::String(text.to_owned())),
        };
        self.add(key, value, origin)
    }

    fn add(&mut self, key: &str, value: Value, origin: &str) -> Result<(), ConfigError> {
        // where the default is a list, a single text is a list of one
        let value = match (self.find(key), value) {
            (None, _) => return Err(self.unknown(key, origin)),
            (Some(Value::Array(_)), Value::String(one)) => Value::Array(vec![Value::String(one)]),
            (Some(_), value) => value,
        };
        let slot = match place(key) {
            Some((section, name)) => self.section_mut(section).and_then(|table| table.get_mut(name)),
            None => self.table.get_mut(key),
        };
        if let Some(slot) = slot {
            match (slot, value) {
                // what is named takes the place of what has that name; the rest stays
                (Value::Table(known), Value::Table(named)) => known.extend(named),
                (slot, value) => *slot = value,
            }
            self.origins.insert(key.to_owned(), origin.to_owned());
        }
        Ok(())
    }

    fn find(&self, key: &str) -> Option<&Value> {
        match place(key) {
            Some((section, name)) => self.section(section)?.get(name),
            None => self.table.get(key).filter(|value| !value.is_table()),
        }
    }

    fn section(&self, name: &str) -> Option<&Table> {
        name.split('.').try_fold(&self.table, |table, part| table.get(part)?.as_table())
    }

    fn section_mut(&mut self, name: &str) -> Option<&mut Table> {
        name.split('.').try_fold(&mut self.table, |table, part| table.get_mut(part)?.as_table_mut())
    }

    fn unknown(&self, key: &str, origin: &str) -> ConfigError {
        let (section, _) = place(key).or_else(|| key.split_once('.')).unwrap_or((key, ""));
        let hint = replaced::hint(key).unwrap_or_else(|| match self.section(section) {
            Some(known) => format!("[{section}] knows {}", list(known)),
            None => format!("the sections are {}", list(&self.table)),
        });
        ConfigError::Unknown { key: key.to_owned(), origin: origin.to_owned(), hint }
    }

    /// The error for a value that is of the right kind and yet wrong.
    pub(super) fn wrong(&self, key: &str, allowed: &str) -> ConfigError {
        let value = self.find(key).map_or_else(String::new, |value| shown(key, value).to_string());
        let origin = self.origins.get(key).map_or("the default", String::as_str).to_owned();
        ConfigError::BadValue { key: key.to_owned(), origin, value, allowed: allowed.to_owned() }
    }

    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        serde_path_to_error::deserialize(Value::Table(self.table.clone())).map_err(|error| {
            let path = error.path().to_string();
            let inner = error.into_inner();
            // `sync.lockouts[0].wait` is a part of the setting `sync.lockouts`
            let key = path.split('[').next().unwrap_or(&path);
            let parts: Vec<&str> = key.split('.').collect();
            let inner_parts = if is_section(&parts[..parts.len().min(2)].join(".")) { 3 } else { 2 };
            let key = parts[..parts.len().min(inner_parts)].join(".");
            // a message about the kind quotes the value; of a list's rows each part has a name of its own
            let part = format!("{key}.{}", path.rsplit('.').next().unwrap_or_default());
            let is_secret = is_secret(&key) || is_secret(&part) || is_url(&key) || inner.message().contains("whsec_");
            let quotes = inner.message().starts_with("invalid type");
            // a row that is none is called by the name of its type
            let told = match inner.message().split_once("expected struct ") {
                Some((before, _)) => format!("{before}expected a table"),
                None => inner.message().to_owned(),
            };
            self.wrong(&key, if is_secret && quotes { "a text" } else { &told })
        })
    }
}

fn list(table: &Table) -> String {
    table.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// A TOML value on its own.
fn parse(text: &str) -> Option<Value> {
    format!("value = {text}").parse::<Table>().ok()?.remove("value")
}
