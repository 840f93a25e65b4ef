//! The server that takes things over: pools first, then their numbers, then their sessions. Whatever is asked of it
//! does no harm when it is asked twice.

use std::collections::HashMap;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::ImportArguments;
use super::answer::{ImportAnswer, answer};
use super::report::ImportReport;
use crate::cli::api::{self, ApiClient};
use crate::cli::output::field;
use crate::cli::remote::RemoteCommandContext;
use crate::model::{Clock, PoolId};

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
    /// What messages about it call it.
    pub(super) what: String,
    /// 32 hex digits.
    pub(super) id: String,
    /// The numbers that its people know.
    pub(super) numbers: Vec<String>,
    /// As it is posted, but for its pool.
    pub(super) body: Value,
}

/// A pool that sessions can be taken into.
pub(super) struct TargetPool {
    /// `None`: a dry run has not made it.
    id: Option<String>,
    /// The numbers that were to come into it; why, where one has not.
    numbers: HashMap<String, Option<String>>,
}

impl TargetPool {
    pub(super) fn knows(&self, number: &str) -> bool {
        self.numbers.contains_key(number)
    }
}

/// What is refused is told and passed over; an error ends the import.
pub(super) type ImportStep<T> = anyhow::Result<Result<T, String>>;

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

/// What is found, or that it is not there.
fn found(answer: ImportAnswer) -> Result<Option<Value>, String> {
    if answer.status == StatusCode::NOT_FOUND { Ok(None) } else { answer.accepted().map(Some) }
}

