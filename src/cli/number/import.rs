//! `switchboard number import`: numbers from a file, and how far that is.

use std::collections::HashSet;
use std::io::{IsTerminal as _, stderr};
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use crate::cli::output::{self, field};
use crate::cli::remote::RemoteCommandContext;
use crate::cli::{CommandResult, api};
use crate::model::{AccountId, PoolId};

const IMPORT: &str = "/v1/numbers/import";
const IMPORTS: &str = "/v1/number-imports";
/// How often it is said how far an import is.
const EVERY: Duration = Duration::from_millis(500);

/// Take numbers into use from a CSV file, all or none
///
/// The first line names the columns, in any order: number, and what else is to be said of them: account_id,
/// capabilities (sms, mms, voice, whatsapp, with blanks between), meaning, platform, rate, pool_id, reserved. Each line
/// that is wrong is named, and then nothing is taken.
#[derive(Args)]
pub(super) struct ImportNumbers {
    /// `-` for standard input
    file: PathBuf,
    /// The account of numbers for which the file names none
    #[arg(long, value_name = "ID")]
    account: Option<AccountId>,
    /// The pool of numbers for which the file names none
    #[arg(long, value_name = "ID")]
    pool: Option<PoolId>,
}

impl ImportNumbers {
    pub(super) async fn run(self, remote: &RemoteCommandContext) -> CommandResult {
        let text = api::read_file(&self.file)?;
        let account = self.account.map(|id| id.to_string());
        let query = api::query([("account_id", account), ("pool_id", self.pool.map(|id| id.to_string()))]);
        let path = format!("{IMPORT}?{query}");
        let posted = remote.api.post_csv(&path, text);
        let done = if stderr().is_terminal() && !remote.output.is_json() {
            watched(&remote.api, posted).await?
        } else {
            posted.await?
        };
        remote.done("imported", &done, |done| output::numbers(&done["added"]))
    }
}

/// Says how far an import is until its answer comes.
async fn watched(api: &api::ApiClient, posted: impl Future<Output = anyhow::Result<Value>>) -> anyhow::Result<Value> {
    // an import that was there before is another's
    let earlier: HashSet<String> = under_way(api).await.into_iter().map(|one| field(&one, "id").to_owned()).collect();
    let mut posted = pin!(posted);
    let mut asked = pin!(in_a_while(api));
    let mut has_said = false;
    let done = loop {
        tokio::select! {
            done = &mut posted => break done,
            open = &mut asked => {
                let ours = open.into_iter().find(|one| !earlier.contains(field(one, "id")));
                if let Some(line) = ours.as_ref().and_then(progress) {
                    output::ask(format!("\r{line}  "));
                    has_said = true;
                }
                asked.set(in_a_while(api));
            }
        }
    };
    if has_said {
        output::note("");
    }
    done
}

/// The imports that are under way a moment from now.
async fn in_a_while(api: &api::ApiClient) -> Vec<Value> {
    tokio::time::sleep(EVERY).await;
    under_way(api).await
}

/// Nothing where nobody can say: the import itself will tell what is wrong.
async fn under_way(api: &api::ApiClient) -> Vec<Value> {
    let said = api.read(IMPORTS).await.unwrap_or_default();
    said["data"].as_array().cloned().unwrap_or_default()
}

/// `12000 of 100000 numbers (12%)`.
fn progress(import: &Value) -> Option<String> {
    let (written, total) = (import["written"].as_u64()?, import["total"].as_u64()?);
    let percent = (written * 100).checked_div(total).unwrap_or(100);
    Some(format!("{written} of {total} numbers ({percent}%)"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn how_far_an_import_is_is_said_in_numbers() {
        let said = |written, total| progress(&json!({"written": written, "total": total}));
        assert_eq!(said(12_000, 100_000).as_deref(), Some("12000 of 100000 numbers (12%)"));
        assert_eq!(said(0, 0).as_deref(), Some("0 of 0 numbers (100%)"));
        assert_eq!(progress(&json!({})), None);
    }
}
