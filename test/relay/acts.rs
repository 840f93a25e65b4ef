//! Every path by which an administrator changes something, as the API describes them: what is done there is in the
//! audit log, once; and what cannot be written there is not done.

mod table;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use switchboard::store::Change;

pub use self::table::{LASTING, Scene};
use super::acts_of_resources;
use crate::events::receiver::Receiver;
use crate::events::{builder, well};
use crate::harness::database::tables;
use crate::harness::{ADMIN, Layout, Result, Server, USER};
use crate::messages::TO;
use crate::{in_foreign_sessions, on_both_engines};

/// Paths that change something which is no administrator's doing: a person's phone is played, and texts or calls.
const OTHERS: [(&str, &str); 4] = [
    ("POST", "/v1/loopback/inbound"),
    ("POST", "/v1/loopback/inbound-call"),
    ("POST", "/v1/verifications/check"),
    ("POST", "/v1/verifications/{id}/check"),
];

/// Paths with braces where nothing is changed, and what stands in them.
const READ: [(&str, &str); 2] = [("/v1/lookup/{number}", TO), ("/v1/users/{uid}/", USER)];

/// What an entry has of what something is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    Made,
    Changed,
    /// A secret is another, which is not shown.
    Same,
    Gone,
    /// How it was; what comes of it, others will say.
    Asked,
    Nothing,
}

/// One thing that an administrator does.
pub struct Act {
    method: &'static str,
    /// As the description has it, and what stands in its braces.
    pub template: &'static str,
    args: Vec<String>,
    body: Value,
    /// For which client.
    pub client: Option<String>,
    pub action: &'static str,
    /// `None`: the id in the answer.
    object: Option<String>,
    shown: Shown,
}

impl Act {
    fn path(&self) -> String {
        filled(self.template, self.args.iter().map(String::as_str))
    }

    pub async fn play(&self, server: &Server) -> Result<(u16, Value)> {
        let request = server.http.request(self.method.parse()?, server.url(&self.path())).bearer_auth(ADMIN);
        let request = match &self.client {
            Some(client) => request.header("switchboard-client", client),
            None => request,
        };
        let request = match &self.body {
            Value::Null => request,
            Value::String(csv) => request.header("content-type", "text/csv").body(csv.clone()),
            json => request.header("content-type", "application/json").body(json.to_string()),
        };
        let answer = request.send().await?;
        let (status, said) = (answer.status().as_u16(), answer.text().await?);
        Ok((status, if said.is_empty() { Value::Null } else { serde_json::from_str(&said).context(said)? }))
    }
}

/// A path with these in its braces.
fn filled<'a>(template: &'a str, args: impl IntoIterator<Item = &'a str>) -> String {
    let mut args = args.into_iter();
    let fill = |part: &'a str| if part.starts_with('{') { args.next().unwrap_or_default() } else { part };
    template.split('/').map(fill).collect::<Vec<_>>().join("/")
}

/// A path as it can be asked for.
pub struct Target<'a> {
    pub path: String,
    /// What stands in its braces, by their names.
    pub args: Vec<(&'a str, &'a str)>,
    /// For which client.
    pub client: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// What stands in the braces of a path as it is described: what the first act there, or below, is done to.
    pub fn of(acts: &'a [Act], template: &'a str) -> Result<Self> {
        let name = |part: &'a str| part.strip_prefix('{')?.strip_suffix('}');
        let names: Vec<&str> = template.split('/').filter_map(name).collect();
        let begin = template.rsplit_once('}').map(|(begin, _)| begin);
        let act = begin.and_then(|begin| acts.iter().find(|act| act.template.starts_with(begin)));
        let args: Vec<&str> = match act {
            Some(act) => act.args.iter().map(String::as_str).collect(),
            None => READ.iter().filter(|(begin, _)| template.starts_with(*begin)).map(|(_, arg)| *arg).collect(),
        };
        ensure!(args.len() >= names.len(), "nothing is known to stand in {template}");
        let path = filled(template, args.iter().copied());
        Ok(Self {
            path,
            args: names.into_iter().zip(args).collect(),
            client: act.and_then(|act| act.client.as_deref()),
        })
    }
}

/// An act on the last of what stands in its path's braces; where they are none, on what is made by it.
pub fn act(
    method: &'static str,
    template: &'static str,
    args: &[&String],
    body: Value,
    action: &'static str,
    shown: Shown,
) -> Act {
    let args: Vec<String> = args.iter().map(|arg| (*arg).clone()).collect();
    let object = args.last().cloned();
    Act { method, template, args, body, client: None, action, object, shown }
}

/// The same, but on this.
pub fn on(object: &str, act: Act) -> Act {
    Act { object: Some(object.to_owned()), ..act }
}

/// What a server writes by itself at any time: work under way, what nodes tell each other, keys that it makes at need.
const OWN: [&str; 17] = [
    "sb_account_rest",
    "sb_attempt",
    "sb_fresh",
    "sb_guard_decision",
    "sb_guard_level",
    "sb_inbound",
    "sb_lane",
    "sb_lockout",
    "sb_meta",
    "sb_number_import",
    "sb_outbox",
    "sb_receipt",
    "sb_run",
    "sb_run_message",
    "sb_secret",
    "sb_sync_ciphertext",
    "sb_sync_session",
];

