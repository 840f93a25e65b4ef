//! What destinations cost: `sb_rate`.

use super::{Error, Query, Result, Row, Store};
use crate::model::{Channel, Millis, Money, RateId};

/// A price of a segment, or of a call.
#[derive(Clone, Debug)]
pub struct Rate {
    pub id: RateId,
    pub channel: Channel,
    /// Digits behind the plus; empty: all destinations.
    pub prefix: String,
    pub price: Money,
    pub from_ms: Millis,
    /// `None`: until another takes its place.
    pub until_ms: Option<Millis>,
}

const COLUMNS: &str = "id, channel, prefix, price, from_ms, until_ms";

fn parse(row: &Row) -> Result<Rate> {
    let bad = |what: &str| Error::Data(format!("rate {what}"));
    Ok(Rate {
        id: RateId::from_hex(row.text(0)?).map_err(|_| bad("id"))?,
        channel: Channel::parse(row.text(1)?).ok_or_else(|| bad("channel"))?,
        prefix: row.text(2)?.to_owned(),
        price: Money::from_micros(row.int(3)?),
        from_ms: row.int(4)?,
        until_ms: row.maybe_int(5)?,
    })
}

/// All rates: of one destination the newest first.
pub async fn all(store: &Store) -> Result<Vec<Rate>> {
    let sql = format!("SELECT {COLUMNS} FROM sb_rate ORDER BY channel, prefix, from_ms DESC");
    store.read(vec![Query::new(sql, Vec::new())]).await?.concat().iter().map(parse).collect()
}
