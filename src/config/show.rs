//! `serve --print-config`: the result of all layers, as a file that could be one of them.

use std::fmt::Write as _;

use toml::Value;

use super::ConfigLayers;
use super::secret::shown;

impl ConfigLayers {
    /// TOML with secrets hidden; what is not the default says where it came from.
    pub fn show(&self) -> String {
        let mut out = String::new();
        let from = |key: &str| self.origins.get(key).map(|origin| format!("  # from {origin}")).unwrap_or_default();
        for (section, settings) in &self.table {
            match settings {
                Value::Table(settings) => {
                    let _ = writeln!(out, "[{section}]");
                    for (name, value) in settings {
                        let key = format!("{section}.{name}");
                        let _ = writeln!(out, "{name} = {}{}", shown(&key, value), from(&key));
                    }
                }
                other => {
                    // written inline, above every section: TOML wants bare keys first
                    out.insert_str(0, &format!("{section} = {}{}\n\n", shown(section, other), from(section)));
                }
            }
            if !out.ends_with("\n\n") {
                out.push('\n');
            }
        }
        out
    }
}
