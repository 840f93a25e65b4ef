//! What holds while an import is under way, and between two of its slices: its numbers are nobody's yet.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use switchboard::model::{AccountId, ClientId, Clock, NumberId, NumberImportId};
use switchboard::store::lease::{Lease, LeaseOwner};
use switchboard::store::number::{self, Number, NumberFilter};
use switchboard::store::number_import::{self, NumberImport, NumberImportState};
use switchboard::store::pool::{self, Pool};
use switchboard::store::{Error, Store};

use super::exclusive::{Furnished, kept};
use super::number_import::{HELD, settled};
use super::scene::{act_well, customer, everything, tamper};
use crate::events::well;
use crate::harness::{Layout, Result, Server};
use crate::on_both_engines;

/// An import of two numbers that begins in the pool of the scene, which is exclusive.
struct Begun {
    all: Furnished,
    store: Store,
    owner: LeaseOwner,
    import: NumberImport,
    /// What is like those that it brings.
    like: Number,
}

impl Begun {
    async fn new(layout: Layout) -> Result<Self> {
        let all = Furnished::new(layout).await?;
        all.exclusive(true).await?;
        let store = all.server.home().databases.store()?;
        let (client, created_ms): (ClientId, _) = (all.client.parse()?, Clock::default().now_ms());
        let like = number::list(&store, client, &NumberFilter::default(), 1).await?.pop().context("no number")?;
        let (id, state) = (NumberImportId::new(created_ms), NumberImportState::Writing);
        let import = NumberImport { id, client, state, total: 2, written: 0, created_ms };
        let begun = Self { all, store, owner: LeaseOwner::generate(), import, like };
        number_import::begin(&begun.store, lease(&begun.owner), &begun.import).await?;
        Ok(begun)
    }

    async fn pool(&self) -> Result<Pool> {
        pool::list(&self.store, self.import.client, None, 1).await?.pop().context("no pool")
    }

    /// Another number of the pool.
    fn new_number(&self, address: &str, pool: &Pool) -> Number {
        let (id, address) = (NumberId::new(self.import.created_ms), address.to_owned());
        Number { id, address, pool: Some(pool.id), ..self.like.clone() }
    }

    /// Writes one number behind so many.
    async fn write(
        &self,
        owner: &LeaseOwner,
        pool: &Pool,
        written: i64,
        number: Number,
    ) -> std::result::Result<(), Error> {
        let (pools, numbers) = ([pool.clone()], [number]);
        let slice = (written, numbers.as_slice());
        number_import::write_slice(&self.store, lease(owner), &self.import, &pools, slice).await
    }

    async fn written(&self) -> Result<i64> {
        Ok(number_import::find(&self.store, self.import.id).await?.context("it is gone")?.written)
    }
}

/// It lasts longer than any test.
fn lease(owner: &LeaseOwner) -> Lease<'_> {
    let now_ms = Clock::default().now_ms();
    Lease { owner, now_ms, until_ms: now_ms + 3_600_000 }
}

async fn a_slice_that_others_were_faster_than_is_refused(layout: Layout) -> Result {
    let begun = Begun::new(layout).await?;
    let Begun { all, store, owner, import, .. } = &begun;
    let pool = begun.pool().await?;
    let taken = begun.write(owner, &pool, 0, begun.new_number("+14155550300", &pool)).await;
    ensure!(matches!(taken, Err(Error::Conflict)), "somebody has the number: {taken:?}");
    let new = || begun.new_number("+12126000001", &pool);
    let gone = Number { account: AccountId::new(1), ..new() };
    let other = LeaseOwner::generate();
    for (what, done) in [
        ("an account is gone", begun.write(owner, &pool, 0, gone).await),
        ("another process writes it", begun.write(&other, &pool, 0, new()).await),
        ("more is written", begun.write(owner, &pool, 1, new()).await),
        ("not all is written", number_import::finish(store, lease(owner), import.id, None).await),
        ("it is not over", number_import::claim(store, lease(&other), import.id).await),
    ] {
        ensure!(matches!(done, Err(Error::Guard(_))), "{what}: {done:?}");
    }
    act_well(&all.server, &all.client, "PATCH", &all.pool, Some(json!({"order": "any"}))).await?;
    let stale = begun.write(owner, &pool, 0, new()).await;
    ensure!(matches!(stale, Err(Error::Guard(_))), "the pool is another than was read: {stale:?}");
    ensure!(begun.written().await? == 0);
    ensure!(kept(&all.server).await? == ["212 free", "415 free", "FR free"]);

    let pool = begun.pool().await?;
    begun.write(owner, &pool, 0, new()).await?;
    ensure!(
        kept(&all.server).await? == ["212 free", "212 taken", "415 free", "FR free"],
        "it is not free before all are"
    );
    begun.write(owner, &pool, 1, begun.new_number("+13056000001", &pool)).await?;
    ensure!(begun.written().await? == 2);
    number_import::finish(store, lease(owner), import.id, None).await?;
    settled(&all.server).await?;
    ensure!(kept(&all.server).await? == ["212 free", "212 free", "305 free", "415 free", "FR free"]);
    Ok(())
}

