//! Accounts as clients write and read them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::openapi;
use crate::model::{Secret, rfc3339};
use crate::service::account::{Account, CarrierKind, CredentialField, TokenRotationRole, UncertainPolicy};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAccount)]
pub(super) struct AccountIn {
    #[schema(schema_with = providers)]
    pub(super) provider: String,
    #[serde(default)]
    pub(super) name: String,
    #[schema(schema_with = credentials)]
    pub(super) credentials: serde_json::Value,
    /// Segments a second that each node sends at most; 0: no limit. Unless given: what the provider allows, where it
    /// says so.
    pub(super) rate: Option<u32>,
    /// What to do when a send got no answer.
    #[schema(schema_with = ways)]
    pub(super) uncertain: Option<String>,
    #[serde(default)]
    pub(super) replies_to_keywords: bool,
    /// Clients may send from what is no number of ours: the carrier says what it takes.
    #[serde(default)]
    pub(super) any_sender: bool,
    /// By which codes go out over WhatsApp: for each language the template for them that the carrier has approved,
    /// which has the code as its variable 1.
    #[serde(default)]
    #[schema(example = json!({"en": "HX00000000000000000000000000000000"}))]
    pub(super) whatsapp_templates: BTreeMap<String, String>,
    /// Asks the provider first.
    #[serde(default = "yes")]
    pub(super) check: bool,
}

fn providers() -> openapi::SchemaOrRef {
    openapi::one_of(CarrierKind::ALL.map(CarrierKind::name))
}

/// What each provider gives its customers, by the names of the fields.
fn credentials() -> openapi::SchemaOrRef {
    let of = |kind: CarrierKind| {
        let field = |field: &CredentialField| {
            let name = field.name;
            if field.is_required { format!("`{name}`") } else { format!("`{name}` (may be left out)") }
        };
        let fields: Vec<String> = kind.profile().credentials.iter().map(field).collect();
        let fields = if fields.is_empty() { "nothing".to_owned() } else { fields.join(", ") };
        format!("{}: {fields}", kind.name())
    };
    openapi::object(format!("What the provider gave you. {}.", CarrierKind::ALL.map(of).join("; ")))
}

fn ways() -> openapi::SchemaOrRef {
    openapi::one_of(UncertainPolicy::ALL.map(UncertainPolicy::name))
}

fn yes() -> bool {
    true
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AccountChange)]
pub(super) struct AccountChangeIn {
    pub(super) name: Option<String>,
    pub(super) rate: Option<u32>,
    /// What to do when a send got no answer.
    #[schema(schema_with = ways)]
    pub(super) uncertain: Option<String>,
    pub(super) replies_to_keywords: Option<bool>,
    pub(super) any_sender: Option<bool>,
    /// All of them: none that is left out stays.
    pub(super) whatsapp_templates: Option<BTreeMap<String, String>>,
    /// New ones, all of them, for the same account at the same provider.
    #[schema(value_type = Option<Object>)]
    pub(super) credentials: Option<serde_json::Value>,
    /// How long posts with the token before are believed still, where it changes: from `0s` (it has leaked) to `24h`;
    /// unless given, 15m. Alone: from now on, for those that are believed already.
    pub(super) previous_valid_for: Option<String>,
    /// The token that comes next in place of the one by which its posts are believed: so are those with it, from now
    /// on, for 7 days at most. It never calls the provider. Empty: no other is.
    #[schema(value_type = Option<String>)]
    pub(super) next_token: Option<Secret>,
    /// Puts that one in the place of the account's own.
    #[serde(default)]
    pub(super) promote: bool,
    /// Asks the provider about new credentials first.
    #[serde(default = "yes")]
    pub(super) check: bool,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Account)]
pub(super) struct AccountOut<'a> {
    pub(super) id: String,
    pub(super) provider: &'a str,
    pub(super) name: &'a str,
    pub(super) rate: i64,
    pub(super) uncertain: &'static str,
    pub(super) replies_to_keywords: bool,
    pub(super) any_sender: bool,
    /// By language.
    #[schema(value_type = BTreeMap<String, String>)]
    pub(super) whatsapp_templates: &'a BTreeMap<String, String>,
    pub(super) created_at: String,
    /// Why its carrier refuses it, whatever is sent: its messages wait, or take the next route. Null: it is in use.
    pub(super) resting: Option<AccountRestingOut<'a>>,
    /// Tokens before its own by which posts are believed still.
    pub(super) earlier_tokens: Vec<AccountTokenOut>,
    /// The one that was entered ahead.
    pub(super) next_token: Option<AccountTokenOut>,
}

/// When it ends, and how it is used; never the token.
#[derive(Serialize, ToSchema)]
#[schema(as = AccountToken)]
pub(super) struct AccountTokenOut {
    pub(super) until: String,
    /// Posts that were believed by it; some seconds late.
    pub(super) uses: i64,
    pub(super) last_used_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AccountResting)]
pub(super) struct AccountRestingOut<'a> {
    pub(super) since: String,
    /// The carrier's.
    pub(super) code: Option<i64>,
    pub(super) reason: &'a str,
}

fn tokens(account: &Account, role: TokenRotationRole) -> impl Iterator<Item = AccountTokenOut> {
    account.tokens.iter().filter(move |token| token.role == role).map(|token| AccountTokenOut {
        until: rfc3339(token.until_ms),
        uses: token.uses,
        last_used_at: token.used_ms.map(rfc3339),
    })
}

pub(super) fn out(account: &Account) -> AccountOut<'_> {
    AccountOut {
        id: account.id.to_string(),
        provider: &account.provider,
        name: &account.name,
        rate: account.rate,
        uncertain: account.uncertain.name(),
        replies_to_keywords: account.replies_to_keywords,
        any_sender: account.any_sender,
        whatsapp_templates: account.whatsapp_templates.by_language(),
        created_at: rfc3339(account.created_ms),
        resting: account.rest.as_ref().map(|rest| AccountRestingOut {
            since: rfc3339(rest.since_ms),
            code: rest.code,
            reason: &rest.reason,
        }),
        earlier_tokens: tokens(account, TokenRotationRole::Earlier).collect(),
        next_token: tokens(account, TokenRotationRole::Next).next(),
    }
}
