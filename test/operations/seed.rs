//! `switchboard seed`: sample users, made once; what others made is left alone.

use anyhow::ensure;
use switchboard::crypto::{backend, hash};
use switchboard::store::{Change, Query, Store};

use super::command::{Live, run};
use crate::harness::{Builder, Layout, PASSWORD, PHONE, Result, USER, until};
use crate::{on_both_engines, on_every_layout};

/// Tables and their columns, but for times, which the engines give in kinds of their own.
const TABLES: [(&str, &str); 4] = [
    ("users", "id, password"),
    ("usersInfos", "id, name, country_code, full_phone_number, status, userId, iv"),
    ("wallets", "id, username, token, uniqueId, uniqueIdHash, iv, userId, platformId"),
    ("credentials", "id, shared_key, hashing_salt"),
];

/// Every row of the user database, as it stands.
async fn contents(backend: &Store) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for (table, columns) in TABLES {
        let query = Query::new(format!("SELECT {columns} FROM {table} ORDER BY id"), Vec::new());
        all.extend(backend.read(vec![query]).await?.concat().iter().map(|row| format!("{table} {row:?}")));
    }
    Ok(all)
}

async fn count(backend: &Store, sql: &'static str) -> Result<i64> {
    let rows = backend.query(sql, Vec::new()).await?;
    Ok(rows.first().map_or(Ok(0), |row| row.int(0))?)
}

async fn seeding_again_changes_nothing(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?;
    let databases = &builder.home().databases;
    let said = run(&builder, &["seed", "--users", "3"]).await?.well()?;
    assert!(said.contains("user 111 (+237123456789, password dummy_password) and 3 more"), "{said}");
    let first = contents(&databases.backend()?).await?;
    // 111 and three, an info each, two grants, one row of credentials
    assert_eq!(first.len(), 4 + 4 + 2 + 1, "{first:#?}");
    run(&builder, &["seed", "--users", "3"]).await?.well()?;
    assert_eq!(contents(&databases.backend()?).await?, first);
    let separate = !databases.backend_url.is_empty();
    assert_eq!(databases.store()?.has_table("users").await?, !separate);
    assert_eq!(databases.backend()?.has_table("sb_device").await?, !separate);
    Ok(())
}

async fn seeded_columns_open_under_the_backends_own_keys(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?;
    run(&builder, &["seed"]).await?.well()?;
    let store = builder.home().databases.backend()?;
    let rows = store.query("SELECT shared_key, hashing_salt FROM credentials WHERE id = 1", Vec::new()).await?;
    let [keys] = rows.as_slice() else { anyhow::bail!("{} rows of credentials", rows.len()) };
    let (key, salt) = (keys.text(0)?, keys.text(1)?);
    let sql = "SELECT platformId, username, token, uniqueId, uniqueIdHash FROM wallets WHERE userId = ? ORDER BY id";
    let grants = store.query(sql, vec![USER.into()]).await?;
    assert_eq!(grants.len(), 2);
    for (grant, platform) in grants.iter().zip(1_i64..) {
        assert_eq!(grant.int(0)?, platform);
        assert_eq!(backend::open_column(key, grant.text(1)?)?, "dummy_user");
        let token: serde_json::Value = serde_json::from_str(&backend::open_column(key, grant.text(2)?)?)?;
        assert!(token["access_token"].is_string(), "{token}");
        let unique = backend::open_column(key, grant.text(3)?)?;
        assert_eq!(hash::backend(salt, &unique), grant.text(4)?);
        assert!(backend::open_column("another key, of thirty-two bytes", grant.text(2)?).is_err());
    }
    let sql = "SELECT u.password, i.full_phone_number, i.name, i.status, i.country_code FROM users u \
               JOIN usersInfos i ON i.userId = u.id WHERE u.id = ?";
    let rows = store.query(sql, vec![USER.into()]).await?;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].text(0)?, hash::backend(salt, PASSWORD));
    assert_eq!(rows[0].text(1)?, hash::backend(salt, PHONE));
    assert_eq!((rows[0].text(2)?, rows[0].text(3)?, rows[0].text(4)?), ("dummy_name", "verified", "+237"));
    Ok(())
}

