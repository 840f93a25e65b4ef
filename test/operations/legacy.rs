//! The environment names of the systems whose users come to us, on a real MariaDB.

use mysql_async::Opts;
use toml::{Table, Value};

use super::command::Place;
use crate::harness::database::Databases;
use crate::harness::{Layout, Result};

const PRINT: [&str; 2] = ["serve", "--print-config"];

/// `MYSQL_HOST`… or `MYSQL_BE_HOST`… for a URL.
fn named(prefix: &str, url: &str) -> Result<Vec<(String, String)>> {
    let opts = Opts::from_url(url)?;
    let mut names = vec![
        (format!("{prefix}HOST"), opts.ip_or_hostname().to_owned()),
        (format!("{prefix}PORT"), opts.tcp_port().to_string()),
        (format!("{prefix}USERNAME"), opts.user().unwrap_or_default().to_owned()),
        (format!("{prefix}DATABASE"), opts.db_name().unwrap_or_default().to_owned()),
    ];
    names.extend(opts.pass().map(|password| (format!("{prefix}PASSWORD"), password.to_owned())));
    Ok(names)
}

fn borrowed(names: &[(String, String)]) -> Vec<(&str, &str)> {
    names.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

async fn url_of(section: &str, environment: &[(&str, &str)]) -> Result<(String, String)> {
    let said = Place::new()?.run_with(&PRINT, environment).await?;
    let err = said.err.clone();
    let printed: Table = said.well()?.parse()?;
    Ok((printed[section]["url"].as_str().unwrap_or_default().to_owned(), err))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_older_names_reach_one_database_for_both() -> Result {
    let place = Place::new()?;
    let databases = Databases::make(Layout::MariadbShared, place.0.path()).await?;
    let names = named("MYSQL_", &databases.store_url)?;
    place.run_with(&["seed"], &borrowed(&names)).await?.well()?;
    let store = databases.store()?;
    assert!(store.has_table("sb_device").await? && store.has_table("users").await?);
    assert_eq!(place.files()?, [""; 0], "no embedded store beside it");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_older_names_reach_two_databases() -> Result {
    let place = Place::new()?;
    let databases = Databases::make(Layout::MariadbSeparate, place.0.path()).await?;
    let names = [named("MYSQL_", &databases.store_url)?, named("MYSQL_BE_", &databases.backend_url)?].concat();
    place.run_with(&["seed"], &borrowed(&names)).await?.well()?;
    let (store, backend) = (databases.store()?, databases.backend()?);
    assert!(store.has_table("sb_device").await? && !store.has_table("users").await?);
    assert!(backend.has_table("users").await? && !backend.has_table("sb_device").await?);
    let said = place.run_with(&["doctor"], &borrowed(&names)).await?.well()?;
    assert!(said.contains("usersInfos and wallets are there"), "{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_older_names_are_used_and_not_a_default() -> Result {
    let place = Place::new()?;
    let databases = Databases::make(Layout::MariadbShared, place.0.path()).await?;
    let names = named("MYSQL_", &databases.store_url)?;
    for (name, value) in
        [("MYSQL_PASSWORD", "not-it"), ("MYSQL_USERNAME", "nobody"), ("MYSQL_DATABASE", "sb_test_none")]
    {
        let mut names = names.clone();
        names.retain(|(known, _)| known != name);
        names.push((name.to_owned(), value.to_owned()));
        let said = place.run_with(&["migrate"], &borrowed(&names)).await?;
        assert!(!said.all().contains("not-it"), "{said:?}");
        said.refusal()?;
    }
    place.run_with(&["migrate"], &borrowed(&names)).await?.well()?;
    Ok(())
}

#[tokio::test]
async fn every_older_spelling_of_the_user_is_taken_the_misspelt_one_with_a_warning() -> Result {
    for (prefix, section) in [("MYSQL_", "store"), ("MYSQL_BE_", "backend")] {
        let misspelt = format!("{}USERNAME", prefix.replace("MYSQL", "MSYQL"));
        let (host, database) = (format!("{prefix}HOST"), format!("{prefix}DATABASE"));
        let base = [(host.as_str(), "db"), (database.as_str(), "sms")];
        for (name, is_warned) in
            [(format!("{prefix}USERNAME"), false), (format!("{prefix}USER"), false), (misspelt.clone(), true)]
        {
            let environment = [&base[..], &[(name.as_str(), "someone")]].concat();
            let (url, warning) = url_of(section, &environment).await?;
            assert_eq!(url, "mysql://someone@db:3306/sms", "{name}");
            assert_eq!(warning.contains(&misspelt), is_warned, "{name}: {warning}");
            assert_eq!(warning.contains(&format!("{prefix}USERNAME")), is_warned, "{name}: {warning}");
        }
        let right = format!("{prefix}USERNAME");
        let both = [&base[..], &[(misspelt.as_str(), "wrong"), (right.as_str(), "right")]].concat();
        assert_eq!(url_of(section, &both).await?.0, "mysql://right@db:3306/sms");
    }
    Ok(())
}

#[tokio::test]
async fn a_password_of_any_characters_survives_the_older_names() -> Result {
    let environment =
        [("MYSQL_HOST", "db"), ("MYSQL_DATABASE", "s/ms"), ("MYSQL_USER", "a:b@c"), ("MYSQL_PASSWORD", "p@ss:w/rd?#")];
    let (url, _) = url_of("store", &environment).await?;
    assert_eq!(url, "mysql://a%3Ab%40c:***@db:3306/s%2Fms");
    // and the newer name lies over all of them
    let newer = [&environment[..], &[("SWITCHBOARD__STORE__URL", "sqlite:x.db")]].concat();
    let printed: Table = Place::new()?.run_with(&PRINT, &newer).await?.well()?.parse()?;
    assert_eq!(printed["store"]["url"], Value::from("sqlite:x.db"));
    Ok(())
}
