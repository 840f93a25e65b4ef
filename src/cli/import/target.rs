//! The server that takes things over: pools first, then their numbers, then their sessions.

use std::collections::HashMap;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::ImportArguments;
use super::report::ImportReport;
use crate::cli::api::{self, ApiClient};
use crate::cli::output::field;
use crate::cli::remote::RemoteCommandContext;

const POOLS: &str = "/v1/pools";
const NUMBERS: &str = "/v1/numbers";
const SESSIONS: &str = "/v1/sessions";

/// A pool that an older system has, with all that belongs to it.
#[derive(Debug, Default)]
pub(super) struct PoolToImport {
    /// 32 hex digits; where it has none of its own, it is known by its name.
    pub(super) id: Option<String>,
    pub(super) name: String,
    pub(super) settings: Value,
    pub(super) numbers: Vec<NumberToImport>,
    pub(super) sessions: Vec<SessionToImport>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct NumberToImport {
    pub(super) address: String,
    pub(super) capabilities: Vec<String>,
    pub(super) is_reserved: bool,
}

#[derive(Debug)]
pub(super) struct SessionToImport {
    /// What whoever reads of it calls it.
    pub(super) what: String,
    /// 32 hex digits.
    pub(super) id: String,
    /// The numbers that its people know.
    pub(super) numbers: Vec<String>,
    /// As it is posted, but for its pool.
    pub(super) body: Value,
}

/// What is refused is told and passed over; an error ends the import.
type ImportStep<T> = anyhow::Result<Result<T, String>>;

/// The server, and what has come of the import so far.
pub(super) struct ImportTarget {
    api: ApiClient,
    account: Option<String>,
    is_dry: bool,
    pub(super) report: ImportReport,
}

fn below(path: &str, id: &str) -> String {
    format!("{path}/{id}")
}

impl ImportTarget {
    pub(super) fn new(remote: RemoteCommandContext, terms: &ImportArguments) -> Self {
        let account = terms.account.map(|id| id.to_string());
        let report = ImportReport::new(remote.output, terms.dry_run);
        Self { api: remote.api, account, is_dry: terms.dry_run, report }
    }

    /// Takes over all of a pool that can be taken.
    pub(super) async fn take(&mut self, pool: PoolToImport) -> anyhow::Result<()> {
        let what = format!("pool {}", pool.name);
        let id = match self.pool(&pool).await? {
            Ok((id, is_new)) => {
                self.report.pools.add(is_new);
                id
            }
            // without it there is nothing to put the others into
            Err(why) => {
                self.report.refuse(what, why);
                return Ok(());
            }
        };
        let refused = self.numbers(id.as_deref(), &pool.numbers).await?;
        let total = pool.sessions.len();
        for (at, session) in pool.sessions.into_iter().enumerate() {
            let what = session.what.clone();
            let untaken = session.numbers.iter().find_map(|number| refused.get(number));
            let taken = match untaken {
                Some(why) => Err(format!("its number was not taken: {why}")),
                None => self.session(id.as_deref(), session).await?,
            };
            match taken {
                Ok(is_new) => self.report.sessions.add(is_new),
                Err(why) => self.report.refuse(what, why),
            }
            self.report.progress("sessions", at + 1, total);
        }
        Ok(())
    }