/// As another program would have made it: not our columns, and a row of theirs.
async fn foreign_users(backend: &Store) -> Result {
    let table = "CREATE TABLE users (id VARCHAR(64) NOT NULL PRIMARY KEY, password VARCHAR(255), theirs VARCHAR(9))";
    backend.commit(Change::new().run(table, Vec::new())).await?;
    let row = "INSERT INTO users (id, password, theirs) VALUES ('111', 'their hash', 'theirs')";
    Ok(backend.commit(Change::new().one(row, Vec::new())).await?)
}

async fn untouched(backend: &Store) -> Result {
    let rows = backend.query("SELECT * FROM users", Vec::new()).await?;
    ensure!(rows.len() == 1 && rows[0].text(1)? == "their hash" && rows[0].text(2)? == "theirs", "{rows:?}");
    for table in ["usersInfos", "wallets", "credentials", "sb_development_seed"] {
        ensure!(!backend.has_table(table).await?, "{table} was made");
    }
    Ok(())
}

async fn a_users_table_of_others_is_refused_and_left_alone(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?;
    let backend = builder.home().databases.backend()?;
    foreign_users(&backend).await?;
    for _ in 0..2 {
        let said = run(&builder, &["seed", "--users", "5"]).await?.refusal()?;
        assert!(said.contains("users table that `seed` did not make"), "{said}");
        untouched(&backend).await?;
    }
    // and a development server on it serves, but does not fill it either
    let server = builder.dev().start_unseeded().await?;
    assert_eq!(server.http.get(server.url("/readyz")).send().await?.status(), 200);
    assert!(server.log()?.contains("not ours"), "{}", server.log()?);
    untouched(&backend).await
}

on_every_layout!(
    seeding_again_changes_nothing,
    seeded_columns_open_under_the_backends_own_keys,
    a_users_table_of_others_is_refused_and_left_alone,
);

async fn more_users_add_up(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?;
    let backend = builder.home().databases.backend()?;
    // over the size of a batch, within one, and fewer than there are
    for (wanted, there) in [("501", 501), ("1203", 1203), ("7", 1203), ("0", 1203)] {
        run(&builder, &["seed", "--users", wanted]).await?.well()?;
        assert_eq!(count(&backend, "SELECT COUNT(*) FROM users WHERE id LIKE 'load-%'").await?, there);
    }
    assert_eq!(count(&backend, "SELECT COUNT(*) FROM usersInfos").await?, 1204);
    let ends = backend.query("SELECT MIN(id), MAX(id) FROM users WHERE id LIKE 'load-%'", Vec::new()).await?;
    assert_eq!((ends[0].text(0)?, ends[0].text(1)?), ("load-000001", "load-001203"));
    let server = builder.start_unseeded().await?;
    let sid = server.sid("load-001203").await?;
    crate::harness::Phone::new()?.pair(&server, "load-001203", &sid).await?;
    Ok(())
}

async fn seeding_goes_on_where_it_was_killed(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?;
    run(&builder, &["seed"]).await?.well()?;
    let backend = builder.home().databases.backend()?;
    let sql = "SELECT COUNT(*) FROM users WHERE id LIKE 'load-%'";
    // far more than it gets to
    let seeding = Live::start(builder.command(&["seed", "--users", "900000"]))?;
    until("a user", async || Ok((count(&backend, sql).await? > 0).then_some(()))).await?;
    drop(seeding);
    if layout.is_mariadb() {
        alone(&backend).await?;
    }
    let there = count(&backend, sql).await?;
    run(&builder, &["seed", "--users", &(there + 3).to_string()]).await?.well()?;
    assert_eq!(count(&backend, sql).await?, there + 3);
    let paired = "SELECT COUNT(*) FROM users u JOIN usersInfos i ON i.userId = u.id WHERE u.id LIKE 'load-%'";
    assert_eq!(count(&backend, paired).await?, there + 3);
    Ok(())
}

/// A server may still be committing the killed client's last batch: waits until it has let it go.
async fn alone(backend: &Store) -> Result {
    let others = "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()";
    until("the end of the killed client", async || Ok((count(backend, others).await? == 0).then_some(()))).await
}

on_both_engines!(more_users_add_up, seeding_goes_on_where_it_was_killed);