/// Between two slices its pool is deleted: the next is refused, and nothing is left of the first.
async fn an_import_that_fails_leaves_nothing(layout: Layout) -> Result {
    let begun = Begun::new(layout).await?;
    let Begun { all, store, owner, import, .. } = &begun;
    let pool = begun.pool().await?;
    begun.write(owner, &pool, 0, begun.new_number("+12126000001", &pool)).await?;
    act_well(&all.server, &all.client, "DELETE", &all.pool, None).await?;
    let late = begun.write(owner, &pool, 1, begun.new_number("+13056000001", &pool)).await;
    ensure!(matches!(late, Err(Error::Guard(_))), "{late:?}");
    let again = json!({"name": "riders", "exclusive": true});
    let again = act_well(&all.server, &all.client, "POST", "/v1/pools", Some(again)).await?;
    // as if it had been moved there with others
    tamper(&all.server, "UPDATE sb_number SET pool_id = (SELECT id FROM sb_pool)").await?;
    for exclusive in [false, true] {
        let path = format!("/v1/pools/{}", again["id"].as_str().unwrap_or_default());
        act_well(&all.server, &all.client, "PATCH", &path, Some(json!({ "exclusive": exclusive }))).await?;
    }
    ensure!(kept(&all.server).await? == ["212 free", "212 taken", "415 free", "FR free"]);
    number_import::give_up(store, lease(owner), import.id).await?;
    settled(&all.server).await?;
    ensure!(kept(&all.server).await? == ["212 free", "415 free", "FR free"]);
    ensure!(store.query("SELECT id FROM sb_number WHERE address = '+12126000001'", Vec::new()).await?.is_empty());
    Ok(())
}

/// Numbers of New York and of San Francisco come with an import that somebody writes.
const HIDE: &str = "UPDATE sb_number SET import_id = X'0123456789ABCDEF0123456789ABCDEF' \
     WHERE address = '+14155550300' OR address = '+12125550301'";
/// All are there, and somebody is about to free them.
const DONE: &str = "UPDATE sb_number_import SET state = 'done'";
/// Whoever that was is no more.
const FORSAKEN: &str = "UPDATE sb_number_import SET ready_ms = 0";

async fn a_number_that_is_reserved_before_it_is_freed_stays_held(layout: Layout) -> Result {
    let all = Furnished::new(layout).await?;
    tamper(&all.server, HELD).await?;
    tamper(&all.server, HIDE).await?;
    all.exclusive(true).await?;
    ensure!(kept(&all.server).await? == ["212 taken", "415 taken", "FR free"], "they are not there yet");
    tamper(&all.server, DONE).await?;
    let path = format!("/v1{}", all.numbers[1]);
    act_well(&all.server, &all.client, "PATCH", &path, Some(json!({"reserved": true}))).await?;
    // longer than any node waits before it looks
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    ensure!(kept(&all.server).await? == ["212 taken", "415 taken", "FR free"], "another node frees them");
    tamper(&all.server, FORSAKEN).await?;
    settled(&all.server).await?;
    ensure!(kept(&all.server).await? == ["212 free", "415 taken", "FR free"], "one is reserved");
    act_well(&all.server, &all.client, "PATCH", &path, Some(json!({"reserved": false}))).await?;
    ensure!(kept(&all.server).await? == ["212 free", "415 free", "FR free"]);
    Ok(())
}

/// Who wants nothing from a number is told to its client once the number is there; to the operator before.
async fn opt_outs_of_a_number_are_shown_with_it(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let account = everything(&server).await?;
    let client = customer(&server, "10", json!({})).await?;
    let number = json!({"number": "+14155550300", "account_id": account});
    act_well(&server, &client, "POST", "/v1/numbers", Some(number)).await?;
    let path = "/v1/opt-outs/+14155550300/+33612345678";
    act_well(&server, &client, "PUT", path, Some(json!({"is_out": true}))).await?;
    let told = async |wanted: [usize; 2]| {
        let of_client = act_well(&server, &client, "GET", "/v1/opt-outs", None).await?;
        let of_operator = well(&server, "GET", "/v1/opt-outs", None).await?;
        let count = |page: &Value| page["data"].as_array().map_or(0, Vec::len);
        ensure!([count(&of_client), count(&of_operator)] == wanted, "{of_client} {of_operator}");
        Ok(())
    };
    told([1, 0]).await?;
    tamper(&server, HELD).await?;
    tamper(&server, HIDE).await?;
    told([0, 1]).await?;
    tamper(&server, DONE).await?;
    told([1, 0]).await
}

on_both_engines!(
    a_number_that_is_reserved_before_it_is_freed_stays_held,
    a_slice_that_others_were_faster_than_is_refused,
    an_import_that_fails_leaves_nothing,
    opt_outs_of_a_number_are_shown_with_it,
);