/// The rows of every other table of ours, but for the log itself.
async fn state(server: &Server, layout: Layout) -> Result<BTreeMap<String, Vec<Vec<String>>>> {
    let mut all = BTreeMap::new();
    for table in tables(&server.home().databases.store()?, layout).await? {
        if table.starts_with("sb_") && !table.starts_with("sb_audit") && !OWN.contains(&table.as_str()) {
            let mut rows = server.rows(format!("SELECT * FROM {table}")).await?;
            rows.sort_unstable();
            all.insert(table, rows);
        }
    }
    ensure!(all.len() > 15 && all.contains_key("sb_message"), "only these tables were found: {:?}", all.keys());
    Ok(all)
}

async fn run(server: &Server, sql: &'static str) -> Result {
    Ok(server.home().databases.store()?.commit(Change::new().run(sql, Vec::new())).await?)
}

/// The log is away: whatever is asked for fails, and nothing of it is done.
pub async fn without_the_log(server: &Server) -> Result {
    run(server, "ALTER TABLE sb_audit RENAME TO sb_audit_away").await
}

pub async fn with_the_log(server: &Server) -> Result {
    run(server, "ALTER TABLE sb_audit_away RENAME TO sb_audit").await
}

/// A server with one of everything, who listens to it, and what can be done there, one after the other.
pub async fn furnished(layout: Layout) -> Result<(Server, Receiver, Vec<Act>)> {
    let (server, receiver) = (builder(layout).await?.start().await?, Receiver::start().await?);
    let scene = Scene::set(&server, &receiver).await?;
    let acts = [table::all(&scene), acts_of_resources(&server, &scene).await?];
    Ok((server, receiver, acts.into_iter().flatten().collect()))
}

async fn every_act_is_written_down_once_or_not_done(layout: Layout) -> Result {
    let (server, _receiver, acts) = furnished(layout).await?;
    let described = well(&server, "GET", "/v1/openapi.json", None).await?;
    let mut wanted = BTreeSet::new();
    for (path, methods) in described["paths"].as_object().context("paths")? {
        let changing = ["post", "put", "patch", "delete"].into_iter().filter(|method| methods[method].is_object());
        wanted.extend(changing.map(|method| (method.to_uppercase(), path.clone())));
    }
    let here = acts.iter().map(|act| (act.method, act.template)).chain(OTHERS);
    let here: BTreeSet<_> = here.map(|(method, path)| (method.to_owned(), path.to_owned())).collect();
    assert_eq!(here, wanted, "a path that changes something is held against the audit log here");

    let before = state(&server, layout).await?;
    without_the_log(&server).await?;
    for act in &acts {
        let (status, answer) = act.play(&server).await?;
        ensure!(status == 500, "{} {}: {status} {answer}", act.method, act.path());
    }
    assert_eq!(state(&server, layout).await?, before, "something was done that is not written down");
    with_the_log(&server).await?;

    // what was said, what opens doors, and what was shown this once
    let mut secrets = vec!["Secret words".to_owned(), ADMIN.to_owned(), "8".repeat(32), "3".repeat(32), "9".repeat(32)];
    for act in &acts {
        let what = format!("{} {}", act.method, act.path());
        let entries = server.rows("SELECT id FROM sb_audit").await?.len();
        let (status, answer) = act.play(&server).await?;
        ensure!((200..300).contains(&status), "{what}: {status} {answer}");
        let more = server.rows("SELECT id FROM sb_audit").await?.len() - entries;
        let entry = well(&server, "GET", "/v1/audit?limit=1", None).await?["data"][0].clone();
        ensure!(more == 1, "{what} was written down {more} times, last as {entry}");
        is_right(act, &answer, &entry).with_context(|| format!("{what}: {entry}"))?;
        let shown = ["key", "auth_token", "secret"].into_iter().filter_map(|name| answer[name].as_str());
        secrets.extend(shown.map(str::to_owned));
    }
    ensure!(secrets.len() == 5 + 5, "two tokens, a key, and two endpoints' secrets: {}", secrets.len());
    let log = server.rows("SELECT before_text, after_text FROM sb_audit").await?.concat().join("\n");
    for hidden in secrets {
        ensure!(!log.contains(&hidden), "{hidden} in {log}");
    }
    Ok(())
}

fn is_right(act: &Act, answer: &Value, entry: &Value) -> Result {
    ensure!(entry["action"] == act.action && entry["who"] == "config token" && entry["address"] == "127.0.0.1");
    let object = act.object.as_deref().or(answer["id"].as_str()).context("no id in the answer")?;
    ensure!(entry["object"] == object, "not of {object}");
    let (before, after) = (&entry["before"], &entry["after"]);
    let (was, is) = (!before.is_null(), !after.is_null());
    let fits = match act.shown {
        Shown::Made => !was && is,
        Shown::Changed => was && is && before != after,
        Shown::Same => was && is && before == after,
        Shown::Gone | Shown::Asked => was && !is,
        Shown::Nothing => !was && !is,
    };
    ensure!(fits, "not {:?}", act.shown);
    Ok(())
}

on_both_engines!(every_act_is_written_down_once_or_not_done);
in_foreign_sessions!(every_act_is_written_down_once_or_not_done);
