//! Settings: their layers, what is said of bad ones, and what is never said.

use toml::{Table, Value};

use super::command::{Place, Said};
use crate::harness::Result;

const PRINT: [&str; 2] = ["serve", "--print-config"];

fn flags<'a>(settings: &[&'a str]) -> Vec<&'a str> {
    PRINT.into_iter().chain(settings.iter().flat_map(|setting| ["--set", *setting])).collect()
}

fn settings(said: Said) -> Result<Table> {
    Ok(said.well()?.parse()?)
}

/// The line of a setting as `--print-config` wrote it.
fn line_of<'a>(printed: &'a str, name: &str) -> &'a str {
    printed.lines().find(|line| line.starts_with(&format!("{name} = "))).unwrap_or_default()
}

#[tokio::test]
async fn printed_settings_hide_every_secret_and_nothing_is_made() -> Result {
    let place = Place::new()?;
    let arguments = flags(&[
        "admin.token=hush-hush-hush-hush-1",
        "backend.hashing_salt=hush-2",
        "store.url=mysql://user:hush-3@host:1/store",
        "backend.url=mysql://user:hush-4@host:1/users",
        "redis.url=redis://:hush-5@host:1",
    ]);
    let said = place.run_with(&arguments, &[("SWITCHBOARD_MASTER_KEY", "hush-6")]).await?;
    assert!(!said.all().contains("hush"), "{said:?}");
    let printed = settings(said)?;
    assert_eq!(printed["admin"]["token"], Value::from("(hidden)"));
    assert_eq!(printed["backend"]["hashing_salt"], Value::from("(hidden)"));
    assert_eq!(printed["store"]["url"], Value::from("mysql://user:***@host:1/store"));
    assert_eq!(printed["redis"]["url"], Value::from("redis://:***@host:1"));
    assert_eq!(place.files()?, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn printed_settings_say_where_each_came_from() -> Result {
    let place = Place::new()?;
    place.write("own.toml", "[sync]\nrotations = 4\n[log]\nlevel = \"warn\"\n")?;
    let mut arguments = flags(&["sync.pause_for=9s"]);
    arguments.extend(["--config", "own.toml"]);
    let environment = [
        ("SWITCHBOARD__SYNC__ROTATE_EVERY", "7s"),
        ("MYSQL_HOST", "db"),
        ("MYSQL_DATABASE", "sms"),
        ("MYSQL_PASSWORD", "hush"),
    ];
    let printed = place.run_with(&arguments, &environment).await?.well()?;
    assert_eq!(line_of(&printed, "rotations"), "rotations = 4  # from own.toml");
    assert_eq!(line_of(&printed, "level"), r#"level = "warn"  # from own.toml"#);
    assert_eq!(
        line_of(&printed, "rotate_every"),
        r#"rotate_every = "7s"  # from the environment variable SWITCHBOARD__SYNC__ROTATE_EVERY"#
    );
    assert_eq!(line_of(&printed, "pause_for"), r#"pause_for = "9s"  # from the command line"#);
    assert!(
        printed.contains(r#"url = "mysql://root:***@db:3306/sms"  # from the older environment names"#),
        "{printed}"
    );
    assert_eq!(line_of(&printed, "session_ttl"), r#"session_ttl = "300s""#, "a default has no origin");
    Ok(())
}

#[tokio::test]
async fn printed_settings_load_again_as_a_file() -> Result {
    let place = Place::new()?;
    let arguments = flags(&[
        "sync.rotations=9",
        "sync.allowed_origins=https://a.example,https://b.example",
        "http.trusted_proxies=10.0.0.0/8",
        r#"platforms=[{id=7, name="x", description="d", type="text", letter="x", logo="", initialization_url=""}]"#,
        r#"sync.lockouts=[{failures=2, wait="1m"}]"#,
        "sync.seeds_url=https://h/?a=\"b\"#c",
    ]);
    let first = place.run(&arguments).await?.well()?;
    place.write("again.toml", &first)?;
    let second = place.run(&["serve", "--print-config", "--config", "again.toml"]).await?;
    let first: Table = first.parse()?;
    assert_eq!(settings(second)?, first);
    assert_eq!(first["sync"]["rotations"], Value::from(9));
    assert_eq!(first["sync"]["allowed_origins"][1], Value::from("https://b.example"));
    assert_eq!(first["platforms"][0]["letter"], Value::from("x"));
    Ok(())
}

#[tokio::test]
async fn each_layer_lies_over_the_one_below() -> Result {
    let place = Place::new()?;
    place.write("own.toml", "[store]\nurl = \"sqlite:file.db\"\n[http]\nlisten = \"127.0.0.1:2\"\n")?;
    let file: &[&str] = &["--config", "own.toml"];
    let older: &[(&str, &str)] = &[("MYSQL_HOST", "db"), ("MYSQL_DATABASE", "older")];
    let environment = [("SWITCHBOARD__STORE__URL", "sqlite:environment.db")];
    let all = [older, &environment].concat();
    let flag: &[&str] = &["--config", "own.toml", "--set", "store.url=sqlite:flag.db"];
    for (more, environment, expected) in [
        (&[][..], &[][..], "sqlite:switchboard.db"),
        (file, &[], "sqlite:file.db"),
        (file, older, "mysql://root@db:3306/older"),
        (file, &all, "sqlite:environment.db"),
        (flag, &all, "sqlite:flag.db"),
    ] {
        let said = place.run_with(&[&PRINT, more].concat(), environment).await?;
        assert_eq!(settings(said)?["store"]["url"], Value::from(expected));
    }
    let environment = [("SWITCHBOARD__HTTP__LISTEN", "127.0.0.1:3,127.0.0.1:33")];
    let listen = async |more: &[&str]| {
        let said = place.run_with(&[&PRINT, file, more].concat(), &environment).await?;
        Ok::<_, anyhow::Error>(settings(said)?["http"]["listen"].to_string())
    };
    assert_eq!(listen(&[]).await?, r#"["127.0.0.1:3", "127.0.0.1:33"]"#);
    assert_eq!(listen(&["--set", "http.listen=127.0.0.1:4"]).await?, r#"["127.0.0.1:4"]"#);
    let both = ["--listen", "127.0.0.1:5", "--set", "http.listen=127.0.0.1:4"];
    assert_eq!(listen(&both).await?, r#"["127.0.0.1:5"]"#);
    Ok(())
}

#[tokio::test]
async fn a_file_in_the_working_directory_is_read_unless_another_is_named() -> Result {
    let place = Place::new()?;
    place.write("switchboard.toml", "[sync]\nrotations = 4\n")?;
    place.write("other.toml", "[sync]\npause_for = \"9s\"\n")?;
    let found = settings(place.run(&PRINT).await?)?;
    assert_eq!(found["sync"]["rotations"], Value::from(4));
    let named = settings(place.run(&["--config", "other.toml", "serve", "--print-config"]).await?)?;
    assert_eq!(named["sync"]["rotations"], Value::from(3));
    assert_eq!(named["sync"]["pause_for"], Value::from("9s"));
    Ok(())
}

#[tokio::test]
async fn an_unknown_setting_stops_the_start_in_every_layer() -> Result {
    for (file, environment, flag, key, origin, hint) in [
        ("[sync]\nrotation = 4\n", "", "", "sync.rotation", "switchboard.toml", "rotations"),
        ("[sink]\nrotations = 4\n", "", "", "sink.rotations", "switchboard.toml", "the sections are"),
        ("", "SWITCHBOARD__SYNC__ROTATE", "", "sync.rotate", "SWITCHBOARD__SYNC__ROTATE", "rotate_every"),
        ("", "", "http.port=1", "http.port", "the command line", "listen"),
        ("", "", "port=1", "port", "the command line", "the sections are"),
    ] {
        let place = Place::new()?;
        let mut arguments = vec!["serve", "--listen", "127.0.0.1:0"];
        if !file.is_empty() {
            place.write("switchboard.toml", file)?;
        }
        if !flag.is_empty() {
            arguments.extend(["--set", flag]);
        }
        let environment: Vec<_> = Some((environment, "1")).into_iter().filter(|(name, _)| !name.is_empty()).collect();
        let said = place.run_with(&arguments, &environment).await?.refusal()?;
        assert!(said.contains(&format!("`{key}`")) && said.contains(origin) && said.contains(hint), "{said}");
        let before: &[&str] = if file.is_empty() { &[] } else { &["switchboard.toml"] };
        assert_eq!(place.files()?, before, "{key}");
    }
    Ok(())
}

/// Setting, value, a word of what is allowed.
const BAD: [(&str, &str, &str); 33] = [
    ("sync.rotate_every", "15", "15s"),
    ("sync.rotate_every", "10ms", "at least 50ms"),
    ("sync.pause_for", "2 weeks", "30d"),
    ("sync.rotations", "many", "u32"),
    ("sync.rotations", "0", "at least 1"),
    ("sync.session_ttl", "1ms", "at least 1s"),
    ("http.requests_per_address", "-1", "u32"),
    ("http.body_limit", "10", "at least 8192"),
    ("http.bodies_memory", "524287", "at least eight times http.body_limit"),
    ("http.drain_delay", "25s", "less than http.shutdown_grace"),
    ("http.listen", "localhost", "socket address"),
    ("http.trusted_proxies", "everybody", "IP"),
    ("http.public_url", "http://h/path", "without a path"),
    ("http.metrics_listen", "9090", "127.0.0.1:9090"),
    ("store.url", "postgres://h/d", "mysql://"),
    ("backend.url", "h/d", "sqlite:PATH"),
    ("log.format", "xml", "json"),
    ("outbox.lease", "40s", "twice outbox.call_timeout"),
    ("retention.remove_every", "99ms", "at least 100ms"),
    ("compat.number_proxy.org_name", " ", "a name"),
    ("compat.number_proxy.flowroute_access_key", "1", "flowroute_secret_key is set, or both nothing"),
    ("compat.codes.code_length", "3", "from 4 to 10 digits (its older name is CODE_LENGTH)"),
    ("compat.codes.code_length", "11", "from 4 to 10 digits"),
    ("compat.codes.ttl", "25h", "from 5s to 24h"),
    ("compat.codes.tries", "0", "from 1 to 100"),
    ("compat.codes.org_name", " ", "a name of at most 64 characters"),
    ("compat.codes.text", "Welcome!", "a text with {code} in it"),
    ("compat.codes.from", "acme!", "a number such as"),
    ("guard.mode", "block", "record_only"),
    ("guard.remember", "soon", "30d"),
    ("number.country", "UK", "the two letters of a country"),
    ("number.country", "+44", "the two letters of a country"),
    ("number.country", "AQ", "the two letters of a country"),
];

#[tokio::test]
async fn a_bad_value_stops_the_start_with_what_is_allowed() -> Result {
    for (key, value, allowed) in BAD {
        let place = Place::new()?;
        let (flag, name) =
            (format!("{key}={value}"), format!("SWITCHBOARD__{}", key.to_uppercase().replace('.', "__")));
        let by_flag = place.run(&["serve", "--set", &flag]).await?.refusal()?;
        let by_environment = place.run_with(&["serve"], &[(&name, value)]).await?.refusal()?;
        for (said, origin) in [(by_flag, "the command line"), (by_environment, name.as_str())] {
            assert!(said.contains(&format!("`{key}`")) && said.contains(origin), "{said}");
            // where a database is may hold a password
            let shown = if ["store.url", "backend.url"].contains(&key) { "(hidden)" } else { value };
            assert!(said.contains(shown) && said.contains(allowed), "{said}");
        }
        assert_eq!(place.files()?, [""; 0], "{key}");
    }
    Ok(())
}

#[tokio::test]
async fn what_people_in_sessions_are_told_is_a_text_at_most() -> Result {
    for key in ["session.none_text", "session.alone_text", "session.calls_only_text", "session.too_long_text"] {
        let place = Place::new()?;
        for longer in ["x".repeat(1_601), "\u{1f600}".repeat(801)] {
            let said = place.run(&["serve", "--set", &format!("{key}={longer}")]).await?.refusal()?;
            assert!(said.contains(&format!("`{key}`")) && said.contains("at most outbox.sms_length"), "{said}");
        }
        assert_eq!(place.files()?, [""; 0], "{key}");
        let (section, name) = key.split_once('.').unwrap_or_default();
        for text in ["x".repeat(1_600), String::new()] {
            let printed = settings(place.run(&flags(&[&format!("{key}={text}")])).await?)?;
            assert_eq!(printed[section][name], Value::from(text.as_str()));
        }
    }
    Ok(())
}

/// Older names, how a file has them, and what they are now.
const OLDER: [(&str, &str, &str); 5] = [
    ("webhook.retries", "[webhook]\nretries = [\"1s\"]\n", "`event.retries`"),
    ("publisher.include_grant", "[publisher]\ninclude_grant = true\n", "`publish.include_grant`"),
    ("price.sms", "[price]\nsms = \"0.01\"\n", "`tariff.sms`"),
    ("keep.messages", "[keep]\nmessages = \"1d\"\n", "`retention.messages`"),
    ("keep.sweep_every", "[keep]\nsweep_every = \"1m\"\n", "`retention.remove_every`"),
];

#[tokio::test]
async fn a_setting_s_older_name_is_refused_with_its_new_one() -> Result {
    for (older, file, now) in OLDER {
        let place = Place::new()?;
        let (flag, name) = (format!("{older}=1"), format!("SWITCHBOARD__{}", older.to_uppercase().replace('.', "__")));
        let by_flag = place.run(&["serve", "--set", &flag]).await?.refusal()?;
        let by_environment = place.run_with(&["serve"], &[(&name, "1")]).await?.refusal()?;
        place.write("older.toml", file)?;
        let by_file = place.run(&["serve", "--config", "older.toml"]).await?.refusal()?;
        let told = [(by_flag, "the command line"), (by_environment, name.as_str()), (by_file, "older.toml")];
        for (said, origin) in told {
            assert!(said.contains(&format!("`{older}`")) && said.contains(origin) && said.contains(now), "{said}");
        }
        assert_eq!(place.files()?, ["older.toml"], "{older}");
    }
    Ok(())
}

#[tokio::test]
async fn a_list_lacking_a_field_says_which() -> Result {
    let place = Place::new()?;
    for (flag, key, missing) in
        [("sync.lockouts=[{failures=3}]", "`sync.lockouts`", "`wait`"), ("platforms=[{id=1}]", "`platforms`", "`name`")]
    {
        let said = place.run(&["serve", "--set", flag]).await?.refusal()?;
        assert!(said.contains(key) && said.contains(missing), "{said}");
    }
    assert_eq!(place.files()?, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn an_unknown_log_level_stops_the_start() -> Result {
    for level in ["loud", "info,switchboard=loud", "5G"] {
        let place = Place::new()?;
        let flag = format!("log.level={level}");
        // an address that is nobody's: a start that went on would end there
        let said = place.run(&["serve", "--listen", "192.0.2.1:1", "--set", &flag]).await?.refusal()?;
        assert!(said.contains("`log.level`") && said.contains(level) && said.contains("debug"), "{level}: {said}");
        assert_eq!(place.files()?, [""; 0], "{level}");
    }
    Ok(())
}

#[tokio::test]
async fn a_mistyped_secret_is_not_repeated() -> Result {
    for file in [
        "[admin]\ntoken = 8675309\n",
        "[backend]\nhashing_salt = 8675309\n",
        "[redis]\nurl = \"http://:8675309@host\"\n",
        "[store]\nurl = \"postgres://user:8675309@host/d\"\n",
        "[store]\nurl = \"mysql:/user:8675309@host:1/d\"\n",
    ] {
        let place = Place::new()?;
        place.write("switchboard.toml", file)?;
        let said = place.run(&["serve"]).await?;
        assert!(!said.all().contains("8675309"), "{said:?}");
        assert!(said.refusal()?.contains("bad value for"), "{file}");
    }
    // the quote forgotten: where it went wrong is told, not what stands there
    let place = Place::new()?;
    place.write("switchboard.toml", "[admin]\ntoken = \"8675309\n")?;
    let said = place.run(&["serve"]).await?;
    assert!(!said.all().contains("8675309"), "{said:?}");
    assert!(said.refusal()?.contains("line 2"));
    Ok(())
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_named() -> Result {
    let place = Place::new()?;
    let said = place.run(&["serve", "--config", "nowhere/own.toml"]).await?.refusal()?;
    assert!(said.contains("nowhere/own.toml") && said.contains("No such file"), "{said}");
    place.write("broken.toml", "[sync]\nrotations =\n")?;
    let said = place.run(&["serve", "--config", "broken.toml"]).await?.refusal()?;
    assert!(said.contains("broken.toml is not TOML") && said.contains("line 2"), "{said}");
    assert_eq!(place.files()?, ["broken.toml"]);
    Ok(())
}

/// Passwords where a URL has none, or behind what ends the part that has one.
const ODD: [&str; 19] = [
    "mysql://user:pa/hush@host:1/d",
    "mysql://user:12/hush@host:1/d",
    "mysql://user:p@host/hush@host:1/d",
    "mysql://user:pa?hush@host:1/d",
    "mysql://user:pa#hush@host:1/d",
    "mysql://host:1/d?password=hush",
    "mysql://host:1/d?user=u&password=hush&require_ssl=true",
    "mysql+pymysql://user:hush@host:1/d",
    "postgres://user:hush@host/d",
    "mysql:user:hush@host",
    "user:hush@host/d",
    "hush",
    "sqlite:store.db?key=hush",
    "redis://:pa/hush@host:1",
    "redis://user:12/hush@host:1",
    "redis://hush@host:1",
    "redis://host:1/0?password=hush",
    "rediss://:hush@host:1/#insecure",
    "redis+unix:///run/redis.sock?pass=hush",
];

#[tokio::test]
async fn no_way_to_write_a_password_shows_it() -> Result {
    let place = Place::new()?;
    for (key, older) in [("store.url", Some("DATABASE_URL")), ("backend.url", None), ("redis.url", Some("REDIS_URL"))] {
        for url in ODD {
            if let Some(name) = older {
                let said = place.run_with(&PRINT, &[(name, url)]).await?;
                assert!(!said.all().contains("hush"), "{name}={url}: {said:?}");
            }
            let said = place.run(&flags(&[&format!("{key}={url}")])).await?;
            assert!(!said.all().contains("hush"), "{key}={url}: {said:?}");
        }
    }
    // elsewhere too, where it was put by mistake
    for key in ["http.public_url", "provider.twilio_base_url", "sync.seeds_url"] {
        for url in ["https://user:hush@host", "https://user:pa/hush@host"] {
            let said = place.run(&flags(&[&format!("{key}={url}")])).await?;
            assert!(!said.all().contains("hush"), "{key}={url}: {said:?}");
        }
    }
    // nor does an error behind the start show it
    for url in ["mysql://127.0.0.1:1/d/hush@host", "mysql://user:hush@127.0.0.1:1/d"] {
        let said = place.run(&["migrate", "--set", &format!("store.url={url}")]).await?;
        assert!(!said.all().contains("hush"), "{url}: {said:?}");
        said.refusal()?;
    }
    Ok(())
}

#[tokio::test]
async fn what_is_no_secret_of_a_url_is_shown() -> Result {
    let place = Place::new()?;
    for (key, url, shown) in [
        ("store.url", "mysql://user:hush@host:1/d?require_ssl=true", "mysql://user:***@host:1/d?require_ssl=true"),
        ("backend.url", "mysql://user@host:1/d", "mysql://user@host:1/d"),
        ("backend.url", "sqlite:/var/lib/users.db", "sqlite:/var/lib/users.db"),
        ("redis.url", "rediss://user:hush@host:1/2", "rediss://user:***@host:1/2"),
        ("sync.seeds_url", "https://example.com/@seeds", "https://example.com/@seeds"),
    ] {
        let printed = settings(place.run(&flags(&[&format!("{key}={url}")])).await?)?;
        let (section, name) = key.split_once('.').unwrap_or_default();
        assert_eq!(printed[section][name], Value::from(shown));
    }
    Ok(())
}

#[tokio::test]
async fn a_short_administrator_s_key_stops_the_start() -> Result {
    let place = Place::new()?;
    place.write("short.toml", "[admin]\ntoken = \"hush-hush-hush-\"\n")?;
    // an address that is nobody's: a start that went on would end there
    let serve = ["serve", "--listen", "192.0.2.1:1"];
    for more in [
        &["--set", "admin.token=hush-hush-hush-"][..],
        &["--set", "admin.token=hush-hush-hush-", "--dev"],
        &["--set", "admin.token=h\u{fc}sh"],
        &["--config", "short.toml"],
    ] {
        let said = place.run(&[&serve, more].concat()).await?.refusal()?;
        assert!(said.contains("`admin.token`") && said.contains("16 characters or more"), "{more:?}: {said}");
        assert!(!said.contains("hush-"), "{said}");
    }
    for command in [&serve[..], &["serve", "--listen", "192.0.2.1:1", "--dev"], &["client", "list"]] {
        let said = place.run_with(command, &[("SWITCHBOARD__ADMIN__TOKEN", "hush-hush-hush-")]).await?.refusal()?;
        assert!(said.contains("`admin.token`") && said.contains("SWITCHBOARD__ADMIN__TOKEN"), "{command:?}: {said}");
    }
    for token in ["hush-hush-hush-h", ""] {
        place.run(&flags(&[&format!("admin.token={token}")])).await?.well()?;
    }
    Ok(())
}
