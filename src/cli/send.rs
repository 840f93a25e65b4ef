//! `switchboard device send`: plays a paired phone that texts its platform.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use super::{CommandResult, api, escape, output};
use crate::config::Config;
use crate::crypto::{EncryptedPayload, SharedKey};
use crate::model::UserId;
use crate::store::seed::DEV_PHONE;

/// Send a text as a paired phone would, encrypted under the key that `device pair --save` wrote
#[derive(Args)]
pub(super) struct SendAsPhone {
    /// The platform's name, such as gmail: its letter goes before the text
    platform: String,
    /// What follows the letter: to:cc:bcc:subject:body for e-mail, to:body for a message, or the text alone
    text: String,
    /// The file with the shared key
    #[arg(long, value_name = "FILE", env = "SWITCHBOARD_DEVICE_KEY")]
    key: PathBuf,
    /// The phone's number
    #[arg(long, value_name = "NUMBER", default_value = DEV_PHONE)]
    phone: String,
    /// Post the same text so many times, as forwarding phones do
    #[arg(long, value_name = "N", default_value_t = 1)]
    times: u32,
    #[command(flatten)]
    server: api::ServerUrlArguments,
    /// For a script: one line a post
    #[arg(long)]
    json: bool,
}

impl SendAsPhone {
    pub(super) async fn run(self, config: Config) -> CommandResult {
        let mut platforms = config.platforms.iter();
        let platform = platforms.find(|platform| platform.name.eq_ignore_ascii_case(&self.platform));
        let platform = platform.with_context(|| {
            let names: Vec<&str> = config.platforms.iter().map(|platform| platform.name.as_str()).collect();
            format!("no platform {}; the configuration has {}", self.platform, names.join(", "))
        })?;
        let shown = || self.key.display().to_string();
        let key = std::fs::read_to_string(&self.key).with_context(shown)?;
        let key = SharedKey::from_bytes(key.trim().as_bytes()).ok().with_context(|| {
            format!("{} holds no shared key, which is 32 hex characters; see device pair --save", shown())
        })?;
        let text = EncryptedPayload::seal(&key, &format!("{}:{}", platform.letter, self.text))?;
        let api = self.server.api(&config)?;
        // a name goes into the path as a user id does
        let segment = platform.name.parse::<UserId>().map(|name| name.segment())?;
        let url = format!("{}/sms/platform/{segment}", api.base);
        let mut is_taken = true;
        for _ in 0..self.times {
            is_taken &= self.post(&api, &url, &text).await?;
        }
        Ok(if is_taken { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn post(&self, api: &api::ApiClient, url: &str, text: &str) -> anyhow::Result<bool> {
        let body = json!({"text": text, "MSISDN": self.phone});
        let sent = api.client.post(url).json(&body).send().await;
        let response = sent.with_context(|| format!("no answer from {url}; is the server running there?"))?;
        let (status, answer) = (response.status(), response.text().await.unwrap_or_default());
        if self.json {
            output::say_json_line(&json!({"status": status.as_u16(), "body": answer, "text": text}));
        } else {
            let answer = escape::line(&answer);
            let word = if status.is_success() { output::good(answer) } else { output::bad(answer) };
            output::say(format!("{status} {word}"));
        }
        Ok(status.is_success())
    }
}
