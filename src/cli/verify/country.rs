//! `switchboard verify countries`: the countries, prefixes and dear numbers that may be sent to.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::output;
use crate::cli::remote::RemoteCommandContext;
use crate::cli::{CommandResult, api};
use crate::model::Country;

const COUNTRIES: &str = "/v1/guard/countries";

#[derive(Subcommand)]
pub(super) enum CountryAction {
    /// Show the rules: everybody's, or with --client those that narrow them
    Show,
    /// Put other rules in their place: what is left out is as it was at first
    Set(CountryRules),
}

#[derive(Args)]
pub(super) struct CountryRules {
    /// The only countries that may be sent to, such as US,CA [default: all]
    #[arg(long, value_name = "COUNTRY", value_delimiter = ',')]
    countries: Option<Vec<Country>>,
    /// Numbers that begin so may be sent to, whatever their country and their cost
    #[arg(long = "prefix", value_name = "PREFIX", value_delimiter = ',')]
    prefixes: Vec<String>,
    /// Numbers that begin so may not
    #[arg(long = "refused-prefix", value_name = "PREFIX", value_delimiter = ',')]
    refused_prefixes: Vec<String>,
    /// The kinds of dear numbers that may be, such as personal,uan [default: none]
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    premium: Option<Vec<String>>,
    /// Hold plain messages and calls to them too
    #[arg(long)]
    messages: bool,
}

impl CountryRules {
    fn body(&self) -> Value {
        let countries = self.countries.as_ref().map(|all| all.iter().map(Country::to_string).collect::<Vec<_>>());
        api::fields([
            ("countries", countries.map(|all| json!(all))),
            ("prefixes", Some(json!(self.prefixes))),
            ("refused_prefixes", Some(json!(self.refused_prefixes))),
            ("premium", self.premium.as_ref().map(|kinds| json!(kinds))),
            ("messages", Some(self.messages.into())),
        ])
    }
}

impl CountryAction {
    pub(super) async fn run(self, remote: &RemoteCommandContext) -> CommandResult {
        match self {
            Self::Show => remote.read(COUNTRIES, lines).await,
            Self::Set(rules) => remote.done("set", &remote.api.put(COUNTRIES, &rules.body()).await?, lines),
        }
    }
}

fn lines(rules: &Value) -> String {
    let said = |name: &str, none: &str| match &rules[name] {
        Value::Array(all) if !all.is_empty() => all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        Value::Array(_) => "none".to_owned(),
        _ => none.to_owned(),
    };
    let messages = if rules["messages"] == true { "yes" } else { "no" };
    let all = [
        ("countries", said("countries", "all")),
        ("prefixes", said("prefixes", "none")),
        ("refused", said("refused_prefixes", "none")),
        ("premium", said("premium", "as it is by default")),
        ("messages too", messages.to_owned()),
    ];
    let line = |(name, words): &(&str, String)| format!("{}  {words}", output::dim(format!("{name:12}")));
    all.iter().map(line).collect::<Vec<_>>().join("\n")
}
