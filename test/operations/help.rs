//! Help that teaches: every command has it, and none needs a configuration that loads.

use super::command::Place;
use crate::harness::Result;

const COMMANDS: [&[&str]; 67] = [
    &[],
    &["serve"],
    &["migrate"],
    &["seed"],
    &["keys"],
    &["keys", "generate"],
    &["keys", "show"],
    &["keys", "accept"],
    &["sync"],
    &["device"],
    &["device", "pair"],
    &["device", "send"],
    &["device", "list"],
    &["device", "revoke"],
    &["account"],
    &["account", "add"],
    &["account", "list"],
    &["account", "check"],
    &["account", "change"],
    &["account", "delete"],
    &["number"],
    &["number", "add"],
    &["number", "list"],
    &["number", "change"],
    &["number", "lookup"],
    &["number", "delete"],
    &["message"],
    &["message", "send"],
    &["message", "list"],
    &["message", "show"],
    &["message", "cancel"],
    &["client"],
    &["client", "add"],
    &["client", "list"],
    &["client", "show"],
    &["client", "change"],
    &["client", "delete"],
    &["client", "token"],
    &["key"],
    &["key", "add"],
    &["key", "list"],
    &["key", "import"],
    &["key", "change"],
    &["key", "revoke"],
    &["opt-out"],
    &["opt-out", "list"],
    &["opt-out", "add"],
    &["opt-out", "remove"],
    &["endpoint"],
    &["endpoint", "add"],
    &["endpoint", "list"],
    &["endpoint", "rotate"],
    &["endpoint", "test"],
    &["endpoint", "delete"],
    &["event"],
    &["event", "list"],
    &["event", "show"],
    &["event", "types"],
    &["event", "replay"],
    &["admin"],
    &["admin", "key"],
    &["admin", "key", "create"],
    &["admin", "key", "list"],
    &["admin", "key", "revoke"],
    &["audit"],
    &["doctor"],
    &["health"],
];

#[tokio::test]
async fn every_command_has_help() -> Result {
    let place = Place::new()?;
    place.write("switchboard.toml", "this does not load")?;
    for command in COMMANDS {
        for flag in ["--help", "-h"] {
            let said = place.run(&[command, &[flag]].concat()).await?;
            assert!(said.err.is_empty() && !said.out.contains('\x1b'), "{said:?}");
            let help = said.well()?;
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
    for command in COMMANDS {
        let help = place.run(&[command, &["--help"]].concat()).await?.well()?;
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
async fn help_names_every_command_and_the_version_is_told() -> Result {
    let place = Place::new()?;
    let help = place.run(&["--help"]).await?.well()?;
    for command in [
        "serve", "migrate", "seed", "keys", "sync", "device", "account", "number", "message", "opt-out", "endpoint",
        "event", "client", "key", "audit", "admin", "doctor", "health", "--config", "--set",
    ] {
        assert!(help.contains(command), "{command}: {help}");
    }
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