impl ImportTarget {
    pub(super) fn new(remote: RemoteCommandContext, terms: &ImportArguments) -> Self {
        let account = terms.account.map(|id| id.to_string());
        let report = ImportReport::new(remote.output, terms.dry_run);
        Self { api: remote.api, account, is_dry: terms.dry_run, report }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<ImportAnswer> {
        let request = || self.api.asking(method.clone(), path, body);
        answer(request, &api::no_answer(&self.api.base)).await
    }

    /// Takes over all of a pool that can be taken.
    pub(super) async fn take(&mut self, mut pool: PoolToImport) -> anyhow::Result<()> {
        let sessions = std::mem::take(&mut pool.sessions);
        let Some(taken) = self.open(&pool).await? else { return Ok(()) };
        let total = sessions.len();
        for (at, session) in sessions.into_iter().enumerate() {
            self.session(&taken, session).await?;
            self.report.progress("sessions", at + 1, Some(total));
        }
        Ok(())
    }

    /// Takes over a pool and its numbers; nothing where it is refused: there is nothing to put the others into then.
    pub(super) async fn open(&mut self, pool: &PoolToImport) -> anyhow::Result<Option<TargetPool>> {
        match self.pool(pool).await? {
            Ok((id, is_new)) => {
                self.report.pools.add(is_new);
                let mut taken = TargetPool { id, numbers: HashMap::new() };
                self.numbers(&mut taken, &pool.numbers).await?;
                Ok(Some(taken))
            }
            Err(why) => {
                self.report.refuse(format!("pool {}", pool.name), why);
                Ok(None)
            }
        }
    }

    /// The pool as it is here.
    async fn known_pool(&self, pool: &PoolToImport) -> ImportStep<Option<Value>> {
        let Some(id) = &pool.id else {
            // the oldest where there are several, as the masked door has it
            let all = self.api.list(POOLS, &[], usize::MAX).await?;
            return Ok(Ok(all.into_iter().rfind(|one| one["name"] == pool.name)));
        };
        Ok(found(self.ask(Method::GET, &below(POOLS, &format!("pool_{id}")), None).await?))
    }

    /// Its id, and whether it is new. A dry run knows none of one that is not here yet.
    async fn pool(&mut self, pool: &PoolToImport) -> ImportStep<(Option<String>, bool)> {
        match self.known_pool(pool).await? {
            Ok(Some(known)) => {
                let is_alike = known["exclusive"] == (pool.settings["exclusive"] == true);
                let other =
                    || "is here already, and gives its numbers to sessions in another way (exclusive)".to_owned();
                return Ok(is_alike.then(|| (Some(field(&known, "id").to_owned()), false)).ok_or_else(other));
            }
            Ok(None) => {}
            Err(why) => return Ok(Err(why)),
        }
        if self.is_dry {
            self.report.step(format!("make the pool {}", pool.name));
            return Ok(Ok((None, true)));
        }
        // with an id from here on a second try makes no second one
        let id = pool.id.clone().unwrap_or_else(|| PoolId::new(Clock::default().now_ms()).hex());
        let body = json!({"id": id, "name": pool.name, "settings": pool.settings});
        let made = self.ask(Method::POST, &below(POOLS, "import"), Some(&body)).await?.accepted();
        Ok(made.map(|made| (Some(field(&made, "id").to_owned()), true)))
    }

    /// Takes numbers into a pool.
    pub(super) async fn numbers(&mut self, pool: &mut TargetPool, numbers: &[NumberToImport]) -> anyhow::Result<()> {
        for (at, number) in numbers.iter().enumerate() {
            let taken = self.number(pool.id.as_deref(), number).await?;
            match &taken {
                Ok(is_new) => self.report.numbers.add(*is_new),
                Err(why) => self.report.refuse(format!("number {}", number.address), why.clone()),
            }
            pool.numbers.insert(number.address.clone(), taken.err());
            self.report.progress("numbers", at + 1, Some(numbers.len()));
        }
        Ok(())
    }

    /// A number as it is here; null where it is not.
    async fn known_number(&self, address: &str) -> ImportStep<Value> {
        let query = api::query([("number", Some(address.to_owned())), ("limit", Some("1".to_owned()))]);
        let listed = self.ask(Method::GET, &format!("{NUMBERS}?{query}"), None).await?.accepted();
        Ok(listed.map(|mut listed| listed.pointer_mut("/data/0").map(Value::take).unwrap_or_default()))
    }

    /// Whether it is new in its pool.
    async fn number(&mut self, pool: Option<&str>, number: &NumberToImport) -> ImportStep<bool> {
        let known = match self.known_number(&number.address).await? {
            Ok(known) => known,
            Err(why) => return Ok(Err(why)),
        };
        match known["pool_id"].as_str() {
            Some(id) if pool == Some(id) => return Ok(Ok(false)),
            Some(other) => return Ok(Err(format!("is in the pool {other}: take it out of there first"))),
            None => {}
        }
        let is_here = known["id"].is_string();
        if !is_here && self.account.is_none() {
            return Ok(Err("is not here: name the account that it is on with --account".to_owned()));
        }
        if self.is_dry {
            let into = if is_here { "put" } else { "add" };
            self.report.step(format!("{into} the number {}", number.address));
            return Ok(Ok(true));
        }
        let ready = if is_here { self.ready_number(known, number).await? } else { self.new_number(number).await? };
        let id = match ready {
            Ok(ready) => field(&ready, "id").to_owned(),
            Err(why) => return Ok(Err(why)),
        };
        let path = format!("{POOLS}/{}/numbers/{id}", pool.unwrap_or_default());
        Ok(self.ask(Method::PUT, &path, None).await?.accepted().map(|_| true))
    }

    /// One that is here, as it is to come into the pool: what is reserved there is chosen for nobody here either.
    async fn ready_number(&self, known: Value, number: &NumberToImport) -> ImportStep<Value> {
        if !number.is_reserved || known["reserved"] == true {
            return Ok(Ok(known));
        }
        let path = below(NUMBERS, field(&known, "id"));
        Ok(self.ask(Method::PATCH, &path, Some(&json!({"reserved": true}))).await?.accepted())
    }

    async fn new_number(&self, number: &NumberToImport) -> ImportStep<Value> {
        let body = json!({"number": number.address, "account_id": self.account, "capabilities": number.capabilities,
            "reserved": number.is_reserved});
        let made = self.ask(Method::POST, NUMBERS, Some(&body)).await?;
        if made.status == StatusCode::CONFLICT {
            // a try whose answer was lost may have made it
            return Ok(match self.known_number(&number.address).await? {
                Ok(known) if known["id"].is_string() => Ok(known),
                _ => made.accepted(),
            });
        }
        Ok(made.accepted())
    }

    /// Takes a session into a pool that has its numbers.
    pub(super) async fn session(&mut self, pool: &TargetPool, session: SessionToImport) -> anyhow::Result<()> {
        let what = session.what.clone();
        let untaken = session.numbers.iter().find_map(|number| pool.numbers.get(number).and_then(Option::as_ref));
        let taken = match untaken {
            Some(why) => Err(format!("its number was not taken: {why}")),
            None => self.post_session(pool.id.as_deref(), session).await?,
        };
        match taken {
            Ok(is_new) => self.report.sessions.add(is_new),
            Err(why) => self.report.refuse(what, why),
        }
        Ok(())
    }

    /// Whether it is new.
    async fn post_session(&mut self, pool: Option<&str>, session: SessionToImport) -> ImportStep<bool> {
        if self.is_dry {
            let known = found(self.ask(Method::GET, &below(SESSIONS, &format!("ses_{}", session.id)), None).await?);
            let is_new = known.map(|known| known.is_none());
            if is_new == Ok(true) {
                self.report.step(format!("take {} on {}", session.what, session.numbers.join(", ")));
            }
            return Ok(is_new);
        }
        let mut body = session.body;
        body["id"] = session.id.into();
        body["session"]["pool_id"] = pool.unwrap_or_default().into();
        let taken = self.ask(Method::POST, &below(SESSIONS, "import"), Some(&body)).await?;
        let is_new = taken.status == StatusCode::CREATED;
        Ok(taken.accepted().map(|_| is_new))
    }
}
