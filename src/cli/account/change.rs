//! `switchboard account change`: how an account is used, its credentials, and the tokens before and after its own.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{ArgGroup, Args};
use serde_json::{Value, json};

use super::{ACCOUNTS, UncertainChoice, by_language, credentials, line, template, variable};
use crate::cli::output::field;
use crate::cli::remote::RemoteCommandContext;
use crate::cli::{CommandResult, api, secret};
use crate::model::{AccountId, DurationSetting};
use crate::provider::CarrierKind;

/// Change how an account is used, or its credentials where the provider has given you new ones
///
/// With --credentials they are taken as `switchboard account add` takes them, all of them. An account that
/// has a name of its own at the provider, as a SID, keeps that.
///
/// While a token is being changed at the provider, nothing that it posts is lost. The one before is believed still, for
/// as long as `--keep-old` says. The next one can be entered ahead by `--next`: it is believed from then on, for 7 days
/// at most, and takes its place by `--promote`. Neither calls the provider. Where a provider signs nothing, its token
/// is the secret part of the path that its webhooks are posted to. Of a provider that is described this holds for the
/// path alone: its other secrets, those of its proof too, change at once.
#[derive(Args)]
#[command(group = ArgGroup::new("given").args(["credentials", "file"]).multiple(true))]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that a person gives or leaves out")]
pub(super) struct ChangeAccountArguments {
    account: AccountId,
    /// What you call it
    #[arg(long)]
    name: Option<String>,
    /// Segments a second at most; 0: no limit
    #[arg(long)]
    rate: Option<u32>,
    /// What to do when a send got no answer
    #[arg(long, value_enum)]
    uncertain: Option<UncertainChoice>,
    /// Whether the provider answers STOP and HELP itself
    #[arg(long, value_name = "BOOL")]
    replies_to_keywords: Option<bool>,
    /// Whether clients may send from what is no number of yours
    #[arg(long, value_name = "BOOL")]
    any_sender: Option<bool>,
    /// The template by which codes go out over WhatsApp in a language, such as fr=HX…; once for each language: none
    /// that is left out stays
    #[arg(long = "whatsapp-template", value_name = "LANGUAGE=SID", value_parser = template)]
    whatsapp_templates: Option<Vec<(String, String)>>,
    /// Ask for new credentials, or take them from the environment
    #[arg(long, conflicts_with = "promote")]
    credentials: bool,
    /// New credentials as a JSON object
    #[arg(long, value_name = "FILE", conflicts_with = "promote")]
    file: Option<PathBuf>,
    /// How the carrier's API is described from now on, beside new credentials: as `switchboard account add` takes it
    #[arg(long, value_name = "NAME|FILE.json", requires = "given")]
    description: Option<String>,
    /// How long posts with the token before are believed still: 15m unless given, up to 24h; 0s where it has leaked.
    /// Alone: from now on, for those that are believed already
    #[arg(long, value_name = "SPAN")]
    keep_old: Option<DurationSetting>,
    /// Ask for the token that comes next, or take it from the environment (SWITCHBOARD_TWILIO_NEXT_AUTH_TOKEN and its
    /// like): posts with it are believed ahead
    #[arg(long, conflicts_with = "forget_next")]
    next: bool,
    /// Forget the token that was to come next
    #[arg(long)]
    forget_next: bool,
    /// Put the token that was entered as the next one in the place of the account's own
    #[arg(long)]
    promote: bool,
    /// Do not ask the provider about new credentials first
    #[arg(long)]
    unchecked: bool,
}

impl ChangeAccountArguments {
    pub(super) async fn run(self, remote: &RemoteCommandContext) -> CommandResult {
        let path = format!("{ACCOUNTS}/{}", self.account);
        let mut body = self.body();
        let has_credentials = self.credentials || self.file.is_some();
        if has_credentials || self.next {
            let provider = CarrierKind::parse(field(&remote.api.read(&path).await?, "provider"));
            let provider = provider.context("a provider that this program does not know")?;
            if has_credentials {
                body["credentials"] = credentials(provider, self.file.as_deref(), self.description.as_deref())?;
            }
            if self.next {
                body["next_token"] = next(provider)?.into();
            }
        }
        remote.patch("changed", &path, &body, line).await
    }

    fn body(&self) -> Value {
        api::fields([
            ("name", self.name.clone().map(Value::from)),
            ("rate", self.rate.map(Value::from)),
            ("uncertain", self.uncertain.as_ref().and_then(api::name)),
            ("replies_to_keywords", self.replies_to_keywords.map(Value::from)),
            ("any_sender", self.any_sender.map(Value::from)),
            ("whatsapp_templates", self.whatsapp_templates.as_deref().map(by_language)),
            ("previous_valid_for", self.keep_old.map(|span| span.to_string().into())),
            ("next_token", self.forget_next.then(|| json!(""))),
            ("promote", self.promote.then_some(true.into())),
            ("check", self.unchecked.then_some(false.into())),
        ])
    }
}

fn next(provider: CarrierKind) -> anyhow::Result<String> {
    let field = provider.profile().proof_field();
    let field = field.with_context(|| format!("{} has no token: nobody posts for it", provider.name()))?;
    let question = format!("next {}", field.title);
    let token = secret::ask(&variable(provider, &format!("next_{}", field.name)), &question)?;
    // the server would forget the one that is there
    anyhow::ensure!(!token.is_empty(), "the {question} is empty: --forget-next forgets the one that was entered");
    Ok(token.expose().to_owned())
}
