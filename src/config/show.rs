//! `serve --print-config`: the result of all layers, as a file that could be one of them.

use std::fmt::Write as _;

use toml::{Table, Value};

use super::ConfigLayers;
use super::layer::{NESTED, is_section};
use super::secret::shown;

impl ConfigLayers {
    /// TOML with secrets hidden; what is not the default says where it came from.
    pub fn show(&self) -> String {
        let mut out = String::new();
        for (section, settings) in &self.table {
            match settings {
                Value::Table(settings) => self.show_sections(&mut out, section, settings),
                other => {
                    // written inline, above every section: TOML wants bare keys first
                    out.insert_str(0, &format!("{section} = {}{}\n\n", shown(section, other), self.origin_of(section)));
                }
            }
        }
        out
    }

    /// A section's settings, then the sections within it.
    fn show_sections(&self, out: &mut String, section: &str, settings: &Table) {
        let mut inner = Vec::new();
        if section != NESTED {
            let _ = writeln!(out, "[{section}]");
        }
        for (name, value) in settings {
            let key = format!("{section}.{name}");
            match value {
                Value::Table(settings) if is_section(&key) => inner.push((key, settings)),
                value => {
                    let _ = writeln!(out, "{name} = {}{}", shown(&key, value), self.origin_of(&key));
                }
            }
        }
        if section != NESTED {
            out.push('\n');
        }
        for (section, settings) in inner {
            self.show_sections(out, &section, settings);
        }
    }

    /// Where a value came from that is not the default.
    fn origin_of(&self, key: &str) -> String {
        self.origins.get(key).map(|origin| format!("  # from {origin}")).unwrap_or_default()
    }
}