    /// Its id, and whether it is new. A dry run knows none of one that is not here yet.
    async fn pool(&mut self, pool: &PoolToImport) -> ImportStep<(Option<String>, bool)> {
        let known = match &pool.id {
            Some(id) => {
                let found = self.api.ask(Method::GET, &below(POOLS, &format!("pool_{id}")), None).await?;
                Some(found.body).filter(|_| found.status.is_success())
            }
            None => {
                let all = self.api.list(POOLS, &[], usize::MAX).await?;
                all.into_iter().find(|one| one["name"] == pool.name)
            }
        };
        let wanted = pool.settings["exclusive"] == true;
        if let Some(known) = known {
            let is_alike = known["exclusive"] == wanted;
            let other = || "is here already, and gives its numbers to sessions in another way (exclusive)".to_owned();
            return Ok(is_alike.then(|| (Some(field(&known, "id").to_owned()), false)).ok_or_else(other));
        }
        if self.is_dry {
            self.report.step(format!("make the pool {}", pool.name));
            return Ok(Ok((None, true)));
        }
        let made = match &pool.id {
            Some(id) => {
                let body = json!({"id": id, "name": pool.name, "settings": pool.settings});
                self.api.ask(Method::POST, &below(POOLS, "import"), Some(&body)).await?
            }
            None => {
                let mut body = pool.settings.clone();
                body["name"] = pool.name.as_str().into();
                self.api.ask(Method::POST, POOLS, Some(&body)).await?
            }
        };
        Ok(made.accepted().map(|made| (Some(field(&made.body, "id").to_owned()), true)))
    }

    /// Those that are refused, and why.
    async fn numbers(
        &mut self,
        pool: Option<&str>,
        numbers: &[NumberToImport],
    ) -> anyhow::Result<HashMap<String, String>> {
        let mut refused = HashMap::new();
        for (at, number) in numbers.iter().enumerate() {
            match self.number(pool, number).await? {
                Ok(is_new) => self.report.numbers.add(is_new),
                Err(why) => {
                    self.report.refuse(format!("number {}", number.address), why.clone());
                    refused.insert(number.address.clone(), why);
                }
            }
            self.report.progress("numbers", at + 1, numbers.len());
        }
        Ok(refused)
    }

    /// Whether it is new in its pool.
    async fn number(&mut self, pool: Option<&str>, number: &NumberToImport) -> ImportStep<bool> {
        let query = api::query([("number", Some(number.address.clone())), ("limit", Some("1".to_owned()))]);
        let found = match self.api.ask(Method::GET, &format!("{NUMBERS}?{query}"), None).await?.accepted() {
            Ok(found) => found.body["data"][0].clone(),
            Err(why) => return Ok(Err(why)),
        };
        match found["pool_id"].as_str() {
            Some(known) if pool == Some(known) => return Ok(Ok(false)),
            Some(other) => return Ok(Err(format!("is in the pool {other}: take it out of there first"))),
            None => {}
        }
        let is_here = found["id"].is_string();
        let account = match &self.account {
            _ if is_here => String::new(),
            Some(account) => account.clone(),
            None => return Ok(Err("is not here: name the account that it is on with --account".to_owned())),
        };
        if self.is_dry {
            let into = if is_here { "put" } else { "add" };
            self.report.step(format!("{into} the number {}", number.address));
            return Ok(Ok(true));
        }
        let id = if is_here {
            field(&found, "id").to_owned()
        } else {
            let body = json!({"number": number.address, "account_id": account, "capabilities": number.capabilities,
                "reserved": number.is_reserved});
            match self.api.ask(Method::POST, NUMBERS, Some(&body)).await?.accepted() {
                Ok(made) => field(&made.body, "id").to_owned(),
                Err(why) => return Ok(Err(why)),
            }
        };
        let path = format!("{POOLS}/{}/numbers/{id}", pool.unwrap_or_default());
        Ok(self.api.ask(Method::PUT, &path, None).await?.accepted().map(|_| true))
    }

    /// Whether it is new.
    async fn session(&mut self, pool: Option<&str>, session: SessionToImport) -> ImportStep<bool> {
        if self.is_dry {
            let known = self.api.ask(Method::GET, &below(SESSIONS, &format!("ses_{}", session.id)), None).await?;
            if !known.status.is_success() {
                self.report.step(format!("take {} on {}", session.what, session.numbers.join(", ")));
            }
            return Ok(Ok(!known.status.is_success()));
        }
        let mut body = session.body;
        body["id"] = session.id.into();
        body["session"]["pool_id"] = pool.unwrap_or_default().into();
        let taken = self.api.ask(Method::POST, &below(SESSIONS, "import"), Some(&body)).await?;
        Ok(taken.accepted().map(|taken| taken.status == StatusCode::CREATED))
    }
}
