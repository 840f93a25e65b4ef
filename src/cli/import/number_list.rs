//! `switchboard import numbers`: a list of numbers, as the older masked conversations have it in their environment.

use std::collections::HashSet;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};

use super::target::{ImportTarget, NumberToImport, PoolToImport};
use super::{ImportArguments, with_plus};
use crate::cli::api;

/// Where the older system has its numbers.
const VARIABLE: &str = "NUMBER_POOL";

/// Take numbers into a pool: from a file with a number a line, or from NUMBER_POOL
///
/// Numbers stand on lines, or with commas between, or are a list in JSON. Those that the pool has stay as they are.
#[derive(Args)]
pub(super) struct ImportNumberList {
    /// `-` for standard input [default: the environment variable NUMBER_POOL]
    file: Option<PathBuf>,
    /// The name of their pool, which is made where it is missing [default: compat.masked.pool]
    #[arg(long, value_name = "NAME")]
    pool: Option<String>,
    /// What those can do that are not here yet: sms, mms, voice, whatsapp, with commas between
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_values = ["sms", "voice"])]
    capabilities: Vec<String>,
    #[command(flatten)]
    pub(super) terms: ImportArguments,
}

impl ImportNumberList {
    /// `pool`: where they go unless it is said.
    pub(super) async fn run(self, target: &mut ImportTarget, pool: &str) -> anyhow::Result<()> {
        let text = match &self.file {
            Some(file) => String::from_utf8(api::read_file(file)?).context("the file is not UTF-8")?,
            None => std::env::var(VARIABLE).with_context(|| format!("name a file, or set {VARIABLE}"))?,
        };
        let number =
            |address: String| NumberToImport { address, capabilities: self.capabilities.clone(), is_reserved: false };
        let pool = PoolToImport {
            name: self.pool.as_deref().unwrap_or(pool).to_owned(),
            settings: json!({"rest": "0s"}),
            numbers: numbers(&text)?.into_iter().map(number).collect(),
            ..PoolToImport::default()
        };
        target.take(pool).await
    }
}

/// The numbers of a list, each once, in their order.
fn numbers(text: &str) -> anyhow::Result<Vec<String>> {
    let text = text.trim_start_matches('\u{feff}').trim();
    let given: Vec<String> = if text.starts_with('[') {
        let list: Vec<Value> = serde_json::from_str(text).context("the list of numbers is no JSON")?;
        list.iter().map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned)).collect()
    } else {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        lines.flat_map(|line| line.split(',')).map(str::to_owned).collect()
    };
    let given = given.iter().map(|one| with_plus(one.trim().trim_matches(['"', '\''])));
    let mut known = HashSet::new();
    let found: Vec<String> = given.filter(|number| !number.is_empty() && known.insert(number.clone())).collect();
    anyhow::ensure!(!found.is_empty(), "there is no number in the list");
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_however_it_is_written() -> anyhow::Result<()> {
        let wanted = ["+12125550100", "+14155550101"];
        for text in [
            "+12125550100\n+14155550101\n",
            "\u{feff}# ours\r\n+12125550100\r\n\r\n 14155550101 \r\n+12125550100\r\n",
            "+12125550100,+14155550101",
            " +12125550100 , '+14155550101',",
            r#"["+12125550100", "+14155550101"]"#,
            "[12125550100, 14155550101]",
        ] {
            assert_eq!(numbers(text)?, wanted, "{text}");
        }
        for wrong in ["", "\n#\n", "[]", "[1"] {
            assert!(numbers(wrong).is_err(), "{wrong}");
        }
        Ok(())
    }
}
