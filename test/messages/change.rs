//! What a change answers of which one statement fails, though all of them go to a server in one text.

use anyhow::ensure;
use switchboard::store::{Change, Error, Query, Store, Value};

use crate::harness::{Builder, Layout, Result};
use crate::{in_foreign_sessions, on_both_engines};

/// As long as the column: what is shorter is filled up on one engine.
fn key(name: &str) -> Value {
    format!("{name:32}").into_bytes().into()
}

fn insert(change: Change, id: &str) -> Change {
    let sql = "INSERT INTO sb_idempotency (id, request_hash, reply, created_ms) VALUES (?, X'01', ?, 1)";
    change.one(sql, vec![key(id), "it's \\ \"{}\" ? ;\n\0✓".into()])
}

/// May touch nothing.
fn idle(change: Change) -> Change {
    change.run("DELETE FROM sb_idempotency WHERE id = '?'", Vec::new())
}

fn guarded(change: Change) -> Change {
    change.one("UPDATE sb_idempotency SET created_ms = 2 WHERE id = ?", vec![key("nobody")])
}

fn wrong(change: Change) -> Change {
    change.one("UPDATE sb_idempotency SET no_such_column = ?", vec![1.into()])
}

async fn ids(store: &Store) -> Result<Vec<String>> {
    let rows = store.query("SELECT id FROM sb_idempotency ORDER BY id", Vec::new()).await?;
    rows.iter().map(|row| Ok(row.text(0)?.trim_end().to_owned())).collect()
}

async fn each_failure_is_told_as_what_it_is(layout: Layout) -> Result {
    let server = Builder::new(layout).await?.start().await?;
    let store = server.home().databases.store()?;
    store.commit(insert(idle(Change::new()), "first")).await?;
    let answers = store
        .read(vec![
            Query::new("SELECT created_ms, reply FROM sb_idempotency WHERE id = ?", vec![key("first")]),
            Query::over("SELECT id FROM sb_idempotency WHERE id IN ({})", &[], Vec::new()),
            Query::new("SELECT COUNT(*), NULL FROM sb_idempotency", Vec::new()),
        ])
        .await?;
    assert_eq!(answers[0][0].int(0)?, 1);
    assert_eq!(answers[0][0].text(1)?, "it's \\ \"{}\" ? ;\n\0✓", "as it was written");
    assert_eq!(answers[1].len(), 0);
    assert_eq!((answers[2][0].int(0)?, answers[2][0].maybe_int(1)?), (1, None));

    let told = async |change: Change| {
        let error = store.commit(change).await.err();
        ensure!(ids(&store).await? == ["first"], "part of it was written");
        Ok(error)
    };
    let begun = || insert(idle(Change::new()), "second");
    for change in [insert(begun(), "first"), insert(begun(), "second"), guarded(insert(begun(), "first"))] {
        let error = told(idle(change)).await?;
        ensure!(matches!(error, Some(Error::Conflict)), "{error:?}");
    }
    for change in [guarded(begun()), insert(guarded(begun()), "first"), wrong(guarded(begun()))] {
        let error = told(idle(change)).await?;
        ensure!(matches!(error, Some(Error::Guard(2))), "{error:?}");
    }
    for change in [wrong(begun()), guarded(wrong(begun())), insert(wrong(begun()), "first")] {
        let error = told(idle(change)).await?;
        ensure!(matches!(error, Some(Error::Refused(_))), "{error:?}");
    }
    Ok(())
}

/// More rows and longer ones than one statement takes.
async fn many_rows_are_all_written(layout: Layout) -> Result {
    let server = Builder::new(layout).await?.start().await?;
    let store = server.home().databases.store()?;
    let into = "INSERT INTO sb_idempotency (id, request_hash, reply, created_ms)";
    let row = |n: i64, long: usize| -> Vec<Value> {
        vec![key(&format!("{n:06}")), key("h"), "'".repeat(long).into(), n.into()]
    };
    let rows = (0..2500).map(|n| row(n, 1)).chain((2500..2600).map(|n| row(n, 60_000))).collect();
    store.commit(Change::new().insert(into, rows)).await?;
    let found = store.query("SELECT COUNT(*), MAX(created_ms) FROM sb_idempotency", Vec::new()).await?;
    assert_eq!((found[0].int(0)?, found[0].int(1)?), (2600, 2599));
    let keys: Vec<Value> = (0..2600).map(|n| key(&format!("{n:06}"))).collect();
    let change = Change::new().each("UPDATE sb_idempotency SET created_ms = 7 WHERE id IN ({})", &[], &keys);
    store.commit(change).await?;
    let left = store.query("SELECT COUNT(*) FROM sb_idempotency WHERE created_ms <> 7", Vec::new()).await?;
    assert_eq!(left[0].int(0)?, 0);
    Ok(())
}

on_both_engines!(each_failure_is_told_as_what_it_is, many_rows_are_all_written,);
in_foreign_sessions!(each_failure_is_told_as_what_it_is, many_rows_are_all_written);
