//! Help that teaches: every command has it, and none needs a configuration that loads.

use anyhow::ensure;

use super::command::Place;
use crate::harness::Result;

/// What a command says of itself.
async fn help(place: &Place, command: &[String], flag: &str) -> Result<String> {
    let words: Vec<&str> = command.iter().map(String::as_str).chain([flag]).collect();
    let said = place.run(&words).await?;
    ensure!(said.err.is_empty() && !said.out.contains('\x1b'), "{said:?}");
    said.well()
}

/// The commands that a help lists; what is indented more is the rest of what is said of one.
fn listed(help: &str) -> impl Iterator<Item = &str> {
    let section = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let lines = section.filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    lines.filter_map(|line| line.split(' ').next()).filter(|name| *name != "help")
}

/// Every command with its help, found as a person finds it: from one help to the next.
async fn commands(place: &Place) -> Result<Vec<(Vec<String>, String)>> {
    let (mut found, mut left) = (Vec::new(), vec![Vec::<String>::new()]);
    while let Some(command) = left.pop() {
        let help = help(place, &command, "--help").await?;
        left.extend(listed(&help).map(|name| [command.clone(), vec![name.to_owned()]].concat()));
        found.push((command, help));
    }
    let deepest = ["admin", "key", "revoke"];
    ensure!(
        found.len() > 80 && found.iter().any(|(command, _)| *command == deepest),
        "is the reader broken? {found:?}"
    );
    Ok(found)
}

#[tokio::test]
async fn every_command_has_help() -> Result {
    let place = Place::new()?;
    place.write("switchboard.toml", "this does not load")?;
    for (command, long) in commands(&place).await? {
        let short = help(&place, &command, "-h").await?;
        for help in [long, short] {
            let usage = format!("Usage: switchboard {}", command.join(" "));
            assert!(help.contains(usage.trim_end()), "{help}");
            let first = help.lines().next().unwrap_or_default();
            assert!(
                first.split(' ').count() > 2 && !first.starts_with("Usage"),
                "{command:?} does not say what it is for: {help}"
            );
        }
    }
    assert_eq!(place.files()?, ["switchboard.toml"]);
    Ok(())
}

#[tokio::test]
async fn every_option_says_what_it_does() -> Result {
    let place = Place::new()?;
    for (command, help) in commands(&place).await? {
        let lines: Vec<&str> = help.lines().collect();
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.trim_start().starts_with("--")) {
            // its words stand beside it, or below
            let beside = line.trim_start().split_once("  ").is_some_and(|(_, words)| !words.trim().is_empty());
            let below = lines.get(at + 1).is_some_and(|next| next.starts_with("          ") && !next.trim().is_empty());
            assert!(beside || below, "{command:?}: {line}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn help_names_what_all_commands_take_and_the_version_is_told() -> Result {
    let place = Place::new()?;
    let help = help(&place, &[], "--help").await?;
    assert!(help.contains("--config") && help.contains("--set"), "{help}");
    let version = place.run(&["--version"]).await?.well()?;
    assert_eq!(version, format!("switchboard {}\n", env!("CARGO_PKG_VERSION")));
    Ok(())
}

#[tokio::test]
async fn what_is_mistyped_is_told_with_what_is_near() -> Result {
    let place = Place::new()?;
    for (words, hint) in [
        (&["serv"][..], "serve"),
        (&["device", "pear", "x"], "pair"),
        (&["serve", "--sett", "a=b"], "--set"),
        (&["serve", "--set", "sync.rotations"], "key=value"),
        (&["device", "pair", "http://h/", "--oaep", "md5"], "sha256"),
        (&[], "Usage"),
    ] {
        let said = place.run(words).await?;
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.err.contains(hint), "{said:?}");
    }
    assert_eq!(place.files()?, [""; 0]);
    Ok(())
}
