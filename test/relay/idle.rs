//! What the store itself refuses while people of an open session have a number: whoever looked before may have looked
//! too early.

use anyhow::{Context as _, ensure};
use switchboard::model::{ClientId, PoolId, PoolSettings};
use switchboard::store::Error;
use switchboard::store::number::{self, NumberFilter};
use switchboard::store::pool::{self, Pool};

use super::exclusive::{Furnished, OPEN};
use super::scene::tamper;
use crate::harness::{Layout, Result, Server};
use crate::on_both_engines;

async fn state(server: &Server) -> Result<Vec<Vec<Vec<String>>>> {
    let mut all = Vec::new();
    for sql in [
        "SELECT * FROM sb_number ORDER BY id",
        "SELECT * FROM sb_pool ORDER BY id",
        "SELECT * FROM sb_pool_number ORDER BY number_id",
        "SELECT * FROM sb_pair ORDER BY person, number_id",
    ] {
        all.push(server.rows(sql).await?);
    }
    Ok(all)
}

async fn nothing_that_has_an_open_session_goes_anywhere(layout: Layout) -> Result {
    let all = Furnished::new(layout).await?;
    all.exclusive(true).await?;
    tamper(&all.server, OPEN).await?;
    let store = all.server.home().databases.store()?;
    let client: ClientId = all.client.parse()?;
    let drivers = pool::list(&store, client, None, 1).await?.pop().context("no pool")?;
    let riders = Pool::new(PoolId::new(1), client, "riders".to_owned(), PoolSettings::default(), 1)?;
    pool::insert(&store, &riders, None).await?;
    let filter = NumberFilter { address: Some("+14155550300".to_owned()), ..NumberFilter::default() };
    let number = number::list(&store, client, &filter, 1).await?.pop().context("no number")?;
    let mut shared = drivers.clone();
    shared.settings.is_exclusive = false;

    let before = state(&all.server).await?;
    for (what, done) in [
        ("number::delete", number::delete(&store, &number, None).await),
        ("pool::put", pool::put(&store, &riders, (&number, None), 1, None).await),
        ("pool::take_out", pool::take_out(&store, client, drivers.id, number.id, None).await),
        ("pool::update", pool::update(&store, (&drivers, &shared), false, 1, None).await),
        ("pool::delete", pool::delete(&store, client, drivers.id, None).await),
    ] {
        ensure!(matches!(done, Err(Error::Guard(_))), "{what}: {done:?}");
    }
    assert_eq!(state(&all.server).await?, before);

    tamper(&all.server, "DELETE FROM sb_pair").await?;
    pool::put(&store, &riders, (&number, None), 1, None).await?;
    pool::take_out(&store, client, riders.id, number.id, None).await?;
    pool::update(&store, (&drivers, &shared), false, 1, None).await?;
    ensure!(store.query("SELECT number_id FROM sb_pool_number", Vec::new()).await?.is_empty());
    number::delete(&store, &number, None).await?;
    pool::delete(&store, client, drivers.id, None).await?;
    Ok(())
}

on_both_engines!(nothing_that_has_an_open_session_goes_anywhere);
