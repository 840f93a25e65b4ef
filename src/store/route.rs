//! Which account a destination's messages go to: `sb_route`.

use super::{Error, Query, Result, Row, Store};
use crate::model::{AccountId, Channel, Millis, RouteId};

/// A rule: what matches goes to an account.
#[derive(Clone, Debug)]
pub struct Route {
    pub id: RouteId,
    /// Lower ones are asked first.
    pub priority: i64,
    /// A regular expression, anchored at its start.
    pub pattern: String,
    /// `None`: all channels.
    pub channel: Option<Channel>,
    pub account: AccountId,
    pub name: String,
    pub created_ms: Millis,
}

const COLUMNS: &str = "id, priority, pattern, channel, account_id, name, created_ms";

fn parse(row: &Row) -> Result<Route> {
    let bad = |what: &str| Error::Data(format!("route {what}"));
    let channel = row.maybe_text(3)?.map(|name| Channel::parse(name).ok_or_else(|| bad("channel")));
    Ok(Route {
        id: RouteId::from_hex(row.text(0)?).map_err(|_| bad("id"))?,
        priority: row.int(1)?,
        pattern: row.text(2)?.to_owned(),
        channel: channel.transpose()?,
        account: AccountId::from_hex(row.text(4)?).map_err(|_| bad("account"))?,
        name: row.text(5)?.to_owned(),
        created_ms: row.int(6)?,
    })
}

/// All routes in the order in which they are asked.
pub async fn all(store: &Store) -> Result<Vec<Route>> {
    let sql = format!("SELECT {COLUMNS} FROM sb_route ORDER BY priority, id");
    store.read(vec![Query::new(sql, Vec::new())]).await?.concat().iter().map(parse).collect()
}
